-- Whose access has ended, and which services have acknowledged that they know.

-- The person whose access the change ended; NULL: nobody's.
ALTER TABLE change ADD COLUMN ended BLOB;
UPDATE change SET ended = unhex(replace(
    CASE kind WHEN 'address-disallowed' THEN detail ->> '$.holder' ELSE subject END, '-', ''))
    WHERE detail ->> '$.access' = 'revoked';

CREATE INDEX change_ended_of ON change (workspace_id, ended, position) WHERE ended IS NOT NULL;
CREATE INDEX change_ended ON change (workspace_id, position) WHERE ended IS NOT NULL;
-- Across workspaces, because a service that follows all of them acknowledges for all.
CREATE INDEX change_ended_all ON change (position) WHERE ended IS NOT NULL;

-- Who acknowledges: a few services.
CREATE TABLE consumer (
    -- The workspace that it follows; empty: all.
    workspace_id BLOB    NOT NULL,
    -- The name of the service caller, and which of the caller's it is.
    caller       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    -- Up to where in the feed it has done everything.
    position     INTEGER NOT NULL,
    -- When it said so last.
    seen_at      INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, caller, name)
) STRICT, WITHOUT ROWID;

-- Each acknowledgement before which, and behind the one before it, somebody's access had ended.
CREATE TABLE receipt (
    workspace_id BLOB    NOT NULL,
    caller       TEXT    NOT NULL,
    name         TEXT    NOT NULL,
    position     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, caller, name, position)
) STRICT, WITHOUT ROWID;

-- What the engine is to expect; see 0001_directory.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('change', 'change_ended_of', '100000 10000 2 1'),
    ('change', 'change_ended', '100000 10000 1'),
    ('change', 'change_ended_all', '100000 1'),
    ('consumer', 'consumer', '100 50 10 1'),
    ('receipt', 'receipt', '100000 50000 10000 10000 1');
