//! Moving the log into the file, by a thread of its own, so that no write waits for it while the log is of a
//! length that can be borne.
//!
//! The log's index remembers how much was moved, also what was not synced yet. A sync that fails may lose
//! all of that, and a later one succeeds and does not write it: so after a failure nothing is moved
//! until the log was read again, with an index that remembers nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::connection;
use crate::store::{Answer, StoreError};

/// The length of the log, in pages of 4 KiB, from which it is moved.
const MOVE_AT: i32 = 1_000;
/// The length of the log, in pages of 4 KiB, from which the writer is held up until it was moved: a log
/// that is appended to without a pause never starts over by itself, and a writer that pauses for no more
/// than the time between two commits leaves whoever polls for its lock without.
const HOLD_UP_AT: i32 = 32_000;

/// Where the writer tells how long the log is.
#[derive(Clone)]
pub(super) struct Checkpoints {
    tell: SyncSender<Told>,
    mover: Mover,
    /// From which length of the log the writer is held up when nobody reads what stands in it.
    bound: i32,
    /// From which length it is the next time.
    hold_up_at: Arc<AtomicI32>,
}

/// What the writer has told.
enum Told {
    /// The log is long enough to be moved.
    Long,
    /// It is too long: who writes waits for this, whether it begins anew.
    TooLong(SyncSender<bool>),
}

/// What moves the log.
#[derive(Clone, Default)]
struct Mover {
    /// The connection; `None` after a check-point that failed. Held while one is under way.
    connection: Arc<Mutex<Option<Connection>>>,
    /// Whether one failed: beside the connection, as the writer asks before each commit and must not wait
    /// for a check-point. What it commits meanwhile is safe: the log is never begun anew before all of it
    /// was moved.
    has_failed: Arc<AtomicBool>,
}

impl Mover {
    fn connection(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkpoints {
    /// Starts the thread. It ends, the log emptied, when the last clone of the handle is gone.
    ///
    /// # Errors
    /// When what is in the log cannot be moved, or when there is no thread to be had.
    pub(super) fn start(path: &Path) -> Answer<(Self, CheckpointThread)> {
        Self::start_bounded(path, HOLD_UP_AT)
    }

    fn start_bounded(path: &Path, bound: i32) -> Answer<(Self, CheckpointThread)> {
        let mover = Mover::default();
        *mover.connection() = Some(moved_anew(path)?);
        let (tell, told) = sync_channel(1);
        let of_thread = mover.clone();
        let thread = thread::Builder::new()
            .name("store-checkpoints".to_owned())
            .spawn(move || work(&of_thread, &told))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let hold_up_at = Arc::new(AtomicI32::new(bound));
        Ok((Self { tell, mover, bound, hold_up_at }, CheckpointThread(Some(thread))))
    }

    /// The log is so many pages long now. Whoever writes tells it between two transactions, and waits here when
    /// it is too long.
    pub(super) fn log_holds(&self, pages: i32) {
        if pages >= self.hold_up_at.load(Ordering::Relaxed) {
            let (answer, wait) = sync_channel(1);
            let is_asked = self.tell.send(Told::TooLong(answer)).is_ok();
            let is_begun_anew = is_asked && wait.recv().unwrap_or(false);
            let next = next_hold_up(pages, self.bound, is_begun_anew);
            self.hold_up_at.store(next, Ordering::Relaxed);
        } else if pages >= MOVE_AT {
            // A full queue: it is being moved already.
            let _ = self.tell.try_send(Told::Long);
        }
    }

    /// Whether a check-point failed: the log is to be read again.
    pub(super) fn have_failed(&self) -> bool {
        self.mover.has_failed.load(Ordering::Acquire)
    }

    /// Has the log read and moved from its beginning. Nobody may have the file open: then the engine makes
    /// its index anew.
    ///
    /// # Errors
    /// When that fails, or when somebody else has the file open; the log is as it was.
    pub(super) fn begin_again(&self, path: &Path) -> Answer<()> {
        *self.mover.connection() = Some(moved_anew(path)?);
        self.mover.has_failed.store(false, Ordering::Release);
        Ok(())
    }
}

/// The thread; dropping it waits for its end.
pub(super) struct CheckpointThread(Option<JoinHandle<()>>);

impl Drop for CheckpointThread {
    fn drop(&mut self) {
        if self.0.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's check-pointer ended by a panic");
        }
    }
}

fn work(mover: &Mover, told: &Receiver<Told>) {
    while let Ok(told) = told.recv() {
        match told {
            Told::Long => {
                checkpoint(mover, "PASSIVE");
            }
            Told::TooLong(waiting) => {
                // A writer that is gone meanwhile waits for nothing.
                let _ = waiting.send(checkpoint(mover, "RESTART"));
            }
        }
    }
    checkpoint(mover, "TRUNCATE");
}

/// From which length of the log the writer is held up the next time. Where somebody went on reading what
/// stood in it, such as a backup, holding the writer up again at each commit would not help.
fn next_hold_up(pages: i32, bound: i32, is_begun_anew: bool) -> i32 {
    if is_begun_anew { bound } else { pages.saturating_add(bound) }
}

/// Whether nobody kept it from its end.
fn checkpoint(mover: &Mover, mode: &str) -> bool {
    let mut slot = mover.connection();
    let Some(connection) = &*slot else { return false };
    match moved(connection, mode) {
        Ok(Outcome { is_busy, .. }) => !is_busy,
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, mode, "a check-point failed");
            *slot = None;
            mover.has_failed.store(true, Ordering::Release);
            false
        }
    }
}

/// What a check-point came to.
struct Outcome {
    /// Whether somebody who reads, or writes, kept it from its end.
    is_busy: bool,
    /// How many pages the log holds.
    pages: i64,
    /// How many of them count as moved.
    moved: i64,
}

fn moved(connection: &Connection, mode: &str) -> rusqlite::Result<Outcome> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&sql, [], |row| {
        Ok(Outcome { is_busy: row.get(0)?, pages: row.get(1)?, moved: row.get(2)? })
    })
}

/// A connection whose log was read and moved from its beginning. Nobody may have the file open: then the
/// engine makes its index anew.
fn moved_anew(path: &Path) -> Answer<Connection> {
    let connection = connection::checkpointer(path)?;
    if moved(&connection, "NOOP")?.moved > 0 {
        return Err(in_use());
    }
    move_all(&connection)?;
    Ok(connection)
}

/// Moves all of the log and syncs it where it is then: also frames that the kernel holds and a failed
/// sync did not write, which whoever reads the log takes for written.
fn move_all(connection: &Connection) -> Answer<()> {
    let Outcome { pages, moved, .. } = moved(connection, "TRUNCATE")?;
    if moved < pages { Err(in_use()) } else { Ok(()) }
}

fn in_use() -> StoreError {
    let why = "another process reads the store, such as a backup or an export: let it end first";
    StoreError::Unavailable(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail with the writer held up at each commit of a log that somebody reads.
    #[test]
    fn a_log_that_is_read_for_long_holds_the_writer_up_once_a_length() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite3");
        connection::create(&path).unwrap();
        let writer = connection::writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)").unwrap();
        let reader = connection::reader(&path).unwrap();
        let read = "BEGIN; SELECT n FROM t";
        reader.execute_batch(read).unwrap();
        writer.execute_batch("INSERT INTO t VALUES (2)").unwrap();

        let checkpointer = connection::checkpointer(&path).unwrap();
        checkpointer.busy_timeout(std::time::Duration::ZERO).unwrap();
        let mover = Mover::default();
        *mover.connection() = Some(checkpointer);
        let is_begun_anew = checkpoint(&mover, "RESTART");
        assert!(!is_begun_anew && !mover.has_failed.load(Ordering::Acquire));
        let long = HOLD_UP_AT + 1;
        assert_eq!(next_hold_up(long, HOLD_UP_AT, is_begun_anew), long + HOLD_UP_AT);

        reader.execute_batch("COMMIT").unwrap();
        let is_begun_anew = checkpoint(&mover, "RESTART");
        assert!(is_begun_anew);
        assert_eq!(next_hold_up(long, HOLD_UP_AT, is_begun_anew), HOLD_UP_AT);
    }

    /// Writes that follow each other without a pause keep the log at its bound. Seen to fail with the check-pointer
    /// polling for the lock beside the writer: the log grew to thirty times that.
    #[test]
    fn a_log_that_is_appended_to_without_a_pause_stays_bounded() {
        const BOUND: i32 = 400;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite3");
        connection::create(&path).unwrap();
        connection::writer(&path).unwrap();
        let (checkpoints, _thread) = Checkpoints::start_bounded(&path, BOUND).unwrap();
        let mut writer = connection::writer(&path).unwrap();
        let longest = Arc::new(AtomicI32::new(0));
        let noted = Arc::clone(&longest);
        let hook = move |_: &mut _, pages| {
            noted.fetch_max(pages, Ordering::Relaxed);
            checkpoints.log_holds(pages);
            Ok(())
        };
        writer.wal_hook(Some(hook)).unwrap();
        writer.execute_batch("CREATE TABLE t (bytes BLOB)").unwrap();
        for _ in 0..400 {
            // Thirty pages or so.
            writer.execute("INSERT INTO t VALUES (randomblob(120_000))", []).unwrap();
        }
        let longest = longest.load(Ordering::Relaxed);
        assert!((BOUND..BOUND * 5).contains(&longest), "{longest}");
    }
}
