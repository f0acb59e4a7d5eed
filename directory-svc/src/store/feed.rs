//! What is told of changes across workspaces, and when there is something to tell.

use std::future::Future;

use tokio::sync::watch;

use super::{Answer, Fed, FeedMark};
use crate::clock::Micros;

/// How many bytes of records a page of changes holds before it ends: a change of a large group is long.
pub(super) const CHANGES_BYTES: usize = 1024 * 1024;

/// The changes of all workspaces in one order. The order is the engine's, and has to hold this:
///
/// - the changes of one workspace come by revision, without a gap;
/// - a change that is committed later never comes to lie before a mark that was given out;
/// - a mark stays good when the store is closed and opened, and in every process on it.
///
/// So an engine whose writers commit side by side gives out no mark behind a change while an earlier one may
/// still be committed. Between workspaces nothing else is promised.
pub trait FeedStore {
    /// Where the feed begins: everything behind it is kept.
    fn feed_begin(&self) -> impl Future<Output = Answer<FeedMark>> + Send;

    /// Where the feed ends: what is committed from now on lies behind it.
    fn feed_end(&self) -> impl Future<Output = Answer<FeedMark>> + Send;

    /// The changes behind `after`, at most `limit`; fewer when they are long, but one where there is one. Costs
    /// next to nothing where there is none. `None`: some of them are cleared, or the mark is not of this store.
    fn feed(
        &self,
        after: FeedMark,
        limit: u32,
    ) -> impl Future<Output = Answer<Option<Vec<Fed>>>> + Send;

    /// Clears changes that were made before `before`, at most `limit`, of each workspace the earliest first and
    /// none behind one that is kept. Answers how many. The names of their operations are forgotten with them.
    fn clear_changes(&self, before: Micros, limit: u32)
    -> impl Future<Output = Answer<u64>> + Send;

    /// It is told when changes may have been committed: at once those of this process, within 100 ms those of
    /// others. Not each by itself, and it may be told of none.
    fn committed(&self) -> watch::Receiver<()>;
}
