//! What a store keeps of groups and of who belongs to them.

use std::future::Future;

use scim::patch::ListEdit;

use super::{
    Answer, AnyQuery, Belonging, Found, Group, GroupDraft, GroupWritten, Member, Membership, Page,
    Query, Revision, Tombstone, Write,
};
use crate::clock::Micros;
use crate::ids::{GroupId, MemberId};
use crate::refusal::Refusal;

/// The groups of one workspace. Members are rows: a group of a hundred thousand is never loaded.
pub trait GroupStore: Clone + Send + Sync + 'static {
    /// The groups that a person or group belongs to, directly or through others, in the order of their
    /// creation. Rings of groups end.
    fn memberships(&self, of: MemberId) -> impl Future<Output = Answer<Vec<Membership>>> + Send;

    /// The group; `None` when never here or removed.
    fn group(&self, id: GroupId) -> impl Future<Output = Answer<Option<Group>>> + Send;

    /// Those of these groups that are here, in no order, all as of one moment.
    fn groups_of(&self, ids: Vec<GroupId>) -> impl Future<Output = Answer<Vec<Group>>> + Send;

    /// A page of groups.
    fn groups(&self, query: Query) -> impl Future<Output = Answer<Page<Group>>> + Send;

    /// A page of people and groups together.
    fn resources(&self, query: AnyQuery) -> impl Future<Output = Answer<Page<Found>>> + Send;

    /// At most `limit` members of a group, in the order of their ids, behind the one of this id.
    fn members(
        &self,
        of: GroupId,
        after: Option<MemberId>,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Member>>> + Send;

    /// The same of all who belong to it, directly or through groups that do. Rings of groups end; the group
    /// itself is not among them.
    fn belonging(
        &self,
        to: GroupId,
        after: Option<MemberId>,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Belonging>>> + Send;

    /// Makes a group with these members. Those that do not exist are left out.
    fn create_group(
        &self,
        write: Write,
        id: GroupId,
        draft: GroupDraft,
        members: Vec<String>,
    ) -> impl Future<Output = Answer<GroupWritten>> + Send;

    /// Changes a group: `decide` sees it (`None`: not here) and says how it is to be and what is done to
    /// its members, one edit after the other. Each edit costs what it changes, but for one that asks of
    /// every member or replaces all. Of members that are to join those that do not exist are left out; an
    /// [`ListEdit::Replace`] of which none exists is left out itself. What changes nothing is no write.
    ///
    /// A person's version moves when they join or leave directly.
    fn change_group<D>(
        &self,
        write: Write,
        id: GroupId,
        decide: D,
    ) -> impl Future<Output = Answer<GroupWritten>> + Send
    where
        D: Fn(Option<&Group>) -> Result<(GroupDraft, Vec<ListEdit>), Refusal> + Send + 'static;

    /// Removes a group to a tombstone that expires at `expires_at`; its members are kept with it. Answers the
    /// revision. A group of an integration, removed by others, is an administrative act.
    fn remove_group<D>(
        &self,
        write: Write,
        id: GroupId,
        expires_at: Micros,
        decide: D,
    ) -> impl Future<Output = Answer<Revision>> + Send
    where
        D: Fn(Option<&Group>) -> Result<(), Refusal> + Send + 'static;

    /// At most `limit` tombstones of groups, the earliest made first, behind the group of this `seq`.
    fn deleted_groups(
        &self,
        after: Revision,
        limit: u32,
    ) -> impl Future<Output = Answer<Vec<Tombstone<Group>>>> + Send;

    /// Brings a removed group back, with id, `seq`, creation time and those of its members who are
    /// here: `decide` sees the tombstone (`None`: there is none) and says how the group is to be.
    fn restore_group<D>(
        &self,
        write: Write,
        id: GroupId,
        decide: D,
    ) -> impl Future<Output = Answer<Group>> + Send
    where
        D: Fn(Option<&Tombstone<Group>>) -> Result<GroupDraft, Refusal> + Send + 'static;
}
