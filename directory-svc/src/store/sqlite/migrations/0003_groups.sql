-- Groups, who belongs to them, and people found by their manager.

CREATE TABLE scim_group (
    workspace_id     BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    -- The revision of the creation, the order of every listing.
    seq              INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    -- The integration that the group belongs to, and what that calls it.
    integration_id   BLOB,
    external_id      TEXT,
    display_name     TEXT    NOT NULL,
    display_name_key TEXT    NOT NULL,
    -- How many rows of group_member the group has.
    member_count     INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    modified_at      INTEGER NOT NULL,
    -- The document as SCIM JSON, without id, externalId, meta and members: the truth.
    document         TEXT    NOT NULL,
    -- The same with its text folded and its times as microseconds: for filters.
    search           TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, seq)
) STRICT;

-- Equal names alone are no conflict: the identity provider tells its groups apart by their externalIds.
CREATE UNIQUE INDEX scim_group_name ON scim_group
    (workspace_id, integration_id, display_name_key, ifnull(external_id, ''))
    WHERE integration_id IS NOT NULL;
CREATE INDEX scim_group_display_name ON scim_group (workspace_id, display_name_key, seq);
CREATE INDEX scim_group_external ON scim_group (workspace_id, integration_id, external_id);
CREATE INDEX scim_group_created ON scim_group (workspace_id, created_at);
CREATE INDEX scim_group_modified ON scim_group (workspace_id, modified_at);

-- Who belongs to a group directly. The rows of a removed group stay until its tombstone goes; those of
-- a removed member do not.
CREATE TABLE group_member (
    workspace_id BLOB NOT NULL,
    group_id     BLOB NOT NULL,
    member_id    BLOB NOT NULL,
    kind         TEXT NOT NULL CHECK (kind IN ('user', 'group')),
    PRIMARY KEY (workspace_id, group_id, member_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX group_member_of ON group_member (workspace_id, member_id, group_id, kind);

-- Removed groups. Their names are free, so nothing of theirs is unique but the id.
CREATE TABLE deleted_group (
    workspace_id   BLOB    NOT NULL,
    id             BLOB    NOT NULL,
    seq            INTEGER NOT NULL,
    revision       INTEGER NOT NULL,
    integration_id BLOB,
    external_id    TEXT,
    created_at     INTEGER NOT NULL,
    modified_at    INTEGER NOT NULL,
    deleted_at     INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    -- The ids of the groups that this one was a member of, as a JSON array.
    member_of      TEXT    NOT NULL,
    document       TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, seq)
) STRICT;

CREATE INDEX deleted_group_expiry ON deleted_group (workspace_id, expires_at);

-- The same of a removed person.
ALTER TABLE deleted_user ADD COLUMN member_of TEXT NOT NULL DEFAULT '[]';

-- manager.value of the enterprise extension, in its form for comparison.
ALTER TABLE user ADD COLUMN manager_key TEXT;
UPDATE user SET manager_key = json_extract(
    search, '$."urn:ietf:params:scim:schemas:extension:enterprise:2.0:User".manager.value');
CREATE INDEX user_manager ON user (workspace_id, manager_key, seq);

-- What the engine is to expect; see 0001_directory.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('user', 'user_manager', '1000000 100000 10 1'),
    ('scim_group', 'sqlite_autoindex_scim_group_1', '100000 10000 1'),
    ('scim_group', 'sqlite_autoindex_scim_group_2', '100000 10000 1'),
    ('scim_group', 'scim_group_name', '100000 10000 5000 2 1'),
    ('scim_group', 'scim_group_display_name', '100000 10000 2 1'),
    ('scim_group', 'scim_group_external', '100000 10000 5000 2'),
    ('scim_group', 'scim_group_created', '100000 10000 2'),
    ('scim_group', 'scim_group_modified', '100000 10000 2'),
    ('group_member', 'group_member', '10000000 1000000 100 1'),
    ('group_member', 'group_member_of', '10000000 1000000 10 1 1');
