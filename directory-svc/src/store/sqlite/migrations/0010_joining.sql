-- Who comes in by themselves and who does not: addresses that are barred, identities that are linked,
-- guests; and the domains for which people were refused.

-- When an integration made or adopted its first person; NULL: not yet. Then nobody joins by themselves any
-- more, until an admin opens the workspace again.
ALTER TABLE integration ADD COLUMN provisioned_at INTEGER;
UPDATE integration SET provisioned_at = first.at FROM (
    SELECT workspace_id, author_integration, min(at) AS at FROM change
    WHERE author_integration IS NOT NULL AND kind IN ('user-created', 'user-adopted')
    GROUP BY workspace_id, author_integration) AS first
WHERE first.workspace_id = integration.workspace_id AND first.author_integration = integration.id;
UPDATE workspace SET email_join = 'off' WHERE EXISTS (
    SELECT 1 FROM integration i WHERE i.workspace_id = workspace.id AND i.provisioned_at IS NOT NULL);

-- The addresses that nobody comes in by on their own: whoever had them has left. Kept for as long as the
-- workspace is here, longer than the tombstones.
CREATE TABLE barred_address (
    workspace_id BLOB    NOT NULL,
    address_key  TEXT    NOT NULL,
    -- Who had it, whether or not anything of them is left.
    user_id      BLOB    NOT NULL,
    since        INTEGER NOT NULL,
    -- 1: an identity provider's word, which services do not overrule. 0: nobody joins by it.
    is_firm      INTEGER NOT NULL CHECK (is_firm IN (0, 1)),
    PRIMARY KEY (workspace_id, address_key)
) STRICT, WITHOUT ROWID;

-- By who had them.
CREATE INDEX barred_address_of ON barred_address (workspace_id, user_id);

-- 1: the identity provider's last word on the person was that they are out. A service lets them in by no
-- address, be it a new one. Whom that is true of already, and which addresses are barred, `leavers.rs` says.
ALTER TABLE user ADD COLUMN has_left INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deleted_user ADD COLUMN has_left INTEGER NOT NULL DEFAULT 0;

-- Who waits for the domain of an address to be verified, and others without one.
CREATE INDEX user_without_login ON user (workspace_id, seq) WHERE login_email_key IS NULL;

-- By what people signed in before, beside the address. The row of a removed person signs in nobody and
-- stays, so that whoever left does not join under another address, until a bar of theirs is lifted.
CREATE TABLE identity (
    workspace_id BLOB    NOT NULL,
    issuer       TEXT    NOT NULL,
    subject      TEXT    NOT NULL,
    user_id      BLOB    NOT NULL,
    linked_at    INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, user_id, issuer),
    UNIQUE (workspace_id, issuer, subject)
) STRICT, WITHOUT ROWID;

-- Across workspaces, because a sign-in names no workspace.
CREATE INDEX identity_subject ON identity (issuer, subject, workspace_id);

-- Outside addresses that an operator allowed: guests.
CREATE TABLE allowed_address (
    workspace_id BLOB    NOT NULL,
    address_key  TEXT    NOT NULL,
    -- As the operator wrote it.
    address      TEXT    NOT NULL,
    note         TEXT    NOT NULL,
    allowed_at   INTEGER NOT NULL,
    allowed_by   TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, address_key)
) STRICT, WITHOUT ROWID;

-- Across workspaces, because a sign-in names no workspace.
CREATE INDEX allowed_address_login ON allowed_address (address_key, workspace_id);

-- Domains that were not verified when somebody was provisioned with an address of one.
CREATE TABLE refused_domain (
    workspace_id BLOB    NOT NULL,
    domain       TEXT    NOT NULL,
    count        INTEGER NOT NULL,
    -- A few of the addresses, as a JSON array.
    samples      TEXT    NOT NULL,
    first_at     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, domain)
) STRICT, WITHOUT ROWID;

-- What the engine is to expect; see 0001_directory.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('barred_address', 'barred_address', '1000000 100000 1'),
    ('barred_address', 'barred_address_of', '1000000 100000 3 1'),
    ('user', 'user_without_login', '100000 10000 1'),
    ('identity', 'identity', '1000000 100000 2 1'),
    ('identity', 'sqlite_autoindex_identity_2', '1000000 100000 50000 1 1'),
    ('identity', 'identity_subject', '1000000 500000 1 1 1'),
    ('allowed_address', 'allowed_address', '10000 100 1'),
    ('allowed_address', 'allowed_address_login', '10000 2 1'),
    ('refused_domain', 'refused_domain', '10000 100 1');
