-- The directory from its beginning.
--
-- The workspace comes first in every primary key, unique key and index, so that the rows can be
-- spread by it. The two indexes that serve questions across workspaces say why.
-- Times are microseconds since 1970-01-01T00:00:00Z. Ids are the 16 bytes of a UUID. A column
-- `..._key` holds text in its form for comparison, folded before it gets here.

CREATE TABLE workspace (
    id            BLOB    NOT NULL PRIMARY KEY,
    display_name  TEXT    NOT NULL,
    contact_email TEXT    NOT NULL,
    created_at    INTEGER NOT NULL,
    -- The last number given out; the first is 1.
    revision      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE domain (
    workspace_id  BLOB    NOT NULL,
    name          TEXT    NOT NULL,
    state         TEXT    NOT NULL,
    contact_email TEXT    NOT NULL,
    claimed_at    INTEGER NOT NULL,
    decided_at    INTEGER,
    decided_by    TEXT,
    note          TEXT,
    PRIMARY KEY (workspace_id, name)
) STRICT, WITHOUT ROWID;

-- Across workspaces, because an address that signs in names a domain and no workspace.
CREATE INDEX domain_verified ON domain (name, workspace_id) WHERE state = 'verified';
-- Across workspaces, because operators take the claims of all in the order of their waiting.
CREATE INDEX domain_pending ON domain (claimed_at, workspace_id, name) WHERE state = 'pending';

CREATE TABLE integration (
    workspace_id BLOB    NOT NULL,
    id           BLOB    NOT NULL,
    -- The revision of its creation, the order of every list.
    seq          INTEGER NOT NULL,
    display_name TEXT    NOT NULL,
    kind         INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE api_key (
    workspace_id   BLOB    NOT NULL,
    id             BLOB    NOT NULL,
    -- The revision of its creation, the order of every list.
    seq            INTEGER NOT NULL,
    integration_id BLOB    NOT NULL,
    -- SHA-256 of the key, all that is kept of it.
    key_hash       BLOB    NOT NULL,
    display_name   TEXT    NOT NULL,
    hint           TEXT    NOT NULL,
    created_at     INTEGER NOT NULL,
    expires_at     INTEGER,
    revoked_at     INTEGER,
    last_used_at   INTEGER,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, key_hash)
) STRICT, WITHOUT ROWID;

CREATE INDEX api_key_of ON api_key (workspace_id, integration_id, seq);

-- A table with row ids, unlike the small ones: its rows are long, and indexes lead to them by a
-- short number. The long columns stand last, so that reading the others never follows them.
CREATE TABLE user (
    workspace_id     BLOB    NOT NULL,
    id               BLOB    NOT NULL,
    -- The revision of the creation, the order of every listing.
    seq              INTEGER NOT NULL,
    revision         INTEGER NOT NULL,
    user_name_key    TEXT    NOT NULL,
    login_email      TEXT,
    login_email_key  TEXT,
    -- As the document says it; one that says nothing is of an active person.
    active           INTEGER,
    display_name_key TEXT,
    created_at       INTEGER NOT NULL,
    modified_at      INTEGER NOT NULL,
    -- The document as SCIM JSON, without id, externalId and meta: the truth.
    document         TEXT    NOT NULL,
    -- The same with its text folded and its times as microseconds: for filters.
    search           TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, seq),
    UNIQUE (workspace_id, user_name_key),
    UNIQUE (workspace_id, login_email_key)
) STRICT;

CREATE INDEX user_active ON user (workspace_id, active, seq);
CREATE INDEX user_display_name ON user (workspace_id, display_name_key, seq);
CREATE INDEX user_created ON user (workspace_id, created_at);
CREATE INDEX user_modified ON user (workspace_id, modified_at);

-- The values of `emails`, in the order of the document.
CREATE TABLE user_email (
    workspace_id BLOB    NOT NULL,
    user_id      BLOB    NOT NULL,
    ordinal      INTEGER NOT NULL,
    value_key    TEXT,
    type_key     TEXT,
    PRIMARY KEY (workspace_id, user_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_email_value ON user_email (workspace_id, value_key, type_key);

-- That an integration manages a person.
CREATE TABLE binding (
    workspace_id   BLOB NOT NULL,
    user_id        BLOB NOT NULL,
    integration_id BLOB NOT NULL,
    external_id    TEXT,
    PRIMARY KEY (workspace_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX binding_external ON binding (workspace_id, integration_id, external_id);

-- Removed people. Their names are free, so nothing of theirs is unique but the id.
CREATE TABLE deleted_user (
    workspace_id    BLOB    NOT NULL,
    id              BLOB    NOT NULL,
    seq             INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    login_email     TEXT,
    login_email_key TEXT,
    active          INTEGER,
    integration_id  BLOB,
    external_id     TEXT,
    created_at      INTEGER NOT NULL,
    modified_at     INTEGER NOT NULL,
    deleted_at      INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    document        TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, id),
    UNIQUE (workspace_id, seq)
) STRICT;

CREATE INDEX deleted_user_expiry ON deleted_user (workspace_id, expires_at);
CREATE INDEX deleted_user_external ON deleted_user (workspace_id, integration_id, external_id);

-- One row for each revision: the feed, and the memory of which operations were done.
CREATE TABLE change (
    workspace_id       BLOB    NOT NULL,
    revision           INTEGER NOT NULL,
    operation_id       TEXT    NOT NULL,
    -- The author is an integration or a service, never both.
    author_integration BLOB,
    author_service     TEXT,
    at                 INTEGER NOT NULL,
    kind               TEXT    NOT NULL,
    subject            TEXT    NOT NULL,
    detail             TEXT    NOT NULL,
    -- The subject as it was, until the image's time is over.
    before             TEXT,
    PRIMARY KEY (workspace_id, revision),
    UNIQUE (workspace_id, operation_id)
) STRICT;

CREATE INDEX change_image ON change (workspace_id, at) WHERE before IS NOT NULL;

-- What the engine is to expect, instead of its guess that a workspace has ten people: a hundred
-- thousand. Plans then depend on nothing that is measured, and tests see those that are used.
ANALYZE;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('user', 'sqlite_autoindex_user_1', '1000000 100000 1'),
    ('user', 'sqlite_autoindex_user_2', '1000000 100000 1'),
    ('user', 'sqlite_autoindex_user_3', '1000000 100000 1'),
    ('user', 'sqlite_autoindex_user_4', '1000000 100000 1'),
    ('user', 'user_active', '1000000 100000 50000 1'),
    ('user', 'user_display_name', '1000000 100000 2 1'),
    ('user', 'user_created', '1000000 100000 2'),
    ('user', 'user_modified', '1000000 100000 2'),
    ('user_email', 'user_email', '1000000 100000 1 1'),
    ('user_email', 'user_email_value', '1000000 100000 2 1 1 1'),
    ('binding', 'binding', '1000000 100000 1'),
    ('binding', 'binding_external', '1000000 100000 50000 2 1');
