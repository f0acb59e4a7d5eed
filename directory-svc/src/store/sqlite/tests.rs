//! What this engine promises besides what every store must.

use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use super::*;
use crate::refusal::Refusal;
use crate::store::{Author, Domain, DomainState, OperationId, StoreError, WorkspaceStore, Write};

fn open(dir: &Path) -> Result<SqliteStore, OpenError> {
    let statement_timeout = Duration::from_secs(2);
    SqliteStore::open(SqliteConfig { dir: dir.to_owned(), statement_timeout })
}

fn write(operation: &str) -> Write {
    let author = Author::Service("test".to_owned());
    Write { operation: OperationId(operation.to_owned()), author, at: 0 }
}

async fn acme(store: &SqliteStore) -> SqliteWorkspace {
    let id = WorkspaceId::new(uuid::Uuid::from_u128(1));
    let card = Workspace::new(id, "Acme", "admin@acme.com", 0);
    store.create_workspace(write("make Acme"), card).await.unwrap();
    store.workspace(id)
}

async fn claim(
    workspace: &SqliteWorkspace,
    name: &str,
    decide: impl Fn(Domain) -> Result<Domain, Refusal> + Send + 'static,
) -> Answer<Domain> {
    let pending = Domain {
        name: name.to_owned(),
        state: DomainState::Pending,
        contact_email: "admin@acme.com".to_owned(),
        claimed_at: 0,
        claimed_by: "test".to_owned(),
        challenge: String::new(),
        decision: None,
    };
    let decide = move |_: Option<&Domain>, _| Ok(decide(pending.clone())?.into());
    workspace.change_domain(write(name), name.to_owned(), decide).await
}

/// Holds the writer up until the answered sender is dropped: what is queued meanwhile is one group.
async fn held_up(store: &SqliteStore) -> SyncSender<()> {
    let (hold, wait) = sync_channel::<()>(0);
    let (begin, under_way) = tokio::sync::oneshot::channel();
    let store = store.clone();
    tokio::spawn(async move {
        let hold_up = move |_: &Connection| {
            let _ = begin.send(());
            let _ = wait.recv();
            Ok(())
        };
        store.0.writer.run(hold_up).await
    });
    under_way.await.unwrap();
    hold
}

/// Queues a write and waits until it is in the queue.
async fn queued<T: Send + 'static>(
    write: impl Future<Output = T> + Send + 'static,
) -> tokio::task::JoinHandle<T> {
    let queued = tokio::spawn(write);
    tokio::task::yield_now().await;
    queued
}

/// Seen to fail with the lock's answer passed over.
#[test]
fn refuse_a_second_process_on_the_same_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    let second = open(dir.path()).err().unwrap();
    assert!(matches!(second, OpenError::InUse(_)));
    assert!(second.to_string().contains(dir.path().to_str().unwrap()));
    drop(first);
    open(dir.path()).unwrap();
}

/// Seen to fail without the comparison of numbers.
#[test]
fn refuse_a_newer_store() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let newer = connection::writer(&dir.path().join(FILE)).unwrap();
    newer.execute("INSERT INTO migration VALUES (9999, 'later', x'00', 0)", []).unwrap();
    drop(newer);
    let error = open(dir.path()).err().unwrap();
    assert!(matches!(error, OpenError::Newer { found: 9999, .. }), "{error}");
    assert!(error.to_string().contains("newer version"));
}

/// Of 3.51.2, which loses writes when its log is reset; the one that is bundled is newer. Seen to fail
/// without the comparison.
#[test]
fn refuse_an_engine_that_loses_writes() {
    let dir = tempfile::tempdir().unwrap();
    let open = |engine| {
        let statement_timeout = Duration::from_secs(2);
        SqliteStore::open_on(engine, SqliteConfig { dir: dir.path().to_owned(), statement_timeout })
    };
    assert!(matches!(open(3_051_002).err().unwrap(), OpenError::OldEngine(_)));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing was made");
    drop(open(3_051_003).unwrap());
    open(rusqlite::version_number()).unwrap();
}

#[test]
fn keep_the_file_from_others() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path()).unwrap();
    for file in ["directory.sqlite3", "directory.sqlite3-wal", "directory.sqlite3-shm"] {
        let mode = std::fs::metadata(dir.path().join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
}

/// Seen to fail with NORMAL, which a power cut finds out.
#[test]
fn sync_every_commit() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path()).unwrap();
    let connection = connection::writer(&dir.path().join(FILE)).unwrap();
    let pragma = |name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0))
            .unwrap()
    };
    assert_eq!(pragma("synchronous"), 2.into(), "FULL");
    assert_eq!(pragma("journal_mode"), "wal".to_owned().into());
    assert_eq!(pragma("wal_autocheckpoint"), 0.into());
}

/// Seen to fail with a refusal that ends its transaction.
#[tokio::test]
async fn fail_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let acme = acme(&store).await;
    let hold = held_up(&store).await;
    let mut answers = Vec::new();
    for (n, workspace) in std::iter::repeat_n(&acme, 3).cloned().enumerate() {
        let decide = move |domain| match n {
            1 => Err(Refusal::new(directory_api::v1::Reason::DomainNotVerified, "no")),
            _ => Ok(domain),
        };
        let name = format!("{n}.example");
        answers.push(queued(async move { claim(&workspace, &name, decide).await }).await);
    }
    drop(hold);
    let mut succeeded = Vec::new();
    for answer in answers {
        succeeded.push(answer.await.unwrap().is_ok());
    }
    assert_eq!(succeeded, [true, false, true]);
    assert_eq!(acme.card().await.unwrap().unwrap().revision, 2);
    assert_eq!(acme.domains().await.unwrap().len(), 2);
}

/// Seen to fail with the failed connection kept, which has a full disk for ever.
#[tokio::test]
async fn fail_all_of_a_group_whose_disk_is_full_and_heal() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let acme = acme(&store).await;
    let hold = held_up(&store).await;
    let (first, last, between) = (acme.clone(), acme.clone(), store.clone());
    let first = queued(async move { claim(&first, "first.example", Ok).await }).await;
    let fill = |connection: &Connection| {
        connection.execute("CREATE TABLE much AS SELECT randomblob(1000000)", [])?;
        Ok(())
    };
    let fill_a_full_disk = move |connection: &Connection| {
        connection.pragma_update_and_check(None, "max_page_count", 1, |_| Ok(()))?;
        fill(connection)
    };
    let between = queued(async move { between.0.writer.run(fill_a_full_disk).await }).await;
    let last = queued(async move { claim(&last, "last.example", Ok).await }).await;
    drop(hold);

    assert!(matches!(first.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(matches!(between.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert!(matches!(last.await.unwrap(), Err(StoreError::Unavailable(_))));
    assert_eq!(acme.domains().await.unwrap(), [], "reads go on, and nothing was kept");
    claim(&acme, "first.example", Ok).await.unwrap();
    store.0.writer.run(fill).await.unwrap();
    assert_eq!(acme.card().await.unwrap().unwrap().revision, 1);
}

/// Seen to fail without the catch: the thread is gone, and with it every later write.
#[tokio::test]
async fn outlive_a_panicking_decision() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let acme = acme(&store).await;
    let panicked = claim(&acme, "acme.com", |_| panic!("a decision panics in this test")).await;
    assert!(matches!(panicked, Err(StoreError::Fault(_))));
    assert_eq!(acme.card().await.unwrap().unwrap().revision, 0);
    claim(&acme, "acme.com", Ok).await.unwrap();
}

/// Seen to fail with every queued write begun.
#[tokio::test]
async fn leave_out_what_nobody_waits_for_and_finish_what_is_queued() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let workspace = acme(&store).await;
    let hold = held_up(&store).await;
    let (gone, waiting) = (workspace.clone(), workspace.clone());
    let gone = queued(async move { claim(&gone, "gone.example", Ok).await }).await;
    let waiting = queued(async move { claim(&waiting, "waiting.example", Ok).await }).await;
    gone.abort();
    assert!(gone.await.is_err());
    drop((hold, store));
    waiting.await.unwrap().unwrap();
    let names: Vec<_> =
        workspace.domains().await.unwrap().into_iter().map(|domain| domain.name).collect();
    assert_eq!(names, ["waiting.example"]);
}

/// Behind a full queue a caller waits outside it, and what it wanted is gone when it goes. Seen to
/// fail with one place more, and with one less.
#[tokio::test]
async fn hold_no_more_writes_than_the_queue_has_places() {
    const PLACES: usize = 1_024;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let hold = held_up(&store).await;
    let witness = Arc::new(());
    let write = || {
        let witness = Arc::clone(&witness);
        store.0.writer.run(move |_: &Connection| {
            drop(witness);
            Ok(())
        })
    };
    for places in 1..=PLACES {
        // It is queued at its first step, and then nobody waits for it.
        let _ = tokio::time::timeout(Duration::ZERO, write()).await.unwrap_err();
        assert_eq!(Arc::strong_count(&witness), places + 1);
    }
    let _ = tokio::time::timeout(Duration::from_millis(50), write()).await.unwrap_err();
    assert_eq!(Arc::strong_count(&witness), PLACES + 1, "it was never in the queue");

    let (waiting, ()) = tokio::join!(write(), async { drop(hold) });
    waiting.unwrap();
    drop(store);
    assert_eq!(Arc::strong_count(&witness), 1);
}

/// Seen to fail without the last check-point: a connection that only reads leaves the log.
#[tokio::test]
async fn empty_the_log_when_closed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    claim(&acme(&store).await, "acme.com", Ok).await.unwrap();
    assert_eq!(acme(&store).await.domains().await.unwrap().len(), 1);
    drop(store);
    let log = std::fs::metadata(dir.path().join("directory.sqlite3-wal"));
    assert!(log.map_or(true, |log| log.len() == 0));
    let store = open(dir.path()).unwrap();
    assert_eq!(acme(&store).await.domains().await.unwrap().len(), 1);
}

/// Seen to fail with a check-point that moves nothing.
#[tokio::test]
async fn move_the_log_while_writing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).unwrap();
    let main = || std::fs::metadata(dir.path().join(FILE)).unwrap().len();
    let before = main();
    let grow = |connection: &Connection| {
        connection.execute("CREATE TABLE much AS SELECT randomblob(8000000) AS bytes", [])?;
        Ok(())
    };
    store.0.writer.run(grow).await.unwrap();
    let moved = async {
        while main() < before + 8_000_000 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), moved).await.unwrap();
}

#[test]
fn look_up_sign_ins_and_waiting_claims_by_index() {
    let dir = tempfile::tempdir().unwrap();
    let _store = open(dir.path()).unwrap();
    let connection = connection::reader(&dir.path().join(FILE)).unwrap();
    let plan = |sql: &str| {
        let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let unbound = plan.raw_query();
        unbound.mapped(|row| row.get::<_, String>(3)).collect::<Result<Vec<_>, _>>().unwrap()
    };
    let verified = plan(doorsteps::VERIFIED);
    assert!(verified[0].contains("domain_verified (name=?)"), "{verified:?}");
    assert!(verified[2].contains("(workspace_id=? AND login_email_key=?)"), "{verified:?}");
    assert_eq!(verified.len(), 3, "{verified:?}");
    let allowed = plan(doorsteps::ALLOWED);
    assert!(allowed[0].contains("allowed_address_login (address_key=?)"), "{allowed:?}");
    let linked = plan(doorsteps::LINKED);
    assert!(linked[0].contains("identity_subject (issuer=? AND subject=?)"), "{linked:?}");
    let waiting = plan(&users::without_login_sql());
    assert!(waiting[0].contains("user_without_login (workspace_id=? AND seq>?)"), "{waiting:?}");
    assert_eq!(waiting.len(), 2, "{waiting:?}");
    let pending = plan(domains::PENDING);
    assert_eq!(
        pending,
        ["SEARCH domain USING INDEX domain_pending ((claimed_at,workspace_id,name)>(?,?,?))"],
        "in its order, from its start"
    );
}
