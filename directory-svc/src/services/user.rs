//! `UserService`: people, for the IdP that provisions them and for Nestr's own.

use directory_api::v1;
use directory_api::v1::user_service_server::UserService;
use scim::Resource;
use tonic::{Request, Response, Status};

use super::fault::{no, scim_error, store_error};
use super::{Services, page, read};
use crate::clock::DAY;
use crate::door::{Admitted, Authenticated};
use crate::ids::UserId;
use crate::render::{People, deleted_user};
use crate::rules::{adoption, login_email, people};
use crate::store::{Author, Names, Start, Store, UserQuery, WorkspaceStore};

/// How many people a page holds when the caller does not say.
const DEFAULT_PAGE: u32 = 100;

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
            Some(v1::create_user_request::Resource::ScimJson(text)) => read::scim_json(&text)?,
            Some(v1::create_user_request::Resource::User(user)) => read::typed(&user)?,
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
                    read::stored,
                )
            })
            .await
            .map_err(store_error)?;
        Ok(Response::new(render.message(&user)?))
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
        Ok(Response::new(render.message(user)?))
    }

    async fn list_users(
        &self,
        request: Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let filter = match ask.filter.as_str() {
            "" => None,
            text => {
                let filter = scim::filter::parse(text).and_then(|f| f.bind(read::users()));
                Some(filter.map_err(scim_error)?)
            }
        };
        let start_index = ask.start_index.unwrap_or(1).max(1);
        let start = match ask.page_token.as_str() {
            "" => Start::Skip(u64::from(start_index) - 1),
            token => Start::After(page::read(token)?),
        };
        let limit = page::size(ask.page_size, DEFAULT_PAGE);
        let query = UserQuery { filter, viewer: author.integration(), start, limit };
        let mut page = workspace.users(query).await.map_err(store_error)?;
        let fitting = page::fitting(page.users.iter().map(|user| user.document.len()));
        page.more |= fitting < page.users.len();
        page.users.truncate(fitting);
        let last = page.users.last().map(|user| user.seq);
        Ok(Response::new(v1::ListUsersResponse {
            users: page.users.iter().map(|user| render.message(user)).collect::<Result<_, _>>()?,
            next_page_token: last.filter(|_| page.more).map(page::token).unwrap_or_default(),
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
            Some(v1::replace_user_request::Resource::ScimJson(text)) => read::scim_json(&text)?,
            Some(v1::replace_user_request::Resource::User(user)) => read::typed(&user)?,
            None => return Err(no(read::invalid("resource", "a user is needed"))),
        };
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let change = Change { author, id: ask.id, etag: ask.etag, operation_id: ask.operation_id };
        let user = self
            .change(workspace, change, move |current| {
                wanted.check_immutable(&current)?;
                Ok(people::replacement(wanted.clone(), &current))
            })
            .await?;
        Ok(Response::new(render.message(&user)?))
    }

    async fn patch_user(
        &self,
        request: Request<v1::PatchUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let patch = read::patch(ask.operations)?;
        let render = People::new(&self.links, workspace_id, author.integration(), ask.view)?;
        let change = Change { author, id: ask.id, etag: ask.etag, operation_id: ask.operation_id };
        let user = self.change(workspace, change, move |current| patch.apply(current)).await?;
        Ok(Response::new(render.message(&user)?))
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
        let after = if ask.page_token.is_empty() { 0 } else { page::read(&ask.page_token)? };
        let limit = page::size(ask.page_size, DEFAULT_PAGE);
        let mut found = workspace.deleted_users(after, limit + 1).await.map_err(store_error)?;
        let more = found.len() > limit as usize;
        found.truncate(limit as usize);
        let last = found.last().map(|tombstone| tombstone.user.seq);
        Ok(Response::new(v1::ListDeletedUsersResponse {
            users: found.iter().map(|t| deleted_user(&render, t)).collect::<Result<_, _>>()?,
            next_page_token: last.filter(|_| more).map(page::token).unwrap_or_default(),
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
                people::restore(policy, tombstone, &ask.id, read::stored)
            })
            .await
            .map_err(store_error)?;
        Ok(Response::new(render.message(&user)?))
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
    /// Changes a person into what `wanted` makes of them, under the rules.
    async fn change(
        &self,
        workspace: Admitted<S::Workspace>,
        change: Change,
        wanted: impl Fn(Resource) -> Result<Resource, scim::Error> + Send + 'static,
    ) -> Result<crate::store::User, Status> {
        let Change { author, id, etag, operation_id } = change;
        let write = self.named_write(author.clone(), operation_id)?;
        workspace
            .change_user(write, read::user_id(&id)?, move |policy, person| {
                let person = people::expect(person, &id, etag.as_deref())?;
                let current = read::stored(person)?;
                let wanted = wanted(read::seen_by(current.clone(), person, &author));
                let wanted = wanted.map_err(super::fault::refusal_of)?;
                people::change(policy, &author, person, &current, wanted)
            })
            .await
            .map_err(store_error)
    }
}
