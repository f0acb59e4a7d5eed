//! That the schema has nothing which an engine that spreads rows by workspace could not have.

use tokio_postgres::Client;

use super::testing::{client, database};
use super::{Statements, migrate};

/// Tables of the store as a whole, with a row or a few: such an engine has them on one of its servers.
const OF_THE_WHOLE: [&str; 3] = ["feed", "migration", "write_probe"];

/// Indexes for what is asked across workspaces. Each says why in the schema, and none is unique.
const ACROSS: [&str; 13] = [
    "allowed_address_login",
    "change_ended_all",
    "change_image",
    "change_position",
    "deleted_group_expiry",
    "deleted_user_expiry",
    "domain_check_due",
    "domain_pending",
    "domain_verified",
    "domain_waiting",
    "identity_subject",
    "notice_due",
    "notice_ended",
];

async fn names(server: &Client, sql: &str) -> Vec<String> {
    let rows = server.query(sql, &[]).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Seen to fail with a unique index on `deleted_user (expires_at)`.
#[tokio::test]
async fn rows_can_be_spread_by_workspace() {
    let config = database(Statements::Prepared).await;
    migrate(&config).await.unwrap();
    let server = client(&config).await;

    // The first column of each index, by whether it is unique.
    let indexes = "SELECT t.relname::text, i.relname::text, x.indisunique, a.attname::text FROM pg_index x \
                   JOIN pg_class t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid \
                   JOIN pg_namespace n ON n.oid = t.relnamespace \
                   LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0] \
                   WHERE n.nspname = 'public' ORDER BY i.relname";
    let mut across = Vec::new();
    for row in server.query(indexes, &[]).await.unwrap() {
        let (table, index): (String, String) = (row.get(0), row.get(1));
        let (is_unique, first): (bool, Option<String>) = (row.get(2), row.get(3));
        let workspace = if table == "workspace" { "id" } else { "workspace_id" };
        if OF_THE_WHOLE.contains(&table.as_str()) || first.as_deref() == Some(workspace) {
            continue;
        }
        assert!(!is_unique, "{index} is unique across workspaces");
        across.push(index);
    }
    assert_eq!(across, ACROSS);

    // Each table has a key, without which rows could not be copied to another server.
    let tables = "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                  WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT EXISTS \
                  (SELECT 1 FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary)";
    assert_eq!(names(&server, tables).await, [""; 0]);
    for (what, sql) in [
        ("foreign keys", "SELECT conname FROM pg_constraint WHERE contype = 'f'"),
        ("triggers", "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"),
        ("sequences", "SELECT relname FROM pg_class WHERE relkind = 'S'"),
    ] {
        let sql = format!("SELECT name::text FROM ({sql}) AS found (name)");
        assert_eq!(names(&server, &sql).await, [""; 0], "{what}");
    }
}
