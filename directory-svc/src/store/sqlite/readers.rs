//! Reading connections, lent out one at a time.
//!
//! A point read is answered on the spot, on the caller's thread: it takes microseconds, less than
//! going to another thread would. What may take longer runs on a thread for blocking work, as one of
//! a few, ends at the statement's time limit, and ends when nobody waits for it any more.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::Semaphore;
use traces::{Place, Span};

use super::connection;
use crate::store::{Answer, StoreError};

/// How many long reads run at a time; the others wait for one of them.
const LONG_READS: usize = 4;
/// How many idle connections are kept. Point reads need one for each of the runtime's threads.
const IDLE: usize = 16;
/// How often a long read looks at its limit, in instructions of the engine's machine: some 10 µs.
const LOOK_EVERY: i32 = 1_000;

/// The pool.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    /// Held by each read, and by whoever needs that there is none.
    under_way: RwLock<()>,
    long_reads: Arc<Semaphore>,
    statement_timeout: Duration,
}

impl Readers {
    /// A pool of connections to the file at `path`.
    pub(super) fn new(path: PathBuf, statement_timeout: Duration) -> Self {
        let long_reads = Arc::new(Semaphore::new(LONG_READS));
        Self {
            path,
            idle: Mutex::default(),
            under_way: RwLock::default(),
            long_reads,
            statement_timeout,
        }
    }

    /// Answers now. Only for reads that an index answers with one row or a few.
    pub(super) fn point<T>(&self, read: impl FnOnce(&Connection) -> Answer<T>) -> Answer<T> {
        let _told = read_step(&traces::here(), "store point read");
        let _under_way = self.read();
        let connection = self.take()?;
        let answer = read(&connection);
        self.give_back(connection, &answer);
        answer
    }

    /// Answers from a thread for blocking work, all statements of `read` seeing the same state.
    ///
    /// # Errors
    /// [`StoreError::TooCostly`] when it takes longer than the statement timeout.
    pub(super) async fn long<T: Send + 'static>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let caller = Caller::default();
        let gone = Arc::clone(&caller.gone);
        let closed = |_| StoreError::Unavailable("the store is closed".to_owned());
        let place = traces::here();
        let queued = place.step("store queue");
        let permit = Arc::clone(&self.long_reads).acquire_owned().await.map_err(closed)?;
        let readers = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            drop(queued);
            let _told = read_step(&place, "store long read");
            readers.read_until(&gone, read)
        });
        reading.await.map_err(|error| StoreError::Fault(error.into()))?
    }

    fn read_until<T>(
        &self,
        gone: &Arc<AtomicBool>,
        read: impl FnOnce(&Connection) -> Answer<T>,
    ) -> Answer<T> {
        let _under_way = self.read();
        let mut connection = self.take()?;
        let (gone, end) = (Arc::clone(gone), Instant::now() + self.statement_timeout);
        let is_over = move || gone.load(Ordering::Relaxed) || Instant::now() >= end;
        connection.progress_handler(LOOK_EVERY, Some(is_over))?;
        let answer = in_one_state(&connection, read);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        self.give_back(connection, &answer);
        answer
    }

    /// Closes every connection, once it is given back; new reads wait until the answer is dropped.
    pub(super) fn close(&self) -> RwLockWriteGuard<'_, ()> {
        let nobody = self.under_way.write().unwrap_or_else(PoisonError::into_inner);
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
        nobody
    }

    fn read(&self) -> RwLockReadGuard<'_, ()> {
        self.under_way.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Answer<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Ok(idle.map_or_else(|| connection::reader(&self.path), Ok)?)
    }

    fn give_back<T>(&self, connection: Connection, answer: &Answer<T>) {
        // A connection that failed may have half-read what it failed on.
        if matches!(answer, Err(StoreError::Unavailable(_) | StoreError::Fault(_))) {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
    }
}

/// What the trace of a read tells.
fn read_step(place: &Place, name: &'static str) -> Span {
    let step = place.step(name);
    step.word("db.system.name", "sqlite");
    step
}

fn in_one_state<T>(
    connection: &Connection,
    read: impl FnOnce(&Connection) -> Answer<T>,
) -> Answer<T> {
    let transaction = connection.unchecked_transaction()?;
    let answer = read(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

/// Lives as long as somebody waits.
#[derive(Default)]
struct Caller {
    gone: Arc<AtomicBool>,
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: &str =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

    fn readers(statement_timeout: Duration) -> (tempfile::TempDir, Arc<Readers>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.sqlite3");
        connection::create(&path).unwrap();
        connection::writer(&path).unwrap();
        (dir, Arc::new(Readers::new(path, statement_timeout)))
    }

    fn endless(connection: &Connection) -> Answer<i64> {
        Ok(connection.query_row(ENDLESS, [], |row| row.get(0))?)
    }

    /// Seen to fail, by not ending, with the time limit taken out of the handler.
    #[tokio::test]
    async fn a_long_read_ends_at_its_limit_and_the_connection_reads_on() {
        let (_dir, readers) = readers(Duration::from_millis(50));
        assert!(matches!(readers.long(endless).await, Err(StoreError::TooCostly)));
        let one = |c: &Connection| Ok(c.query_row("SELECT 1", [], |row| row.get::<_, i64>(0))?);
        assert_eq!(readers.long(one).await.unwrap(), 1);
    }

    /// Seen to fail, by not ending, with the caller's going taken out of the handler.
    #[tokio::test]
    async fn a_long_read_ends_when_nobody_waits() {
        let (_dir, readers) = readers(Duration::from_hours(1));
        let waiting = tokio::time::timeout(Duration::from_millis(50), readers.long(endless));
        assert!(waiting.await.is_err());
        let all = u32::try_from(LONG_READS).unwrap();
        let ended = readers.long_reads.acquire_many(all);
        drop(tokio::time::timeout(Duration::from_secs(10), ended).await.unwrap().unwrap());
    }
}
