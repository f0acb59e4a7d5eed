-- The feed of all workspaces: every change has a position, in the order of commits.

-- Given out by the one writer, without regard to the workspace.
ALTER TABLE change ADD COLUMN position INTEGER;
-- Rows were numbered in the order of their commits so far.
UPDATE change SET position = rowid;

-- Across workspaces, because a service follows all of them, and because the earliest changes of all are
-- cleared first.
CREATE UNIQUE INDEX change_position ON change (position);

-- One row: up to which position everything is cleared. No position up to there is given out again.
CREATE TABLE feed (
    id      INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    cleared INTEGER NOT NULL
) STRICT;
INSERT INTO feed (id, cleared) VALUES (1, 0);

-- What the engine is to expect; see 0001_directory.sql.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('change', 'sqlite_autoindex_change_1', '1000000 100000 1'),
    ('change', 'sqlite_autoindex_change_2', '1000000 100000 1'),
    ('change', 'change_image', '1000000 1'),
    ('change', 'change_position', '1000000 1');
