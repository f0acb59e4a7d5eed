//! What every store keeps of the people who wait for their domain.

use std::future::Future;

use uuid::Uuid;

use super::{Answer, Revision};
use crate::clock::Micros;

/// The domains of one workspace whose people may wait. Each is marked by the very write that verifies it
/// ([`change_domain`](super::WorkspaceStore::change_domain)), from its first person on and free at once, and is
/// unmarked by one that takes it back. None of what stands here takes a revision.
///
/// Whoever takes one does so under a name of their own, and what they say of it counts until another has taken
/// it or it was marked anew.
pub trait WaitingStore: Clone + Send + Sync + 'static {
    /// Marks a domain anew, from its first person on, and gives it to `taker` until the time `until`. Nothing,
    /// when it is not verified.
    fn begin_waiting(
        &self,
        domain: String,
        taker: Uuid,
        until: Micros,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Notes behind whom to go on, or with `None` that nobody is left to look at, which unmarks it. `taker` has
    /// it until the time `until`. Answers whether it was theirs; it is left as it is if not.
    fn note_waiting(
        &self,
        domain: String,
        taker: Uuid,
        after: Option<Revision>,
        until: Micros,
    ) -> impl Future<Output = Answer<bool>> + Send;
}
