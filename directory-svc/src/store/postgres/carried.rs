//! That all of a store is carried by exports, and comes as it was.

use std::collections::BTreeSet;

use tokio_postgres::Client;
use uuid::Uuid;

use super::testing::{client, database};
use super::{PostgresServer, PostgresStore, Statements, export, import, migrate};
use crate::ids::WorkspaceId;
use crate::store::portable::{
    Becomes, Carried, CarryError, Import, Keys, Kind, NOT_CARRIED, Step, TABLES, Table, Wanted,
};
use crate::store::{FeedMark, FeedStore};

const ACME: Uuid = Uuid::from_u128(1);
const GLOBEX: Uuid = Uuid::from_u128(2);
const NOW: i64 = 1_700_000_000_000_000;

fn quiet(_: Step) {}

async fn exported(server: &PostgresServer, workspace: Option<Uuid>) -> Result<String, CarryError> {
    let mut out = Vec::new();
    let wanted = Wanted { workspace: workspace.map(WorkspaceId::new), at: NOW };
    export(server, wanted, &mut out, &mut quiet).await?;
    Ok(String::from_utf8(out).unwrap())
}

async fn imported(server: &PostgresServer, text: &str, keys: Keys) -> Result<Carried, CarryError> {
    let plan = Import { keys, may_share_domains: false, now: NOW };
    import(server, Box::new(text.as_bytes()), plan, &mut quiet).await
}

async fn texts(server: &Client, sql: &str) -> Vec<String> {
    server.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

fn name(table: &Table) -> &str {
    super::export::name(table)
}

/// Whoever adds a table or a column says how it is carried, or that it is not, and both engines have the same.
#[tokio::test]
async fn every_table_and_column_is_carried_or_said_to_stay() {
    let config = database(Statements::Prepared).await;
    migrate(&config).await.unwrap();
    let server = client(&config).await;
    let found = texts(&server, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'");
    let known = TABLES.iter().map(name).chain(NOT_CARRIED.iter().copied());
    let found: BTreeSet<_> = found.await.into_iter().collect();
    assert_eq!(found, known.map(str::to_owned).collect());

    for table in TABLES {
        let name = name(table);
        let columns = format!(
            "SELECT column_name || ' ' || data_type FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name = '{name}'"
        );
        let found: BTreeSet<_> = texts(&server, &columns).await.into_iter().collect();
        let carried = table.columns.iter().map(|column| {
            let kept = match column.kind {
                Kind::Id => "uuid",
                Kind::Integer => "bigint",
                Kind::Flag => "boolean",
                Kind::Text if column.name == "search" => "jsonb",
                Kind::Text => "text",
                Kind::Bytes => "bytea",
            };
            format!("{} {kept}", column.name)
        });
        let stays = table.stays.iter().map(|column| {
            let kept = if column.name == "taker" { "uuid" } else { "bigint" };
            format!("{} {kept}", column.name)
        });
        assert_eq!(found, carried.chain(stays).collect(), "{name}");
        let key = format!(
            "SELECT a.attname::text FROM pg_index x, unnest(x.indkey) WITH ORDINALITY AS k (at, place) \
             JOIN pg_attribute a ON a.attnum = k.at WHERE x.indrelid = '{name}'::regclass \
             AND a.attrelid = x.indrelid AND x.indisprimary ORDER BY k.place"
        );
        assert_eq!(texts(&server, &key).await, table.key, "{name}");
    }
}

/// Two workspaces, with something in every column of every table as the engine's own rules let it be.
async fn fill(server: &Client) {
    let mut number = 100;
    for workspace in [ACME, GLOBEX] {
        for table in TABLES {
            number += 1;
            let values = table.columns.iter().map(|column| {
                number += 1;
                match format!("{}.{}", table.name, column.name).as_str() {
                    _ if column.name == table.workspace() => format!("'{workspace}'"),
                    "workspace.revision" => "2000000".to_owned(),
                    "group_member.kind" => "'user'".to_owned(),
                    "domain.state" => "'verified'".to_owned(),
                    "api_key.scopes" => "'users'".to_owned(),
                    "api_key.networks" => "'10.0.0.0/8'".to_owned(),
                    "workspace.email_join" => "'off'".to_owned(),
                    "change.kind" => "'user-created'".to_owned(),
                    "notice.outcome" => "'sent'".to_owned(),
                    "notice.due_at" | "api_key.revoked_at" | "change.author_integration" => {
                        "NULL".to_owned()
                    }
                    _ if column.name == "search" => format!(r#"'{{"title": ["ü {number}"]}}'"#),
                    _ => match column.kind {
                        Kind::Id => format!("'{}'", Uuid::from_u128(number)),
                        Kind::Integer => (number * 300).to_string(),
                        Kind::Flag => (number % 2 == 0).to_string(),
                        Kind::Text => format!("'text \"{number}\" \\ of Ä\u{1F600}'"),
                        Kind::Bytes => format!("'\\x{number:08x}'"),
                    },
                }
            });
            let values: Vec<_> = values.collect();
            let stays = table.stays.iter().map(|column| match column.becomes {
                Becomes::Place => number.to_string(),
                Becomes::Value(_) if column.name == "taker" => format!("'{ACME}'"),
                Becomes::Value(_) => "7".to_owned(),
            });
            let columns = table.columns.iter().map(|column| column.name);
            let columns: Vec<_> = columns.chain(table.stays.iter().map(|c| c.name)).collect();
            let values: Vec<_> = values.into_iter().chain(stays).collect();
            let (columns, values) = (columns.join(", "), values.join(", "));
            let sql = format!("INSERT INTO {} ({columns}) VALUES ({values})", name(table));
            server.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
    }
}

#[tokio::test]
async fn every_row_comes_as_it_was_and_leases_do_not() {
    let (from, to) = (database(Statements::Prepared).await, database(Statements::Unnamed).await);
    migrate(&from).await.unwrap();
    fill(&client(&from).await).await;
    let file = exported(&from, None).await.unwrap();
    let carried = imported(&to, &file, Keys::Keep).await.unwrap();
    assert_eq!((carried.workspaces, carried.rows), (2, TABLES.len() as u64 * 2));
    assert_eq!(exported(&to, None).await.unwrap(), file, "to the byte");

    let server = client(&to).await;
    for (what, sql) in [
        ("leases", "SELECT key FROM notice WHERE leased_until IS NOT NULL"),
        ("leases", "SELECT name FROM domain_check WHERE lease_until <> 0"),
        ("takers", "SELECT domain FROM waiting_people WHERE taker IS NOT NULL OR free_at <> 0"),
        ("places", "SELECT subject FROM change WHERE position IS NOT NULL"),
    ] {
        assert_eq!(texts(&server, sql).await, [""; 0], "{what}");
    }
    let counted = "SELECT count(*)::text FROM listing_count";
    assert_eq!(texts(&server, counted).await, ["8"], "two kinds and two levels of two workspaces");
}

#[tokio::test]
async fn a_workspace_is_carried_alone_and_once_and_its_keys_end_on_request() {
    let (from, to) = (database(Statements::Prepared).await, database(Statements::Prepared).await);
    migrate(&from).await.unwrap();
    fill(&client(&from).await).await;
    let acme = exported(&from, Some(ACME)).await.unwrap();
    assert!(!acme.contains(&GLOBEX.to_string()));
    let absent = exported(&from, Some(Uuid::from_u128(9))).await.unwrap_err();
    assert!(matches!(absent, CarryError::NoWorkspace(_)), "{absent}");

    let carried = imported(&to, &acme, Keys::Revoke).await.unwrap();
    assert_eq!(carried.revoked, 1);
    let server = client(&to).await;
    let ends = "SELECT act FROM audit_record WHERE actor = 'import'";
    assert_eq!(texts(&server, ends).await, ["key.revoked"]);
    let revision = texts(&server, "SELECT revision::text FROM workspace").await;
    assert_eq!(revision, ["2000001"]);
    let before = exported(&to, None).await.unwrap();
    let again = imported(&to, &acme, Keys::Keep).await.unwrap_err();
    assert!(matches!(again, CarryError::WorkspaceIsHere(id) if id.uuid() == ACME), "{again}");
    assert_eq!(exported(&to, None).await.unwrap(), before);

    // A domain comes into two hands on purpose alone.
    for server in [&client(&from).await, &server] {
        server.batch_execute("UPDATE domain SET name = 'acme.com'").await.unwrap();
    }
    let globex = exported(&from, Some(GLOBEX)).await.unwrap();
    let refused = imported(&to, &globex, Keys::Keep).await.unwrap_err();
    assert!(matches!(refused, CarryError::SharedDomain { .. }), "{refused}");
    let plan = Import { keys: Keys::Keep, may_share_domains: true, now: NOW };
    import(&to, Box::new(globex.as_bytes()), plan, &mut quiet).await.unwrap();
}

/// The changes behind a mark, by workspace and revision; `None`: the mark is void.
async fn fed(store: &PostgresStore, after: &FeedMark) -> Option<Vec<(Uuid, u64)>> {
    let fed = store.feed(after.clone(), 100).await.unwrap()?;
    Some(fed.iter().map(|fed| (fed.workspace_id.uuid(), fed.change.revision)).collect())
}

/// Whoever follows all workspaces is told to begin anew, also beside a directory that serves: what comes may be older
/// than what they have done. Seen to fail with the feed left as it was.
#[tokio::test]
async fn the_feed_begins_anew_with_what_comes() {
    let (from, to) = (database(Statements::Prepared).await, database(Statements::Prepared).await);
    migrate(&from).await.unwrap();
    fill(&client(&from).await).await;
    // Each has a domain of the same name there.
    let apart = "UPDATE domain SET name = workspace_id::text";
    client(&from).await.batch_execute(apart).await.unwrap();
    let (acme, globex) =
        (exported(&from, Some(ACME)).await.unwrap(), exported(&from, Some(GLOBEX)).await.unwrap());
    let serving = PostgresStore::open(&to).await.unwrap();
    let empty = serving.feed_end().await.unwrap();
    imported(&to, &globex, Keys::Keep).await.unwrap();
    assert_eq!(fed(&serving, &empty).await, None);
    let (begin, end) = (serving.feed_begin().await.unwrap(), serving.feed_end().await.unwrap());
    let of_globex = fed(&serving, &begin).await.unwrap();
    assert_eq!(of_globex.iter().map(|(of, _)| *of).collect::<Vec<_>>(), [GLOBEX]);

    imported(&to, &acme, Keys::Keep).await.unwrap();
    for mark in [empty, begin, end] {
        assert_eq!(fed(&serving, &mark).await, None);
    }
    let all = fed(&serving, &serving.feed_begin().await.unwrap()).await.unwrap();
    assert_eq!(all.iter().map(|(of, _)| *of).collect::<Vec<_>>(), [GLOBEX, ACME]);
}

#[tokio::test]
async fn a_file_that_is_wrong_leaves_nothing() {
    let from = database(Statements::Prepared).await;
    migrate(&from).await.unwrap();
    fill(&client(&from).await).await;
    let text = exported(&from, None).await.unwrap();
    let lines: Vec<_> = text.lines().collect();
    let cut = lines[..lines.len() - 1].join("\n");
    let nul = text.replacen("text \\\"", "text \\u0000", 1);
    let changed = text.replacen("text \\\"1", "text \\\"9", 1);
    for (what, file) in
        [("is cut off", &cut), ("the server said 22021", &nul), ("checksum", &changed)]
    {
        let to = database(Statements::Prepared).await;
        let refused = imported(&to, file, Keys::Keep).await.unwrap_err().to_string();
        assert!(refused.contains(what) && refused.contains("Nothing was imported"), "{refused}");
        let server = client(&to).await;
        assert_eq!(texts(&server, "SELECT id::text FROM workspace").await, [""; 0], "{what}");
        imported(&to, &text, Keys::Keep).await.unwrap();
    }
    let old = database(Statements::Prepared).await;
    let other = exported(&old, None).await.unwrap_err();
    assert!(matches!(other, CarryError::OtherVersion { found: 0, known: 1 }), "{other}");
}
