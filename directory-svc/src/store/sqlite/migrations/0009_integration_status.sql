-- What an API key may be used for and from where, which key took its place, and what an integration was
-- seen to do.

-- Words, separated by blanks.
ALTER TABLE api_key ADD COLUMN scopes TEXT NOT NULL DEFAULT 'users groups';
-- CIDRs, separated by blanks. Empty: anywhere.
ALTER TABLE api_key ADD COLUMN networks TEXT NOT NULL DEFAULT '';
ALTER TABLE api_key ADD COLUMN replaced_by BLOB;

-- Written beside the workspace's revisions: nothing is decided by it.
CREATE TABLE integration_status (
    workspace_id       BLOB    NOT NULL,
    integration_id     BLOB    NOT NULL,
    first_request_at   INTEGER,
    last_request_at    INTEGER,
    -- A number of the contract's IdpKind. 0: nothing has shown it.
    dialect            INTEGER NOT NULL,
    test_at            INTEGER,
    -- All four or none.
    error_at           INTEGER,
    error_http_status  INTEGER,
    error_reason       INTEGER,
    error_detail       TEXT,
    -- All three or none.
    refusal_at         INTEGER,
    refusal_cause      TEXT,
    refusal_key_id     BLOB,
    PRIMARY KEY (workspace_id, integration_id)
) STRICT, WITHOUT ROWID;
