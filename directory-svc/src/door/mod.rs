//! The door: who calls, and what that opens.
//!
//! Every handler asks the door first and works on what it gives back; without that there is no
//! workspace to work on. Who has no right learns nothing of what is behind.

mod callers;
mod key_cache;

use std::str::FromStr;
use std::sync::Arc;

use directory_api::api_key::ApiKeyText;
use directory_api::v1::Reason;
use directory_api::{SCIM_AUTHORIZATION, v1};
use tonic::{Request, Status};

pub use callers::{Role, ServiceCaller, ServiceCallers};
use key_cache::KeyCache;
pub(crate) use key_cache::hash;

use crate::clock::Clock;
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::rules::keys;
use crate::services::fault::{no, store_error};
use crate::store::{Author, Store, WorkspaceStore};

/// The mark of the gateway that runs in this process. It travels as an extension of the request,
/// which nothing that comes over a socket can set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GatewayInProcess;

/// A request message that names the workspace it is about.
pub(crate) trait InWorkspace {
    /// The workspace's id, as the caller wrote it.
    fn workspace_id(&self) -> &str;
}

macro_rules! in_workspace {
    ($($message:ident),* $(,)?) => {
        $(impl InWorkspace for v1::$message {
            fn workspace_id(&self) -> &str {
                &self.workspace_id
            }
        })*
    };
}
in_workspace![
    GetWorkspaceRequest,
    ClaimDomainsRequest,
    ListDomainsRequest,
    VerifyDomainRequest,
    RejectDomainRequest,
    ListIntegrationsRequest,
    GetIntegrationRequest,
    EnableIntegrationRequest,
    PauseIntegrationRequest,
    DisableIntegrationRequest,
    CreateApiKeyRequest,
    ListApiKeysRequest,
    RevokeApiKeyRequest,
    CreateUserRequest,
    GetUserRequest,
    ListUsersRequest,
    ReplaceUserRequest,
    PatchUserRequest,
    DeleteUserRequest,
    ListDeletedUsersRequest,
    RestoreUserRequest,
    GetServiceProviderConfigRequest,
    ListResourceTypesRequest,
    GetResourceTypeRequest,
    ListSchemasRequest,
    GetSchemaRequest,
];

/// What the door opened: the workspace, on whose word, and what is asked.
#[derive(Debug)]
pub(crate) struct Authenticated<W, T> {
    /// The workspace's state.
    pub workspace: W,
    /// Its id.
    pub workspace_id: WorkspaceId,
    /// Who asks.
    pub author: Author,
    /// The request message.
    pub ask: T,
}

/// Lets callers in.
#[derive(Clone)]
pub(crate) struct Door<S> {
    store: S,
    clock: Clock,
    keys: Arc<KeyCache>,
    callers: Arc<ServiceCallers>,
}

impl<S: Store> Door<S> {
    /// A door to `store`, known to `callers` by their credentials.
    pub(crate) fn new(store: S, clock: Clock, callers: ServiceCallers) -> Self {
        Self { store, clock, keys: Arc::default(), callers: Arc::new(callers) }
    }

    /// Opens a workspace to an identity provider (through the gateway, with the workspace's own
    /// key) or to an operator.
    pub(crate) async fn people<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<Authenticated<S::Workspace, T>, Status> {
        if request.extensions().get::<GatewayInProcess>().is_some() {
            self.integration(request).await
        } else {
            self.workspace(request).await
        }
    }

    /// Opens a workspace to an operator.
    pub(crate) async fn workspace<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<Authenticated<S::Workspace, T>, Status> {
        let (name, ask) = self.operator(request)?;
        let id = WorkspaceId::from_str(ask.workspace_id()).map_err(|_| no(no_workspace()))?;
        let workspace = self.store.workspace(id);
        if workspace.card().await.map_err(store_error)?.is_none() {
            return Err(no(no_workspace()));
        }
        Ok(Authenticated { workspace, workspace_id: id, author: Author::Service(name), ask })
    }

    /// Lets an operator in, who works across workspaces; answers the operator's name.
    pub(crate) fn operator<T>(&self, request: Request<T>) -> Result<(String, T), Status> {
        let credential = bearer(&request, "authorization");
        match credential.and_then(|credential| self.callers.find(credential)) {
            Some(ServiceCaller { name, role: Role::Operator, .. }) => {
                Ok((name.clone(), request.into_inner()))
            }
            None => Err(no(Refusal::new(
                Reason::CredentialInvalid,
                "The call needs the metadata `authorization: Bearer <credential>` with the \
                 credential of an operator.",
            ))),
        }
    }

    /// Forgets what is known of every key, so that a change of keys or integrations holds at once.
    pub(crate) fn forget_keys(&self) {
        self.keys.forget();
    }

    async fn integration<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<Authenticated<S::Workspace, T>, Status> {
        let invalid = || no(keys::invalid());
        let key = bearer(&request, SCIM_AUTHORIZATION).and_then(ApiKeyText::parse);
        let key = key.ok_or_else(invalid)?;
        let ask = request.into_inner();
        let id = WorkspaceId::from_str(ask.workspace_id()).map_err(|_| invalid())?;
        let workspace = self.store.workspace(id);
        let entry = self.keys.get(&workspace, id, hash(key.expose())).await.map_err(store_error)?;
        let now = self.clock.now();
        let grant = keys::judge(entry.grant(), now).map_err(no)?;
        let (key_id, integration_id) = (grant.key.id, grant.key.integration_id);
        if entry.is_use_to_be_noted(now) {
            let workspace = workspace.clone();
            tokio::spawn(async move {
                if let Err(error) = workspace.note_key_use(key_id, now).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "key use not noted");
                }
            });
        }
        let author = Author::Integration(integration_id);
        Ok(Authenticated { workspace, workspace_id: id, author, ask })
    }
}

/// The credential of a metadata value `Bearer <credential>`.
fn bearer<'a, T>(request: &'a Request<T>, name: &str) -> Option<&'a str> {
    let (scheme, credential) = request.metadata().get(name)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential)
}

fn no_workspace() -> Refusal {
    Refusal::new(
        Reason::WorkspaceNotFound,
        "There is no workspace of this id (WorkspaceService.ListWorkspaces shows them).",
    )
}
