//! What a store keeps of letters: the outbox.

use std::future::Future;

use tokio::sync::watch;

use super::{Answer, EndingKey, Notice, Outbox, Settled};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, WorkspaceId};

/// The letters of all workspaces that are owed. Most are kept by the write that they tell of
/// ([`Decided`](super::Decided)); none of these takes a revision.
pub trait NoticeStore: Clone + Send + Sync + 'static {
    /// Keeps notices that no write of their workspace brought about. One whose key is there already
    /// changes nothing.
    fn keep_notices(
        &self,
        notices: Vec<(WorkspaceId, Notice)>,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Takes at most `limit` notices that are due at `now`, those that are due longest. Nobody else is
    /// given them before `until`, unless the store is opened anew by the only process that may have it.
    fn take_due_notices(
        &self,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> impl Future<Output = Answer<Outbox>> + Send;

    /// Says what became of the notice that was taken for the `attempts`th time. Nothing is changed when
    /// somebody else has taken it since.
    fn settle_notice(
        &self,
        of: WorkspaceId,
        key: String,
        attempts: u32,
        settled: Settled,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// Clears at most `limit` notices that ended before `before`. Answers how many.
    fn clear_notices(&self, before: Micros, limit: u32)
    -> impl Future<Output = Answer<u64>> + Send;

    /// At most `limit` living keys that end behind `now` and not behind `until`, in the order of
    /// workspace, end and id, behind the place `after`.
    fn ending_keys(
        &self,
        now: Micros,
        until: Micros,
        after: Option<(WorkspaceId, Micros, ApiKeyId)>,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<EndingKey>>> + Send;

    /// Told whenever notices are kept; whoever takes some then finds them, or waits for them.
    fn notices_kept(&self) -> watch::Receiver<()>;
}
