//! `IntegrationService`: making, naming and switching integrations, and their keys.

use std::str::FromStr;

use directory_api::api_key::ApiKeyText;
use directory_api::v1;
use directory_api::v1::integration_service_server::IntegrationService;
use tonic::{Request, Response, Status};

use super::fault::{no, store_error};
use super::workspace::DISPLAY_NAME_BYTES;
use super::{Services, read};
use crate::clock::Micros;
use crate::door::{Authenticated, hash};
use crate::ids::{ApiKeyId, IntegrationId, WorkspaceId};
use crate::refusal::Thing;
use crate::render;
use crate::rules::integrations::Said;
use crate::rules::{integrations, key_terms, keys};
use crate::store::{
    ApiKey, Author, Integration, IntegrationState, Rotation, Store, WorkspaceStore,
};

#[tonic::async_trait]
impl<S: Store> IntegrationService for Services<S> {
    async fn list_integrations(
        &self,
        request: Request<v1::ListIntegrationsRequest>,
    ) -> Result<Response<v1::ListIntegrationsResponse>, Status> {
        let Authenticated { workspace, workspace_id, .. } = self.door.open(request).await?;
        let found = workspace.integrations().await.map_err(store_error)?;
        let mut integrations = Vec::with_capacity(found.len());
        for integration in &found {
            integrations.push(self.shown(&workspace, workspace_id, integration).await?);
        }
        Ok(Response::new(v1::ListIntegrationsResponse { integrations }))
    }

    async fn get_integration(
        &self,
        request: Request<v1::GetIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let integration = one(&*workspace, &ask.integration_id).await?;
        Ok(Response::new(self.shown(&workspace, workspace_id, &integration).await?))
    }

    async fn create_integration(
        &self,
        request: Request<v1::CreateIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let said =
            Said { display_name: Some(name(&ask.display_name)?), kind: Some(kind(ask.kind)?) };
        let write = self.named_write(author, ask.operation_id)?;
        let (id, at) = (integrations::made_by(workspace_id, &write.operation), write.at);
        let made = workspace
            .change_integration(write, id, move |_, all| integrations::make(all, id, &said, at))
            .await
            .map_err(store_error)?;
        Ok(Response::new(self.shown(&workspace, workspace_id, &made).await?))
    }

    async fn update_integration(
        &self,
        request: Request<v1::UpdateIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let id = one(&*workspace, &ask.integration_id).await?.id;
        let said = Said {
            display_name: ask.display_name.as_deref().map(name).transpose()?,
            kind: ask.kind.map(kind).transpose()?,
        };
        let changed = workspace
            .change_integration(self.write(author), id, move |_, all| {
                integrations::describe(all, id, &said)
                    .map_err(|no| no.about(Thing::Integration, id))
            })
            .await
            .map_err(store_error)?;
        Ok(Response::new(self.shown(&workspace, workspace_id, &changed).await?))
    }

    async fn enable_integration(
        &self,
        request: Request<v1::EnableIntegrationRequest>,
    ) -> Result<Response<v1::Integration>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let kind = Some(kind(ask.kind)?).filter(|kind| *kind != 0);
        let id = match find(&*workspace, &ask.integration_id).await? {
            Some(integration) => integration.id,
            None if ask.integration_id.is_empty() => integrations::first(workspace_id),
            None => return Err(no_integration(&ask.integration_id)),
        };
        let write = self.write(author);
        let at = write.at;
        let change = self.door.begin_key_change(workspace_id);
        let enabled = workspace
            .change_integration(write, id, move |claims, all| {
                integrations::enable(claims, all, id, kind, at)
                    .map_err(|no| no.about(Thing::Workspace, workspace_id))
            })
            .await;
        change.end(&*workspace).await;
        let integration = enabled.map_err(store_error)?;
        Ok(Response::new(self.shown(&workspace, workspace_id, &integration).await?))
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
        let (text, key) = self.new_key(integration.id, write.at);
        if ask.display_name.len() > DISPLAY_NAME_BYTES {
            let cause = format!("at most {DISPLAY_NAME_BYTES} bytes are allowed");
            return Err(no(read::invalid("display_name", cause)));
        }
        let cause = |field: &'static str| move |cause: String| no(read::invalid(field, cause));
        let key = ApiKey {
            display_name: ask.display_name,
            scopes: key_terms::read_scopes(&ask.scopes).map_err(cause("scopes"))?,
            networks: key_terms::read_networks(&ask.allowed_networks)
                .map_err(cause("allowed_networks"))?,
            expires_at: end(ask.expire_time.as_ref(), write.at)?,
            ..key
        };
        let (hash, at) = (hash(text.expose()), write.at);
        let decide = move |siblings: &[ApiKey]| keys::admit_another(siblings, at);
        workspace.add_api_key(write, key.clone(), hash, decide).await.map_err(store_error)?;
        Ok(Response::new(v1::CreateApiKeyResponse {
            key: text.expose().to_owned(),
            api_key: Some(render::api_key(&key, at)),
        }))
    }

    async fn list_api_keys(
        &self,
        request: Request<v1::ListApiKeysRequest>,
    ) -> Result<Response<v1::ListApiKeysResponse>, Status> {
        let Authenticated { workspace, ask, .. } = self.door.open(request).await?;
        let integration = one(&*workspace, &ask.integration_id).await?;
        let found = workspace.api_keys(integration.id).await.map_err(store_error)?;
        let now = self.clock.now();
        let api_keys = found.iter().map(|key| render::api_key(key, now)).collect();
        Ok(Response::new(v1::ListApiKeysResponse { api_keys }))
    }

    async fn rotate_api_key(
        &self,
        request: Request<v1::RotateApiKeyRequest>,
    ) -> Result<Response<v1::RotateApiKeyResponse>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let id = ApiKeyId::from_str(&ask.api_key_id).map_err(|_| no_key(&ask.api_key_id))?;
        let write = self.write(author);
        let overlap = overlap(ask.overlap.as_ref())?;
        // The integration is that of the key whose place it takes.
        let (text, key) = self.new_key(integrations::first(workspace_id), write.at);
        let key = ApiKey { expires_at: end(ask.expire_time.as_ref(), write.at)?, ..key };
        let (hash, at) = (hash(text.expose()), write.at);
        let change = self.door.begin_key_change(workspace_id);
        let rotated = workspace
            .rotate_api_key(write, id, hash, move |standing, siblings| {
                keys::rotate(standing, siblings, &key, overlap)
                    .map_err(|no| no.about(Thing::ApiKey, id))
            })
            .await;
        change.end(&*workspace).await;
        let Rotation { old, new } = rotated.map_err(store_error)?;
        Ok(Response::new(v1::RotateApiKeyResponse {
            key: text.expose().to_owned(),
            api_key: Some(render::api_key(&new, at)),
            replaced: Some(render::api_key(&old, at)),
        }))
    }

    async fn revoke_api_key(
        &self,
        request: Request<v1::RevokeApiKeyRequest>,
    ) -> Result<Response<v1::ApiKey>, Status> {
        let Authenticated { workspace, workspace_id, author, ask } =
            self.door.open(request).await?;
        let id = ApiKeyId::from_str(&ask.api_key_id).map_err(|_| no_key(&ask.api_key_id))?;
        let change = self.door.begin_key_change(workspace_id);
        let revoked = workspace.revoke_api_key(self.write(author), id).await;
        change.end(&*workspace).await;
        let key = revoked.map_err(store_error)?.ok_or_else(|| no_key(&ask.api_key_id))?;
        Ok(Response::new(render::api_key(&key, self.clock.now())))
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
            .change_integration(self.write(author), id, move |_, all| {
                integrations::switch(all, id, state).map_err(|no| no.about(Thing::Integration, id))
            })
            .await;
        change.end(workspace).await;
        let integration = switched.map_err(store_error)?;
        Ok(Response::new(self.shown(workspace, workspace_id, &integration).await?))
    }

    /// An integration with what is known of it.
    async fn shown(
        &self,
        workspace: &S::Workspace,
        workspace_id: WorkspaceId,
        integration: &Integration,
    ) -> Result<v1::Integration, Status> {
        let keys = workspace.api_keys(integration.id).await.map_err(store_error)?;
        let seen = self.door.status(workspace, (workspace_id, integration.id)).await;
        let seen = seen.map_err(store_error)?;
        let now = self.clock.now();
        Ok(render::integration(&self.links, workspace_id, integration, &keys, seen, now))
    }

    /// A new key, and what is kept of it.
    fn new_key(&self, of: IntegrationId, at: Micros) -> (ApiKeyText, ApiKey) {
        let text = ApiKeyText::from_random(self.clock.random());
        let key = keys::made(ApiKeyId::new(self.clock.new_id()), of, &text, at);
        (text, key)
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
    find(workspace, integration_id).await?.ok_or_else(|| no_integration(integration_id))
}

/// The workspace has no integration of this id; of none, no integration at all.
fn no_integration(id: &str) -> Status {
    no(integrations::not_found().about(Thing::Integration, id))
}

/// The workspace has no key of this id.
fn no_key(id: &str) -> Status {
    no(keys::not_found().about(Thing::ApiKey, id))
}

/// What people call an integration.
fn name(text: &str) -> Result<String, Status> {
    let text = text.trim();
    if text.is_empty() || text.len() > DISPLAY_NAME_BYTES {
        let cause = format!("1 to {DISPLAY_NAME_BYTES} bytes are needed");
        return Err(no(read::invalid("display_name", cause)));
    }
    Ok(text.to_owned())
}

/// A kind of identity provider that the contract has.
fn kind(number: i32) -> Result<i32, Status> {
    match v1::IdpKind::try_from(number) {
        Ok(kind) => Ok(kind.into()),
        Err(_) => Err(no(read::invalid(
            "kind",
            format!("{number} is no kind of IdP; name a value of IdpKind"),
        ))),
    }
}

/// When a key ends; `None`: never by itself.
fn end(time: Option<&pbjson_types::Timestamp>, now: Micros) -> Result<Option<Micros>, Status> {
    let end = read::time("expire_time", time)?;
    if end.is_some_and(|end| end <= now) {
        return Err(no(read::invalid(
            "expire_time",
            "lies in the past; name a time that is to come",
        )));
    }
    Ok(end)
}

/// How long a rotated key stays good.
fn overlap(span: Option<&pbjson_types::Duration>) -> Result<Micros, Status> {
    let Some(span) = span else { return Ok(keys::OVERLAP) };
    let micros = span.seconds.checked_mul(1_000_000);
    let micros = micros.and_then(|micros| micros.checked_add(i64::from(span.nanos) / 1_000));
    micros.filter(|micros| (0..=keys::LONGEST_OVERLAP).contains(micros)).ok_or_else(|| {
        let days = keys::LONGEST_OVERLAP / crate::clock::DAY;
        no(read::invalid("overlap", format!("0 s to {days} days are allowed")))
    })
}
