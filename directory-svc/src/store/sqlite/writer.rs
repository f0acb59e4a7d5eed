//! The one writer: a thread that commits queued writes as a group.
//!
//! Each write has its savepoint and fails alone; a commit that fails fails its whole group, and the
//! connection is opened anew before the next. After a check-point that failed nothing is committed until
//! the log was read again. Nobody is answered before the commit.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};
use traces::{Place, Span};

use super::checkpoints::Checkpoints;
use super::connection;
use super::failure::fault;
use super::readers::Readers;
use crate::failpoint::{self, Point};
use crate::store::{Answer, StoreError};

/// How many writes may wait. Behind that, callers wait to be queued, as long as their deadlines let
/// them.
const QUEUE: usize = 1_024;
/// How many writes share a commit at the most, so that the first of them is answered in some tens of
/// milliseconds.
const GROUP: usize = 256;

/// The queue's end and the thread behind it. Dropping it waits until all queued writes are done.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    is_writable: watch::Receiver<bool>,
    committed: watch::Receiver<()>,
}

impl Writer {
    /// Starts the thread; the first connection is opened here, so that its failure is seen.
    pub(super) fn start(
        path: PathBuf,
        connection: Connection,
        checkpoints: Checkpoints,
        readers: Arc<Readers>,
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (tell, is_writable) = watch::channel(true);
        let (tell_committed, committed) = watch::channel(());
        let connection = Some(connection);
        let worker = Worker { path, connection, checkpoints, readers, tell, tell_committed };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || worker.work(jobs))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), is_writable, committed })
    }

    /// Whether the last commit succeeded.
    pub(super) fn is_writable(&self) -> watch::Receiver<bool> {
        self.is_writable.clone()
    }

    /// Told at each commit.
    pub(super) fn committed(&self) -> watch::Receiver<()> {
        self.committed.clone()
    }

    /// Has `work` done in a transaction and answers once that is on the disk. Whoever stops waiting
    /// earlier does not stop the work, once begun: it is committed whole or not at all.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        let told = Told::queued(traces::here());
        let job = Task { work: Some(work), result: None, reply, told };
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Box::new(job)).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's writer ended by a panic");
        }
    }
}

/// A queued write, whatever it answers.
trait Job: Send {
    /// Whether anybody waits for it.
    fn is_awaited(&self) -> bool;

    /// Does it in its savepoint. An error is one of the whole transaction.
    fn run(&mut self, connection: &Connection) -> Answer<()>;

    /// Answers it, the group's commit having gone so.
    fn answer(self: Box<Self>, commit: &Answer<()>);
}

struct Task<F, T> {
    work: Option<F>,
    result: Option<Answer<T>>,
    reply: oneshot::Sender<Answer<T>>,
    told: Told,
}

/// What the trace of a write tells: how long it waited, and how long its transaction took.
struct Told {
    place: Place,
    step: Span,
}

impl Told {
    fn queued(place: Place) -> Self {
        Self { step: place.step("store queue"), place }
    }

    fn begun(&mut self) {
        self.step = self.place.step("store write");
        self.step.word("db.system.name", "sqlite");
    }
}

impl<T, F> Job for Task<F, T>
where
    T: Send,
    F: FnOnce(&Connection) -> Answer<T> + Send,
{
    fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run(&mut self, connection: &Connection) -> Answer<()> {
        let Some(work) = self.work.take() else { return Ok(()) };
        self.told.begun();
        savepoint(connection, "SAVEPOINT job")?;
        // A panic ends the one write: what it left behind is rolled back with its savepoint.
        let result = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|_| Err(fault("a decision panicked")));
        match result {
            Err(StoreError::Unavailable(why)) => return Err(StoreError::Unavailable(why)),
            Err(_) => savepoint(connection, "ROLLBACK TO job")?,
            Ok(_) => {}
        }
        savepoint(connection, "RELEASE job")?;
        self.result = Some(result);
        Ok(())
    }

    fn answer(self: Box<Self>, commit: &Answer<()>) {
        let answer = match (commit, self.result) {
            (Ok(()), Some(result)) => result,
            // Also a refusal: it may rest on a write of the same group that is gone.
            (Err(error), _) => Err(StoreError::Unavailable(error.to_string())),
            (Ok(()), None) => Err(StoreError::Unavailable("the write was not begun".to_owned())),
        };
        if matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Fault(_))) {
            self.told.step.fail();
        }
        drop(self.told);
        // Whoever asked may have gone.
        let _ = self.reply.send(answer);
    }
}

fn savepoint(connection: &Connection, sql: &str) -> Answer<()> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

struct Worker {
    path: PathBuf,
    /// `None` after a failure: the next group opens it anew.
    connection: Option<Connection>,
    checkpoints: Checkpoints,
    readers: Arc<Readers>,
    /// Where it is told whether commits succeed.
    tell: watch::Sender<bool>,
    /// Where each commit is told.
    tell_committed: watch::Sender<()>,
}

impl Worker {
    fn work(mut self, mut jobs: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP);
        while jobs.blocking_recv_many(&mut group, GROUP) > 0 {
            let began = Instant::now();
            let commit = self.commit(&mut group);
            metrics::histogram!("nestr_scim_store_commit_seconds").record(began.elapsed());
            metrics::histogram!("nestr_scim_store_group_size")
                .record(u32::try_from(group.len()).unwrap_or(u32::MAX));
            metrics::gauge!("nestr_scim_store_writer_queue")
                .set(u32::try_from(jobs.len()).unwrap_or(u32::MAX));
            if let Err(error) = &commit {
                tracing::error!(error = error as &dyn std::error::Error, "a commit failed");
                self.connection = None;
            }
            let is_writable = commit.is_ok();
            let outcome = if is_writable { "committed" } else { "failed" };
            metrics::counter!("nestr_scim_store_commits_total", "outcome" => outcome).increment(1);
            self.tell.send_if_modified(|told| std::mem::replace(told, is_writable) != is_writable);
            if is_writable {
                self.tell_committed.send_replace(());
            }
            group.drain(..).for_each(|job| job.answer(&commit));
        }
    }

    fn commit(&mut self, group: &mut [Box<dyn Job>]) -> Answer<()> {
        if self.checkpoints.have_failed() {
            self.read_the_log_again()?;
        }
        let connection = self.connection()?;
        savepoint(connection, "BEGIN IMMEDIATE")?;
        for job in group.iter_mut().filter(|job| job.is_awaited()) {
            job.run(connection)?;
        }
        failpoint::pass(Point::BeforeCommit);
        savepoint(connection, "COMMIT")?;
        failpoint::pass(Point::AfterCommit);
        Ok(())
    }

    /// Closes the file for everybody and reads its log from the beginning: the engine's index of it does
    /// not outlive the last connection.
    fn read_the_log_again(&mut self) -> Answer<()> {
        self.connection = None;
        let _nobody_reads = self.readers.close();
        self.checkpoints.begin_again(&self.path)
    }

    fn connection(&mut self) -> Answer<&Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => open(&self.path, &self.checkpoints)?,
        };
        Ok(self.connection.insert(connection))
    }
}

/// The writing connection, its commits told to `checkpoints`.
pub(super) fn open(path: &Path, checkpoints: &Checkpoints) -> rusqlite::Result<Connection> {
    let mut connection = connection::writer(path)?;
    let checkpoints = checkpoints.clone();
    connection.wal_hook(Some(move |_: &mut _, pages| {
        checkpoints.log_holds(pages);
        Ok(())
    }))?;
    Ok(connection)
}
