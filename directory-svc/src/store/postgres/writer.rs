//! The writing side: a thread on which writes wait by workspace and are committed in groups.
//!
//! The writes of a workspace that have come meanwhile share its next transaction; several workspaces are
//! written at a time. Nobody is answered before the commit. A commit that the server or the network refused for
//! the moment is tried again for as long as somebody waits: a write finds its own earlier doing by the name of
//! its operation.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::io;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use backon::Retryable;
use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinSet, LocalSet};
use traces::{Place, Span};

use super::connection::Connections;
use super::failure::fault;
use super::group::{Group, Onwards};
use super::readers::{PATIENCE, pauses};
use super::{durability, feed};
use crate::ids::WorkspaceId;
use crate::store::{Answer, StoreError};

/// How many writes may wait. Behind that, callers wait to be queued, as long as their deadlines let them.
const QUEUE: usize = 1_024;
/// How many writes share a commit at the most, so that the first of them is answered soon.
const GROUP: usize = 256;

/// The queue's end and the thread behind it. Dropping it waits until all queued writes are done.
pub(super) struct Writer {
    queue: Option<mpsc::Sender<Queued>>,
    thread: Option<JoinHandle<()>>,
    is_writable: watch::Receiver<bool>,
    committed: watch::Sender<()>,
}

/// Whose transaction a write is part of; `None`: of no workspace's.
type Lane = Option<WorkspaceId>;

struct Queued {
    lane: Lane,
    job: Box<dyn Job>,
}

impl Writer {
    /// Starts the thread. `groups` transactions run at a time at the most. Beside them it listens for what other
    /// processes commit.
    pub(super) fn start(
        connections: Connections,
        listening: Connections,
        groups: usize,
        statement_timeout: Duration,
        notices: watch::Sender<()>,
    ) -> io::Result<Self> {
        let (queue, jobs) = mpsc::channel(QUEUE);
        let (tell, is_writable) = watch::channel(true);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let committed = watch::Sender::new(());
        let tell_committed = committed.clone();
        let watch = durability::watch(listening.clone());
        let listen = feed::listen(listening, committed.clone());
        let worker = Worker { connections, statement_timeout, tell, tell_committed, notices };
        let work = move || {
            let tasks = LocalSet::new();
            tasks.spawn_local(watch);
            tasks.spawn_local(listen);
            tasks.block_on(&runtime, Rc::new(worker).work(jobs, groups));
        };
        let thread = thread::Builder::new().name("store-writer".to_owned()).spawn(work)?;
        Ok(Self { queue: Some(queue), thread: Some(thread), is_writable, committed })
    }

    /// Whether the last commit succeeded.
    pub(super) fn is_writable(&self) -> watch::Receiver<bool> {
        self.is_writable.clone()
    }

    /// Told at each commit, and of those of other processes.
    pub(super) fn committed(&self) -> watch::Receiver<()> {
        self.committed.subscribe()
    }

    /// Has `work` done in a transaction of the lane and answers once that is committed. Whoever stops waiting
    /// earlier does not stop the work, once begun: it is committed whole or not at all. It may be asked again.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl AsyncFn(&Group) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let (reply, answer) = oneshot::channel();
        let told = RefCell::new(Told::queued(traces::here()));
        let job = Box::new(Task { work, result: RefCell::default(), reply, told });
        let closed = || StoreError::Unavailable("the store is closed".to_owned());
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(Queued { lane, job }).await.map_err(|_| closed())?;
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

/// A queued write, whatever it answers. It is decided by what need not be shared between threads, so it lives
/// on the writer's from then on.
trait Job: Send {
    /// Whether anybody waits for it.
    fn is_awaited(&self) -> bool;

    /// Does it behind its savepoint; answers whether it stays. An error is one of the whole transaction.
    fn run<'g>(&'g self, group: &'g Group) -> LocalBoxFuture<'g, Answer<bool>>;

    /// Answers it, the group's commit having gone so.
    fn answer(self: Box<Self>, commit: &Answer<()>);
}

struct Task<F, T> {
    work: F,
    result: RefCell<Option<Answer<T>>>,
    reply: oneshot::Sender<Answer<T>>,
    told: RefCell<Told>,
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
        self.step.word("db.system.name", "postgresql");
    }
}

impl<T, F> Job for Task<F, T>
where
    T: Send,
    F: AsyncFn(&Group) -> Answer<T> + Send,
{
    fn is_awaited(&self) -> bool {
        !self.reply.is_closed()
    }

    fn run<'g>(&'g self, group: &'g Group) -> LocalBoxFuture<'g, Answer<bool>> {
        Box::pin(async move {
            self.told.borrow_mut().begun();
            let before = group.revision();
            // A panic ends the one write: what it left behind is rolled back with its savepoint.
            let result = AssertUnwindSafe((self.work)(group)).catch_unwind().await;
            let result = result.unwrap_or_else(|_| Err(fault("a decision panicked")));
            if let Err(StoreError::Unavailable(why)) = result {
                return Err(StoreError::Unavailable(why));
            }
            let stays = result.is_ok();
            if !stays {
                group.set_revision(before);
            }
            self.result.replace(Some(result));
            Ok(stays)
        })
    }

    fn answer(self: Box<Self>, commit: &Answer<()>) {
        let answer = match (commit, self.result.into_inner()) {
            (Ok(()), Some(result)) => result,
            // Also a refusal: it may rest on a write of the same group that is gone.
            (Err(error), _) => Err(StoreError::Unavailable(error.to_string())),
            (Ok(()), None) => Err(StoreError::Unavailable("the write was not begun".to_owned())),
        };
        let told = self.told.into_inner();
        if matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Fault(_))) {
            told.step.fail();
        }
        drop(told);
        // Whoever asked may have gone.
        let _ = self.reply.send(answer);
    }
}

struct Worker {
    connections: Connections,
    statement_timeout: Duration,
    /// Where it is told whether commits succeed.
    tell: watch::Sender<bool>,
    /// Where each commit is told.
    tell_committed: watch::Sender<()>,
    /// Where it is told that notices were kept.
    notices: watch::Sender<()>,
}

/// The writes that wait, by lane.
#[derive(Default)]
struct Waiting {
    lanes: HashMap<Lane, VecDeque<Box<dyn Job>>>,
    /// The lanes with writes and without a transaction, in the order of their coming.
    ready: VecDeque<Lane>,
    busy: HashSet<Lane>,
}

impl Waiting {
    fn add(&mut self, Queued { lane, job }: Queued) {
        let jobs = self.lanes.entry(lane).or_default();
        if jobs.is_empty() && !self.busy.contains(&lane) {
            self.ready.push_back(lane);
        }
        jobs.push_back(job);
    }

    /// The next group, whose lane is busy from now on.
    fn next(&mut self) -> Option<(Lane, Vec<Box<dyn Job>>)> {
        let lane = self.ready.pop_front()?;
        let jobs = self.lanes.get_mut(&lane)?;
        let group = jobs.drain(..jobs.len().min(GROUP)).collect();
        self.busy.insert(lane);
        Some((lane, group))
    }

    /// The lane's transaction has ended.
    fn free(&mut self, lane: Lane) {
        self.busy.remove(&lane);
        match self.lanes.get(&lane) {
            Some(jobs) if !jobs.is_empty() => self.ready.push_back(lane),
            _ => drop(self.lanes.remove(&lane)),
        }
    }

    fn count(&self) -> usize {
        self.lanes.values().map(VecDeque::len).sum()
    }
}

impl Worker {
    async fn work(self: Rc<Self>, mut jobs: mpsc::Receiver<Queued>, groups: usize) {
        let mut waiting = Waiting::default();
        let mut under_way = JoinSet::new();
        let (mut is_open, mut came) = (true, Vec::new());
        while is_open || !under_way.is_empty() {
            let room = QUEUE.saturating_sub(waiting.count());
            tokio::select! {
                received = jobs.recv_many(&mut came, room), if is_open && room > 0 => {
                    is_open = received > 0;
                    came.drain(..).for_each(|queued| waiting.add(queued));
                }
                Some(ended) = under_way.join_next() => match ended {
                    Ok(lane) => waiting.free(lane),
                    // Every write's own panic is caught: this is one of ours.
                    Err(panic) => std::panic::resume_unwind(panic.into_panic()),
                },
            }
            while under_way.len() < groups
                && let Some((lane, group)) = waiting.next()
            {
                let worker = Rc::clone(&self);
                under_way.spawn_local(async move {
                    worker.keep(lane, group).await;
                    lane
                });
            }
            metrics::gauge!("nestr_scim_store_writer_queue")
                .set(u32::try_from(waiting.count()).unwrap_or(u32::MAX));
        }
    }

    /// Commits the group and answers it.
    async fn keep(&self, lane: Lane, group: Vec<Box<dyn Job>>) {
        let began = Instant::now();
        let commit = (|| self.commit(lane, &group))
            .retry(pauses())
            .when(|error| {
                let is_awaited = group.iter().any(|job| job.is_awaited());
                let is_early = began.elapsed() < PATIENCE;
                is_awaited && is_early && matches!(error, StoreError::Unavailable(_))
            })
            .await;
        metrics::histogram!("nestr_scim_store_commit_seconds").record(began.elapsed());
        metrics::histogram!("nestr_scim_store_group_size")
            .record(u32::try_from(group.len()).unwrap_or(u32::MAX));
        if let Err(error) = &commit {
            tracing::error!(error = error as &dyn std::error::Error, "a commit failed");
        }
        let is_writable = commit.is_ok();
        let outcome = if is_writable { "committed" } else { "failed" };
        metrics::counter!("nestr_scim_store_commits_total", "outcome" => outcome).increment(1);
        self.tell.send_if_modified(|told| std::mem::replace(told, is_writable) != is_writable);
        // What is of no workspace is no change.
        if is_writable && lane.is_some() {
            self.tell_committed.send_replace(());
        }
        for job in group {
            job.answer(&commit);
        }
    }

    async fn commit(&self, lane: Lane, jobs: &[Box<dyn Job>]) -> Answer<()> {
        let group = Group::begin(&self.connections, lane, self.statement_timeout).await?;
        let mut onwards = Onwards::Begin;
        for job in jobs.iter().filter(|job| job.is_awaited()) {
            // The way on and the first statements of the write are sent together, in this order.
            let (gone, stays) = tokio::join!(biased; group.go(onwards), job.run(&group));
            gone?;
            onwards = if stays? { Onwards::Keep } else { Onwards::Undo };
        }
        let has_notices = group.has_notices();
        group.commit(onwards).await?;
        if has_notices {
            self.notices.send_replace(());
        }
        Ok(())
    }
}
