//! The door: who calls, and what that opens.
//!
//! Every handler asks the door first and works on what it gives back; without that there is no
//! workspace to work on. Who has no right learns nothing of what is behind.

mod admission;
mod callers;
mod key_cache;
mod pass;
mod rates;
mod refusals;
mod rights;
mod schema_cache;
mod visits;

use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{Request as HttpRequest, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response as HttpResponse;
use directory_api::SCIM_AUTHORIZATION;
use directory_api::api_key::ApiKeyText;
use directory_api::v1::Reason;
use tonic::{Request, Status};

use admission::{Admission, Permit};
use callers::Shown;
pub use callers::{Certified, Role, ServiceCaller, ServiceCallers};
use key_cache::KeyCache;
pub(crate) use key_cache::{KeyChange, hash};
use pass::{Judge, Pass};
pub use rates::LimitsConfig;
use rates::{Bucket, Rates};
use rights::Asked;
pub(crate) use rights::InWorkspace;
use schema_cache::SchemaCache;
use scim::Schemas;

use crate::Settings;
use crate::clock::{Clock, MINUTE};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::refusal::{Refusal, Thing};
use crate::rules::keys;
use crate::services::fault::{no, store_error};
use crate::shared::{Heard, Shared, Topic};
use crate::store::{Answer, Author, IntegrationStatus, KeyGrant, Right, Store, WorkspaceStore};
use visits::{Origin, Slip, Visits};

/// The metadata in which a service's or an operator's credential travels.
const AUTHORIZATION: &str = "authorization";

/// The mark of the gateway that runs in this process. It travels as an extension of the request,
/// which nothing that comes over a socket can set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GatewayInProcess;

/// The handle of a workspace, and the right to use it: the call counts among those that run for as
/// long as this, or a clone of it, is held.
#[derive(Clone)]
pub(crate) struct Admitted<W> {
    workspace: W,
    schemas: Arc<Schemas>,
    /// By which key it was opened; `None`: for a service or an operator.
    pass: Option<Pass>,
    _permit: Arc<Permit>,
}

impl<W> Admitted<W> {
    /// The schemas that hold in the workspace.
    pub(crate) fn schemas(&self) -> &Arc<Schemas> {
        &self.schemas
    }
}

impl<W: WorkspaceStore> Admitted<W> {
    /// Asks again, in the middle of a call, whether the key that opened the workspace opens it still: it may
    /// have been revoked, or have ended.
    ///
    /// # Errors
    /// As at the door.
    pub(crate) async fn is_still_open(&self) -> Result<(), Status> {
        self.is_still_open_to(&[]).await
    }

    async fn is_still_open_to(&self, needs: &[Right]) -> Result<(), Status> {
        match &self.pass {
            Some(pass) => pass.judge_again(&self.workspace, needs).await,
            None => Ok(()),
        }
    }
}

impl<W> Deref for Admitted<W> {
    type Target = W;

    fn deref(&self) -> &W {
        &self.workspace
    }
}

/// What the door opened: the workspace, on whose word, and what is asked.
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

impl<W: WorkspaceStore + Clone, T> Authenticated<W, T> {
    /// The same right, for one of the things that are asked together, as it is when its turn comes.
    ///
    /// # Errors
    /// As at the door: `API_KEY_INVALID` for a key that was revoked meanwhile, `API_KEY_SCOPE` when its
    /// scopes do not reach that one.
    pub(crate) async fn with<U: InWorkspace>(&self, ask: U) -> Result<Authenticated<W, U>, Status> {
        self.workspace.is_still_open_to(ask.needs()).await?;
        Ok(Authenticated {
            workspace: self.workspace.clone(),
            workspace_id: self.workspace_id,
            author: self.author.clone(),
            ask,
        })
    }
}

/// Who stands before the door.
enum Caller {
    /// A gateway: the identity provider's key decides.
    Gateway,
    /// A service or an operator of this name.
    Service(String),
}

/// A caller who has come to stay: whoever is let in once is asked again when callers change.
pub(crate) struct Staying {
    callers: ServiceCallers,
    name: String,
    shown: Shown,
    roles: &'static [Role],
}

impl Staying {
    /// The caller's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Ends with the right to stay, and with what is to be said then.
    pub(crate) async fn turned_out(&self) -> Status {
        self.callers.has_left(&self.shown, &self.name, self.roles).await;
        no(unknown())
    }
}

/// Lets callers in.
#[derive(Clone)]
pub(crate) struct Door<S> {
    store: S,
    clock: Clock,
    judge: Judge,
    schemas: Arc<SchemaCache>,
    callers: ServiceCallers,
    rates: Rates,
    admission: Admission,
    visits: Arc<Visits>,
    shared: Option<Shared>,
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
        let Settings { cluster_secret, redis, limits, .. } = settings;
        let shared = redis.clone().map(Shared::new);
        let rates = Rates::new(*limits, &clock, cluster_secret, shared.clone())?;
        let keys = Arc::new(KeyCache::new(clock.clone(), cluster_secret, shared.clone())?);
        let judge = Judge { keys, clock: clock.clone(), refusals: Arc::default() };
        let (schemas, visits, admission) = (Arc::default(), Arc::default(), Admission::default());
        Ok(Self { store, clock, judge, schemas, callers, rates, admission, visits, shared })
    }

    /// Forgets what need not be remembered of who asked how often, and what.
    pub(crate) fn sweep(&self) {
        let an_hour_ago = self.clock.now() - 60 * MINUTE;
        self.rates.sweep();
        self.visits.forget(an_hour_ago);
        self.judge.refusals.forget(an_hour_ago);
    }

    /// The router with the door's eyes round each call: how those of integrations are answered.
    pub(crate) fn watching(&self, router: axum::Router) -> axum::Router {
        router.layer(from_fn_with_state(self.clone(), watch::<S>))
    }

    /// What an integration was seen to do, in this process and in others.
    pub(crate) async fn status(
        &self,
        workspace: &S::Workspace,
        of: (WorkspaceId, IntegrationId),
    ) -> Answer<IntegrationStatus> {
        Ok(workspace.integration_status(of.1).await?.and(self.visits.of(of)))
    }

    /// Writes what was seen and is not written yet.
    pub(crate) async fn write_visits(&self) {
        for (of, seen) in self.visits.news(self.clock.now()) {
            self.write_visit(of, seen).await;
        }
    }

    async fn write_visit(&self, of: (WorkspaceId, IntegrationId), seen: IntegrationStatus) {
        if let Err(error) = self.store.workspace(of.0).note_integration(of.1, seen).await {
            self.visits.not_kept(of);
            tracing::warn!(error = &error as &dyn std::error::Error, "status not noted");
        }
    }

    /// Opens a workspace: to an identity provider (through a gateway, with the workspace's own key)
    /// or to a service or an operator, where their role may ask this. An identity provider reads the newest, the
    /// others what they ask for.
    pub(crate) async fn open<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<Authenticated<S::Workspace, T>, Status> {
        let name = match self.caller(&request)? {
            Caller::Gateway => return self.integration(request).await,
            Caller::Service(name) => name,
        };
        let ask = request.into_inner();
        let absent = || no(no_workspace(ask.workspace_id()));
        let id = WorkspaceId::from_str(ask.workspace_id()).map_err(|_| absent())?;
        let workspace = self.admitted(id, None, ask.weight()).await?;
        let read = workspace.reading(ask.freshness()).await.map_err(store_error)?;
        let read = read.ok_or_else(absent)?;
        let workspace = Admitted { workspace: read, ..workspace };
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

    /// Lets a service or an operator in for as long as they stay, where their role may ask this.
    pub(crate) fn stay<T: Asked>(&self, request: Request<T>) -> Result<(Staying, T), Status> {
        // A gateway shows nothing in process, and has no right to any stream.
        let (Caller::Service(name), Some(shown)) = (self.caller(&request)?, shown(&request)) else {
            return Err(no(not_for(Role::Gateway, T::ROLES)));
        };
        let callers = self.callers.clone();
        Ok((Staying { callers, name, shown, roles: T::ROLES }, request.into_inner()))
    }

    /// Who calls, whose role may ask this.
    fn caller<T: Asked>(&self, request: &Request<T>) -> Result<Caller, Status> {
        let (name, role) = self.known(request).ok_or_else(|| no(unknown()))?;
        match role {
            role if !T::ROLES.contains(&role) => Err(no(not_for(role, T::ROLES))),
            Role::Gateway => Ok(Caller::Gateway),
            Role::Internal | Role::Operator | Role::Reader => Ok(Caller::Service(name)),
        }
    }

    /// Whether the caller's role may ask `U` too.
    pub(crate) fn may<U: Asked>(&self, request: &Request<impl Asked>) -> bool {
        self.known(request).is_some_and(|(_, role)| U::ROLES.contains(&role))
    }

    /// Name and role of whoever calls.
    fn known<T>(&self, request: &Request<T>) -> Option<(String, Role)> {
        if request.extensions().get::<GatewayInProcess>().is_some() {
            return Some((String::new(), Role::Gateway));
        }
        self.callers.find(&shown(request)?)
    }

    /// Begins a change of what keys of a workspace open: of keys, of integrations, of the workspace
    /// itself. It is begun before the write and ended behind it, before the answer.
    pub(crate) fn begin_key_change(&self, workspace: WorkspaceId) -> KeyChange {
        self.judge.keys.begin_change(workspace)
    }

    /// Keeps in touch with the other directories on the store, for as long as it is polled.
    pub(crate) async fn follow_others(&self) {
        let Some(shared) = &self.shared else { return };
        let (keys, rates) = (Arc::clone(&self.judge.keys), self.rates.clone());
        let listening = shared.keep(move |heard| match heard {
            Heard::Begun => keys.begin_anew(),
            Heard::Notice(Topic::Keys, notice) => keys.hear(notice),
            Heard::Notice(Topic::Rates, notice) => rates.hear(notice),
        });
        tokio::join!(listening, self.rates.tell());
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
        Ok(Admitted { workspace, schemas, pass: None, _permit: Arc::new(permit) })
    }

    async fn integration<T: InWorkspace>(
        &self,
        request: Request<T>,
    ) -> Result<Authenticated<S::Workspace, T>, Status> {
        let invalid = || no(keys::invalid());
        let key = bearer(&request, SCIM_AUTHORIZATION).and_then(ApiKeyText::parse);
        let key = key.ok_or_else(invalid)?;
        let origin = Origin::of(&request);
        let slip = request.extensions().get::<Slip>().cloned().unwrap_or_default();
        let ask = request.into_inner();
        let id = WorkspaceId::from_str(ask.workspace_id()).map_err(|_| invalid())?;
        let workspace = self.store.workspace(id);
        let (judge, hash, address) = (self.judge.clone(), hash(key.expose()), origin.address);
        let pass = Pass { judge, workspace: id, hash, address, slip };
        let entry = pass.look_up(&workspace).await?;
        let key = match pass.judged(&entry, ask.needs()) {
            Ok(grant) => &grant.key,
            Err(refusal) => return Err(no(self.held_back(entry.grant(), refusal))),
        };
        let (key_id, integration_id, now) = (key.id, key.integration_id, self.clock.now());
        pass.slip.let_in((id, integration_id), now, &ask, &origin);
        if entry.is_use_to_be_noted(now) {
            let workspace = workspace.clone();
            tokio::spawn(async move {
                if let Err(error) = workspace.note_key_use(key_id, now).await {
                    tracing::warn!(error = &error as &dyn std::error::Error, "key use not noted");
                }
            });
        }
        self.rates.take(Bucket::Integration(integration_id)).map_err(no)?;
        let admitted = self.admitted(id, Some(id), ask.weight()).await?;
        // What waits to be written when the key is revoked is refused too, in its own transaction.
        let workspace = admitted.workspace.through(key_id);
        let workspace = Admitted { workspace, pass: Some(pass), ..admitted };
        let author = Author::Integration(integration_id);
        Ok(Authenticated { workspace, workspace_id: id, author, ask })
    }

    /// What is said to whoever presents a key that is refused, in place of `refusal` once that is asked for
    /// too often. A key that opens nothing hears of no rate: it would tell that it is one.
    fn held_back(&self, grant: Option<&KeyGrant>, refusal: Refusal) -> Refusal {
        match grant.filter(|_| refusal.reason != Reason::ApiKeyInvalid) {
            Some(grant) => self.rates.take(Bucket::Refused(grant.key.id)).err().unwrap_or(refusal),
            None => refusal,
        }
    }
}

/// Sees how a call is answered, and notes it with the integration whose it was.
async fn watch<S: Store>(
    State(door): State<Door<S>>,
    mut request: HttpRequest,
    next: Next,
) -> HttpResponse {
    let slip = Slip::default();
    request.extensions_mut().insert(slip.clone());
    let answer = next.run(request).await;
    let now = door.clock.now();
    if let Some((of, seen)) = slip.read(now, answer.headers())
        && let Some(seen) = door.visits.note(of, now, seen)
    {
        let door = door.clone();
        tokio::spawn(async move { door.write_visit(of, seen).await });
    }
    answer
}

/// What a call shows of who makes it. What it says of itself goes before what its connection does: a credential
/// that is wrong is not made good by a certificate.
fn shown<T>(request: &Request<T>) -> Option<Shown> {
    if request.metadata().contains_key(AUTHORIZATION) {
        return bearer(request, AUTHORIZATION).map(Shown::credential);
    }
    request.extensions().get::<Certified>().cloned().map(Shown::Certificate)
}

/// The credential of a metadata value `Bearer <credential>`.
fn bearer<'a, T>(request: &'a Request<T>, name: &str) -> Option<&'a str> {
    let (scheme, credential) = request.metadata().get(name)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(credential)
}

fn unknown() -> Refusal {
    Refusal::new(
        Reason::CredentialInvalid,
        "The call needs the metadata `authorization: Bearer <credential>` with the credential of a \
         service or an operator that the directory knows, or none and a certificate that it knows.",
    )
}

fn not_for(role: Role, may: &[Role]) -> Refusal {
    let may: Vec<_> = may.iter().map(|role| role.name()).collect();
    Refusal::new(
        Reason::PermissionDeniedRole,
        format!("The role {role} may not make this call. Call as: {}.", may.join(", ")),
    )
}

pub(crate) fn no_workspace(id: &str) -> Refusal {
    Refusal::new(
        Reason::WorkspaceNotFound,
        "There is no workspace of this id (WorkspaceService.ListWorkspaces shows them).",
    )
    .about(Thing::Workspace, id)
}
