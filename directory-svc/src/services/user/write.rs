//! Making, changing and removing people, for one call and for the operations of a bulk alike.

use std::sync::Arc;

use directory_api::v1;
use scim::Resource;
use tonic::Status;

use crate::clock::DAY;
use crate::door::{Admitted, Authenticated};
use crate::ids::{UserId, WorkspaceId};
use crate::render::People;
use crate::rules::management::Named;
use crate::rules::people::Wanted;
use crate::rules::{adoption, login_email, people, protection};
use crate::services::fault::{no, refusal_of, store_error};
use crate::services::update::Update;
use crate::services::{Services, read};
use crate::store::{Author, Kind, Names, Revision, Store, User, WorkspaceStore};

impl<S: Store> Services<S> {
    /// Makes or adopts a person for who was let in; see `UserService.CreateUser`.
    pub(in crate::services) async fn user_created(
        &self,
        open: Authenticated<S::Workspace, v1::CreateUserRequest>,
    ) -> Result<v1::User, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let render = People::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let schemas = workspace.schemas();
        let mut wanted = match ask.resource {
            Some(v1::create_user_request::Resource::ScimJson(text)) => {
                read::user_json(schemas, &text)?
            }
            Some(v1::create_user_request::Resource::User(user)) => {
                read::user_message(schemas, &user)?
            }
            None => return Err(no(read::invalid("resource", "a user is needed"))),
        };
        let external_id = wanted.take_external_id();
        let names = Names {
            user_name: scim::fold::fold(wanted.user_name().unwrap_or_default()),
            login_email: login_email::candidate(&wanted),
            external_id: external_id.clone(),
        };
        let (write, by) = (self.named_write(author.clone(), ask.operation_id)?, author.clone());
        let id = UserId::new(self.clock.new_id());
        let known = Arc::clone(schemas);
        let user = workspace
            .create_user(write, id, names, move |policy, met| {
                adoption::create(policy, &author, &wanted, external_id.as_deref(), met, |person| {
                    read::stored_user(&known, person)
                })
            })
            .await;
        self.note_refused(workspace_id, schemas, &user);
        self.note_protected(&workspace, workspace_id, &by, &user).await;
        let user = user.map_err(store_error)?;
        self.answer(&workspace, &render, &user).await
    }

    /// Puts a person in the place of what stands; `active` stays where it is not named.
    pub(in crate::services) async fn user_replaced(
        &self,
        open: Authenticated<S::Workspace, v1::ReplaceUserRequest>,
    ) -> Result<v1::User, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let schemas = workspace.schemas();
        let wanted = match ask.resource {
            Some(v1::replace_user_request::Resource::ScimJson(text)) => {
                read::user_json(schemas, &text)?
            }
            Some(v1::replace_user_request::Resource::User(user)) => {
                read::user_message(schemas, &user)?
            }
            None => return Err(no(read::invalid("resource", "a user is needed"))),
        };
        let render = People::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let change = Change {
            workspace_id,
            author,
            id: ask.id,
            etag: ask.etag,
            operation_id: ask.operation_id,
            named: wanted.attributes(),
        };
        let user = self
            .change(&workspace, change, move |current| {
                wanted.check_immutable(&current)?;
                Ok(people::replacement(wanted.clone(), &current))
            })
            .await?;
        self.answer(&workspace, &render, &user).await
    }

    /// Does the operations of a patch to a person.
    pub(in crate::services) async fn user_patched(
        &self,
        open: Authenticated<S::Workspace, v1::PatchUserRequest>,
    ) -> Result<v1::User, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let patch = read::patch(workspace.schemas().user(), ask.operations)?;
        let render = People::new(
            &self.links,
            workspace.schemas(),
            workspace_id,
            author.integration(),
            ask.view,
        )?;
        let change = Change {
            workspace_id,
            author,
            id: ask.id,
            etag: ask.etag,
            operation_id: ask.operation_id,
            named: patch.attributes(),
        };
        let user = self.change(&workspace, change, move |current| patch.apply(current)).await?;
        self.answer(&workspace, &render, &user).await
    }

    /// Puts some fields of a person in the place of what stands. No identity provider says it so.
    pub(super) async fn user_updated(
        &self,
        open: Authenticated<S::Workspace, v1::UpdateUserRequest>,
    ) -> Result<v1::User, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let user = ask.user.ok_or_else(|| no(read::invalid("user", "a user is needed")))?;
        let sent = user.to_scim().map_err(|error| no(read::invalid("user", &error)))?;
        let rt = workspace.schemas().user();
        let update = Update::read(Kind::User, rt, ask.update_mask.as_ref(), &sent)?;
        let render = People::new(&self.links, workspace.schemas(), workspace_id, None, ask.view)?;
        let change = Change {
            workspace_id,
            author,
            id: ask.id,
            etag: ask.etag,
            operation_id: ask.operation_id,
            named: Named::new(),
        };
        let user = self.change(&workspace, change, move |current| update.apply(&current)).await?;
        self.answer(&workspace, &render, &user).await
    }

    /// Protects a person, or lets go of them.
    pub(super) async fn user_protected(
        &self,
        open: Authenticated<S::Workspace, v1::ProtectUserRequest>,
    ) -> Result<v1::User, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let render = People::new(&self.links, workspace.schemas(), workspace_id, None, ask.view)?;
        let schemas = Arc::clone(workspace.schemas());
        let write = self.named_write(author, ask.operation_id)?;
        let user = workspace
            .change_user(write, read::user_id(&ask.id)?, move |_, person| {
                let person = people::expect(person, &ask.id, ask.etag.as_deref())?;
                Ok(protection::protect(person, read::stored_user(&schemas, person)?, ask.protected))
            })
            .await
            .map_err(store_error)?;
        self.answer(&workspace, &render, &user).await
    }

    /// Removes a person to a tombstone; answers the revision.
    pub(in crate::services) async fn user_deleted(
        &self,
        open: Authenticated<S::Workspace, v1::DeleteUserRequest>,
        is_operator: bool,
    ) -> Result<Revision, Status> {
        let Authenticated { workspace, workspace_id, author, ask } = open;
        let id = read::user_id(&ask.id)?;
        let write = self.named_write(author.clone(), ask.operation_id)?;
        let expires_at = write.at + i64::from(self.settings.tombstone_days) * DAY;
        let (schemas, by) = (Arc::clone(workspace.schemas()), author.clone());
        let removed = workspace
            .remove_user(write, id, expires_at, move |person| {
                let person = people::expect(person, &ask.id, ask.etag.as_deref())?;
                let current = read::stored_user(&schemas, person)?;
                people::remove(&author, is_operator, person, &current)
            })
            .await;
        self.note_protected(&workspace, workspace_id, &by, &removed).await;
        removed.map_err(store_error)
    }

    /// Changes a person into what `wanted` makes of them, under the rules.
    async fn change(
        &self,
        workspace: &Admitted<S::Workspace>,
        change: Change,
        wanted: impl Fn(Resource) -> Result<Resource, scim::Error> + Send + 'static,
    ) -> Result<User, Status> {
        let Change { workspace_id, author, id, etag, operation_id, mut named } = change;
        // Each integration's own, and none of the person.
        named.remove("externalId");
        let by = author.clone();
        let schemas = Arc::clone(workspace.schemas());
        let write = self.named_write(author.clone(), operation_id)?;
        let user = workspace
            .change_user(write, read::user_id(&id)?, move |policy, person| {
                let person = people::expect(person, &id, etag.as_deref())?;
                let current = read::stored_user(&schemas, person)?;
                let wanted =
                    wanted(read::seen_by(current.clone(), person.binding.as_ref(), &author));
                let wanted = Wanted { resource: wanted.map_err(refusal_of)?, named: &named };
                people::change(policy, &author, person, &current, wanted)
            })
            .await;
        self.note_refused(workspace_id, workspace.schemas(), &user);
        self.note_protected(workspace, workspace_id, &by, &user).await;
        user.map_err(store_error)
    }
}

/// What a replacement, a patch and an update have in common.
struct Change {
    workspace_id: WorkspaceId,
    author: Author,
    id: String,
    etag: Option<String>,
    operation_id: String,
    /// What the write says something of.
    named: Named,
}
