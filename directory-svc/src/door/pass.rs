//! The key by which an integration comes in: judged at the door, and again while its call runs.

use std::net::IpAddr;
use std::sync::Arc;

use tonic::Status;

use super::key_cache::{Entry, KeyCache};
use super::refusals::{self, Refusals};
use super::visits::Slip;
use crate::clock::Clock;
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::rules::keys;
use crate::services::fault::{no, store_error};
use crate::store::{KeyGrant, KeyHash, Right, SeenRefusal, WorkspaceStore};

/// What keys are judged by: what is remembered of them, and the time. Clones share it.
#[derive(Clone)]
pub(super) struct Judge {
    pub(super) keys: Arc<KeyCache>,
    pub(super) clock: Clock,
    pub(super) refusals: Arc<Refusals>,
}

/// A key that was presented, and from where.
#[derive(Clone)]
pub(super) struct Pass {
    pub(super) judge: Judge,
    pub(super) workspace: WorkspaceId,
    pub(super) hash: KeyHash,
    /// Where it came from; `None`: nobody knows.
    pub(super) address: Option<IpAddr>,
    pub(super) slip: Slip,
}

impl Pass {
    /// What is known of the key now.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn look_up<W: WorkspaceStore>(
        &self,
        workspace: &W,
    ) -> Result<Arc<Entry>, Status> {
        self.judge.keys.get(workspace, self.workspace, self.hash).await.map_err(store_error)
    }

    /// Judges what is known of the key now, for what is asked. Answers what it opens.
    ///
    /// # Errors
    /// The refusal that whoever presents the key is to hear.
    pub(super) fn judged<'e>(
        &self,
        entry: &'e Entry,
        needs: &[Right],
    ) -> Result<&'e KeyGrant, Refusal> {
        let Judge { clock, refusals, .. } = &self.judge;
        let Some(grant) = entry.grant() else {
            refusals::count_unknown();
            return Err(keys::invalid());
        };
        let (key, at) = (&grant.key, clock.now());
        let Err(cause) = keys::judge(grant, at, self.address, needs) else { return Ok(grant) };
        refusals.tell(self.workspace, key, cause, at);
        let refusal = SeenRefusal { at, cause, key_id: key.id };
        self.slip.refused((self.workspace, key.integration_id), refusal);
        Err(keys::told(cause, grant.suspension.as_ref(), &key.scopes, needs))
    }

    /// Lets a part of a call go on that was let in a while ago, if the key is still good for it.
    ///
    /// # Errors
    /// As at the door.
    pub(super) async fn judge_again<W: WorkspaceStore>(
        &self,
        workspace: &W,
        needs: &[Right],
    ) -> Result<(), Status> {
        let entry = self.look_up(workspace).await?;
        self.judged(&entry, needs).map(drop).map_err(no)
    }
}
