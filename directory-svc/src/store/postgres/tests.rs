//! What is about this engine alone: several processes, connections that are lost, steps of the schema.

use std::time::Duration;

use futures_util::future::join_all;
use tokio_postgres::Client;
use uuid::Uuid;

use super::connection::{Connection, Connections, Server};
use super::migrations::{MIGRATIONS, Migration, bring_to};
use super::readers::Readers;
use super::statement::one;
use super::testing::{client, database};
use super::{
    Migrated, OpenError, PostgresServer, PostgresStore, PostgresWorkspace, Statements, migrate,
};
use crate::ids::WorkspaceId;
use crate::store::{
    Answer, Author, Fed, FeedMark, FeedStore, OperationId, Store, StoreError, Workspace,
    WorkspaceStore, Write,
};

fn write(operation: &str) -> Write {
    let author = Author::Service("test".to_owned());
    Write { operation: OperationId(operation.to_owned()), author, at: 0 }
}

/// A new workspace of a store.
async fn acme(store: &PostgresStore) -> PostgresWorkspace {
    let id = WorkspaceId::new(Uuid::from_u128(1));
    let card = Workspace::new(id, "Acme", "admin@acme.com", 0);
    store.create_workspace(write("make"), card).await.unwrap();
    store.workspace(id)
}

/// A write of its own name; the revision that it took.
async fn rename(acme: &PostgresWorkspace, name: &str) -> Answer<u64> {
    let wanted = name.to_owned();
    let decide =
        move |card: &Workspace| Ok(Workspace { display_name: wanted.clone(), ..card.clone() });
    Ok(acme.change_workspace(write(name), decide).await?.revision)
}

fn pool(config: &PostgresServer) -> Connections {
    Server::of(config).unwrap().pool(4).unwrap()
}

async fn connection(config: &PostgresServer) -> Connection {
    pool(config).get().await.unwrap()
}

/// Ends every other connection to the database, as a server does that goes away.
async fn cut(server: &Client) -> u64 {
    let others = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let cut: i64 = server.query_one(others, &[]).await.unwrap().get(0);
    u64::try_from(cut).unwrap()
}

/// Each locks the workspace's row first.
#[tokio::test]
async fn directories_that_share_a_server_number_writes_without_a_gap() {
    const EACH: usize = 60;
    let config = database(Statements::Prepared).await;
    let (one, other) =
        (PostgresStore::open(&config).await.unwrap(), PostgresStore::open(&config).await.unwrap());
    let (acme, same) = (acme(&one).await, other.workspace(WorkspaceId::new(Uuid::from_u128(1))));
    let names: Vec<_> = (0..EACH).map(|n| (format!("one {n}"), format!("other {n}"))).collect();
    let writes = names.iter().flat_map(|(a, b)| [rename(&acme, a), rename(&same, b)]);
    let mut revisions: Vec<_> = join_all(writes).await.into_iter().map(Result::unwrap).collect();
    revisions.sort_unstable();
    let all = 2 * EACH as u64;
    assert_eq!(revisions, (1..=all).collect::<Vec<_>>());
    let changes = acme.changes(0, 1_000).await.unwrap();
    assert_eq!(changes.len() as u64, all);
    assert_eq!(same.card().await.unwrap().unwrap().revision, all);
}

/// Everything behind a mark, followed until there are so many.
async fn follow(store: &PostgresStore, mut mark: FeedMark, until: usize) -> Vec<Fed> {
    let mut followed = Vec::new();
    while followed.len() < until {
        let page = store.feed(mark.clone(), 7).await.unwrap().expect("what is kept");
        mark = page.last().map_or(mark, |last| last.mark.clone());
        followed.extend(page);
    }
    followed
}

/// Two directories write, and two give out places. Seen to fail without the lock of the feed's row.
#[tokio::test]
async fn directories_that_share_a_server_tell_the_same_in_the_same_order() {
    const EACH: usize = 60;
    let config = database(Statements::Prepared).await;
    let (one, other) =
        (PostgresStore::open(&config).await.unwrap(), PostgresStore::open(&config).await.unwrap());
    let (acme, same) = (acme(&one).await, other.workspace(WorkspaceId::new(Uuid::from_u128(1))));
    let begin = one.feed_begin().await.unwrap();
    let names: Vec<_> = (0..EACH).map(|n| (format!("one {n}"), format!("other {n}"))).collect();
    let writing = async {
        for some in names.chunks(6) {
            let writes = some.iter().flat_map(|(a, b)| [rename(&acme, a), rename(&same, b)]);
            for written in join_all(writes).await {
                written.unwrap();
            }
        }
    };
    let following = async {
        tokio::join!(follow(&one, begin.clone(), 120), follow(&other, begin.clone(), 120))
    };
    let following = tokio::time::timeout(Duration::from_mins(1), following);
    let ((), followed) = tokio::join!(writing, following);
    let (first, second) = followed.expect("all are told");
    assert_eq!(first, second);
    let revisions: Vec<_> = first.iter().map(|fed| fed.change.revision).collect();
    assert_eq!(revisions, (1..=120).collect::<Vec<_>>());
}

/// A transaction that takes long keeps nothing back but what it has itself, and that comes behind every mark
/// given out meanwhile.
#[tokio::test]
async fn a_change_committed_late_lies_behind_every_mark() {
    let config = database(Statements::Prepared).await;
    let store = PostgresStore::open(&config).await.unwrap();
    let acme = acme(&store).await;
    let begin = store.feed_begin().await.unwrap();
    let late = client(&config).await;
    let change = "BEGIN; INSERT INTO change (workspace_id, revision, operation_id, author_service, at, kind, \
                  subject, detail) VALUES ('00000000-0000-0000-0000-000000000002', 1, 'late', 'test', 0, \
                  'workspace-changed', 'late', '{}')";
    late.batch_execute(change).await.unwrap();

    rename(&acme, "Meanwhile").await.unwrap();
    let told = store.feed(begin, 10).await.unwrap().unwrap();
    assert_eq!(told.len(), 1, "the other is told at once");
    let mark = told[0].mark.clone();
    assert_eq!(store.feed_end().await.unwrap(), mark);

    late.batch_execute("COMMIT").await.unwrap();
    let told = store.feed(mark, 10).await.unwrap().unwrap();
    assert_eq!(told.iter().map(|fed| fed.change.subject.as_str()).collect::<Vec<_>>(), ["late"]);
}

/// Within the 100 ms of [`FeedStore::committed`], asked for at five times their value. Seen to fail without
/// anybody who looks.
#[tokio::test]
async fn what_another_directory_commits_is_told() {
    const TOLD: Duration = Duration::from_millis(100);
    let config = database(Statements::Prepared).await;
    let (one, other) =
        (PostgresStore::open(&config).await.unwrap(), PostgresStore::open(&config).await.unwrap());
    let acme = acme(&one).await;
    let mut committed = other.committed();
    for name in ["once", "again"] {
        let end = other.feed_end().await.unwrap();
        // What was told of the places just given out.
        tokio::time::sleep(TOLD).await;
        committed.mark_unchanged();
        rename(&acme, name).await.unwrap();
        let told = tokio::time::timeout(5 * TOLD, committed.changed()).await;
        told.expect("it is told").unwrap();
        assert_eq!(other.feed(end, 10).await.unwrap().unwrap().len(), 1);
    }
}

/// Every write is done once, though connections are lost all the while, and reads go on.
#[tokio::test]
async fn what_a_lost_connection_cut_short_is_done_again() {
    let config = database(Statements::Prepared).await;
    let store = PostgresStore::open(&config).await.unwrap();
    let acme = acme(&store).await;
    let server = client(&config).await;
    let names: Vec<_> = (0..300).map(|n| format!("write {n}")).collect();
    let writing = async {
        for some in names.chunks(20) {
            for written in join_all(some.iter().map(|name| rename(&acme, name))).await {
                written.unwrap();
            }
            acme.card().await.unwrap();
        }
    };
    let cutting = async {
        let mut lost = 0;
        for _ in 0..5 {
            tokio::time::sleep(Duration::from_millis(30)).await;
            lost += cut(&server).await;
        }
        lost
    };
    let ((), lost) = tokio::join!(writing, cutting);
    assert!(lost > 0, "a connection was lost");
    let changes = acme.changes(0, 1_000).await.unwrap();
    let done: std::collections::BTreeSet<_> =
        changes.iter().map(|change| change.operation.0.clone()).collect();
    assert_eq!((changes.len(), done.len()), (names.len(), names.len()));
}

#[tokio::test]
async fn a_statement_ends_at_its_limit_and_the_store_reads_on() {
    // As behind a pooler, which takes no limit for a whole session.
    let config = database(Statements::Unnamed).await;
    let readers = Readers::new(pool(&config), Duration::from_millis(50));
    let state = readers.state().await.unwrap();
    let endless = one(&state, "SELECT 1 FROM pg_sleep(3600)", &[], |_| Ok(())).await;
    assert!(matches!(endless, Err(StoreError::TooCostly)), "{endless:?}");
    drop(state);
    let state = readers.state().await.unwrap();
    assert_eq!(one(&state, "SELECT 1", &[], |_| Ok(())).await.unwrap(), Some(()));
    state.end().await.unwrap();
}

#[tokio::test]
async fn directories_that_start_at_once_make_the_schema_once() {
    let config = database(Statements::Prepared).await;
    let opened = join_all((0..4).map(|_| PostgresStore::open(&config))).await;
    for store in opened {
        store.unwrap().ready().await.unwrap();
    }
}

/// A step of the next version.
const NEXT: Migration = Migration {
    number: MIGRATIONS[MIGRATIONS.len() - 1].number + 1,
    name: "next",
    sql: "ALTER TABLE workspace ADD COLUMN nickname TEXT; \
          UPDATE workspace SET nickname = lower(display_name); \
          CREATE TABLE nickname (workspace_id UUID NOT NULL PRIMARY KEY)",
};
/// The same, so slow that it is killed before its end.
const KILLED: Migration = Migration {
    sql: "ALTER TABLE workspace ADD COLUMN nickname TEXT; \
          UPDATE workspace SET nickname = lower(display_name); SELECT pg_sleep(3600)",
    ..NEXT
};

fn up_to(next: Migration) -> Vec<Migration> {
    MIGRATIONS.into_iter().chain([next]).collect()
}

/// The server undoes it, nobody is lost, and the next start does it; the version before serves all the while, and
/// starts no more once it is done.
#[tokio::test]
async fn a_migration_killed_in_the_middle_is_undone_and_then_finished() {
    let config = database(Statements::Prepared).await;
    let store = PostgresStore::open(&config).await.unwrap();
    let acme = acme(&store).await;
    rename(&acme, "Before").await.unwrap();

    let migrating = connection(&config).await;
    let killed = tokio::spawn(async move { bring_to(&migrating, &up_to(KILLED)).await });
    let server = client(&config).await;
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while server.query_one(kill, &[]).await.unwrap().get::<_, i64>(0) == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(killed.await.unwrap().is_err());
    let column = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'nickname'";
    assert_eq!(server.query_one(column, &[]).await.unwrap().get::<_, i64>(0), 0, "undone");
    PostgresStore::open(&config).await.unwrap();
    rename(&acme, "Meanwhile").await.unwrap();

    bring_to(&connection(&config).await, &up_to(NEXT)).await.unwrap();
    let nickname = server.query_one("SELECT nickname FROM workspace", &[]).await.unwrap();
    assert_eq!(nickname.get::<_, String>(0), "meanwhile");
    rename(&acme, "After").await.unwrap();
    assert_eq!(acme.card().await.unwrap().unwrap().display_name, "After");
    let older = PostgresStore::open(&config).await.err();
    assert!(matches!(older, Some(OpenError::Newer { found: 2, known: 1 })), "{older:?}");
}

/// As `migrate` does it, ahead of the directories.
#[tokio::test]
async fn migrating_tells_from_where_to_where_and_leaves_nothing_to_do() {
    let config = database(Statements::Prepared).await;
    let known = MIGRATIONS[MIGRATIONS.len() - 1].number;
    assert_eq!(migrate(&config).await.unwrap(), Migrated { from: 0, to: known });
    assert_eq!(migrate(&config).await.unwrap(), Migrated { from: known, to: known });

    // A directory needs no right to change the schema then.
    let server = client(&config).await;
    let role = "CREATE ROLE reader_and_writer_%; \
                REVOKE CREATE ON SCHEMA public FROM PUBLIC; \
                GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO reader_and_writer_%";
    let name = server.query_one("SELECT current_database()", &[]).await.unwrap();
    let name: String = name.get(0);
    server.batch_execute(&role.replace('%', &name)).await.unwrap();
    let options = format!("options=-c%20role%3Dreader_and_writer_{name}");
    let url = format!("{}&{options}", config.url.expose()).parse().unwrap();
    let store = PostgresStore::open(&PostgresServer { url, ..config }).await.unwrap();
    rename(&acme(&store).await, "Acme Ltd").await.unwrap();
}

/// The password in it is nobody's to read.
#[tokio::test]
async fn a_url_that_cannot_be_read_is_refused_without_repeating_it() {
    let config = database(Statements::Prepared).await;
    for url in
        ["http://u:hunter2@h", "postgres://u:hunter2@h:port/d", "password=hunter2 port", "hunter2"]
    {
        let server = PostgresServer { url: url.parse().unwrap(), ..config.clone() };
        let refused = PostgresStore::open(&server).await.err().unwrap();
        assert!(matches!(refused, OpenError::Url), "{url}: {refused:?}");
        assert!(!format!("{server:?} {refused:?} {refused}").contains("hunter2"));
    }
}

#[tokio::test]
async fn a_changed_migration_is_refused() {
    let config = database(Statements::Prepared).await;
    drop(PostgresStore::open(&config).await.unwrap());
    let forge = "UPDATE migration SET sha256 = '' WHERE number = 1";
    client(&config).await.batch_execute(forge).await.unwrap();
    let changed = PostgresStore::open(&config).await.err();
    assert!(matches!(changed, Some(OpenError::Changed { number: 1, .. })), "{changed:?}");
}

#[tokio::test]
async fn a_database_of_something_else_is_refused() {
    let config = database(Statements::Prepared).await;
    client(&config).await.batch_execute("CREATE TABLE bookmark (url TEXT)").await.unwrap();
    let foreign = PostgresStore::open(&config).await.err();
    assert!(matches!(foreign, Some(OpenError::Foreign)), "{foreign:?}");
}

#[test]
fn migrations_are_numbered_from_one_without_a_gap() {
    for (migration, number) in MIGRATIONS.iter().zip(1..) {
        assert_eq!(migration.number, number, "{}", migration.name);
    }
}
