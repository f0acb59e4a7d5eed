//! The handle of one workspace: which question goes to the writer, which is a point read, and which
//! may take long.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::Connection;
use scim::patch::ListEdit;

#[cfg(test)]
use super::listing;
use super::writing::Writing;
use super::{
    Shared, audit, changes, domain_checks, domains, groups, integrations, keys, resources, schemas,
    status, users, workspaces,
};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, GroupId, IntegrationId, MemberId, UserId, WorkspaceId};
use crate::refusal::Refusal;
#[cfg(test)]
use crate::store::Kind;
use crate::store::{
    Admission, Answer, AnyQuery, ApiKey, AuditQuery, AuditRecord, Belonging, Change, Decided,
    Domain, DomainCheck, DomainCheckStore, Draft, Found, Group, GroupDraft, GroupStore,
    GroupWritten, Integration, IntegrationStatus, KeyGrant, KeyHash, Member, Membership, Met,
    Names, Page, Passage, Policy, Query, RegisteredSchema, Revision, Rotation, Tombstone, User,
    Workspace, WorkspaceStore, Write,
};

/// The state of one workspace in a [`SqliteStore`](super::SqliteStore).
#[derive(Clone)]
pub struct SqliteWorkspace {
    pub(super) shared: Arc<Shared>,
    pub(super) id: WorkspaceId,
    /// The key by which it was opened, if it was by one.
    through: Option<ApiKeyId>,
}

impl SqliteWorkspace {
    pub(super) fn new(shared: Arc<Shared>, id: WorkspaceId) -> Self {
        Self { shared, id, through: None }
    }

    pub(super) fn point<T>(
        &self,
        read: impl FnOnce(&Connection, WorkspaceId) -> Answer<T>,
    ) -> Answer<T> {
        self.shared.readers.point(|connection| read(connection, self.id))
    }

    pub(super) async fn long<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection, WorkspaceId) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let id = self.id;
        self.shared.readers.long(move |connection| read(connection, id)).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        write: Write,
        change: impl FnOnce(&Writing<'_>) -> Answer<T> + Send + 'static,
    ) -> Answer<T> {
        let (id, through) = (self.id, self.through);
        let work = move |c: &Connection| change(&Writing::begin(c, id, through, write)?);
        self.shared.writer.run(work).await
    }

    /// How the engine would go about a query: the steps of its plan.
    #[cfg(test)]
    pub(in crate::store) fn explain(&self, kind: Kind, query: &Query) -> Answer<Vec<String>> {
        let source = match kind {
            Kind::User => &users::SOURCE,
            Kind::Group => &groups::SOURCE,
        };
        self.point(|connection, id| listing::explain(connection, id, source, query))
    }
}

impl WorkspaceStore for SqliteWorkspace {
    fn through(self, key: ApiKeyId) -> Self {
        Self { through: Some(key), ..self }
    }

    async fn card(&self) -> Answer<Option<Workspace>> {
        self.point(workspaces::card)
    }

    async fn change_workspace<D>(&self, write: Write, decide: D) -> Answer<Workspace>
    where
        D: Fn(&Workspace) -> Result<Workspace, Refusal> + Send + 'static,
    {
        self.write(write, move |writing| workspaces::change(writing, decide)).await
    }

    async fn audit_records(&self, query: AuditQuery) -> Answer<Vec<AuditRecord>> {
        self.long(move |connection, id| audit::list(connection, id, &query)).await
    }

    async fn policy(&self) -> Answer<Policy> {
        self.point(domains::policy)
    }

    async fn schemas(&self) -> Answer<Vec<RegisteredSchema>> {
        self.point(schemas::list)
    }

    async fn register_schema<D>(&self, write: Write, decide: D) -> Answer<RegisteredSchema>
    where
        D: Fn(&[RegisteredSchema]) -> Result<RegisteredSchema, Refusal> + Send + 'static,
    {
        self.write(write, move |writing| schemas::register(writing, decide)).await
    }

    async fn domains(&self) -> Answer<Vec<Domain>> {
        self.point(domains::list)
    }

    async fn people_of_domain(&self, name: String) -> Answer<u64> {
        self.long(move |connection, id| domains::people(connection, id, &name)).await
    }

    async fn change_domain<D>(&self, write: Write, name: String, decide: D) -> Answer<Domain>
    where
        D: Fn(Option<&Domain>, bool) -> Result<Decided<Domain>, Refusal> + Send + 'static,
    {
        let outbox = self.shared.outbox.clone();
        self.write(write, move |writing| domains::change(writing, &outbox, &name, decide)).await
    }

    async fn integrations(&self) -> Answer<Vec<Integration>> {
        self.point(integrations::list)
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
        self.write(write, move |writing| integrations::change(writing, id, decide)).await
    }

    async fn integration_status(&self, id: IntegrationId) -> Answer<IntegrationStatus> {
        self.point(|connection, workspace| status::find(connection, workspace, id))
    }

    async fn note_integration(&self, id: IntegrationId, seen: IntegrationStatus) -> Answer<()> {
        let workspace = self.id;
        let note = move |c: &Connection| status::note(c, workspace, id, seen);
        self.shared.writer.run(note).await
    }

    async fn api_keys(&self, of: IntegrationId) -> Answer<Vec<ApiKey>> {
        self.point(|connection, id| keys::list(connection, id, of))
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
        self.write(write, move |writing| keys::add(writing, &key, hash, decide)).await
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
        self.write(write, move |writing| keys::rotate(writing, id, hash, decide)).await
    }

    async fn revoke_api_key(&self, write: Write, id: ApiKeyId) -> Answer<Option<ApiKey>> {
        self.write(write, move |writing| keys::revoke(writing, id)).await
    }

    async fn key_grant(&self, hash: KeyHash) -> Answer<Option<KeyGrant>> {
        self.point(|connection, id| keys::grant(connection, id, hash))
    }

    async fn note_key_use(&self, id: ApiKeyId, at: Micros) -> Answer<()> {
        let workspace = self.id;
        let note = move |c: &Connection| keys::note_use(c, workspace, id, at);
        self.shared.writer.run(note).await
    }

    async fn user(&self, id: UserId) -> Answer<Option<User>> {
        self.point(|connection, workspace| users::find(connection, workspace, id))
    }

    async fn users_of(&self, ids: Vec<UserId>) -> Answer<Vec<User>> {
        self.long(move |connection, id| users::find_all(connection, id, &ids)).await
    }

    async fn users(&self, query: Query) -> Answer<Page<User>> {
        self.long(move |connection, id| users::list(connection, id, &query)).await
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
        self.write(write, move |writing| users::create(writing, id, &names, decide)).await
    }

    async fn change_user<D>(&self, write: Write, id: UserId, decide: D) -> Answer<User>
    where
        D: Fn(&Policy, Option<&User>) -> Result<Draft, Refusal> + Send + 'static,
    {
        self.write(write, move |writing| users::change(writing, id, decide)).await
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
        self.write(write, move |writing| users::remove(writing, id, expires_at, decide)).await
    }

    async fn deleted_users(&self, after: Revision, limit: u32) -> Answer<Vec<Tombstone<User>>> {
        self.long(move |connection, id| users::list_removed(connection, id, after, limit)).await
    }

    async fn restore_user<D>(&self, write: Write, id: UserId, decide: D) -> Answer<User>
    where
        D: Fn(&Policy, Option<&Tombstone<User>>) -> Result<Draft, Refusal> + Send + 'static,
    {
        self.write(write, move |writing| users::restore(writing, id, decide)).await
    }

    async fn changes(&self, after: Revision, limit: u32) -> Answer<Vec<Change>> {
        self.long(move |connection, id| changes::list(connection, id, after, limit)).await
    }

    async fn earliest_change(&self) -> Answer<Option<Revision>> {
        self.point(changes::earliest)
    }
}

impl DomainCheckStore for SqliteWorkspace {
    async fn domain_checks(&self) -> Answer<BTreeMap<String, DomainCheck>> {
        self.point(domain_checks::list)
    }

    async fn domain_check(&self, name: String) -> Answer<Option<(Domain, DomainCheck)>> {
        self.point(|connection, id| domain_checks::find(connection, id, &name))
    }

    async fn take_domain_check(&self, name: String, now: Micros, until: Micros) -> Answer<bool> {
        let workspace = self.id;
        let take = move |c: &Connection| domain_checks::take(c, workspace, &name, now, until);
        self.shared.writer.run(take).await
    }

    async fn note_domain_check<D>(
        &self,
        name: String,
        decide: D,
    ) -> Answer<Option<(Domain, DomainCheck)>>
    where
        D: Fn(&Domain, &DomainCheck) -> Decided<DomainCheck> + Send + 'static,
    {
        let workspace = self.id;
        let outbox = self.shared.outbox.clone();
        let note = move |c: &Connection| domain_checks::note(c, workspace, &outbox, &name, decide);
        self.shared.writer.run(note).await
    }
}

impl GroupStore for SqliteWorkspace {
    async fn memberships(&self, of: MemberId) -> Answer<Vec<Membership>> {
        self.point(|connection, id| groups::memberships(connection, id, of))
    }

    async fn group(&self, id: GroupId) -> Answer<Option<Group>> {
        self.point(|connection, workspace| groups::find(connection, workspace, id))
    }

    async fn groups_of(&self, ids: Vec<GroupId>) -> Answer<Vec<Group>> {
        self.long(move |connection, id| groups::find_all(connection, id, &ids)).await
    }

    async fn groups(&self, query: Query) -> Answer<Page<Group>> {
        self.long(move |connection, id| groups::list(connection, id, &query)).await
    }

    async fn resources(&self, query: AnyQuery) -> Answer<Page<Found>> {
        self.long(move |connection, id| resources::list(connection, id, &query)).await
    }

    async fn members(
        &self,
        of: GroupId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Answer<Vec<Member>> {
        self.long(move |connection, id| groups::members(connection, id, of, after, limit)).await
    }

    async fn belonging(
        &self,
        to: GroupId,
        after: Option<MemberId>,
        limit: u32,
    ) -> Answer<Vec<Belonging>> {
        self.long(move |connection, id| groups::belonging(connection, id, to, after, limit)).await
    }

    async fn create_group(
        &self,
        write: Write,
        id: GroupId,
        draft: GroupDraft,
        members: Vec<String>,
    ) -> Answer<GroupWritten> {
        self.write(write, move |writing| groups::create(writing, id, &draft, members)).await
    }

    async fn change_group<D>(&self, write: Write, id: GroupId, decide: D) -> Answer<GroupWritten>
    where
        D: Fn(Option<&Group>) -> Result<(GroupDraft, Vec<ListEdit>), Refusal> + Send + 'static,
    {
        self.write(write, move |writing| groups::change(writing, id, decide)).await
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
        self.write(write, move |writing| groups::remove(writing, id, expires_at, decide)).await
    }

    async fn deleted_groups(&self, after: Revision, limit: u32) -> Answer<Vec<Tombstone<Group>>> {
        self.long(move |connection, id| groups::list_removed(connection, id, after, limit)).await
    }

    async fn restore_group<D>(&self, write: Write, id: GroupId, decide: D) -> Answer<Group>
    where
        D: Fn(Option<&Tombstone<Group>>) -> Result<GroupDraft, Refusal> + Send + 'static,
    {
        self.write(write, move |writing| groups::restore(writing, id, decide)).await
    }
}
