//! `GroupService`: groups and who belongs to them, for the IdP that provisions them and for Nestr's own.

mod belonging;
mod write;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::group_service_server::GroupService;
use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::batch::{self, Batch};
use super::fault::{no, store_error};
use super::page::Question;
use super::{Services, page, read, update};
use crate::door::{Admitted, Authenticated};
use crate::ids::{GroupId, MemberId};
use crate::refusal::Refusal;
use crate::render::{Groups, deleted_group};
use crate::rules::groups;
use crate::store::{Group, GroupStore, GroupWritten, Kind, Mark, Member, Query, Store};

/// How many members are read at a time.
const MEMBERS_AT_A_TIME: u32 = 1_000;

/// With how many members at most a group is answered in one message: some 9 MiB.
const MEMBERS_IN_A_MESSAGE: u64 = 50_000;

/// The next pieces of a group.
type Pieces = Pin<Box<dyn Stream<Item = Result<v1::GroupPiece, Status>> + Send>>;

#[tonic::async_trait]
impl<S: Store> GroupService for Services<S> {
    type ReadGroupStream = Pieces;

    async fn create_group(
        &self,
        request: Request<v1::CreateGroupRequest>,
    ) -> Result<Response<v1::Group>, Status> {
        Ok(Response::new(self.group_created(self.door.open(request).await?).await?))
    }

    async fn get_group(
        &self,
        request: Request<v1::GetGroupRequest>,
    ) -> Result<Response<v1::Group>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = Groups::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let group = workspace.group(read::group_id(&ask.id)?).await.map_err(store_error)?;
        let group = groups::expect(group.as_ref(), &ask.id, None).map_err(no)?;
        let (group, members) = self.whole(&workspace, &render, group.clone()).await?;
        Ok(Response::new(render.message(&group, &members)?))
    }

    async fn batch_get_groups(
        &self,
        request: Request<v1::BatchGetGroupsRequest>,
    ) -> Result<Response<v1::BatchGetGroupsResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let viewer = author.integration();
        let render = Groups::new(&self.links, workspace.schemas(), workspace_id, viewer, ask.view)?;
        let batch = Batch::read(ask.ids)?;
        let found = workspace.groups_of(batch.ids()).await.map_err(store_error)?;
        let found: BTreeMap<GroupId, Group> =
            found.into_iter().map(|group| (group.id, group)).collect();
        let (mut groups, mut room) = (Vec::with_capacity(found.len()), page::Room::default());
        let (asked, missing_ids) = batch.sort(|id| found.get(id));
        for group in asked {
            let members = self.members_of(&workspace, &render, group).await?;
            let message = render.message(group, &members)?;
            if !room.takes(message.encoded_len()) {
                return Err(no(batch::too_large()));
            }
            groups.push(message);
        }
        Ok(Response::new(v1::BatchGetGroupsResponse { groups, missing_ids }))
    }

    async fn read_group(
        &self,
        request: Request<v1::ReadGroupRequest>,
    ) -> Result<Response<Pieces>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let view =
            v1::View { format: v1::view::Format::ScimJson.into(), ..ask.view.unwrap_or_default() };
        let render = Groups::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            Some(view),
        )?;
        let group = workspace.group(read::group_id(&ask.id)?).await.map_err(store_error)?;
        let group = groups::expect(group.as_ref(), &ask.id, None).map_err(no)?.clone();
        // One piece waits for its reader; the next is read meanwhile.
        let (pieces, stream) = mpsc::channel(1);
        let sending = async move {
            if let Err(status) = send_pieces::<S>(&workspace, &render, &group, &pieces).await {
                // Who reads no longer needs no telling.
                let _ = pieces.send(Err(status)).await;
            }
        };
        tokio::spawn(traces::here().round(sending));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn list_groups(
        &self,
        request: Request<v1::ListGroupsRequest>,
    ) -> Result<Response<v1::ListGroupsResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = Groups::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let filter = read::filter(workspace.schemas(), Kind::Group, &ask.filter)?;
        let sort = read::sort(workspace.schemas(), Kind::Group, ask.order.as_ref())?;
        let [by, order] = page::order(ask.order.as_ref());
        let viewer = author.integration();
        let question = Question::new(workspace_id, viewer, "groups", &[&ask.filter, by, order]);
        let start_index = ask.start_index.unwrap_or(1).max(1);
        let start = self.start(&question, &ask.page_token, start_index)?;
        let limit = page::size(ask.page_size, page::DEFAULT_PAGE);
        let query = Query { filter, viewer, sort, start, limit };
        let mut page = workspace.groups(query).await.map_err(store_error)?;
        let (mut found, mut room) = (Vec::with_capacity(page.rows.len()), page::Room::default());
        for group in &page.rows {
            if !found.is_empty() && is_too_large(&render, group) {
                page.more = true;
                break;
            }
            let members = self.members_of(&workspace, &render, group).await?;
            let message = render.message(group, &members)?;
            if !room.takes(message.encoded_len()) {
                page.more = true;
                break;
            }
            found.push(message);
        }
        let last = found.len().checked_sub(1).and_then(|at| page.marks.get(at));
        Ok(Response::new(v1::ListGroupsResponse {
            groups: found,
            next_page_token: self.next_page(&question, last, page.more)?,
            total_size: page.total.try_into().unwrap_or(u32::MAX),
            start_index,
        }))
    }

    async fn count_groups(
        &self,
        request: Request<v1::CountGroupsRequest>,
    ) -> Result<Response<v1::CountGroupsResponse>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let filter = read::filter(workspace.schemas(), Kind::Group, &ask.filter)?;
        let query = Query::count(filter, author.integration());
        let count = workspace.groups(query).await.map_err(store_error)?.total;
        Ok(Response::new(v1::CountGroupsResponse { count }))
    }

    async fn update_group(
        &self,
        request: Request<v1::UpdateGroupRequest>,
    ) -> Result<Response<v1::Group>, Status> {
        let open = self.door.open(request).await?;
        let group = if update::is_whole(open.ask.update_mask.as_ref()) {
            let v1::UpdateGroupRequest {
                workspace_id, id, group, etag, view, operation_id, ..
            } = open.ask.clone();
            let resource = group.map(v1::replace_group_request::Resource::Group);
            let ask =
                v1::ReplaceGroupRequest { workspace_id, id, resource, view, etag, operation_id };
            self.group_replaced(open.with(ask).await?).await?
        } else {
            self.group_updated(open).await?
        };
        Ok(Response::new(group))
    }

    async fn replace_group(
        &self,
        request: Request<v1::ReplaceGroupRequest>,
    ) -> Result<Response<v1::Group>, Status> {
        Ok(Response::new(self.group_replaced(self.door.open(request).await?).await?))
    }

    async fn patch_group(
        &self,
        request: Request<v1::PatchGroupRequest>,
    ) -> Result<Response<v1::Group>, Status> {
        Ok(Response::new(self.group_patched(self.door.open(request).await?).await?))
    }

    async fn delete_group(
        &self,
        request: Request<v1::DeleteGroupRequest>,
    ) -> Result<Response<v1::DeleteGroupResponse>, Status> {
        // Who may bring any group back may remove an integration's.
        let is_operator = self.door.may::<v1::RestoreGroupRequest>(&request);
        let revision = self.group_deleted(self.door.open(request).await?, is_operator).await?;
        Ok(Response::new(v1::DeleteGroupResponse { revision }))
    }

    async fn list_deleted_groups(
        &self,
        request: Request<v1::ListDeletedGroupsRequest>,
    ) -> Result<Response<v1::ListDeletedGroupsResponse>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let render = Groups::new(&self.links, workspace.schemas(), workspace_id, None, None)?;
        let question = Question::new(workspace_id, None, "deleted groups", &[]);
        let after = self.mark(&question, &ask.page_token)?.seq;
        let limit = page::size(ask.page_size, page::DEFAULT_PAGE);
        let mut found = workspace.deleted_groups(after, limit + 1).await.map_err(store_error)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().map(|tombstone| Mark::of(tombstone.was.seq));
        Ok(Response::new(v1::ListDeletedGroupsResponse {
            groups: found.iter().map(|t| deleted_group(&render, t)).collect::<Result<_, _>>()?,
            next_page_token: self.next_page(&question, last.as_ref(), more)?,
        }))
    }

    async fn restore_group(
        &self,
        request: Request<v1::RestoreGroupRequest>,
    ) -> Result<Response<v1::Group>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = Groups::new(&self.links, workspace.schemas(), workspace_id, None, ask.view)?;
        let id = read::group_id(&ask.id)?;
        let write = self.named_write(author, ask.operation_id)?;
        let schemas = Arc::clone(workspace.schemas());
        let decide = move |tombstone: Option<&_>| {
            groups::restore(tombstone, &ask.id, |was| read::stored_group(&schemas, was))
        };
        let group = workspace.restore_group(write, id, decide).await.map_err(store_error)?;
        let written = GroupWritten { group, skipped: 0 };
        Ok(Response::new(self.written(&workspace, &render, &written, MEMBERS_IN_A_MESSAGE).await?))
    }

    async fn list_members(
        &self,
        request: Request<v1::ListMembersRequest>,
    ) -> Result<Response<v1::ListMembersResponse>, Status> {
        Ok(Response::new(self.members_listed(self.door.open(request).await?).await?))
    }

    async fn list_user_groups(
        &self,
        request: Request<v1::ListUserGroupsRequest>,
    ) -> Result<Response<v1::ListUserGroupsResponse>, Status> {
        Ok(Response::new(self.user_groups_listed(self.door.open(request).await?).await?))
    }
}

impl<S: Store> Services<S> {
    /// A group and its members as they were at one moment, `group` or a later one: who is told members under
    /// a version that never had them changes what nobody has seen. Group and members are read one after the
    /// other, and again while others write between; the call's deadline ends that.
    ///
    /// # Errors
    /// `GROUP_NOT_FOUND` when it is removed meanwhile.
    pub(super) async fn whole(
        &self,
        workspace: &S::Workspace,
        render: &Groups,
        mut group: Group,
    ) -> Result<(Group, Vec<Member>), Status> {
        loop {
            let members = self.members_of(workspace, render, &group).await?;
            if !render.wants_members() || group.member_count == 0 {
                return Ok((group, members));
            }
            let id = group.id;
            let now = workspace.group(id).await.map_err(store_error)?;
            let now = now.ok_or_else(|| no(groups::not_found(&id.to_string())))?;
            if now.revision == group.revision {
                return Ok((group, members));
            }
            group = now;
        }
    }

    /// The members of a group, where the caller is to see them in one message.
    pub(super) async fn members_of(
        &self,
        workspace: &S::Workspace,
        render: &Groups,
        group: &Group,
    ) -> Result<Vec<Member>, Status> {
        if !render.wants_members() || group.member_count == 0 {
            return Ok(Vec::new());
        }
        if is_too_large(render, group) {
            return Err(no(too_many_members(group)));
        }
        let most = u32::try_from(MEMBERS_IN_A_MESSAGE).unwrap_or(u32::MAX);
        workspace.members(group.id, None, most).await.map_err(store_error)
    }
}

/// Whether a message cannot hold the group as the caller is to see it. A page ends before such a one: that
/// is known before it is read.
pub(super) fn is_too_large(render: &Groups, group: &Group) -> bool {
    render.wants_members() && group.member_count > MEMBERS_IN_A_MESSAGE
}

/// Sends a group piece by piece, for as long as somebody reads whose key is good.
async fn send_pieces<S: Store>(
    workspace: &Admitted<S::Workspace>,
    render: &Groups,
    group: &Group,
    to: &mpsc::Sender<Result<v1::GroupPiece, Status>>,
) -> Result<(), Status> {
    let (message, mut text, mut pieces) = render.in_pieces(group)?;
    let mut head = Some(message);
    let mut after: Option<MemberId> = None;
    while render.wants_members() {
        workspace.is_still_open().await?;
        let members = workspace.members(group.id, after, MEMBERS_AT_A_TIME);
        let members = members.await.map_err(store_error)?;
        pieces.append(&mut text, &members)?;
        if members.len() < MEMBERS_AT_A_TIME as usize {
            break;
        }
        after = members.last().map(|member| member.id);
        let piece = v1::GroupPiece { group: head.take(), scim_json: std::mem::take(&mut text) };
        if to.send(Ok(piece)).await.is_err() {
            return Ok(());
        }
    }
    pieces.end(&mut text);
    let last = v1::GroupPiece { group: head.take(), scim_json: text };
    // Who reads no longer needs no end.
    let _ = to.send(Ok(last)).await;
    Ok(())
}

fn too_many_members(group: &Group) -> Refusal {
    Refusal::new(
        Reason::TooMany,
        format!(
            "The group {} has {} members, more than {MEMBERS_IN_A_MESSAGE}. Ask with \
             excludedAttributes=members, or for that group alone.",
            group.id, group.member_count
        ),
    )
}
