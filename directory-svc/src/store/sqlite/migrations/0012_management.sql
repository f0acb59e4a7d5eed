-- What of a person is their identity provider's to say, and who is protected from it.

-- The attributes that the integration has said something of, in alphabetical order, a space between two. Of those
-- whom it managed before this was kept: all that they have.
ALTER TABLE binding ADD COLUMN provided TEXT NOT NULL DEFAULT '';
UPDATE binding SET provided = ifnull((
    SELECT group_concat(a.key, ' ' ORDER BY a.key)
    FROM user u CROSS JOIN json_each(u.document) a
    WHERE u.workspace_id = binding.workspace_id AND u.id = binding.user_id AND a.key <> 'schemas'), '');
-- The same of a removed person, as it was.
ALTER TABLE deleted_user ADD COLUMN provided TEXT;

-- Whether nobody ends the person's access.
ALTER TABLE user ADD COLUMN protected INTEGER NOT NULL DEFAULT FALSE;

-- The groups that belong to groups: few, among many people.
CREATE INDEX group_member_nested ON group_member (workspace_id, group_id, member_id) WHERE kind = 'group';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('group_member', 'group_member_nested', '10000 1000 2 1');
