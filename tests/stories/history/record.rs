//! What clients asked and were told, and what the directory says became of it.

use std::collections::BTreeSet;

/// A person or a group, by id.
pub(super) type Id = String;
/// A number of the workspace's own order.
pub(super) type Revision = u64;

/// A person or a group, as far as the history looks at it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Of a person the title, of a group the displayName; each write has one of its own.
    pub(super) mark: String,
    /// Of a group; of a person none.
    pub(super) members: BTreeSet<Id>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Makes what has this mark.
    Create(String),
    /// Gives it another mark; who belongs to a group stays, as nothing is said of them.
    Replace(String),
    /// Gives it another mark.
    Patch(String),
    /// Removes it.
    Delete,
    /// Looks at it.
    Get,
    /// Takes a person into the group.
    Join(Id),
    /// Takes a person out of the group.
    Leave(Id),
}

/// How a call ended for its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// So it is, and of this version.
    Stands(Revision, State),
    /// It is removed.
    Removed,
    /// There is none.
    Absent,
    /// Nothing, or nothing that says what was done.
    Nothing,
}

/// One call, however often its client sent it.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// What it is about; empty of a creation.
    pub(super) id: Id,
    pub(super) act: Act,
    /// The name of the write; of none for a look.
    pub(super) operation: String,
    /// When it was sent first.
    pub(super) began: u64,
    /// When its answer was there; for ever when none was.
    pub(super) ended: u64,
    pub(super) told: Told,
}

/// What the feed tells of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) revision: Revision,
    pub(super) operation: String,
    pub(super) id: Id,
}

/// All that happened from a revision on.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// The last revision before any of the calls.
    pub(super) before: Revision,
    pub(super) calls: Vec<Call>,
    pub(super) changes: Vec<Change>,
}
