//! What a watch tells: changes with what they changed as it stands, and the state piece by piece.

use directory_api::v1;
use directory_api::v1::change::Subject;
use directory_api::v1::put::Resource;
use tonic::Status;

use super::place::{Stage, Walk};
use crate::door::Admitted;
use crate::ids::{GroupId, IntegrationId, MemberId, UserId, WorkspaceId};
use crate::render::{self, Groups, People};
use crate::services::Services;
use crate::services::fault::store_error;
use crate::store::{
    Change, Detail, Group, GroupStore, Integration, IntegrationStatus, Mark, Page, Query, Start,
    Store, User, WorkspaceStore,
};

/// How many ids of members are sent in one answer, and read at a time.
const MEMBERS: usize = 1_000;
/// How many people of a snapshot are read at a time.
const PEOPLE: u32 = 100;

/// A workspace, as a watch tells of it.
pub(super) struct Teller<'a, S: Store> {
    services: &'a Services<S>,
    id: WorkspaceId,
    workspace: Admitted<S::Workspace>,
    people: People,
    groups: Groups,
}

impl<'a, S: Store> Teller<'a, S> {
    /// Of the workspace of this id, in its turn among all who ask.
    pub(super) async fn new(
        services: &'a Services<S>,
        id: WorkspaceId,
        view: &v1::View,
    ) -> Result<Self, Status> {
        let workspace = services.door.let_in(id).await?;
        let (links, schemas) = (&services.links, workspace.schemas());
        let people = People::new(links, schemas, id, None, Some(view.clone()))?;
        let groups = Groups::new(links, schemas, id, None, Some(view.clone()))?;
        Ok(Self { services, id, workspace, people, groups })
    }

    /// A change with what it changed, as it stands.
    pub(super) async fn change(&self, change: &Change) -> Result<v1::Change, Status> {
        let mut message = bare(self.id, change)?;
        match &mut message.subject {
            Some(Subject::User(user)) if user.act() != v1::ResourceAct::Deleted => {
                if let Ok(id) = user.user_id.parse::<UserId>() {
                    user.current = self.user(id).await?;
                }
            }
            Some(Subject::Group(group)) if group.act() != v1::ResourceAct::Deleted => {
                if let Ok(id) = group.group_id.parse::<GroupId>() {
                    let standing = self.workspace.group(id).await.map_err(store_error)?;
                    group.current = standing.map(|group| self.group(&group)).transpose()?;
                }
            }
            Some(Subject::Domain(domain)) => {
                let domains = self.workspace.domains().await.map_err(store_error)?;
                let mut domains = domains.iter().filter(|claim| claim.name == domain.domain);
                domain.current = domains.next().map(|claim| render::domain(self.id, claim));
            }
            Some(Subject::Integration(integration)) => {
                if let Ok(id) = integration.integration_id.parse::<IntegrationId>() {
                    let all = self.workspace.integrations().await.map_err(store_error)?;
                    let standing = all.iter().find(|standing| standing.id == id);
                    integration.current = standing.map(|standing| self.integration(standing));
                }
            }
            Some(Subject::Workspace(workspace)) => {
                let card = self.workspace.card().await.map_err(store_error)?;
                workspace.current = card.as_ref().map(render::workspace);
            }
            _ => {}
        }
        Ok(message)
    }

    /// Who belongs to a group that was brought back, at most [`MEMBERS`] behind `after`.
    pub(super) async fn members(
        &self,
        of: GroupId,
        after: Option<MemberId>,
    ) -> Result<Vec<MemberId>, Status> {
        let limit = u32::try_from(MEMBERS).unwrap_or(u32::MAX);
        let members = self.workspace.members(of, after, limit).await.map_err(store_error)?;
        Ok(members.into_iter().map(|member| member.id).collect())
    }

    /// The next pieces of the workspace's state, and where to go on; `None`: it is whole.
    pub(super) async fn state(
        &self,
        stage: &Stage,
    ) -> Result<(Vec<v1::Put>, Option<Walk>), Status> {
        let (resources, next) = match stage {
            Stage::Settings => self.settings().await?,
            Stage::People(after) => {
                let page = self.page_of_people(*after).await?;
                let next = match page.rows.last().filter(|_| page.more) {
                    Some(last) => Stage::People(last.seq),
                    None => Stage::Groups(0),
                };
                let put = |user: &User| Ok(Resource::User(self.watched(user)?));
                (page.rows.iter().map(put).collect::<Result<_, Status>>()?, Some(next))
            }
            Stage::Groups(after) => {
                let page = self.workspace.groups(query(*after, 1)).await.map_err(store_error)?;
                match page.rows.first() {
                    None => (Vec::new(), None),
                    Some(group) => {
                        let current = Some(self.group(group)?);
                        self.pieces(group.id, group.seq, current, None).await?
                    }
                }
            }
            Stage::Members { group, seq, after } => {
                self.pieces(*group, *seq, None, Some(*after)).await?
            }
        };
        let put =
            |resource| v1::Put { workspace_id: self.id.to_string(), resource: Some(resource) };
        let walk = next.map(|stage| Walk { workspace: self.id, stage });
        Ok((resources.into_iter().map(put).collect(), walk))
    }

    async fn settings(&self) -> Result<(Vec<Resource>, Option<Stage>), Status> {
        let Some(card) = self.workspace.card().await.map_err(store_error)? else {
            return Ok((Vec::new(), None));
        };
        let domains = self.workspace.domains().await.map_err(store_error)?;
        let integrations = self.workspace.integrations().await.map_err(store_error)?;
        let mut resources = vec![Resource::Workspace(render::workspace(&card))];
        resources.extend(domains.iter().map(|d| Resource::Domain(render::domain(self.id, d))));
        resources.extend(integrations.iter().map(|i| Resource::Integration(self.integration(i))));
        Ok((resources, Some(Stage::People(0))))
    }

    /// The members of a group behind `after`, with the group itself in the first of its pieces.
    async fn pieces(
        &self,
        id: GroupId,
        seq: u64,
        group: Option<v1::Group>,
        after: Option<MemberId>,
    ) -> Result<(Vec<Resource>, Option<Stage>), Status> {
        let members = self.members(id, after).await?;
        let next = match members.last().filter(|_| members.len() == MEMBERS) {
            Some(&after) => Stage::Members { group: id, seq, after },
            None => Stage::Groups(seq),
        };
        let piece = v1::WatchedGroup {
            group_id: id.to_string(),
            group,
            member_ids: members.iter().map(ToString::to_string).collect(),
            more: members.len() == MEMBERS,
        };
        Ok((vec![Resource::Group(piece)], Some(next)))
    }

    async fn page_of_people(&self, after: u64) -> Result<Page<User>, Status> {
        self.workspace.users(query(after, PEOPLE)).await.map_err(store_error)
    }

    async fn user(&self, id: UserId) -> Result<Option<v1::WatchedUser>, Status> {
        let user = self.workspace.user(id).await.map_err(store_error)?;
        user.map(|user| self.watched(&user)).transpose()
    }

    fn watched(&self, user: &User) -> Result<v1::WatchedUser, Status> {
        Ok(render::watched_user(user, self.people.message(user, &[])?))
    }

    fn group(&self, group: &Group) -> Result<v1::Group, Status> {
        self.groups.message(group, &[])
    }

    /// The integration without what it was seen to do, which is no state of the feed.
    fn integration(&self, integration: &Integration) -> v1::Integration {
        let (links, seen) = (&self.services.links, IntegrationStatus::default());
        let message = render::integration(links, self.id, integration, &[], seen, 0);
        v1::Integration { status: None, ..message }
    }
}

/// A change without what it changed.
pub(super) fn bare(workspace: WorkspaceId, change: &Change) -> Result<v1::Change, Status> {
    let detail = Detail::of(change).map_err(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "change record not readable");
        Status::internal("internal error")
    })?;
    Ok(render::change(workspace, change, detail))
}

/// Which group a change brought back: its members are told as they stand.
pub(super) fn restored_group(change: &v1::Change) -> Option<GroupId> {
    match &change.subject {
        Some(Subject::Group(group)) if group.act() == v1::ResourceAct::Restored => {
            group.group_id.parse().ok()
        }
        _ => None,
    }
}

/// The next answer of a group's change, with these members. What stands in the first is left out of later ones.
pub(super) fn with_members(change: &mut v1::Change, added: &[MemberId]) -> v1::Change {
    let mut answer = change.clone();
    answer.more = added.len() == MEMBERS;
    if let Some(Subject::Group(group)) = &mut answer.subject {
        group.members_added = added.iter().map(ToString::to_string).collect();
    }
    if let Some(Subject::Group(group)) = &mut change.subject {
        let (group_id, act) = (std::mem::take(&mut group.group_id), group.act);
        *group = v1::GroupChange { group_id, act, ..v1::GroupChange::default() };
    }
    answer
}

/// Takes the next answer off a change, whose members may be too many for one. `None`: it is told.
pub(super) fn next_answer(rest: &mut Option<v1::Change>) -> Option<v1::Change> {
    let mut answer = rest.take()?;
    let Some(Subject::Group(group)) = &mut answer.subject else { return Some(answer) };
    let added = group.members_added.len().min(MEMBERS);
    let removed = group.members_removed.len().min(MEMBERS - added);
    let left = v1::GroupChange {
        group_id: group.group_id.clone(),
        act: group.act,
        members_added: group.members_added.split_off(added),
        members_removed: group.members_removed.split_off(removed),
        ..v1::GroupChange::default()
    };
    answer.more = !left.members_added.is_empty() || !left.members_removed.is_empty();
    if answer.more {
        let head = v1::Change { subject: None, ..answer.clone() };
        *rest = Some(v1::Change { more: false, subject: Some(Subject::Group(left)), ..head });
    }
    Some(answer)
}

fn query(after: u64, limit: u32) -> Query {
    Query { filter: None, viewer: None, sort: None, start: Start::After(Mark::of(after)), limit }
}
