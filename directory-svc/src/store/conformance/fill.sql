-- Many people and groups in the first of several workspaces, and what the engine then knows of them.
INSERT INTO scim_user (workspace_id, id, seq, revision, user_name_key, login_email, login_email_key, active,
    display_name_key, manager_key, has_left, protected, created_at, modified_at, document, search)
    SELECT lpad(to_hex(w), 32, '0')::uuid, md5('user ' || n)::uuid, n, n, 'user ' || n, 'user' || n || '@acme.com',
        'user' || n || '@acme.com', n % 2 = 0, 'name ' || n / 2, 'manager ' || n / 10, FALSE, FALSE, 400000000000 * n,
        400000000000 * n, '{}', '{}'
    FROM generate_series(1, 4) AS w, generate_series(1, 5000) AS n;
INSERT INTO user_email (workspace_id, user_id, ordinal, value_key, type_key)
    SELECT workspace_id, id, 0, login_email_key, 'work' FROM scim_user;
INSERT INTO binding (workspace_id, user_id, integration_id, external_id, provided)
    SELECT workspace_id, id, '00000000-0000-0000-0000-000000000001', 'E-' || seq, '' FROM scim_user;
INSERT INTO scim_group (workspace_id, id, seq, revision, integration_id, external_id, display_name, display_name_key,
    member_count, created_at, modified_at, document, search)
    SELECT lpad(to_hex(w), 32, '0')::uuid, md5('group ' || n)::uuid, 5000 + n, 5000 + n,
        '00000000-0000-0000-0000-000000000001', 'E-' || n, 'Group ' || n, 'group ' || n, 10, 1000000000000 * n,
        1000000000000 * n, '{}', '{}'
    FROM generate_series(1, 4) AS w, generate_series(1, 2000) AS n;
INSERT INTO group_member (workspace_id, group_id, member_id, kind)
    SELECT workspace_id, md5('group ' || (seq % 2000 + 1))::uuid, id, 'user' FROM scim_user;
