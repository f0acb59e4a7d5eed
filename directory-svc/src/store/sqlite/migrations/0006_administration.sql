-- What admins and operators decide: who may join a workspace, whether it is suspended, how a domain was
-- decided on; and the record of every such act.

ALTER TABLE workspace ADD COLUMN email_join TEXT NOT NULL DEFAULT 'off';
-- All three or none.
ALTER TABLE workspace ADD COLUMN suspended_at INTEGER;
ALTER TABLE workspace ADD COLUMN suspended_by TEXT;
ALTER TABLE workspace ADD COLUMN suspend_reason TEXT;

ALTER TABLE domain ADD COLUMN claimed_by TEXT NOT NULL DEFAULT '';
-- The token that a TXT record of the domain shows to prove the claim.
ALTER TABLE domain ADD COLUMN challenge TEXT NOT NULL DEFAULT '';
UPDATE domain SET challenge = lower(hex(randomblob(16)));
-- How it was decided, when it was.
ALTER TABLE domain ADD COLUMN decided_how TEXT;
UPDATE domain SET decided_how = 'operator' WHERE decided_at IS NOT NULL;
-- Across workspaces, as domain_verified is: operators see who else waits for a domain.
CREATE INDEX domain_waiting ON domain (name, workspace_id) WHERE state = 'pending';

-- Every administrative act, for as long as the workspace is here. Rows are only ever added.
CREATE TABLE audit_record (
    workspace_id BLOB    NOT NULL,
    -- The revision of the act's write, the order of every list; 0 for the making of the workspace.
    revision     INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    act          TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    -- The subject as it was and as it is then, as JSON.
    before       TEXT,
    after        TEXT,
    PRIMARY KEY (workspace_id, revision)
) STRICT, WITHOUT ROWID;
