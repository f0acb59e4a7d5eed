//! Moving the log into the file, by a thread of its own, so that no write waits for it.
//!
//! The log's index remembers how much was moved, also what was not synced yet. A sync that fails may lose
//! all of that, and a later one succeeds and does not write it: so after a failure nothing is moved
//! until the log was read again, with an index that remembers nothing.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

use super::connection;
use crate::store::{Answer, StoreError};

/// The length of the log, in pages of 4 KiB, from which it is moved.
const MOVE_AT: i32 = 1_000;
/// The length of the log, in pages of 4 KiB, from which the writer is held up for a moment: a log
/// that is appended to without a pause never starts over by itself.
const HOLD_UP_AT: i32 = 32_000;

/// Where the writer tells how long the log is.
#[derive(Clone)]
pub(super) struct Checkpoints {
    tell: SyncSender<i32>,
    mover: Mover,
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
        let connection = connection::checkpointer(path)?;
        move_all(&connection)?;
        let mover = Mover::default();
        *mover.connection() = Some(connection);
        let (tell, told) = sync_channel(1);
        let of_thread = mover.clone();
        let thread = thread::Builder::new()
            .name("store-checkpoints".to_owned())
            .spawn(move || work(&of_thread, &told))
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        Ok((Self { tell, mover }, CheckpointThread(Some(thread))))
    }

    /// The log is so many pages long now.
    pub(super) fn log_holds(&self, pages: i32) {
        if pages >= MOVE_AT {
            // A full queue: it is being moved already.
            let _ = self.tell.try_send(pages);
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
        let connection = connection::checkpointer(path)?;
        let (_, remembered) = moved(&connection, "NOOP")?;
        if remembered > 0 {
            return Err(in_use());
        }
        move_all(&connection)?;
        *self.mover.connection() = Some(connection);
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

fn work(mover: &Mover, told: &Receiver<i32>) {
    while let Ok(pages) = told.recv() {
        checkpoint(mover, if pages < HOLD_UP_AT { "PASSIVE" } else { "RESTART" });
    }
    checkpoint(mover, "TRUNCATE");
}

fn checkpoint(mover: &Mover, mode: &str) {
    let mut slot = mover.connection();
    let Some(connection) = &*slot else { return };
    if let Err(error) = moved(connection, mode) {
        tracing::warn!(error = &error as &dyn std::error::Error, mode, "a check-point failed");
        *slot = None;
        mover.has_failed.store(true, Ordering::Release);
    }
}

/// How many pages the log holds, and how many of them count as moved.
fn moved(connection: &Connection, mode: &str) -> rusqlite::Result<(i64, i64)> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    connection.query_row(&sql, [], |row| Ok((row.get(1)?, row.get(2)?)))
}

/// Moves all of the log and syncs it where it is then: also frames that the kernel holds and a failed
/// sync did not write, which whoever reads the log takes for written.
fn move_all(connection: &Connection) -> Answer<()> {
    let (all, moved) = moved(connection, "TRUNCATE")?;
    if moved < all { Err(in_use()) } else { Ok(()) }
}

fn in_use() -> StoreError {
    StoreError::Unavailable("another process reads the store".to_owned())
}
