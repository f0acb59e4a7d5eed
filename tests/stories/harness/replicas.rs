//! Directories on one store, in the test's own process.

use std::net::SocketAddr;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::discovery_service_client::DiscoveryServiceClient;
use directory_api::v1::domain_service_client::DomainServiceClient;
use directory_api::v1::integration_service_client::IntegrationServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use directory_svc::clock::Clock;
use directory_svc::ids::{ApiKeyId, WorkspaceId};
use directory_svc::store::postgres::Statements;
use directory_svc::store::sqlite::{SqliteConfig, SqliteStore};
use directory_svc::store::{Author, OperationId, Store, WorkspaceStore, Write};
use directory_svc::{
    ClusterSecret, Directory, Found, InProcess, LimitsConfig, Role, ServiceCaller, ServiceCallers,
    Settings, TxtResolver,
};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::{Code, Request};

use super::binary::{A_MOMENT, PATIENCE};
use super::database::open;
use super::{Redis, nobody};

/// The credential of a gateway at every replica.
pub(crate) const GATEWAY: &str = "gateways-secret";
/// The credential of the operator of every replica.
const OPERATOR: &str = "Bearer secret";
/// What those on one store have the same, unless a story says another.
pub(super) const SECRET: &str = "secretsecretsecretsecretsecretsecret";
/// How every name in Redis begins.
pub(super) const PREFIX: &str = "test";
/// No limits to what an integration may ask.
const UNLIMITED: LimitsConfig = LimitsConfig { rate: 0, burst: 1 };
/// How long a directory has to have heard others before it believes what they share.
const SETTLING: Duration = Duration::from_secs(5);

/// Where everything is kept.
pub(crate) struct House(Engine);

/// What keeps it.
enum Engine {
    /// One embedded store, which all directories have a part in.
    Embedded { store: SqliteStore, _dir: TempDir },
    /// A database of a server, of which each directory has a store of its own; its URL.
    Postgres(String),
}

/// A directory on it; it goes with this.
pub(crate) struct Replica {
    router: axum::Router,
    tasks: Vec<JoinHandle<()>>,
}

/// An API key, and what it belongs to.
#[derive(Clone)]
pub(crate) struct Key {
    pub(crate) workspace_id: String,
    pub(crate) id: String,
    pub(crate) text: String,
}

impl House {
    /// An embedded store.
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let statement_timeout = Duration::from_secs(30);
        let config = SqliteConfig { dir: dir.path().to_owned(), statement_timeout };
        let store = SqliteStore::open(config).expect("a store");
        Self(Engine::Embedded { store, _dir: dir })
    }

    /// A database of a PostgreSQL server.
    pub(crate) fn on_postgres(url: &str) -> Self {
        Self(Engine::Postgres(url.to_owned()))
    }

    /// A directory on this store, beside this Redis.
    pub(crate) async fn replica(&self, redis: &Redis) -> Replica {
        self.replica_at(&redis.url()).await
    }

    /// The same, by a URL.
    pub(crate) async fn replica_at(&self, redis: &str) -> Replica {
        self.replica_with(redis, SECRET).await
    }

    /// A directory on this store that knows of no other.
    pub(crate) async fn replica_alone(&self) -> Replica {
        self.directory(None, SECRET, UNLIMITED).await
    }

    /// The same, with a cluster secret of its own.
    pub(crate) async fn replica_with(&self, redis: &str, secret: &str) -> Replica {
        self.directory(Some(redis), secret, UNLIMITED).await
    }

    /// The same, with limits to what an integration may ask.
    pub(crate) async fn replica_limited(&self, redis: &str, limits: LimitsConfig) -> Replica {
        self.directory(Some(redis), SECRET, limits).await
    }

    async fn directory(&self, redis: Option<&str>, secret: &str, limits: LimitsConfig) -> Replica {
        let redis = redis.map(|url| {
            let url = url.parse().expect("a URL");
            directory_svc::Redis::open(&url, None, None, PREFIX).expect("a URL")
        });
        let settings = Settings {
            public_url: "https://scim.example".to_owned(),
            tombstone_days: 30,
            txt: TxtResolver::from_fn(|_| Box::pin(async { Found::NoRecord })),
            first_domain_check: Duration::from_mins(1),
            limits,
            cluster_secret: ClusterSecret::new(secret).expect("a secret"),
            redis,
        };
        match &self.0 {
            Engine::Embedded { store, .. } => Replica::over(store.clone(), settings).await,
            Engine::Postgres(url) => {
                Replica::over(open(url, Statements::Prepared).await, settings).await
            }
        }
    }

    /// Revokes a key in the store, and tells nobody.
    pub(crate) async fn revoke_behind_everybody(&self, key: &Key) {
        match &self.0 {
            Engine::Embedded { store, .. } => revoke_in(store, key).await,
            Engine::Postgres(url) => revoke_in(&open(url, Statements::Prepared).await, key).await,
        }
    }
}

async fn revoke_in(store: &impl Store, key: &Key) {
    let id: WorkspaceId = key.workspace_id.parse().expect("an id");
    let key_id: ApiKeyId = key.id.parse().expect("an id");
    let at = Clock::system().now();
    let author = Author::Service("test".to_owned());
    let write = Write { operation: OperationId(nobody()), author, at };
    store.workspace(id).revoke_api_key(write, key_id).await.expect("a revoked key");
}

impl Replica {
    async fn over(store: impl Store, settings: Settings) -> Self {
        let callers = ServiceCallers::new(vec![
            ServiceCaller::new("olga", Role::Operator, "secret"),
            ServiceCaller::new("gateway", Role::Gateway, GATEWAY),
        ]);
        let directory = Directory::new(store, Clock::system(), settings, callers).expect("keys");
        let router = directory.router().await.expect("reflection");
        let tasks = vec![tokio::spawn(async move { directory.follow_others().await })];
        Self { router, tasks }
    }

    /// What it serves.
    pub(crate) fn router(&self) -> axum::Router {
        self.router.clone()
    }

    /// A workspace that identity providers may come to; answers its id.
    pub(crate) async fn workspace(&self) -> String {
        let ask = v1::CreateWorkspaceRequest {
            display_name: "Acme".to_owned(),
            contact_email: "admin@acme.com".to_owned(),
        };
        let service = self.router.clone().into_service();
        let made = WorkspaceServiceClient::new(service).create_workspace(by_operator(ask)).await;
        let workspace_id = made.expect("a workspace").into_inner().id;
        let domain = format!("{}.example", &workspace_id[..8]);
        let mut domains = DomainServiceClient::new(self.router.clone().into_service());
        let ask = v1::ClaimDomainsRequest {
            workspace_id: workspace_id.clone(),
            domains: domain.clone(),
            contact_email: String::new(),
            refused: false,
        };
        domains.claim_domains(by_operator(ask)).await.expect("a claim");
        let ask = v1::VerifyDomainRequest {
            workspace_id: workspace_id.clone(),
            domain,
            allow_shared: true,
            ..v1::VerifyDomainRequest::default()
        };
        domains.verify_domain(by_operator(ask)).await.expect("a verified domain");
        self.enable(&workspace_id).await;
        workspace_id
    }

    /// Makes a person; answers their id.
    pub(crate) async fn person(&self, workspace_id: &str, user_name: &str) -> String {
        let scim_json = json!({"userName": user_name}).to_string();
        let ask = v1::CreateUserRequest {
            workspace_id: workspace_id.to_owned(),
            resource: Some(v1::create_user_request::Resource::ScimJson(scim_json)),
            ..v1::CreateUserRequest::default()
        };
        let mut users = UserServiceClient::new(self.router.clone().into_service());
        users.create_user(by_operator(ask)).await.expect("a person").into_inner().id
    }

    pub(crate) async fn enable(&self, workspace_id: &str) {
        let ask = v1::EnableIntegrationRequest {
            workspace_id: workspace_id.to_owned(),
            kind: v1::IdpKind::Entra.into(),
            ..v1::EnableIntegrationRequest::default()
        };
        let enabled = self.integrations().enable_integration(by_operator(ask)).await;
        enabled.expect("an integration");
    }

    pub(crate) async fn pause(&self, workspace_id: &str) {
        let ask = v1::PauseIntegrationRequest {
            workspace_id: workspace_id.to_owned(),
            ..v1::PauseIntegrationRequest::default()
        };
        let paused = self.integrations().pause_integration(by_operator(ask)).await;
        paused.expect("an integration");
    }

    pub(crate) async fn key(&self, workspace_id: &str) -> Key {
        let ask = v1::CreateApiKeyRequest {
            workspace_id: workspace_id.to_owned(),
            display_name: "Entra of Acme".to_owned(),
            ..v1::CreateApiKeyRequest::default()
        };
        let made = self.integrations().create_api_key(by_operator(ask)).await.expect("a key");
        let v1::CreateApiKeyResponse { key: text, api_key, .. } = made.into_inner();
        let id = api_key.expect("what is known of the key").id;
        Key { workspace_id: workspace_id.to_owned(), id, text }
    }

    pub(crate) async fn revoke(&self, key: &Key) {
        let Key { workspace_id, id: api_key_id, .. } = key.clone();
        let ask = v1::RevokeApiKeyRequest { workspace_id, api_key_id };
        let revoked = self.integrations().revoke_api_key(by_operator(ask)).await;
        revoked.expect("a revoked key");
    }

    /// Serves gateways; answers where.
    #[expect(clippy::disallowed_methods, reason = "gateways of a test are no slow clients")]
    pub(crate) async fn listens(&mut self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let (at, router) = (listener.local_addr().expect("an address"), self.router.clone());
        self.tasks.push(tokio::spawn(async move {
            axum::serve(listener, router).await.expect("it serves");
        }));
        at
    }

    /// Whether a key opens its workspace here.
    pub(crate) async fn takes(&self, key: &Key) -> bool {
        match self.asked_with(key).await {
            Code::Ok => true,
            Code::Unauthenticated | Code::PermissionDenied => false,
            // Nothing that becomes of Redis is a reason not to answer.
            other => panic!("{other}"),
        }
    }

    /// Whether a good key is within its rate here.
    pub(crate) async fn is_within_rate(&self, key: &Key) -> bool {
        match self.asked_with(key).await {
            Code::Ok => true,
            Code::ResourceExhausted => false,
            other => panic!("{other}"),
        }
    }

    async fn asked_with(&self, key: &Key) -> Code {
        let workspace_id = key.workspace_id.clone();
        let mut ask = Request::new(v1::GetServiceProviderConfigRequest { workspace_id });
        let bearer = format!("Bearer {}", key.text).parse().expect("ASCII");
        ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
        let mut discovery = DiscoveryServiceClient::new(InProcess::new(self.router.clone()));
        let answer = discovery.get_service_provider_config(ask).await;
        answer.map_or_else(|refused| refused.code(), |_| Code::Ok)
    }

    /// Waits until the key is refused here; answers how long that took.
    pub(crate) async fn refuses(&self, key: &Key) -> Duration {
        let began = Instant::now();
        while self.takes(key).await {
            assert!(began.elapsed() < PATIENCE * 2, "still taken");
            sleep(A_MOMENT).await;
        }
        began.elapsed()
    }

    fn integrations(
        &self,
    ) -> IntegrationServiceClient<axum::routing::RouterIntoService<tonic::body::Body>> {
        IntegrationServiceClient::new(self.router.clone().into_service())
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Redis {
    /// Waits until this many directories hear each other, and have for long enough to believe what
    /// the others share.
    pub(crate) async fn is_settled_among(&self, directories: usize) {
        self.is_heard_by(directories).await;
        sleep(SETTLING + A_MOMENT * 10).await;
    }

    /// Waits until this many directories hear each other.
    pub(crate) async fn is_heard_by(&self, directories: usize) {
        // Sentinels take their time before they send everybody on.
        let deadline = Instant::now() + PATIENCE * 4;
        loop {
            // Whoever is made a master ends its connections.
            let asked = self.try_to_tell(&[b"PUBSUB", b"NUMSUB", b"test:notices"]).await;
            let heard = asked.map(|(_, heard): (String, usize)| heard);
            if heard.as_ref().is_ok_and(|heard| *heard == directories) {
                return;
            }
            assert!(Instant::now() < deadline, "directories that listen: {heard:?}");
            sleep(A_MOMENT).await;
        }
    }
}

/// As the operator of every replica.
pub(crate) fn by_operator<T>(ask: T) -> Request<T> {
    let mut request = Request::new(ask);
    request.metadata_mut().insert("authorization", OPERATOR.parse().expect("ASCII"));
    request
}
