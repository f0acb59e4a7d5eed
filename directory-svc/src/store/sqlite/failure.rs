//! Where the engine's errors end: outside, there are only the store's and the opener's.

use std::error::Error;
use std::io;
use std::path::PathBuf;

use rusqlite::ErrorCode;

use crate::clock::Micros;
use crate::store::StoreError;
use crate::store::portable::CarryError;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error(
        "the data directory {} is in use by another process. Stop that one first, or give this one \
         a directory of its own",
        .0.display()
    )]
    InUse(PathBuf),
    /// It was written by a newer version.
    #[error(
        "the store was made by a newer version: it is at migration {found}, this version knows \
         {known}. Start the newer version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The newest migration of the store.
        found: u32,
        /// The newest migration of this binary.
        known: u32,
    },
    /// The text of a migration is not the one that was applied.
    #[error(
        "migration {number} ({name}) of the store is not the one of this version: start a released \
         version"
    )]
    Changed {
        /// The migration's number.
        number: u32,
        /// Its name.
        name: &'static str,
    },
    /// The file holds something else.
    #[error("directory.sqlite3 is not a store of this program: give it a directory of its own")]
    Foreign,
    /// It is a copy, and nobody has said what is to become of what ended after it was made.
    #[error(
        "{} is a copy of a store, made at {}, and is not served as it is: whatever was revoked, removed \
         or barred since then would be back. Move it out of the data directory, and bring it in with \
         `nestr-scim restore --from FILE --revoke-keys` (docs/backup.md)",
        path.display(),
        words_of(*made_at)
    )]
    Copy {
        /// The store's file.
        path: PathBuf,
        /// When it was made.
        made_at: Micros,
    },
    /// The engine is too old to be trusted.
    #[error("SQLite {0} loses writes when its log is reset: 3.51.3 or newer is needed")]
    OldEngine(&'static str),
    /// A file cannot be made or locked.
    #[error("cannot open {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine cannot open the store.
    #[error("cannot open the store")]
    Engine(#[source] Box<dyn Error + Send + Sync>),
}

/// A time as RFC 3339 writes it.
fn words_of(at: Micros) -> String {
    jiff::Timestamp::from_microsecond(at).map_or_else(|_| at.to_string(), |at| at.to_string())
}

impl From<OpenError> for CarryError {
    fn from(error: OpenError) -> Self {
        Self::Open(Box::new(error))
    }
}

impl From<rusqlite::Error> for CarryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(Box::new(error))
    }
}

impl From<rusqlite::Error> for StoreError {
    /// What the machine may mend (a full disk, a lock) is unavailability; an interrupted statement
    /// ran out of time; all else is ours.
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::TooCostly,
            Some(
                ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::PermissionDenied
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Fault(Box::new(error)),
        }
    }
}

/// A fault that has no error of its own.
pub(super) fn fault(what: &'static str) -> StoreError {
    StoreError::Fault(what.into())
}

/// Whether a unique or primary key refused a row.
pub(super) fn is_conflict(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation)
}
