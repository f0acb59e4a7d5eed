//! The handle of one workspace: which question goes to the writer, which is a point read, and which
//! may take long.

use std::sync::Arc;

use scim::patch::ListEdit;

use super::group::Group as Transaction;
#[cfg(test)]
use super::listing;
use super::readers::{point, state};
use super::standbys::{Allowed, Visit, allowed};
use super::writing::Writing;
use super::{
    Shared, audit, changes, domains, groups, integrations, keys, resources, schemas, status, users,
    workspaces,
};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, GroupId, IntegrationId, MemberId, UserId, WorkspaceId};
use crate::refusal::Refusal;
#[cfg(test)]
use crate::store::Kind;
use crate::store::{
    Admission, Answer, AnyQuery, ApiKey, AuditQuery, AuditRecord, Belonging, Change, Decided,
    Domain, Draft, Found, Freshness, Group, GroupDraft, GroupStore, GroupWritten, Integration,
    IntegrationStatus, KeyGrant, KeyHash, Member, Membership, Met, Names, Page, Passage, Policy,
    Query, RegisteredSchema, Revision, Rotation, Tombstone, User, Workspace, WorkspaceStore, Write,
};

/// The state of one workspace in a [`PostgresStore`](super::PostgresStore).
#[derive(Clone)]
pub struct PostgresWorkspace {
    pub(super) shared: Arc<Shared>,
    pub(super) id: WorkspaceId,
    /// The key by which it was opened, if it was by one.
    through: Option<ApiKeyId>,
    /// What may be read from standbys; `None`: nothing.
    allowed: Option<Allowed>,
}

impl PostgresWorkspace {
    pub(super) fn new(shared: Arc<Shared>, id: WorkspaceId) -> Self {
        Self { shared, id, through: None, allowed: None }
    }

    /// A standby that is asked next, where one may be.
    fn visit(&self) -> Option<Visit<'_>> {
        self.shared.standbys.visit(self.id, self.allowed.as_ref()?)
    }

    /// Has a write done that takes a revision.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: Write,
        change: impl AsyncFn(&Writing<'_>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let (id, through) = (self.id, self.through);
        let work = async move |group: &Transaction| {
            let writing = Writing::begin(group, id, write.clone())?;
            // Both are asked at once; what is said of the author counts first.
            let (admitted, changed) =
                tokio::join!(biased; writing.admit(through), change(&writing));
            admitted.and(changed)
        };
        self.shared.writer.run(Some(id), work).await
    }

    /// Has something noted that takes no revision.
    pub(super) async fn note<T: Send + 'static>(
        &self,
        note: impl AsyncFn(&Transaction) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        self.shared.writer.run(Some(self.id), note).await
    }

    /// How the engine would go about a query: the steps of its plan.
    #[cfg(test)]
    pub(in crate::store) async fn explain(&self, kind: Kind, query: &Query) -> Answer<Vec<String>> {
        let source = match kind {
            Kind::User => &users::SOURCE,
            Kind::Group => &groups::SOURCE,
        };
        point!(self.shared, |connection| listing::explain(connection, self.id, source, query))
    }
}

impl WorkspaceStore for PostgresWorkspace {
    fn through(self, key: ApiKeyId) -> Self {
        Self { through: Some(key), ..self }
    }

    fn allowing(self, freshness: Freshness) -> Self {
        Self { allowed: Allowed::at(freshness), ..self }
    }

    async fn card(&self) -> Answer<Option<Workspace>> {
        allowed!(self, point, |connection| workspaces::card(connection, self.id))
    }

    async fn change_workspace<D>(&self, write: Write, decide: D) -> Answer<Workspace>
    where
        D: Fn(&Workspace) -> Result<Workspace, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            workspaces::change(writing, &decide).await
        })
        .await
    }

    async fn audit_records(&self, query: AuditQuery) -> Answer<Vec<AuditRecord>> {
        state!(self.shared, |connection| audit::list(connection, self.id, &query))
    }

    async fn policy(&self) -> Answer<Policy> {
        point!(self.shared, |connection| domains::policy(connection, self.id))
    }

    async fn schemas(&self) -> Answer<Vec<RegisteredSchema>> {
        point!(self.shared, |connection| schemas::list(connection, self.id))
    }

    async fn register_schema<D>(&self, write: Write, decide: D) -> Answer<RegisteredSchema>
    where
        D: Fn(&[RegisteredSchema]) -> Result<RegisteredSchema, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            schemas::register(writing, &decide).await
        })
        .await
    }

    async fn domains(&self) -> Answer<Vec<Domain>> {
        point!(self.shared, |connection| domains::list(connection, self.id))
    }

    async fn people_of_domain(&self, name: String) -> Answer<u64> {
        state!(self.shared, |connection| domains::people(connection, self.id, &name))
    }

    async fn change_domain<D>(&self, write: Write, name: String, decide: D) -> Answer<Domain>
    where
        D: Fn(Option<&Domain>, bool) -> Result<Decided<Domain>, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            domains::change(writing, &name, &decide).await
        })
        .await
    }

    async fn integrations(&self) -> Answer<Vec<Integration>> {
        point!(self.shared, |connection| integrations::list(connection, self.id))
    }

    async fn change_integration<D>(
        &self,
        write: Write,
        id: IntegrationId,
        decide: D,
    ) -> Answer<Integration>
    where
        D: Fn(&[Domain], &[Integration]) -> Result<Integration, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            integrations::change(writing, id, &decide).await
        })
        .await
    }

    async fn integration_status(&self, id: IntegrationId) -> Answer<IntegrationStatus> {
        point!(self.shared, |connection| status::find(connection, self.id, id))
    }

    async fn note_integration(&self, id: IntegrationId, seen: IntegrationStatus) -> Answer<()> {
        let workspace = self.id;
        self.note(async move |group: &Transaction| {
            status::note(group.connection()?, workspace, id, &seen).await
        })
        .await
    }

    async fn api_keys(&self, of: IntegrationId) -> Answer<Vec<ApiKey>> {
        point!(self.shared, |connection| keys::list(connection, self.id, of))
    }

    async fn add_api_key<D>(
        &self,
        write: Write,
        key: ApiKey,
        hash: KeyHash,
        decide: D,
    ) -> Answer<()>
    where
        D: Fn(&[ApiKey]) -> Result<(), Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            keys::add(writing, &key, hash, &decide).await
        })
        .await
    }

    async fn rotate_api_key<D>(
        &self,
        write: Write,
        id: ApiKeyId,
        hash: KeyHash,
        decide: D,
    ) -> Answer<Rotation>
    where
        D: Fn(Option<&ApiKey>, &[ApiKey]) -> Result<Rotation, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            keys::rotate(writing, id, hash, &decide).await
        })
        .await
    }

    async fn revoke_api_key(&self, write: Write, id: ApiKeyId) -> Answer<Option<ApiKey>> {
        self.write(write, async move |writing: &Writing<'_>| keys::revoke(writing, id).await).await
    }

    async fn key_grant(&self, hash: KeyHash) -> Answer<Option<KeyGrant>> {
        point!(self.shared, |connection| keys::grant(connection, self.id, hash))
    }

    async fn note_key_use(&self, id: ApiKeyId, at: Micros) -> Answer<()> {
        let workspace = self.id;
        self.note(async move |group: &Transaction| {
            keys::note_use(group.connection()?, workspace, id, at).await
        })
        .await
    }

    async fn user(&self, id: UserId) -> Answer<Option<User>> {
        allowed!(self, point, |connection| users::find(connection, self.id, id))
    }

    async fn users_of(&self, ids: Vec<UserId>) -> Answer<Vec<User>> {
        allowed!(self, state, |connection| users::find_all(connection, self.id, &ids))
    }

    async fn users(&self, query: Query) -> Answer<Page<User>> {
        allowed!(self, state, |connection| users::list(connection, self.id, &query))
    }

    async fn create_user<D>(
        &self,
        write: Write,
        id: UserId,
        names: Names,
        decide: D,
    ) -> Answer<User>
    where
        D: Fn(&Policy, &Met) -> Result<Admission, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            users::create(writing, id, &names, &decide).await
        })
        .await
    }

    async fn change_user<D>(&self, write: Write, id: UserId, decide: D) -> Answer<User>
    where
        D: Fn(&Policy, Option<&User>) -> Result<Draft, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            users::change(writing, id, &decide).await
        })
        .await
    }

    async fn remove_user<D>(
        &self,
        write: Write,
        id: UserId,
        expires_at: Micros,
        decide: D,
    ) -> Answer<Revision>
    where
        D: Fn(Option<&User>) -> Result<Passage, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            users::remove(writing, id, expires_at, &decide).await
        })
        .await
    }

    async fn deleted_users(&self, after: Revision, limit: u32) -> Answer<Vec<Tombstone<User>>> {
        state!(self.shared, |connection| users::list_removed(connection, self.id, after, limit))
    }

    async fn restore_user<D>(&self, write: Write, id: UserId, decide: D) -> Answer<User>
    where
        D: Fn(&Policy, Option<&Tombstone<User>>) -> Result<Draft, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            users::restore(writing, id, &decide).await
        })
        .await
    }

    async fn changes(&self, after: Revision, limit: u32) -> Answer<Vec<Change>> {
        state!(self.shared, |connection| changes::list(connection, self.id, after, limit))
    }

    async fn earliest_change(&self) -> Answer<Option<Revision>> {
        point!(self.shared, |connection| changes::earliest(connection, self.id))
    }
}

impl GroupStore for PostgresWorkspace {
    async fn memberships(&self, of: MemberId) -> Answer<Vec<Membership>> {
        allowed!(self, point, |connection| groups::memberships(connection, self.id, of))
    }

    async fn group(&self, id: GroupId) -> Answer<Option<Group>> {
        allowed!(self, point, |connection| groups::find(connection, self.id, id))
    }

    async fn groups_of(&self, ids: Vec<GroupId>) -> Answer<Vec<Group>> {
        allowed!(self, state, |connection| groups::find_all(connection, self.id, &ids))
    }

    async fn groups(&self, query: Query) -> Answer<Page<Group>> {
        allowed!(self, state, |connection| groups::list(connection, self.id, &query))
    }

    async fn resources(&self, query: AnyQuery) -> Answer<Page<Found>> {
        allowed!(self, state, |connection| resources::list(connection, self.id, &query))
    }

    async fn members(
        &self,
        of: GroupId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Answer<Vec<Member>> {
        allowed!(self, state, |connection| groups::members(connection, self.id, of, after, limit))
    }

    async fn belonging(
        &self,
        to: GroupId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Answer<Vec<Belonging>> {
        allowed!(self, state, |connection| groups::belonging(connection, self.id, to, after, limit))
    }

    async fn create_group(
        &self,
        write: Write,
        id: GroupId,
        draft: GroupDraft,
        members: Vec<String>,
    ) -> Answer<GroupWritten> {
        self.write(write, async move |writing: &Writing<'_>| {
            groups::create(writing, id, &draft, &members).await
        })
        .await
    }

    async fn change_group<D>(&self, write: Write, id: GroupId, decide: D) -> Answer<GroupWritten>
    where
        D: Fn(Option<&Group>) -> Result<(GroupDraft, Vec<ListEdit>), Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            groups::change(writing, id, &decide).await
        })
        .await
    }

    async fn remove_group<D>(
        &self,
        write: Write,
        id: GroupId,
        expires_at: Micros,
        decide: D,
    ) -> Answer<Revision>
    where
        D: Fn(Option<&Group>) -> Result<(), Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            groups::remove(writing, id, expires_at, &decide).await
        })
        .await
    }

    async fn deleted_groups(&self, after: Revision, limit: u32) -> Answer<Vec<Tombstone<Group>>> {
        state!(self.shared, |connection| groups::list_removed(connection, self.id, after, limit))
    }

    async fn restore_group<D>(&self, write: Write, id: GroupId, decide: D) -> Answer<Group>
    where
        D: Fn(Option<&Tombstone<Group>>) -> Result<GroupDraft, Refusal> + Send + 'static,
    {
        self.write(write, async move |writing: &Writing<'_>| {
            groups::restore(writing, id, &decide).await
        })
        .await
    }
}
