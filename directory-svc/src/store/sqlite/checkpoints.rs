//! Moving the log into the file, by a thread of its own, so that no write waits for it.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::Connection;

/// The length of the log, in pages of 4 KiB, from which it is moved.
const MOVE_AT: i32 = 1_000;
/// The length of the log, in pages of 4 KiB, from which the writer is held up for a moment: a log
/// that is appended to without a pause never starts over by itself.
const HOLD_UP_AT: i32 = 32_000;

/// Where the writer tells how long the log is.
#[derive(Clone)]
pub(super) struct Checkpoints(SyncSender<i32>);

impl Checkpoints {
    /// Starts the thread. It ends, the log emptied, when the last clone of the handle is gone.
    pub(super) fn start(connection: Connection) -> io::Result<(Self, CheckpointThread)> {
        let (tell, told) = sync_channel(1);
        let thread = thread::Builder::new()
            .name("store-checkpoints".to_owned())
            .spawn(move || work(&connection, &told))?;
        Ok((Self(tell), CheckpointThread(Some(thread))))
    }

    /// The log is so many pages long now.
    pub(super) fn log_holds(&self, pages: i32) {
        if pages >= MOVE_AT {
            // A full queue: it is being moved already.
            let _ = self.0.try_send(pages);
        }
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

fn work(connection: &Connection, told: &Receiver<i32>) {
    while let Ok(pages) = told.recv() {
        checkpoint(connection, if pages < HOLD_UP_AT { "PASSIVE" } else { "RESTART" });
    }
    checkpoint(connection, "TRUNCATE");
}

fn checkpoint(connection: &Connection, mode: &str) {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    if let Err(error) = connection.query_row(&sql, [], |_| Ok(())) {
        tracing::warn!(error = &error as &dyn std::error::Error, mode, "check-point put off");
    }
}
