//! `WorkspaceService`: the tenants, for operators.

use std::str::FromStr;

use directory_api::v1;
use directory_api::v1::workspace_service_server::WorkspaceService;
use tonic::{Request, Response, Status};

use super::fault::{no, refusal_of, store_error};
use super::{Services, page, read};
use crate::door::Authenticated;
use crate::ids::WorkspaceId;
use crate::render;
use crate::rules::login_email::address;
use crate::rules::{schemas, workspaces};
use crate::store::{EmailJoin, Kind, Store, Suspension, Workspace, WorkspaceStore};

/// The longest display name, in bytes.
pub(super) const DISPLAY_NAME_BYTES: usize = 200;
/// The longest reason of a suspension, in bytes.
const REASON_BYTES: usize = 500;

#[tonic::async_trait]
impl<S: Store> WorkspaceService for Services<S> {
    async fn create_workspace(
        &self,
        request: Request<v1::CreateWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let (author, ask) = self.door.across(request)?;
        let display_name = display_name(&ask.display_name)?;
        contact_email(&ask.contact_email)?;
        let (id, write) = (WorkspaceId::new(self.clock.new_id()), self.write(author));
        let workspace = Workspace::new(id, display_name, ask.contact_email, write.at);
        self.store.create_workspace(write, workspace.clone()).await.map_err(store_error)?;
        Ok(Response::new(render::workspace(&workspace)))
    }

    async fn get_workspace(
        &self,
        request: Request<v1::GetWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let opened = self.door.open(request).await?;
        let card = opened.workspace.card().await.map_err(store_error)?;
        let card = card.ok_or_else(|| Status::internal("internal error"))?;
        Ok(Response::new(render::workspace(&card)))
    }

    async fn list_workspaces(
        &self,
        request: Request<v1::ListWorkspacesRequest>,
    ) -> Result<Response<v1::ListWorkspacesResponse>, Status> {
        let (_, ask) = self.door.across(request)?;
        let after = match ask.page_token.as_str() {
            "" => None,
            token => Some(WorkspaceId::from_str(token).map_err(|_| {
                no(read::invalid(
                    "page_token",
                    "not one that an earlier answer gave; begin again without one",
                ))
            })?),
        };
        let limit = page::size(ask.page_size, page::MAX_PAGE) as usize;
        let one_more = u32::try_from(limit + 1).unwrap_or(u32::MAX);
        let mut found = self.store.workspaces(after, one_more).await.map_err(store_error)?;
        let more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().map(|workspace| workspace.id.to_string());
        Ok(Response::new(v1::ListWorkspacesResponse {
            workspaces: found.iter().map(render::workspace).collect(),
            next_page_token: last.filter(|_| more).unwrap_or_default(),
        }))
    }

    async fn update_workspace(
        &self,
        request: Request<v1::UpdateWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let email_join = ask.email_join.map(email_join).transpose()?.flatten();
        let name = ask.display_name.as_deref().map(display_name).transpose()?.map(str::to_owned);
        ask.contact_email.as_deref().map(contact_email).transpose()?;
        let decide = move |standing: &Workspace| {
            let standing = standing.clone();
            Ok(Workspace {
                display_name: name.clone().unwrap_or(standing.display_name),
                contact_email: ask.contact_email.clone().unwrap_or(standing.contact_email),
                email_join: email_join.unwrap_or(standing.email_join),
                ..standing
            })
        };
        let changed = workspace.change_workspace(self.write(author), decide).await;
        Ok(Response::new(render::workspace(&changed.map_err(store_error)?)))
    }

    async fn suspend_workspace(
        &self,
        request: Request<v1::SuspendWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let reason = ask.reason.trim().to_owned();
        if reason.is_empty() || reason.len() > REASON_BYTES {
            let cause = format!("1 to {REASON_BYTES} bytes are needed");
            return Err(no(read::invalid("reason", cause)));
        }
        let by = author.name();
        let write = self.write(author);
        let suspension = Suspension { at: write.at, by, reason };
        let change = self.door.begin_key_change(workspace_id);
        let suspended = workspace
            .change_workspace(write, move |standing| Ok(workspaces::suspend(standing, &suspension)))
            .await;
        change.end(&*workspace).await;
        Ok(Response::new(render::workspace(&suspended.map_err(store_error)?)))
    }

    async fn resume_workspace(
        &self,
        request: Request<v1::ResumeWorkspaceRequest>,
    ) -> Result<Response<v1::Workspace>, Status> {
        let Authenticated { workspace, workspace_id, author, .. } = self.door.open(request).await?;
        let change = self.door.begin_key_change(workspace_id);
        let resumed = workspace
            .change_workspace(self.write(author), |standing| Ok(workspaces::resume(standing)))
            .await;
        change.end(&*workspace).await;
        Ok(Response::new(render::workspace(&resumed.map_err(store_error)?)))
    }

    async fn register_schema(
        &self,
        request: Request<v1::RegisterSchemaRequest>,
    ) -> Result<Response<v1::RegisteredSchema>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let kind = [Kind::User, Kind::Group].into_iter().find(|k| k.name() == ask.resource_type);
        let kind = kind.ok_or_else(|| no(read::invalid("resource_type", "User or Group")))?;
        let write = self.named_write(author, ask.operation_id)?;
        let refused = |error| refusal_of(error).at("schema_json");
        let decide =
            move |standing: &[_]| schemas::register(standing, kind, &ask.schema_json, refused);
        let registered = workspace.register_schema(write, decide).await.map_err(store_error)?;
        self.door.forget_schemas(workspace_id);
        Ok(Response::new(v1::RegisteredSchema {
            urn: registered.urn,
            resource_type: registered.kind.name().to_owned(),
            schema_json: registered.document,
        }))
    }
}

/// A name for people.
fn display_name(text: &str) -> Result<&str, Status> {
    let name = text.trim();
    if name.is_empty() || name.len() > DISPLAY_NAME_BYTES {
        let cause = format!("1 to {DISPLAY_NAME_BYTES} bytes are needed");
        return Err(no(read::invalid("display_name", cause)));
    }
    Ok(name)
}

/// What is asked of joining; `None`: nothing.
fn email_join(asked: i32) -> Result<Option<EmailJoin>, Status> {
    match v1::EmailJoin::try_from(asked) {
        Ok(v1::EmailJoin::Unspecified) => Ok(None),
        Ok(v1::EmailJoin::Off) => Ok(Some(EmailJoin::Off)),
        Ok(v1::EmailJoin::Open) => Ok(Some(EmailJoin::Open)),
        Err(_) => Err(no(read::invalid("email_join", "no value of EmailJoin; name OFF or OPEN"))),
    }
}

/// Refuses what nobody could be written to.
pub(super) fn contact_email(text: &str) -> Result<(), Status> {
    match address(text) {
        Some(_) => Ok(()),
        None => Err(no(read::invalid("contact_email", "an e-mail address is needed"))),
    }
}
