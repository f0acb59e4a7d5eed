-- Extension schemas that a workspace registered, in the order in which it did.

CREATE TABLE registered_schema (
    workspace_id BLOB    NOT NULL,
    urn          TEXT    NOT NULL,
    seq          INTEGER NOT NULL,
    -- What it extends.
    kind         TEXT    NOT NULL,
    -- The schema as RFC 7643 section 7 writes it, as it was sent.
    document     TEXT    NOT NULL,
    PRIMARY KEY (workspace_id, urn)
) STRICT, WITHOUT ROWID;
