//! People who were kept without a login e-mail until their domain was verified.

use crate::ids::WorkspaceId;
use crate::store::Revision;

/// A domain whose people may wait, in the hands of whoever signs them in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Whose it is.
    pub workspace_id: WorkspaceId,
    /// The domain, which was verified.
    pub domain: String,
    /// The `seq` of the person who was looked at last; 0: nobody was.
    pub after: Revision,
}
