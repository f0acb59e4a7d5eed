-- Letters that are owed: each is kept in the transaction of what it tells of, and stays until it was sent or
-- given up.

CREATE TABLE notice (
    workspace_id BLOB    NOT NULL,
    -- What it tells of, such as `domain/acme.com/verified/1700000000000000`: one of a name is kept once.
    key          TEXT    NOT NULL,
    recipient    TEXT    NOT NULL,
    -- The occasion as JSON.
    facts        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    -- From when it is to be tried (again); none once it has ended.
    due_at       INTEGER,
    -- Until when nobody else takes it.
    leased_until INTEGER,
    -- When it ended, and how.
    ended_at     INTEGER,
    outcome      TEXT CHECK (outcome IN ('sent', 'gave-up')),
    -- What went wrong last, in words of our own: nothing that a server said.
    last_error   TEXT,
    PRIMARY KEY (workspace_id, key),
    CHECK ((due_at IS NULL) = (ended_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Across workspaces, because letters are sent in the order in which they are due, whose ever they are.
CREATE INDEX notice_due ON notice (due_at, leased_until, workspace_id, key) WHERE due_at IS NOT NULL;
CREATE INDEX notice_ended ON notice (workspace_id, ended_at) WHERE ended_at IS NOT NULL;

-- Keys that end some day, for those who are to be reminded.
CREATE INDEX api_key_expiry ON api_key (workspace_id, expires_at)
    WHERE expires_at IS NOT NULL AND revoked_at IS NULL;
