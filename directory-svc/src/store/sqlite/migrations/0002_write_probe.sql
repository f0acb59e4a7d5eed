-- What is written to see whether a write is kept. A row that is written as it stood would not do: the
-- engine leaves out what changes nothing.

CREATE TABLE write_probe (
    id    INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    tries INTEGER NOT NULL
) STRICT;

INSERT INTO write_probe (id, tries) VALUES (1, 0);
