//! What services have acknowledged of the feed.

use super::{FeedMark, Revision};
use crate::clock::Micros;
use crate::ids::WorkspaceId;

/// A service that acknowledges what it has done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Consumer {
    /// The one workspace that it follows; `None`: all.
    pub workspace: Option<WorkspaceId>,
    /// The name of the service caller.
    pub caller: String,
    /// Which of the caller's it is, when there are several; may be empty.
    pub name: String,
}

/// Up to where the feed is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The change of this revision, by a consumer of one workspace.
    One(Revision),
    /// This place, by a consumer of all.
    All(FeedMark),
}

/// What became of an acknowledgement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// It is kept.
    Kept,
    /// The place lies behind everything there is: it is not of this store.
    Unknown,
    /// The caller has as many consumers as it may.
    TooMany,
}

/// What is waited for of a consumer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which one.
    pub consumer: Consumer,
    /// When it acknowledged last.
    pub seen_at: Micros,
    /// When the earliest access ended whose end it has not acknowledged; `None`: it has all.
    pub waiting_since: Option<Micros>,
}

/// That a person's access ended, and who has acknowledged it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The change that ended it.
    pub revision: Revision,
    /// When that was.
    pub at: Micros,
    /// All who follow the workspace, and since when they have acknowledged it; `None`: they have not.
    pub receipts: Vec<(Consumer, Option<Micros>)>,
}
