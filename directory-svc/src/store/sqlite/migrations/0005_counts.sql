-- How many people and groups are here, by their place in the order of creation: per 256 seqs (level 1) and
-- per 65,536 (level 2), so that any place in a listing is found, and the total told, without walking.

CREATE TABLE listing_count (
    workspace_id BLOB    NOT NULL,
    kind         TEXT    NOT NULL CHECK (kind IN ('user', 'group')),
    level        INTEGER NOT NULL CHECK (level IN (1, 2)),
    bucket       INTEGER NOT NULL,
    living       INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, kind, level, bucket)
) STRICT, WITHOUT ROWID;

INSERT INTO listing_count (workspace_id, kind, level, bucket, living)
    SELECT workspace_id, 'user', 1, seq / 256, count(*) FROM user GROUP BY workspace_id, seq / 256;
INSERT INTO listing_count (workspace_id, kind, level, bucket, living)
    SELECT workspace_id, 'user', 2, seq / 65536, count(*) FROM user GROUP BY workspace_id, seq / 65536;
INSERT INTO listing_count (workspace_id, kind, level, bucket, living)
    SELECT workspace_id, 'group', 1, seq / 256, count(*) FROM scim_group GROUP BY workspace_id, seq / 256;
INSERT INTO listing_count (workspace_id, kind, level, bucket, living)
    SELECT workspace_id, 'group', 2, seq / 65536, count(*) FROM scim_group
    GROUP BY workspace_id, seq / 65536;

-- What the engine is to expect; see 0001_directory.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('listing_count', 'listing_count', '50000 5000 2500 2500 1');
