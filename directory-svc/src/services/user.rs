//! `UserService`: people, for the IdP that provisions them and for Nestr's own.

use directory_api::v1;
use directory_api::v1::user_service_server::UserService;
use prost::Message;
use scim::Resource;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::page::Question;
use super::{Services, page, read};
use crate::clock::DAY;
use crate::door::Authenticated;
use crate::ids::UserId;
use crate::render::{People, deleted_user};
use crate::rules::{adoption, login_email, people};
use crate::store::{
    Author, GroupStore, Kind, Mark, Membership, Names, Query, Store, User, WorkspaceStore,
};

#[tonic::async_trait]
impl<S: Store> UserService for Services<S> {
    async fn create_user(
        &self,
        request: Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let mut wanted = match ask.resource {
            Some(v1::create_user_request::Resource::ScimJson(text)) => read::user_json(&text)?,
            Some(v1::create_user_request::Resource::User(user)) => read::user_message(&user)?,
            None => return Err(no(read::invalid("resource", "a user is needed"))),
        };
        let external_id = wanted.take_external_id();
        let names = Names {
            user_name: scim::fold::fold(wanted.user_name().unwrap_or_default()),
            login_email: login_email::candidate(&wanted),
            external_id: external_id.clone(),
        };
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let id = UserId::new(self.clock.new_id());
        let user = workspace
            .create_user(write, id, names, move |policy, met| {
                adoption::create(
                    policy,
                    &author,
                    &wanted,
                    external_id.as_deref(),
                    met,
                    read::stored_user,
                )
            })
            .await
            .map_err(store_error)?;
        self.answer(&workspace, &render, &user).await
    }

    async fn get_user(
        &self,
        request: Request<v1::GetUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let user = workspace.user(read::user_id(&ask.id)?).await.map_err(store_error)?;
        let user = people::expect(user.as_ref(), &ask.id, None).map_err(no)?;
        self.answer(&workspace, &render, user).await
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let filter = read::filter(Kind::User, &ask.filter)?;
        let sort = read::sort(Kind::User, ask.order.as_ref())?;
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

    async fn replace_user(
        &self,
        request: Request<v1::ReplaceUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let wanted = match ask.resource {
            Some(v1::replace_user_request::Resource::ScimJson(text)) => read::user_json(&text)?,
            Some(v1::replace_user_request::Resource::User(user)) => read::user_message(&user)?,
            None => return Err(no(read::invalid("resource", "a user is needed"))),
        };
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let change = Change { author, id: ask.id, etag: ask.etag, operation_id: ask.operation_id };
        let user = self
            .change(&workspace, change, move |current| {
                wanted.check_immutable(&current)?;
                Ok(people::replacement(wanted.clone(), &current))
            })
            .await?;
        self.answer(&workspace, &render, &user).await
    }

    async fn patch_user(
        &self,
        request: Request<v1::PatchUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let patch = read::patch(Kind::User, ask.operations)?;
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let change = Change { author, id: ask.id, etag: ask.etag, operation_id: ask.operation_id };
        let user = self.change(&workspace, change, move |current| patch.apply(current)).await?;
        self.answer(&workspace, &render, &user).await
    }

    async fn delete_user(
        &self,
        request: Request<v1::DeleteUserRequest>,
    ) -> Result<Response<pbjson_types::Empty>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let id = read::user_id(&ask.id)?;
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let expires_at = write.at + i64::from(self.settings.tombstone_days) * DAY;
        workspace
            .remove_user(write, id, expires_at, move |person| {
                let person = people::expect(person, &ask.id, ask.etag.as_deref())?;
                people::remove(&author, person)
            })
            .await
            .map_err(store_error)?;
        Ok(Response::new(pbjson_types::Empty {}))
    }

    async fn list_deleted_users(
        &self,
        request: Request<v1::ListDeletedUsersRequest>,
    ) -> Result<Response<v1::ListDeletedUsersResponse>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let render = People::new(&self.links, workspace_id, None, None)?;
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
        let render = People::new(&self.links, workspace_id, None, ask.view)?;
        let id = read::user_id(&ask.id)?;
        let write = self.named_write(author, ask.operation_id)?;
        let user = workspace
            .restore_user(write, id, move |policy, tombstone| {
                people::restore(policy, tombstone, &ask.id, read::stored_user)
            })
            .await
            .map_err(store_error)?;
        self.answer(&workspace, &render, &user).await
    }
}

/// What a replacement and a patch have in common.
struct Change {
    author: Author,
    id: String,
    etag: Option<String>,
    operation_id: String,
}

impl<S: Store> Services<S> {
    /// The person as the caller wants to see them.
    async fn answer(
        &self,
        workspace: &S::Workspace,
        render: &People,
        user: &User,
    ) -> Result<Response<v1::User>, Status> {
        let groups = self.groups_of(workspace, render, user.id).await?;
        Ok(Response::new(render.message(user, &groups)?))
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

    /// Changes a person into what `wanted` makes of them, under the rules.
    async fn change(
        &self,
        workspace: &S::Workspace,
        change: Change,
        wanted: impl Fn(Resource) -> Result<Resource, scim::Error> + Send + 'static,
    ) -> Result<User, Status> {
        let Change { author, id, etag, operation_id } = change;
        let write = self.named_write(author.clone(), operation_id)?;
        workspace
            .change_user(write, read::user_id(&id)?, move |policy, person| {
                let person = people::expect(person, &id, etag.as_deref())?;
                let current = read::stored_user(person)?;
                let wanted =
                    wanted(read::seen_by(current.clone(), person.binding.as_ref(), &author));
                let wanted = wanted.map_err(super::fault::refusal_of)?;
                people::change(policy, &author, person, &current, wanted)
            })
            .await
            .map_err(store_error)
    }
}
