//! The door: who calls, and what that opens.
//!
//! Every handler asks the door first and works on what it gives back; without that there is no
//! workspace to work on. Who has no right learns nothing of what is behind.

mod admission;
mod callers;
mod key_cache;
mod rates;
mod rights;
mod schema_cache;

use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use directory_api::SCIM_AUTHORIZATION;
use directory_api::api_key::ApiKeyText;
use directory_api::v1::Reason;
use tonic::{Request, Status};

use admission::{Admission, Permit};
pub use callers::{Role, ServiceCaller, ServiceCallers};
use key_cache::KeyCache;
pub(crate) use key_cache::{KeyChange, hash};
pub use rates::LimitsConfig;
use rates::Rates;
use rights::Asked;
pub(crate) use rights::InWorkspace;
use schema_cache::SchemaCache;
use scim::Schemas;

use crate::Settings;
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

/// The handle of a workspace, and the right to use it: the call counts among those that run for as
/// long as this, or a clone of it, is held.
#[derive(Clone, Debug)]
pub(crate) struct Admitted<W> {
    workspace: W,
    schemas: Arc<Schemas>,
    _permit: Arc<Permit>,
}

impl<W> Admitted<W> {
    /// The schemas that hold in the workspace.
    pub(crate) fn schemas(&self) -> &Arc<Schemas> {
        &self.schemas
    }
}

impl<W> Deref for Admitted<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.workspace
    }
}

/// What the door opened: the workspace, on whose word, and what is asked.
#[derive(Debug)]
pub(crate) struct Authenticated<W, T> {
    /// The workspace's state.
    pub workspace: Admitted<W>,
    /// Its id.
    pub workspace_id: WorkspaceId,
    /// Who asks.
    pub author: Author,
    /// The request message.
    pub ask: T,
}

impl<W: Clone, T> Authenticated<W, T> {
    /// The same right, for one of the things that are asked together.
    pub(crate) fn with<U>(&self, ask: U) -> Authenticated<W, U> {
        Authenticated {
            workspace: self.workspace.clone(),
            workspace_id: self.workspace_id,
            author: self.author.clone(),
            ask,
        }
    }
}

/// Who stands before the door.
enum Caller {
    /// A gateway: the identity provider's key decides.
    Gateway,
    /// A service or an operator of this name.
    Service(String),
}

/// Lets callers in.
#[derive(Clone)]
pub(crate) struct Door<S> {
    store: S,
    clock: Clock,
    keys: Arc<KeyCache>,
    schemas: Arc<SchemaCache>,
    callers: ServiceCallers,
    rates: Rates,
    admission: Admission,
}

impl<S: Store> Door<S> {
    /// A door to `store`, known to `callers` by their credentials.
    ///
    /// # Errors
    /// When no keys can be made of the cluster secret.
    pub(crate) fn new(
        store: S,
        clock: Clock,
        callers: ServiceCallers,
        settings: &Settings,
    ) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let (rates, admission) = (Rates::new(settings.limits), Admission::default());
        let Settings { cluster_secret, redis, .. } = settings;
        let keys = Arc::new(KeyCache::new(clock.clone(), cluster_secret, redis.clone())?);
        let schemas = Arc::default();
        Ok(Self { store, clock, keys, schemas, callers, rates, admission })
    }

    /// Forgets what need not be remembered of who asked how often.
    pub(crate) fn sweep(&self) {
        self.rates.sweep();
    }

    /// Opens a workspace: to an identity provider (through a gateway, with the workspace's own key)
    /// or to a service or an operator, where their role may ask this.
    pub(crate) async fn open<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<Authenticated<S::Workspace, T>, Status> {
        let name = match self.caller(&request)? {
            Caller::Gateway => return self.integration(request).await,
            Caller::Service(name) => name,
        };
        let ask = request.into_inner();
        let id = WorkspaceId::from_str(ask.workspace_id()).map_err(|_| no(no_workspace()))?;
        let workspace = self.admitted(id, None, ask.weight()).await?;
        if workspace.card().await.map_err(store_error)?.is_none() {
            return Err(no(no_workspace()));
        }
        Ok(Authenticated { workspace, workspace_id: id, author: Author::Service(name), ask })
    }

    /// Lets the directory itself into a workspace, when it is its turn among the others.
    pub(crate) async fn let_in(&self, id: WorkspaceId) -> Result<Admitted<S::Workspace>, Status> {
        self.admitted(id, None, 1).await
    }

    /// Lets a service or an operator ask across workspaces, where their role may ask this.
    pub(crate) fn across<T: Asked>(&self, request: Request<T>) -> Result<(Author, T), Status> {
        let name = match self.caller(&request)? {
            // No role of a gateway's asks across workspaces: it has no name of its own.
            Caller::Gateway => return Err(no(not_for(Role::Gateway, T::ROLES))),
            Caller::Service(name) => name,
        };
        Ok((Author::Service(name), request.into_inner()))
    }

    /// Who calls, whose role may ask this.
    fn caller<T: Asked>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let presented = || bearer(request, "authorization").and_then(|c| self.callers.find(c));
        let (name, role) = if request.extensions().get::<GatewayInProcess>().is_some() {
            (String::new(), Role::Gateway)
        } else {
            presented().ok_or_else(|| no(no_credential()))?
        };
        match role {
            role if !T::ROLES.contains(&role) => Err(no(not_for(role, T::ROLES))),
            Role::Gateway => Ok(Caller::Gateway),
            Role::Internal | Role::Operator | Role::Reader => Ok(Caller::Service(name)),
        }
    }

    /// Begins a change of what keys of a workspace open: of keys, of integrations, of the workspace
    /// itself. It is begun before the write and ended behind it, before the answer.
    pub(crate) fn begin_key_change(&self, workspace: WorkspaceId) -> KeyChange {
        self.keys.begin_change(workspace)
    }

    /// Keeps in touch with the other directories on the store, for as long as it is polled.
    pub(crate) async fn listen(&self) {
        self.keys.listen().await;
    }

    /// Forgets the schemas of a workspace, so that a registration holds at once.
    pub(crate) fn forget_schemas(&self, id: WorkspaceId) {
        self.schemas.forget(id);
    }

    /// The workspace, once it is the turn of a call of this weight by this tenant.
    async fn admitted(
        &self,
        id: WorkspaceId,
        tenant: Option<WorkspaceId>,
        weight: u32,
    ) -> Result<Admitted<S::Workspace>, Status> {
        let permit = self.admission.admit(tenant, weight).await.map_err(|shed| no(shed.into()))?;
        let workspace = self.store.workspace(id);
        let schemas = self.schemas.get(&workspace, id).await.map_err(store_error)?;
        Ok(Admitted { workspace, schemas, _permit: Arc::new(permit) })
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
        self.rates.take(integration_id).map_err(no)?;
        let workspace = self.admitted(id, Some(id), ask.weight()).await?;
        let author = Author::Integration(integration_id);
        Ok(Authenticated { workspace, workspace_id: id, author, ask })
    }
}

/// The credential of a metadata value `Bearer <credential>`.
fn bearer<'a, T>(request: &'a Request<T>, name: &str) -> Option<&'a str> {
    let (scheme, credential) = request.metadata().get(name)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential)
}

fn no_credential() -> Refusal {
    Refusal::new(
        Reason::CredentialInvalid,
        "The call needs the metadata `authorization: Bearer <credential>` with the credential of a \
         service or an operator that the directory knows.",
    )
}

fn not_for(role: Role, may: &[Role]) -> Refusal {
    let may: Vec<_> = may.iter().map(|role| role.name()).collect();
    Refusal::new(
        Reason::PermissionDeniedRole,
        format!("The role {role} may not make this call. Call as: {}.", may.join(", ")),
    )
}

fn no_workspace() -> Refusal {
    Refusal::new(
        Reason::WorkspaceNotFound,
        "There is no workspace of this id (WorkspaceService.ListWorkspaces shows them).",
    )
}
