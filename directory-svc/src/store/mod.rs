//! Where state lives: small traits, a handle per workspace, and the engines behind them.
//!
//! No rule lives here: a write asks a pure `decide`, inside its transaction, and keeps what it says.

mod model;
pub mod postgres;
pub mod sqlite;

#[cfg(test)]
mod conformance;
mod domain_checks;
mod edits;
mod feed;
mod filter_sql;
mod groups;
mod joining;
mod notices;
mod places;
pub mod portable;
mod receipts;
mod record;
mod waiting;
mod words;

use std::future::Future;

pub use domain_checks::DomainCheckStore;
pub use feed::FeedStore;
pub(crate) use filter_sql::is_served;
pub use groups::GroupStore;
pub use joining::JoiningStore;
pub use model::*;
pub use notices::NoticeStore;
pub use receipts::ReceiptStore;
pub(crate) use record::Detail;
use tokio::sync::watch;
use uuid::Uuid;
pub use waiting::WaitingStore;
pub(crate) use words::Word;

use crate::clock::Micros;
use crate::ids::{ApiKeyId, IntegrationId, MemberId, UserId, WorkspaceId};
use crate::refusal::Refusal;

/// A value that two living people, or two living groups, of a workspace cannot share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unique {
    /// userName, compared folded.
    UserName,
    /// The login e-mail, compared folded.
    LoginEmail,
    /// displayName, compared folded, together with externalId, among the groups of one integration.
    GroupName,
}

/// Why a store does not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The rules said no. Nothing was written.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Another living person or group has the value. Nothing was written.
    #[error("{unique:?} is held by {holder}")]
    Taken {
        /// What both want.
        unique: Unique,
        /// Who has it.
        holder: MemberId,
    },
    /// The address is firmly barred, or the person has left, and the write readmits nobody. Nothing was written.
    #[error("{user_id} has left")]
    Barred {
        /// The person, or who had the address.
        user_id: UserId,
    },
    /// The integration whose write it is was switched off, the workspace suspended, or the key revoked or at its
    /// end, since the request was let in. Nothing was written.
    #[error("shut out meanwhile: {cause:?}")]
    Shut {
        /// Why, as [`ended`] and [`IntegrationState::shuts_out`] say.
        cause: RefusedFor,
        /// The suspension of the workspace.
        suspension: Option<Suspension>,
    },
    /// The workspace has not given out the revision that a read asks for. It has reached this one.
    #[error("the workspace has reached revision {reached}")]
    NotReached {
        /// The last revision given out.
        reached: Revision,
    },
    /// The operation id names an earlier write that did something else.
    #[error("the operation id was used for another write")]
    OperationReused,
    /// The question took longer than a statement may.
    #[error("the statement ran out of time")]
    TooCostly,
    /// The store cannot take the request now; a later try may succeed.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// Ours to mend.
    #[error("the store failed")]
    Fault(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What a store answers.
pub type Answer<T> = Result<T, StoreError>;

/// All workspaces: what operators and sign-in ask across them. Everything else stands on
/// [`Store::workspace`].
pub trait Store: NoticeStore + FeedStore + ReceiptStore + Clone + Send + Sync + 'static {
    /// The handle of one workspace.
    type Workspace: WorkspaceStore + GroupStore + DomainCheckStore + JoiningStore + WaitingStore;

    /// The state of one workspace, whether or not it exists: an absent one is empty, and refuses
    /// writes with `WORKSPACE_NOT_FOUND`. The handle reads the newest ([`WorkspaceStore::reading`]).
    fn workspace(&self, id: WorkspaceId) -> Self::Workspace;

    /// Makes a workspace, on the word of `write.author`. A repeated id changes nothing.
    fn create_workspace(
        &self,
        write: Write,
        workspace: Workspace,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// At most `limit` workspaces, in order of id, behind `after`.
    fn workspaces(
        &self,
        after: Option<WorkspaceId>,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Workspace>>> + Send;

    /// At most `limit` claims that wait for a decision, the oldest first, behind `after`.
    fn pending_domains(
        &self,
        after: Option<PendingMark>,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<PendingDomain>>> + Send;

    /// Takes checks of claims that are due at `now` and free, the longest due first, until the time
    /// `until`: nobody else gets them from `now` to then. Answers the domains, at most `limit`. What is taken
    /// for longer than twice that time was taken by a clock that was ahead, and is free.
    fn take_due_checks(
        &self,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<(WorkspaceId, String)>>> + Send;

    /// Takes domains whose people wait and which are free at `now`, the longest free first, for `taker` until
    /// the time `until`: nobody else gets them from `now` to then, but for whoever marks one anew. At most
    /// `limit`. What is taken for longer than twice that time was taken by a clock that was ahead, and is free.
    fn take_waiting(
        &self,
        taker: Uuid,
        now: Micros,
        until: Micros,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Waiting>>> + Send;

    /// What a sign-in by an address, and by an identity where there is one, meets: each workspace where the
    /// domain of the address (the part of `email.key` behind the last `@`) is verified now, where a guest has
    /// it, or where the identity is linked; in order of id, all of one moment.
    fn doorsteps(
        &self,
        email: LoginEmail,
        identity: Option<Identity>,
    ) -> impl Future<Output = Answer<Vec<Doorstep>>> + Send;

    /// Clears tombstones that expired before `now` and before-images older than `images_before`, at
    /// most `limit` rows of each. Answers how many rows it touched.
    fn clear_expired(
        &self,
        now: Micros,
        images_before: Micros,
        limit: u32,
    ) -> impl Future<Output = Answer<u64>> + Send;

    /// Answers once the store has answered a read, and has a write of its own on the disk.
    fn ready(&self) -> impl Future<Output = Answer<()>> + Send;

    /// Whether the last write that was tried could be kept. It is told at each change.
    fn is_writable(&self) -> watch::Receiver<bool>;
}

/// The state of one workspace. A query outside a workspace cannot be written down.
///
/// Each write takes the workspace's next revision, first thing in its transaction; a refused,
/// conflicting or unchanged one takes none. A write whose [`Write::operation`] was committed before
/// answers its subject as it stands now, and does nothing. A conflict asks `decide` again, so it is
/// pure. A write of an integration that is here and not on, or of a suspended workspace's, or through a key
/// that is not good at [`Write::at`], is [`StoreError::Shut`]: the request may have been let in before that.
pub trait WorkspaceStore: Clone + Send + Sync + 'static {
    /// The handle for a request that came with this key: what it writes is refused once the key has ended.
    #[must_use]
    fn through(self, key: ApiKeyId) -> Self;

    /// The handle that may read people, groups and the card from replicas, where they are as new as this. Whatever
    /// a replica does not say, the newest does: it may answer from there at any time, and does from then on. An
    /// engine without replicas reads the newest always.
    #[must_use]
    fn allowing(self, _freshness: Freshness) -> Self {
        self
    }

    /// A handle whose reads are as new as asked for; `None` when there is no workspace of this id.
    ///
    /// # Errors
    /// [`StoreError::NotReached`] when the newest is older than [`Freshness::AtLeast`] asks for: nobody waits
    /// for what may never come.
    fn reading(&self, freshness: Freshness) -> impl Future<Output = Answer<Option<Self>>> + Send {
        async move {
            let reading = self.clone().allowing(freshness);
            let Some(Workspace { revision: reached, .. }) = reading.card().await? else {
                return Ok(None);
            };
            match freshness {
                Freshness::AtLeast(revision) if reached < revision => {
                    Err(StoreError::NotReached { reached })
                }
                _ => Ok(Some(reading)),
            }
        }
    }

    /// The workspace itself; `None` when there is none of this id.
    fn card(&self) -> impl Future<Output = Answer<Option<Workspace>>> + Send;

    /// Changes the workspace's own settings: `decide` sees them and says how they are to be. Id, time
    /// of making and revision stay as they are.
    fn change_workspace<D>(
        &self,
        write: Write,
        decide: D,
    ) -> impl Future<Output = Answer<Workspace>> + Send
    where
        D: Fn(&Workspace) -> Result<Workspace, Refusal> + Send + 'static;

    /// Administrative acts, the newest first.
    fn audit_records(
        &self,
        query: AuditQuery,
    ) -> impl Future<Output = Answer<Vec<AuditRecord>>> + Send;

    /// What the rules know of the workspace.
    fn policy(&self) -> impl Future<Output = Answer<Policy>> + Send;

    /// The schemas that were registered, in the order in which they were.
    fn schemas(&self) -> impl Future<Output = Answer<Vec<RegisteredSchema>>> + Send;

    /// Registers a schema: `decide` sees those that are there and says how it is to be. One of a URN
    /// that is there takes its place; one that is there as it is, is no write.
    fn register_schema<D>(
        &self,
        write: Write,
        decide: D,
    ) -> impl Future<Output = Answer<RegisteredSchema>> + Send
    where
        D: Fn(&[RegisteredSchema]) -> Result<RegisteredSchema, Refusal> + Send + 'static;

    /// All claims, in order of name.
    fn domains(&self) -> impl Future<Output = Answer<Vec<Domain>>> + Send;

    /// How many living people have a login e-mail of this domain.
    fn people_of_domain(&self, name: String) -> impl Future<Output = Answer<u64>> + Send;

    /// Decides on one domain: `decide` sees the claim (`None`: never claimed) and whether another
    /// workspace has the domain verified, and says how the claim is to be and who is told of it. A claim
    /// that stays as it is, is no write, and nobody is told. One that becomes verified marks the domain as one
    /// whose people may wait ([`WaitingStore`]).
    fn change_domain<D>(
        &self,
        write: Write,
        name: String,
        decide: D,
    ) -> impl Future<Output = Answer<Domain>> + Send
    where
        D: Fn(Option<&Domain>, bool) -> Result<Decided<Domain>, Refusal> + Send + 'static;

    /// All integrations, the first made first.
    fn integrations(&self) -> impl Future<Output = Answer<Vec<Integration>>> + Send;

    /// Decides on one integration: `decide` sees the workspace's claims and all its integrations, this
    /// one among them once it is made, and says how it is to be. Switched to [`IntegrationState::Off`],
    /// its bindings end in the same transaction.
    fn change_integration<D>(
        &self,
        write: Write,
        id: IntegrationId,
        decide: D,
    ) -> impl Future<Output = Answer<Integration>> + Send
    where
        D: Fn(&[Domain], &[Integration]) -> Result<Integration, Refusal> + Send + 'static;

    /// What an integration was seen to do; nothing, when there is none of this id.
    fn integration_status(
        &self,
        id: IntegrationId,
    ) -> impl Future<Output = Answer<IntegrationStatus>> + Send;

    /// Adds what an integration was seen to do to what is kept of it. Takes no revision.
    fn note_integration(
        &self,
        id: IntegrationId,
        seen: IntegrationStatus,
    ) -> impl Future<Output = Answer<()>> + Send;

    /// The keys of an integration, the first made first, revoked ones among them.
    fn api_keys(&self, of: IntegrationId) -> impl Future<Output = Answer<Vec<ApiKey>>> + Send;

    /// Keeps a new key: `decide` sees the other keys of its integration and says whether it may be.
    fn add_api_key<D>(
        &self,
        write: Write,
        key: ApiKey,
        hash: KeyHash,
        decide: D,
    ) -> impl Future<Output = Answer<()>> + Send
    where
        D: Fn(&[ApiKey]) -> Result<(), Refusal> + Send + 'static;

    /// Lets a new key, of this hash, take the place of another in one write: `decide` sees that one
    /// (`None`: there is none of this id) and all keys of its integration, and says how both are to be.
    /// A write that was committed before answers both as they stand now.
    fn rotate_api_key<D>(
        &self,
        write: Write,
        id: ApiKeyId,
        hash: KeyHash,
        decide: D,
    ) -> impl Future<Output = Answer<Rotation>> + Send
    where
        D: Fn(Option<&ApiKey>, &[ApiKey]) -> Result<Rotation, Refusal> + Send + 'static;

    /// Revokes a key at `write.at`; `None` when there is none of this id. A revoked one stays as
    /// it is.
    fn revoke_api_key(
        &self,
        write: Write,
        id: ApiKeyId,
    ) -> impl Future<Output = Answer<Option<ApiKey>>> + Send;

    /// What a key opens here; `None`: nothing. Expiry, revocation and state are the caller's to judge.
    fn key_grant(&self, hash: KeyHash) -> impl Future<Output = Answer<Option<KeyGrant>>> + Send;

    /// Notes that a key was used at `at`. Takes no revision.
    fn note_key_use(&self, id: ApiKeyId, at: Micros) -> impl Future<Output = Answer<()>> + Send;

    /// The person; `None` when never here or removed.
    fn user(&self, id: UserId) -> impl Future<Output = Answer<Option<User>>> + Send;

    /// Those of these people who are here, in no order, all as of one moment.
    fn users_of(&self, ids: Vec<UserId>) -> impl Future<Output = Answer<Vec<User>>> + Send;

    /// A page of people.
    fn users(&self, query: Query) -> impl Future<Output = Answer<Page<User>>> + Send;

    /// Makes or adopts a person: `decide` sees who is there already under `names`. `id` is the new
    /// person's, if it comes to that. The first one of an integration closes the workspace to those who join
    /// by themselves ([`EmailJoin::Off`]), as a change of its own.
    ///
    /// # Errors
    /// [`StoreError::Barred`], here and where a person is changed.
    fn create_user<D>(
        &self,
        write: Write,
        id: UserId,
        names: Names,
        decide: D,
    ) -> impl Future<Output = Answer<User>> + Send
    where
        D: Fn(&Policy, &Met) -> Result<Admission, Refusal> + Send + 'static;

    /// Changes a person: `decide` sees them (`None`: not here) and says how they are to be. A draft
    /// equal to what stands is no write, but what it says of [`Draft::provided`] is kept. Protecting a person,
    /// and letting go of them, is an administrative act.
    fn change_user<D>(
        &self,
        write: Write,
        id: UserId,
        decide: D,
    ) -> impl Future<Output = Answer<User>> + Send
    where
        D: Fn(&Policy, Option<&User>) -> Result<Draft, Refusal> + Send + 'static;

    /// Removes a person to a tombstone that expires at `expires_at`, and from every group. `decide` says which
    /// addresses are barred by it. Answers the revision. Somebody whom an integration manages, removed by others,
    /// is an administrative act.
    fn remove_user<D>(
        &self,
        write: Write,
        id: UserId,
        expires_at: Micros,
        decide: D,
    ) -> impl Future<Output = Answer<Revision>> + Send
    where
        D: Fn(Option<&User>) -> Result<Passage, Refusal> + Send + 'static;

    /// At most `limit` tombstones, the earliest made person first, behind the person of this `seq`.
    fn deleted_users(
        &self,
        after: Revision,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Tombstone<User>>>> + Send;

    /// Brings a removed person back, with id, `seq` and creation time kept, into the groups that they
    /// were a member of and that are still here, without the identities that they signed in by: `decide` sees the
    /// tombstone (`None`: there is none) and says how the person is to be.
    fn restore_user<D>(
        &self,
        write: Write,
        id: UserId,
        decide: D,
    ) -> impl Future<Output = Answer<User>> + Send
    where
        D: Fn(&Policy, Option<&Tombstone<User>>) -> Result<Draft, Refusal> + Send + 'static;

    /// At most `limit` changes behind the revision `after`, in order; fewer when they are long, but one where
    /// there is one. Where the first is not the next revision, some are cleared ([`FeedStore::clear_changes`]).
    fn changes(
        &self,
        after: Revision,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Change>>> + Send;

    /// The revision of the earliest change that is kept; `None`: there is none.
    fn earliest_change(&self) -> impl Future<Output = Answer<Option<Revision>>> + Send;
}
