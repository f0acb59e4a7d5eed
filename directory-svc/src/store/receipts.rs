//! What services acknowledge of the feed, and what is waited for.

use std::future::Future;

use super::{Acknowledged, Answer, Consumer, Done, Ending, Standing};
use crate::clock::Micros;
use crate::ids::{UserId, WorkspaceId};

/// Who has done the changes that ended somebody's access, and since when. A consumer is known from its first
/// acknowledgement on; what lies before that it has done.
pub trait ReceiptStore {
    /// Keeps that a consumer has done everything up to there, at `at`. What it acknowledged further stays. A caller
    /// has at most `most` consumers.
    fn acknowledge(
        &self,
        consumer: Consumer,
        done: Done,
        at: Micros,
        most: u32,
    ) -> impl Future<Output = Answer<Acknowledged>> + Send;

    /// Forgets a consumer; answers whether there was one.
    fn forget_consumer(&self, consumer: Consumer) -> impl Future<Output = Answer<bool>> + Send;

    /// All consumers, and what is waited for of each, in order.
    fn consumers(&self) -> impl Future<Output = Answer<Vec<Standing>>> + Send;

    /// The last change that ended the access of a person of a workspace; `None`: none is kept.
    fn ending(
        &self,
        workspace: WorkspaceId,
        of: UserId,
    ) -> impl Future<Output = Answer<Option<Ending>>> + Send;

    /// Forgets consumers who acknowledged nothing since `before`, and acknowledgements from before it. Answers how
    /// many rows went.
    fn clear_receipts(&self, before: Micros) -> impl Future<Output = Answer<u64>> + Send;
}
