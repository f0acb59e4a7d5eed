//! Who belongs to a group, and to which groups somebody belongs: page by page.

use directory_api::v1;
use directory_api::v1::Reach;
use tonic::Status;

use super::MEMBERS_AT_A_TIME;
use crate::door::Authenticated;
use crate::ids::MemberId;
use crate::render::{Groups, People};
use crate::rules::{groups, people};
use crate::services::fault::{no, store_error};
use crate::services::page::Question;
use crate::services::{Services, read};
use crate::store::{Belonging, GroupStore, Mark, SortKey, Store, WorkspaceStore};

impl<S: Store> Services<S> {
    /// See `GroupService.ListMembers`.
    pub(super) async fn members_listed(
        &self,
        open: Authenticated<S::Workspace, v1::ListMembersRequest>,
    ) -> Result<v1::ListMembersResponse, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = open;
        let render = Groups::new(&self.links, workspace.schemas(), workspace_id, None, None)?;
        let reach = reach(ask.reach, Reach::Direct)?;
        let id = read::group_id(&ask.group_id)?;
        let group = workspace.group(id).await.map_err(store_error)?;
        let group = groups::expect(group.as_ref(), &ask.group_id, None).map_err(no)?;
        let words = [ask.group_id.as_str(), reach.as_str_name()];
        let question = Question::new(workspace_id, None, "members", &words);
        let after = match self.mark(&question, &ask.page_token)?.key {
            SortKey::Id(id) => Some(MemberId::new(id)),
            _ => None,
        };
        let limit = size(ask.page_size);
        let mut found = match reach {
            Reach::Any => workspace.belonging(id, after, limit + 1).await.map_err(store_error)?,
            Reach::Direct | Reach::Unspecified => {
                let members = workspace.members(id, after, limit + 1).await.map_err(store_error)?;
                let direct = |member| Belonging { member, is_direct: true };
                members.into_iter().map(direct).collect()
            }
        };
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let mark = |last: &Belonging| Mark { key: SortKey::Id(last.member.id.uuid()), seq: 0 };
        let last = found.last().map(mark);
        Ok(v1::ListMembersResponse {
            members: render.members(&found),
            next_page_token: self.next_page(&question, last.as_ref(), more)?,
            total_size: group.member_count.try_into().unwrap_or(u32::MAX),
        })
    }

    /// See `GroupService.ListUserGroups`. All groups of a person are found at once, whatever the page: it is who
    /// belongs to many that pays for it.
    pub(super) async fn user_groups_listed(
        &self,
        open: Authenticated<S::Workspace, v1::ListUserGroupsRequest>,
    ) -> Result<v1::ListUserGroupsResponse, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = open;
        let reach = reach(ask.reach, Reach::Any)?;
        let id = read::user_id(&ask.user_id)?;
        if workspace.user(id).await.map_err(store_error)?.is_none() {
            return Err(no(people::not_found(&ask.user_id)));
        }
        let words = [ask.user_id.as_str(), reach.as_str_name()];
        let question = Question::new(workspace_id, None, "groups of a person", &words);
        let after = self.mark(&question, &ask.page_token)?.seq;
        let mut found = workspace.memberships(id.into()).await.map_err(store_error)?;
        found.retain(|membership| membership.is_direct || reach == Reach::Any);
        let total_size = found.len().try_into().unwrap_or(u32::MAX);
        found.retain(|membership| membership.seq > after);
        let limit = size(ask.page_size) as usize;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|membership| Mark::of(membership.seq));
        let render = People::new(&self.links, workspace.schemas(), workspace_id, None, None)?;
        Ok(v1::ListUserGroupsResponse {
            groups: render.groups(&found),
            next_page_token: self.next_page(&question, last.as_ref(), more)?,
            total_size,
        })
    }
}

/// How many are answered at most.
fn size(asked: Option<u32>) -> u32 {
    asked.unwrap_or(MEMBERS_AT_A_TIME).min(MEMBERS_AT_A_TIME)
}

/// By what somebody is to belong to a group; `otherwise` when nothing is said.
fn reach(asked: i32, otherwise: Reach) -> Result<Reach, Status> {
    match Reach::try_from(asked) {
        Ok(Reach::Unspecified) => Ok(otherwise),
        Ok(reach) => Ok(reach),
        Err(_) => Err(no(read::invalid("reach", "not one that the contract knows"))),
    }
}
