//! `IntegrationService`: switching SCIM on and off, and its keys.

use std::str::FromStr;

use directory_api::api_key::ApiKeyText;
use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::integration_service_server::IntegrationService;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::workspace::DISPLAY_NAME_BYTES;
use super::{Services, read};
use crate::door::{Authenticated, hash};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::refusal::Refusal;
use crate::render;
use crate::rules::{integrations, keys};
use crate::store::{ApiKey, Author, Integration, IntegrationState, Store, WorkspaceStore};

#[tonic::async_trait]
impl<S: Store> IntegrationService for Services<S> {
    async fn list_integrations(
        &self,
        request: Request<v1::ListIntegrationsRequest>,
    ) -> Result<Response<v1::ListIntegrationsResponse>, Status> {
        let Authenticated { workspace, workspace_id, .. } = self.door.open(request).await?;
        let found = workspace.integrations().await.map_err(store_error)?;
        let shown = |integration| render::integration(&self.links, workspace_id, integration);
        let integrations = found.iter().map(shown).collect();
        Ok(Response::new(v1::ListIntegrationsResponse { integrations }))
    }

    async fn get_integration(
        &self,
        request: Request<v1::GetIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let integration = one(&*workspace, &ask.integration_id).await?;
        Ok(Response::new(render::integration(&self.links, workspace_id, &integration)))
    }

    async fn enable_integration(
        &self,
        request: Request<v1::EnableIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let kind = ask.kind;
        let id = match find(&*workspace, &ask.integration_id).await? {
            Some(integration) => integration.id,
            None if ask.integration_id.is_empty() => integrations::first(workspace_id),
            None => return Err(no(integrations::not_found())),
        };
        let write = self.write(author);
        let at = write.at;
        let change = self.door.begin_key_change(workspace_id);
        let enabled = workspace
            .change_integration(write, id, move |policy, standing| {
                integrations::enable(policy, standing, id, kind, at)
            })
            .await;
        change.end(&*workspace).await;
        let integration = enabled.map_err(store_error)?;
        Ok(Response::new(render::integration(&self.links, workspace_id, &integration)))
    }

    async fn pause_integration(
        &self,
        request: Request<v1::PauseIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let id = ask.integration_id;
        self.switch(&*workspace, workspace_id, author, &id, IntegrationState::Paused).await
    }

    async fn disable_integration(
        &self,
        request: Request<v1::DisableIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let id = ask.integration_id;
        self.switch(&*workspace, workspace_id, author, &id, IntegrationState::Off).await
    }

    async fn create_api_key(
        &self,
        request: Request<v1::CreateApiKeyRequest>,
    ) -> Result<Response<v1::CreateApiKeyResponse>, Status> {
        let Authenticated { workspace, author, ask, .. } = self.door.open(request).await?;
        let integration = one(&*workspace, &ask.integration_id).await?;
        let write = self.write(author);
        let expires_at = read::time("expire_time", ask.expire_time.as_ref())?;
        if expires_at.is_some_and(|end| end <= write.at) {
            return Err(no(read::invalid("expire_time", "lies in the past")));
        }
        if ask.display_name.len() > DISPLAY_NAME_BYTES {
            let cause = format!("at most {DISPLAY_NAME_BYTES} bytes are allowed");
            return Err(no(read::invalid("display_name", cause)));
        }
        let text = ApiKeyText::from_random(self.clock.random());
        let id = ApiKeyId::new(self.clock.new_id());
        let key = ApiKey {
            display_name: ask.display_name,
            expires_at,
            ..keys::made(id, integration.id, &text, write.at)
        };
        let hash = hash(text.expose());
        workspace.add_api_key(write, key.clone(), hash).await.map_err(store_error)?;
        Ok(Response::new(v1::CreateApiKeyResponse {
            key: text.expose().to_owned(),
            api_key: Some(render::api_key(&key)),
        }))
    }

    async fn list_api_keys(
        &self,
        request: Request<v1::ListApiKeysRequest>,
    ) -> Result<Response<v1::ListApiKeysResponse>, Status> {
        let Authenticated { workspace, ask, .. } = self.door.open(request).await?;
        let integration = one(&*workspace, &ask.integration_id).await?;
        let found = workspace.api_keys(integration.id).await.map_err(store_error)?;
        let api_keys = found.iter().map(render::api_key).collect();
        Ok(Response::new(v1::ListApiKeysResponse { api_keys }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<v1::RevokeApiKeyRequest>,
    ) -> Result<Response<v1::ApiKey>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let missing = || {
            no(Refusal::new(
                Reason::ApiKeyNotFound,
                "The workspace has no API key of this id (IntegrationService.ListApiKeys shows \
                 them). The id is wanted, not the key.",
            ))
        };
        let id = ApiKeyId::from_str(&ask.api_key_id).map_err(|_| missing())?;
        let change = self.door.begin_key_change(workspace_id);
        let revoked = workspace.revoke_api_key(self.write(author), id).await;
        change.end(&*workspace).await;
        let key = revoked.map_err(store_error)?.ok_or_else(missing)?;
        Ok(Response::new(render::api_key(&key)))
    }
}

impl<S: Store> Services<S> {
    async fn switch(
        &self,
        workspace: &S::Workspace,
        workspace_id: WorkspaceId,
        author: Author,
        integration_id: &str,
        state: IntegrationState,
    ) -> Result<Response<v1::Integration>, Status> {
        let id = one(workspace, integration_id).await?.id;
        let change = self.door.begin_key_change(workspace_id);
        let switched = workspace
            .change_integration(self.write(author), id, move |_, standing| {
                integrations::switch(standing, state)
            })
            .await;
        change.end(workspace).await;
        let integration = switched.map_err(store_error)?;
        Ok(Response::new(render::integration(&self.links, workspace_id, &integration)))
    }
}

/// The integration of this id; without an id the workspace's first one.
async fn find(
    workspace: &impl WorkspaceStore,
    integration_id: &str,
) -> Result<Option<Integration>, Status> {
    let all = workspace.integrations().await.map_err(store_error)?;
    Ok(all
        .into_iter()
        .find(|one| integration_id.is_empty() || one.id.to_string() == integration_id))
}

async fn one(workspace: &impl WorkspaceStore, integration_id: &str) -> Result<Integration, Status> {
    find(workspace, integration_id).await?.ok_or_else(|| no(integrations::not_found()))
}
