//! `UserService`: people, for the IdP that provisions them and for Nestr's own.

mod protected;
mod write;

use std::collections::BTreeMap;
use std::sync::Arc;

use directory_api::v1;
use directory_api::v1::user_service_server::UserService;
use prost::Message;
use tonic::{Request, Response, Status};

use super::batch::{self, Batch};
use super::fault::{no, store_error};
use super::page::Question;
use super::{Services, page, read, update};
use crate::door::Authenticated;
use crate::ids::UserId;
use crate::render::{People, deleted_user};
use crate::rules::people;
use crate::store::{GroupStore, Kind, Mark, Membership, Query, Store, User, WorkspaceStore};

#[tonic::async_trait]
impl<S: Store> UserService for Services<S> {
    async fn create_user(
        &self,
        request: Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Ok(Response::new(self.user_created(self.door.open(request).await?).await?))
    }

    async fn get_user(
        &self,
        request: Request<v1::GetUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let user = workspace.user(read::user_id(&ask.id)?).await.map_err(store_error)?;
        let user = people::expect(user.as_ref(), &ask.id, None).map_err(no)?;
        Ok(Response::new(self.answer(&workspace, &render, user).await?))
    }

    async fn batch_get_users(
        &self,
        request: Request<v1::BatchGetUsersRequest>,
    ) -> Result<Response<v1::BatchGetUsersResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let viewer = author.integration();
        let render = People::new(&self.links, workspace.schemas(), workspace_id, viewer, ask.view)?;
        let batch = Batch::read(ask.ids)?;
        let found = workspace.users_of(batch.ids()).await.map_err(store_error)?;
        let found: BTreeMap<UserId, User> = found.into_iter().map(|user| (user.id, user)).collect();
        let (mut users, mut room) = (Vec::with_capacity(found.len()), page::Room::default());
        let (asked, missing_ids) = batch.sort(|id| found.get(id));
        for user in asked {
            let groups = self.groups_of(&workspace, &render, user.id).await?;
            let message = render.message(user, &groups)?;
            if !room.takes(message.encoded_len()) {
                return Err(no(batch::too_large()));
            }
            users.push(message);
        }
        Ok(Response::new(v1::BatchGetUsersResponse { users, missing_ids }))
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let filter = read::filter(workspace.schemas(), Kind::User, &ask.filter)?;
        let sort = read::sort(workspace.schemas(), Kind::User, ask.order.as_ref())?;
        let [by, order] = page::order(ask.order.as_ref());
        let viewer = author.integration();
        let question = Question::new(workspace_id, viewer, "people", &[&ask.filter, by, order]);
        let start_index = ask.start_index.unwrap_or(1).max(1);
        let start = self.start(&question, &ask.page_token, start_index)?;
        let limit = page::size(ask.page_size, page::DEFAULT_PAGE);
        let query = Query { filter, viewer, sort, start, limit };
        let mut page = workspace.users(query).await.map_err(store_error)?;
        let (mut users, mut room) = (Vec::with_capacity(page.rows.len()), page::Room::default());
        for user in &page.rows {
            let groups = self.groups_of(&workspace, &render, user.id).await?;
            let message = render.message(user, &groups)?;
            if !room.takes(message.encoded_len()) {
                page.more = true;
                break;
            }
            users.push(message);
        }
        let last = users.len().checked_sub(1).and_then(|at| page.marks.get(at));
        Ok(Response::new(v1::ListUsersResponse {
            users,
            next_page_token: self.next_page(&question, last, page.more)?,
            total_size: page.total.try_into().unwrap_or(u32::MAX),
            start_index,
        }))
    }

    async fn count_users(
        &self,
        request: Request<v1::CountUsersRequest>,
    ) -> Result<Response<v1::CountUsersResponse>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let filter = read::filter(workspace.schemas(), Kind::User, &ask.filter)?;
        let query = Query::count(filter, author.integration());
        let count = workspace.users(query).await.map_err(store_error)?.total;
        Ok(Response::new(v1::CountUsersResponse { count }))
    }

    async fn update_user(
        &self,
        request: Request<v1::UpdateUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let open = self.door.open(request).await?;
        let user = if update::is_whole(open.ask.update_mask.as_ref()) {
            let v1::UpdateUserRequest { workspace_id, id, user, etag, view, operation_id, .. } =
                open.ask.clone();
            let resource = user.map(v1::replace_user_request::Resource::User);
            let ask =
                v1::ReplaceUserRequest { workspace_id, id, resource, view, etag, operation_id };
            self.user_replaced(open.with(ask).await?).await?
        } else {
            self.user_updated(open).await?
        };
        Ok(Response::new(user))
    }

    async fn replace_user(
        &self,
        request: Request<v1::ReplaceUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Ok(Response::new(self.user_replaced(self.door.open(request).await?).await?))
    }

    async fn patch_user(
        &self,
        request: Request<v1::PatchUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Ok(Response::new(self.user_patched(self.door.open(request).await?).await?))
    }

    async fn delete_user(
        &self,
        request: Request<v1::DeleteUserRequest>,
    ) -> Result<Response<v1::DeleteUserResponse>, Status> {
        // Who may bring anybody back may remove whom an identity provider manages.
        let is_operator = self.door.may::<v1::RestoreUserRequest>(&request);
        let revision = self.user_deleted(self.door.open(request).await?, is_operator).await?;
        Ok(Response::new(v1::DeleteUserResponse { revision }))
    }

    async fn protect_user(
        &self,
        request: Request<v1::ProtectUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Ok(Response::new(self.user_protected(self.door.open(request).await?).await?))
    }

    async fn list_deleted_users(
        &self,
        request: Request<v1::ListDeletedUsersRequest>,
    ) -> Result<Response<v1::ListDeletedUsersResponse>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let render = People::new(&self.links, workspace.schemas(), workspace_id, None, None)?;
        let question = Question::new(workspace_id, None, "deleted people", &[]);
        let after = self.mark(&question, &ask.page_token)?.seq;
        let limit = page::size(ask.page_size, page::DEFAULT_PAGE);
        let mut found = workspace.deleted_users(after, limit + 1).await.map_err(store_error)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().map(|tombstone| Mark::of(tombstone.was.seq));
        Ok(Response::new(v1::ListDeletedUsersResponse {
            users: found.iter().map(|t| deleted_user(&render, t)).collect::<Result<_, _>>()?,
            next_page_token: self.next_page(&question, last.as_ref(), more)?,
        }))
    }

    async fn restore_user(
        &self,
        request: Request<v1::RestoreUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(&self.links, workspace.schemas(), workspace_id, None, ask.view)?;
        let id = read::user_id(&ask.id)?;
        let write = self.named_write(author, ask.operation_id)?;
        let schemas = Arc::clone(workspace.schemas());
        let user = workspace
            .restore_user(write, id, move |policy, tombstone| {
                people::restore(policy, tombstone, &ask.id, |was| read::stored_user(&schemas, was))
            })
            .await
            .map_err(store_error)?;
        Ok(Response::new(self.answer(&workspace, &render, &user).await?))
    }
}

impl<S: Store> Services<S> {
    /// The person as the caller wants to see them.
    async fn answer(
        &self,
        workspace: &S::Workspace,
        render: &People,
        user: &User,
    ) -> Result<v1::User, Status> {
        let groups = self.groups_of(workspace, render, user.id).await?;
        render.message(user, &groups)
    }

    /// The groups of a person, where the caller is to see them.
    pub(super) async fn groups_of(
        &self,
        workspace: &S::Workspace,
        render: &People,
        id: UserId,
    ) -> Result<Vec<Membership>, Status> {
        if !render.wants_groups() {
            return Ok(Vec::new());
        }
        workspace.memberships(id.into()).await.map_err(store_error)
    }
}
