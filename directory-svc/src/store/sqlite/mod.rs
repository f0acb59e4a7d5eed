//! The embedded store: one file, nothing else to run.
//!
//! One thread writes and commits in groups; reads have connections of their own and never wait for
//! it. One process at a time has the directory.

mod allowed;
mod audit;
#[cfg(test)]
mod carried;
mod changes;
mod checkpoints;
mod connection;
mod copy;
mod counts;
mod dialect;
mod domain_checks;
mod domains;
mod doorsteps;
mod export;
mod failure;
mod groups;
mod identities;
mod import;
mod integrations;
mod joining;
mod keys;
mod listing;
mod migrations;
mod notices;
mod passage;
#[cfg(test)]
pub(in crate::store) mod plans;
mod readers;
mod receipts;
mod refused;
mod resources;
mod schemas;
mod statement;
mod status;
#[cfg(test)]
mod tests;
mod users;
mod waiting;
mod workspace;
mod workspaces;
mod writer;
mod writing;

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::watch;
use uuid::Uuid;

pub use copy::{Restored, Restoring, backup, restore};
pub use export::export;
pub use failure::OpenError;
pub use import::import;
pub use workspace::SqliteWorkspace;

use self::checkpoints::{CheckpointThread, Checkpoints};
use self::notices::Entrance;
use self::readers::Readers;
use self::writer::Writer;
use super::portable::CarryError;
use super::{
    Acknowledged, Answer, Consumer, Done, Doorstep, Ending, EndingKey, Fed, FeedMark, FeedStore,
    Identity, LoginEmail, Notice, NoticeStore, Outbox, PendingDomain, PendingMark, ReceiptStore,
    Settled, Standing, Store, Waiting, Workspace, Write,
};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, UserId, WorkspaceId};

/// The name of the store's file in the data directory.
const FILE: &str = "directory.sqlite3";
/// The name of the file whose lock says that a process has the directory.
const LOCK: &str = "lock";

/// Where the store is, and how long it may think.
#[derive(Clone, Debug)]
pub struct SqliteConfig {
    /// The data directory, which exists and belongs to this store alone.
    pub dir: PathBuf,
    /// How long a listing may run before the engine stops it.
    pub statement_timeout: Duration,
}

/// The store of one data directory. Clones share it; the last one to go waits until all queued writes
/// are done.
#[derive(Clone)]
pub struct SqliteStore(Arc<Shared>);

// In the order in which they are dropped: the writer ends before the check-pointer, whose last act
// is to empty the log, and the lock is given back when nothing has the file open any more.
struct Shared {
    writer: Writer,
    _checkpoints: CheckpointThread,
    readers: Arc<Readers>,
    outbox: Entrance,
    _lock: File,
}

impl SqliteStore {
    /// Opens the store of a directory, makes it when there is none, and brings its schema to that of
    /// this version. Blocks for as long as that takes.
    ///
    /// # Errors
    /// When another process has the directory, when a newer version wrote it, or when it cannot be
    /// read; each says what to do.
    pub fn open(config: SqliteConfig) -> Result<Self, OpenError> {
        Self::open_on(rusqlite::version_number(), config)
    }

    /// Opens it on the engine of this number.
    fn open_on(engine: i32, config: SqliteConfig) -> Result<Self, OpenError> {
        let SqliteConfig { dir, statement_timeout } = config;
        let opened = Opened::on(engine, &dir)?;
        notices::release(&opened.connection)?;
        // Should this fail, the thread is waited for when nobody tells it anything any more.
        let Opened { path, lock, checkpoint_thread, checkpoints, connection } = opened;
        let readers = Arc::new(Readers::new(path.clone(), statement_timeout));
        let writer = Writer::start(path.clone(), connection, checkpoints, Arc::clone(&readers))
            .map_err(|source| OpenError::File { path, source })?;
        let outbox = Entrance::new();
        Ok(Self(Arc::new(Shared {
            writer,
            _checkpoints: checkpoint_thread,
            readers,
            outbox,
            _lock: lock,
        })))
    }
}

/// The store of a directory that this process has to itself, of the schema of this version.
// In the order in which they are dropped; see `Shared`.
struct Opened {
    path: PathBuf,
    /// The one that writes.
    connection: Connection,
    checkpoints: Checkpoints,
    checkpoint_thread: CheckpointThread,
    lock: File,
}

impl Opened {
    fn on(engine: i32, dir: &Path) -> Result<Self, OpenError> {
        if engine < connection::OLDEST_ENGINE {
            return Err(OpenError::OldEngine(rusqlite::version()));
        }
        let lock = lock(dir)?;
        let path = dir.join(FILE);
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::File { path, source }
        };
        connection::create(&path).map_err(failed(&path))?;
        if let Some(made_at) = copy::made_at(&connection::reader(&path)?)? {
            return Err(OpenError::Copy { path, made_at });
        }
        migrations::run(&mut connection::writer(&path)?)?;
        connection::sync_directory(dir).map_err(failed(dir))?;
        let started =
            Checkpoints::start(&path).map_err(|error| OpenError::Engine(Box::new(error)))?;
        let connection = writer::open(&path, &started.0)?;
        let (checkpoints, checkpoint_thread) = started;
        Ok(Self { path, connection, checkpoints, checkpoint_thread, lock })
    }
}

/// A connection that reads the store of a directory, whether or not another process serves it: at one
/// moment, that of the first question, for as long as it is there.
fn beside(dir: &Path) -> Result<Connection, CarryError> {
    let path = dir.join(FILE);
    if !path.is_file() {
        return Err(CarryError::NoStore(dir.to_owned()));
    }
    let connection = connection::reader(&path)?;
    connection.execute_batch("BEGIN")?;
    migrations::check(&connection)?;
    Ok(connection)
}

/// Takes the directory for this process. The kernel gives the lock back when the process ends, in
/// whatever way.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let opened = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = opened.map_err(|source| OpenError::File { path: path.clone(), source })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

impl Store for SqliteStore {
    type Workspace = SqliteWorkspace;

    fn workspace(&self, id: WorkspaceId) -> SqliteWorkspace {
        SqliteWorkspace::new(Arc::clone(&self.0), id)
    }

    async fn create_workspace(&self, write: Write, workspace: Workspace) -> Answer<()> {
        self.0
            .writer
            .run(move |connection| workspaces::create(connection, &write, &workspace))
            .await
    }

    async fn workspaces(&self, after: Option<WorkspaceId>, limit: u32) -> Answer<Vec<Workspace>> {
        self.0.readers.long(move |connection| workspaces::list(connection, after, limit)).await
    }

    async fn pending_domains(
        &self,
        after: Option<PendingMark>,
        limit: u32,
    ) -> Answer<Vec<PendingDomain>> {
        let pending = move |c: &Connection| domains::pending(c, after.as_ref(), limit);
        self.0.readers.long(pending).await
    }

    async fn take_due_checks(
        &self,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> Answer<Vec<(WorkspaceId, String)>> {
        let is_any_due = |c: &Connection| domain_checks::is_any_due(c, now, until);
        if !self.0.readers.point(is_any_due)? {
            return Ok(Vec::new());
        }
        let take = move |c: &Connection| domain_checks::take_due(c, now, until, limit);
        self.0.writer.run(take).await
    }

    async fn take_waiting(
        &self,
        taker: Uuid,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> Answer<Vec<Waiting>> {
        let is_any_free = |c: &Connection| waiting::is_any_free(c, now, until);
        if !self.0.readers.point(is_any_free)? {
            return Ok(Vec::new());
        }
        let take = move |c: &Connection| waiting::take(c, taker, now, until, limit);
        self.0.writer.run(take).await
    }

    async fn doorsteps(
        &self,
        email: LoginEmail,
        identity: Option<Identity>,
    ) -> Answer<Vec<Doorstep>> {
        self.0.readers.point(|connection| doorsteps::list(connection, &email, identity.as_ref()))
    }

    async fn clear_expired(&self, now: Micros, images_before: Micros, limit: u32) -> Answer<u64> {
        let clear = move |c: &Connection| changes::clear_expired(c, now, images_before, limit);
        self.0.writer.run(clear).await
    }

    async fn ready(&self) -> Answer<()> {
        let read = |c: &Connection| Ok(c.query_row("SELECT 1 FROM migration", [], |_| Ok(()))?);
        self.0.readers.point(read)?;
        let write = "UPDATE write_probe SET tries = tries + 1 WHERE id = 1";
        self.0.writer.run(|c| Ok(statement::run(c, write, [])?)).await?;
        Ok(())
    }

    fn is_writable(&self) -> watch::Receiver<bool> {
        self.0.writer.is_writable()
    }
}

impl FeedStore for SqliteStore {
    async fn feed_begin(&self) -> Answer<FeedMark> {
        self.0.readers.point(changes::feed_begin)
    }

    async fn feed_end(&self) -> Answer<FeedMark> {
        self.0.readers.point(changes::feed_end)
    }

    async fn feed(&self, after: FeedMark, limit: u32) -> Answer<Option<Vec<Fed>>> {
        if self.feed_end().await? == after {
            return Ok(Some(Vec::new()));
        }
        self.0.readers.long(move |connection| changes::feed(connection, &after, limit)).await
    }

    async fn clear_changes(&self, before: Micros, limit: u32) -> Answer<u64> {
        self.0.writer.run(move |connection| changes::clear(connection, before, limit)).await
    }

    fn committed(&self) -> watch::Receiver<()> {
        self.0.writer.committed()
    }
}

impl ReceiptStore for SqliteStore {
    async fn acknowledge(
        &self,
        consumer: Consumer,
        done: Done,
        at: Micros,
        most: u32,
    ) -> Answer<Acknowledged> {
        let keep = move |c: &Connection| receipts::acknowledge(c, &consumer, &done, at, most);
        self.0.writer.run(keep).await
    }

    async fn forget_consumer(&self, consumer: Consumer) -> Answer<bool> {
        self.0.writer.run(move |connection| receipts::forget(connection, &consumer)).await
    }

    async fn consumers(&self) -> Answer<Vec<Standing>> {
        self.0.readers.long(receipts::consumers).await
    }

    async fn ending(&self, workspace: WorkspaceId, of: UserId) -> Answer<Option<Ending>> {
        self.0.readers.point(|connection| receipts::ending(connection, workspace, of))
    }

    async fn clear_receipts(&self, before: Micros) -> Answer<u64> {
        self.0.writer.run(move |connection| receipts::clear(connection, before)).await
    }
}

impl NoticeStore for SqliteStore {
    async fn keep_notices(&self, notices: Vec<(WorkspaceId, Notice)>) -> Answer<()> {
        let outbox = self.0.outbox.clone();
        let keep = move |connection: &Connection| {
            let mut each = notices.iter();
            each.try_for_each(|(workspace, notice)| outbox.keep(connection, *workspace, [notice]))
        };
        self.0.writer.run(keep).await
    }

    async fn take_due_notices(&self, now: Micros, until: Micros, limit: u32) -> Answer<Outbox> {
        self.0.writer.run(move |connection| notices::take(connection, now, until, limit)).await
    }

    async fn settle_notice(
        &self,
        of: WorkspaceId,
        key: String,
        attempts: u32,
        settled: Settled,
    ) -> Answer<()> {
        let settle = move |c: &Connection| notices::settle(c, of, &key, attempts, &settled);
        self.0.writer.run(settle).await
    }

    async fn clear_notices(&self, before: Micros, limit: u32) -> Answer<u64> {
        self.0.writer.run(move |connection| notices::clear(connection, before, limit)).await
    }

    async fn ending_keys(
        &self,
        now: Micros,
        until: Micros,
        after: Option<(WorkspaceId, Micros, ApiKeyId)>,
        limit: u32,
    ) -> Answer<Vec<EndingKey>> {
        let list = move |c: &Connection| notices::ending_keys(c, now, until, after, limit);
        self.0.readers.long(list).await
    }

    fn notices_kept(&self) -> watch::Receiver<()> {
        self.0.outbox.subscribe()
    }
}
