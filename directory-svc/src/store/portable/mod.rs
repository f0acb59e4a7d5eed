//! The way from one store to another, of whatever engine: which rows are carried (`tables`) and the file
//! they are carried in (`file`). The engines read and write the rows.

mod aside;
mod file;
mod tables;

use std::path::PathBuf;

use uuid::Uuid;

pub use aside::Aside;
pub(in crate::store) use aside::with_companions;
pub use file::Input;
#[cfg(test)]
pub(in crate::store) use file::hex;
pub(in crate::store) use file::{Header, Reader, Row, Writer};
#[cfg(test)]
pub(in crate::store) use tables::NOT_CARRIED;
pub(in crate::store) use tables::{Becomes, Column, Kind, TABLES, Table};

use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::store::StoreError;

/// What a column of a row holds.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Value {
    /// Nothing.
    Null,
    /// Of [`Kind::Id`].
    Id(Uuid),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Flag`].
    Flag(bool),
    /// Of [`Kind::Text`].
    Text(String),
    /// Of [`Kind::Bytes`].
    Bytes(Vec<u8>),
}

/// What becomes of the API keys that come into a store with what is brought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// They go on opening what they opened.
    Keep,
    /// They are revoked, each with its record.
    Revoke,
}

/// How an export is taken.
#[derive(Clone, Copy, Debug)]
pub struct Import {
    /// What becomes of its keys.
    pub keys: Keys,
    /// Whether a workspace may come with a domain verified that another has here.
    pub may_share_domains: bool,
    /// The time that records of it tell.
    pub now: Micros,
}

/// How much was carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// How many workspaces.
    pub workspaces: u64,
    /// How many rows, those of the workspaces among them.
    pub rows: u64,
    /// How many API keys were revoked on the way.
    pub revoked: u64,
}

/// How far something has come, as it is told to whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many rows, pages or bytes are done.
    pub done: u64,
    /// How many there are, where that is known.
    pub of: Option<u64>,
}

/// Whom it is told to.
pub type Tell<'a> = &'a mut dyn FnMut(Step);

/// Why nothing was carried.
#[derive(Debug, thiserror::Error)]
pub enum CarryError {
    /// There is nothing to read.
    #[error("there is no store in {}: name the data directory of a directory", .0.display())]
    NoStore(PathBuf),
    /// The store stands at another migration than this program.
    #[error(
        "the store is at migration {found}, and this version is at {known}: use the version that \
         serves the store, or start this one on it once"
    )]
    OtherVersion {
        /// That of the store.
        found: u32,
        /// That of this program.
        known: u32,
    },
    /// There is no such workspace in the store.
    #[error("there is no workspace {0} in the store")]
    NoWorkspace(WorkspaceId),
    /// The workspace is in the store already.
    #[error(
        "workspace {0} is here already, and nothing was imported: a workspace is imported once. \
         Import into an empty data directory"
    )]
    WorkspaceIsHere(WorkspaceId),
    /// Somebody else has a domain that comes in as verified.
    #[error(
        "{domain} is verified for workspace {holder}, which is here, and for {workspace}, which would \
         come: nothing was imported. Revoke it in one of them, or say --allow-shared-domains"
    )]
    SharedDomain {
        /// The domain.
        domain: String,
        /// Who has it here.
        holder: WorkspaceId,
        /// Who would have it.
        workspace: WorkspaceId,
    },
    /// It is no export.
    #[error("this is no export of nestr-scim: its first line does not say so")]
    NotAnExport,
    /// It was exported by a version that writes otherwise.
    #[error(
        "the export was written by a version that keeps other things ({0}). Import it with that \
         version, and start this one on the store"
    )]
    OtherTables(String),
    /// A line is not as an export writes it.
    #[error("line {line} of the export cannot be taken: {what}. Nothing was imported")]
    Line {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The last line is missing.
    #[error("the export is cut off behind line {line}. Nothing was imported")]
    Cut {
        /// The number of the last line that is there.
        line: u64,
    },
    /// The lines are not those that were written.
    #[error(
        "the export is not as it was written: its lines do not have the checksum that its end tells. \
         Nothing was imported"
    )]
    Changed,
    /// A row of the store is not as the description says. Ours to mend.
    #[error("{0}")]
    Row(String),
    /// The file that was named is not a copy.
    #[error(
        "{} is not a copy that `nestr-scim backup` made. To move the files of a store that was \
         stopped, put them in place as they are",
        .0.display()
    )]
    NotACopy(PathBuf),
    /// A copy that is damaged.
    #[error("{} is damaged: {verdict}", path.display())]
    Damaged {
        /// The copy.
        path: PathBuf,
        /// What the engine says of it.
        verdict: String,
    },
    /// There is something in the place already.
    #[error("{} is there already: name another place, or move it away", .0.display())]
    InTheWay(PathBuf),
    /// Files of a store are in the place already.
    #[error(
        "the data directory holds files of a store already, {} among them: move directory.sqlite3 \
         and the files that begin with its name away, together",
        .0.display()
    )]
    StoreInTheWay(PathBuf),
    /// A file cannot be read or written.
    #[error("{what}")]
    File {
        /// Which, or what was to be done.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The store does not open; the engine says why.
    #[error(transparent)]
    Open(Box<dyn std::error::Error + Send + Sync>),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl CarryError {
    /// What names the file of an error of the system.
    pub(in crate::store) fn file(
        what: impl Into<String>,
    ) -> impl FnOnce(std::io::Error) -> CarryError {
        let what = what.into();
        move |source| Self::File { what, source }
    }
}

/// What an export is to hold.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// One workspace; `None`: all.
    pub workspace: Option<WorkspaceId>,
    /// When it is made.
    pub at: Micros,
}
