-- What is known of the TXT records by which claims of domains are proven. It changes with each question to
-- the DNS, and is no part of the claim: no revision, no record of a change.

CREATE TABLE domain_check (
    workspace_id  BLOB    NOT NULL,
    name          TEXT    NOT NULL,
    -- Since when the pauses between questions grow, and how many were asked since.
    begun_at      INTEGER NOT NULL,
    attempts      INTEGER NOT NULL,
    checked_at    INTEGER,
    -- When to ask; nothing: not until somebody asks for it.
    next_at       INTEGER,
    outcome       TEXT,
    missing_since INTEGER,
    warned_at     INTEGER,
    proven_at     INTEGER,
    -- Until when it is taken.
    lease_until   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;

-- Across workspaces, because what is due is asked in the order of its time, whosever it is.
CREATE INDEX domain_check_due ON domain_check (next_at, workspace_id, name) WHERE next_at IS NOT NULL;

INSERT INTO domain_check (workspace_id, name, begun_at, attempts, next_at, lease_until)
    SELECT workspace_id, name, claimed_at, 0, claimed_at, 0 FROM domain WHERE state = 'pending';

-- Domains whose people may wait: those who were kept without a login e-mail until it was verified. A row is
-- made with the verification and goes with the last of them, so that there are few.
CREATE TABLE waiting_people (
    workspace_id BLOB    NOT NULL,
    domain       TEXT    NOT NULL,
    -- The `seq` of the person who was looked at last; 0: nobody was.
    after_seq    INTEGER NOT NULL,
    -- Who has taken it; nothing: nobody.
    taker        BLOB,
    -- From when anybody may take it.
    free_at      INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, domain)
) STRICT, WITHOUT ROWID;
