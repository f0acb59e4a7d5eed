//! Opening connections to the one file, each for its purpose.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// The oldest engine without the WAL-reset bug: 3.51.3.
pub(super) const OLDEST_ENGINE: i32 = 3_051_003;

/// How long a reader waits for a lock, on the caller's thread. There is one to wait for only while
/// another connection is the first to read the log.
const READER_PATIENCE: Duration = Duration::from_millis(500);
/// How long the check-pointer waits for readers when it holds the writer up.
const CHECKPOINTER_PATIENCE: Duration = Duration::from_secs(1);
/// How long the writer waits for a lock: longer than the check-pointer may hold it up.
const WRITER_PATIENCE: Duration = Duration::from_secs(5);
/// Page cache of the writer, in KiB: it holds the upper pages of every index.
const WRITER_CACHE_KIB: i32 = 64 * 1024;
/// Page cache of each reader, in KiB.
const READER_CACHE_KIB: i32 = 16 * 1024;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 128;

/// Makes the file when there is none, for its owner alone, and makes its name durable.
pub(super) fn create(path: &Path) -> io::Result<()> {
    let created = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match created {
        Ok(file) => file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes names in the directory durable.
pub(super) fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// The connection that writes. An answered write is on the disk: `synchronous` is FULL.
pub(super) fn writer(path: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = open(path, access, WRITER_PATIENCE, WRITER_CACHE_KIB)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// The connection that moves the log into the file.
pub(super) fn checkpointer(path: &Path) -> rusqlite::Result<Connection> {
    let access = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = open(path, access, CHECKPOINTER_PATIENCE, READER_CACHE_KIB)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// A connection that reads and cannot write.
pub(super) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    open(path, OpenFlags::SQLITE_OPEN_READ_ONLY, READER_PATIENCE, READER_CACHE_KIB)
}

fn open(
    path: &Path,
    access: OpenFlags,
    patience: Duration,
    cache_kib: i32,
) -> rusqlite::Result<Connection> {
    // A connection is used by one thread at a time, so the engine need not lock it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(patience)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans do not look at bound values: else each binding has its statement prepared anew.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    // An I/O error in a mapped file is a signal that kills the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // Check-points are the check-pointer's, also the last one.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    #[cfg(test)]
    let connection = super::plans::noted(connection)?;
    Ok(connection)
}
