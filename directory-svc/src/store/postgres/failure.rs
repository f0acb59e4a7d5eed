//! Where the engine's errors end: outside, there are only the store's and the opener's.

use std::error::Error;

use directory_api::v1::Reason;
use tokio_postgres::error::SqlState;

use crate::refusal::Refusal;
use crate::store::StoreError;
use crate::store::portable::CarryError;

/// Why a store does not open.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL is none.
    #[error(
        "write postgres://USER@HOST:PORT/DATABASE, with ?sslmode=require or ?sslmode=disable where it matters"
    )]
    Url,
    /// The same, of the standbys.
    #[error("--postgres-standby (NESTR_SCIM_POSTGRES_STANDBY): {0}")]
    Standby(#[source] Box<OpenError>),
    /// There is no certificate in what should vouch for the server's.
    #[error("the file of certificates holds none that can be used")]
    Certificates,
    /// The certificates that the server's is checked against cannot be read.
    #[error(
        "the certificates that this machine trusts cannot be read: {0}. Install them (Debian's package \
         ca-certificates), or say sslmode=disable where the network needs no TLS"
    )]
    Tls(String),
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
    /// The database holds something else.
    #[error("the database has tables of something else: give this program a database of its own")]
    Foreign,
    /// The server is too old.
    #[error("the server is PostgreSQL {0}: 15 or newer is needed")]
    OldServer(i64),
    /// The database does not keep every text.
    #[error("the database's encoding is {0}: make one with the encoding UTF8")]
    Encoding(String),
    /// The server cannot be reached, or does not do as asked.
    #[error("cannot open the store on the PostgreSQL server")]
    Server(#[source] Box<dyn Error + Send + Sync>),
}

impl OpenError {
    /// The same, of the standbys.
    pub(super) fn standby(self) -> Self {
        Self::Standby(Box::new(self))
    }
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(Box::new(error))
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        Self::Server(Box::new(error))
    }
}

impl From<tokio_postgres::Error> for CarryError {
    fn from(error: tokio_postgres::Error) -> Self {
        StoreError::from(error).into()
    }
}

impl From<tokio_postgres::Error> for StoreError {
    /// What another try may mend (a lost connection, a server that goes or is not the first any more, two
    /// transactions in each other's way) is unavailability; a cancelled statement ran out of time; all else is
    /// ours.
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::QUERY_CANCELED => Self::TooCostly,
            Some(code) if *code == SqlState::CHARACTER_NOT_IN_REPERTOIRE => {
                let detail = "A text holds a NUL character, which no text can. Send it without.";
                Refusal::new(Reason::InvalidValue, detail).into()
            }
            Some(code) if is_passing(code) => Self::Unavailable(in_our_words(&error)),
            None if is_of_the_connection(&error) => Self::Unavailable(in_our_words(&error)),
            _ => Self::Fault(in_our_words(&error).into()),
        }
    }
}

/// What went wrong, for logs: a server's detail quotes the row, and of what it cannot read also the message does.
pub(super) fn in_our_words(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else {
        return error.source().map_or_else(|| error.to_string(), |why| format!("{error}: {why}"));
    };
    let code = said.code().code();
    let message =
        if code.starts_with("22") { "a value is not as expected" } else { said.message() };
    format!("the server said {code}: {message}")
}

fn is_passing(code: &SqlState) -> bool {
    // Connections, resources, operators who shut down, and transactions in each other's way.
    let class = code.code().get(..2).unwrap_or_default();
    ["08", "53", "57", "58", "40"].contains(&class)
        || *code == SqlState::LOCK_NOT_AVAILABLE
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
}

fn is_of_the_connection(error: &tokio_postgres::Error) -> bool {
    let is_io = error.source().is_some_and(<dyn Error>::is::<std::io::Error>);
    error.is_closed() || is_io
}

/// A fault that has no error of its own.
pub(super) fn fault(what: &'static str) -> StoreError {
    StoreError::Fault(what.into())
}

/// Whether a unique or primary key refused a row.
pub(super) fn is_conflict(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}
