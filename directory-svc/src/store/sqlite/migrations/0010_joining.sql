-- Who comes in by themselves and who does not: addresses that are barred, identities that are linked,
-- guests; and the domains for which people were refused.

-- When an integration made or adopted its first person; NULL: not yet. Then nobody joins by themselves any
-- more, until an admin opens the workspace again.
ALTER TABLE integration ADD COLUMN provisioned_at INTEGER;
UPDATE integration SET provisioned_at = created_at WHERE EXISTS (
    SELECT 1 FROM binding b
    WHERE b.workspace_id = integration.workspace_id AND b.integration_id = integration.id);

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

-- Whom identity providers had deactivated or removed before this was kept, by each of their addresses.
INSERT OR IGNORE INTO barred_address (workspace_id, address_key, user_id, since, is_firm)
    SELECT u.workspace_id, u.login_email_key, u.id, u.modified_at, b.user_id IS NOT NULL
    FROM user u LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id
    WHERE u.active = 0 AND u.login_email_key IS NOT NULL;
INSERT OR IGNORE INTO barred_address (workspace_id, address_key, user_id, since, is_firm)
    SELECT u.workspace_id, e.value_key, u.id, u.modified_at, b.user_id IS NOT NULL
    FROM user u JOIN user_email e ON e.workspace_id = u.workspace_id AND e.user_id = u.id
    LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id
    WHERE u.active = 0 AND e.value_key LIKE '%@%';
INSERT OR IGNORE INTO barred_address (workspace_id, address_key, user_id, since, is_firm)
    SELECT u.workspace_id, u.user_name_key, u.id, u.modified_at, b.user_id IS NOT NULL
    FROM user u LEFT JOIN binding b ON b.workspace_id = u.workspace_id AND b.user_id = u.id
    WHERE u.active = 0 AND u.user_name_key LIKE '%@%';
INSERT OR IGNORE INTO barred_address (workspace_id, address_key, user_id, since, is_firm)
    SELECT d.workspace_id, d.login_email_key, d.id, d.deleted_at, d.integration_id IS NOT NULL
    FROM deleted_user d WHERE d.login_email_key IS NOT NULL;
INSERT OR IGNORE INTO barred_address (workspace_id, address_key, user_id, since, is_firm)
    SELECT d.workspace_id, lower(e.value ->> '$.value'), d.id, d.deleted_at, d.integration_id IS NOT NULL
    FROM deleted_user d, json_each(d.document, '$.emails') e WHERE e.value ->> '$.value' LIKE '%@%';
INSERT OR IGNORE INTO barred_address (workspace_id, address_key, user_id, since, is_firm)
    SELECT d.workspace_id, lower(d.document ->> '$.userName'), d.id, d.deleted_at, d.integration_id IS NOT NULL
    FROM deleted_user d WHERE d.document ->> '$.userName' LIKE '%@%';
-- Somebody who is here, active, with such an address was taken in since.
DELETE FROM barred_address WHERE EXISTS (
    SELECT 1 FROM user u WHERE u.workspace_id = barred_address.workspace_id
    AND u.login_email_key = barred_address.address_key AND u.active IS NOT 0);

-- 1: the identity provider's last word on the person, who is here, was that they are out. A service lets them
-- in by no address, be it a new one.
ALTER TABLE user ADD COLUMN has_left INTEGER NOT NULL DEFAULT 0;
UPDATE user SET has_left = 1 WHERE active = 0 AND EXISTS (
    SELECT 1 FROM binding b WHERE b.workspace_id = user.workspace_id AND b.user_id = user.id);

-- By what people signed in before, beside the address. The row of a removed person stays, and signs in
-- nobody: whoever left does not join under another address.
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
    ('identity', 'identity', '1000000 100000 2 1'),
    ('identity', 'sqlite_autoindex_identity_2', '1000000 100000 50000 1 1'),
    ('identity', 'identity_subject', '1000000 500000 1 1 1'),
    ('allowed_address', 'allowed_address', '10000 100 1'),
    ('allowed_address', 'allowed_address_login', '10000 2 1'),
    ('refused_domain', 'refused_domain', '10000 100 1');
