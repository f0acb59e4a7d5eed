//! The feed of changes of all workspaces.

use serde::{Deserialize, Serialize};

use super::Change;
use crate::ids::WorkspaceId;

/// A place in the feed of all workspaces, made by the engine and understood by it alone. It is given out
/// sealed, and may come back after days, in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedMark(pub Vec<u8>);

/// A change of some workspace, in the feed of all.
#[derive(Clone, Debug, PartialEq)]
pub struct Fed {
    /// The place right behind it.
    pub mark: FeedMark,
    /// Whose change it is.
    pub workspace_id: WorkspaceId,
    /// The change.
    pub change: Change,
}
