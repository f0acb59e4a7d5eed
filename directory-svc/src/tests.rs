//! The directory with a clock that is moved: time decides on expiry, and on nothing else.

mod amounts;
mod claims;
mod domain_checks;
mod keys;
mod leavers;
mod letters;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use directory_api::api_key::ApiKeyText;
use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::integration_service_client::IntegrationServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use futures_util::FutureExt;
use tempfile::TempDir;
use tonic::{Request, Status};

use crate::clock::{Clock, DAY, HOUR, MINUTE, Micros};
use crate::store::sqlite::{SqliteConfig, SqliteStore};
use crate::store::{Store, WorkspaceStore};
use crate::{
    Demo, Directory, Found, InProcess, LimitsConfig, Role, ServiceCaller, ServiceCallers, Settings,
    TxtResolver,
};

const BEGIN: Micros = 1_700_000_000_000_000;

/// A way to the directory that marks nobody as the gateway.
type Service = tower::util::BoxCloneService<
    http::Request<tonic::body::Body>,
    axum::response::Response,
    std::convert::Infallible,
>;

fn service(router: axum::Router) -> Service {
    use tower::ServiceExt;
    tower::util::BoxCloneService::new(tower::service_fn(move |request: http::Request<_>| {
        router.clone().oneshot(request)
    }))
}

/// What every directory of a test goes by.
fn settings(dns: impl Fn(String) -> Found + Send + Sync + 'static) -> Settings {
    Settings {
        public_url: "https://scim.example".to_owned(),
        tombstone_days: 30,
        txt: TxtResolver::from_fn(move |name| futures_util::future::ready(dns(name)).boxed()),
        first_domain_check: std::time::Duration::from_mins(1),
        limits: LimitsConfig { rate: 0, burst: 1 },
        cluster_secret: crate::ClusterSecret::new(&"secret".repeat(6)).unwrap(),
        redis: None,
    }
}

struct House {
    dir: TempDir,
    now: Arc<AtomicI64>,
    store: SqliteStore,
    directory: Directory<SqliteStore>,
    callers: ServiceCallers,
    router: axum::Router,
    demo: Demo,
}

impl House {
    async fn new() -> Self {
        Self::with_dns(|_| Found::NoRecord).await
    }

    /// One for which the DNS says of a name what `dns` says.
    async fn with_dns(dns: impl Fn(String) -> Found + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let config = SqliteConfig {
            dir: dir.path().to_owned(),
            statement_timeout: std::time::Duration::from_secs(30),
        };
        let store = SqliteStore::open(config).unwrap();
        let now = Arc::new(AtomicI64::new(BEGIN));
        let clock = {
            let now = Arc::clone(&now);
            Clock::from_fn(move || now.load(Ordering::Relaxed))
        };
        let settings = settings(dns);
        let operator = ServiceCaller::new("olga", Role::Operator, "secret");
        let callers = ServiceCallers::new(vec![operator]);
        let directory = Directory::new(store.clone(), clock, settings, callers.clone()).unwrap();
        let demo = directory.plan_demo().await.unwrap().unwrap();
        directory.make_demo(&demo, &["acme.com".to_owned()]).await.unwrap();
        let router = directory.router().await.unwrap();
        Self { dir, now, store, directory, callers, router, demo }
    }

    /// Another directory on the same store.
    async fn another(&self, callers: ServiceCallers) -> Service {
        let settings = settings(|_| Found::NoRecord);
        let directory = Directory::new(self.store.clone(), Clock::system(), settings, callers);
        service(directory.unwrap().router().await.unwrap())
    }

    fn now_is(&self, now: Micros) {
        self.now.store(now, Ordering::Relaxed);
    }

    fn is_later(&self, by: Micros) {
        self.now.fetch_add(by, Ordering::Relaxed);
    }

    /// The directory as a service of Nestr's reaches it.
    fn service(&self) -> Service {
        service(self.router.clone())
    }

    /// Makes a person as an identity provider does, with this key.
    async fn provision(&self, key: &ApiKeyText, user_name: &str) -> Result<v1::User, Status> {
        self.provision_as(key, format!(r#"{{"userName":"{user_name}"}}"#)).await
    }

    /// Makes a person of this document, as an identity provider does with this key.
    async fn provision_as(&self, key: &ApiKeyText, document: String) -> Result<v1::User, Status> {
        let mut ask = Request::new(v1::CreateUserRequest {
            workspace_id: self.demo.workspace_id.to_string(),
            resource: Some(v1::create_user_request::Resource::ScimJson(document)),
            ..v1::CreateUserRequest::default()
        });
        let bearer = format!("Bearer {}", key.expose()).parse().unwrap();
        ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
        let mut users = UserServiceClient::new(InProcess::new(self.router.clone()));
        Ok(users.create_user(ask).await?.into_inner())
    }

    /// A key that is good until `expires_at`.
    async fn key(&self, expires_at: Micros) -> ApiKeyText {
        let mut ask = Request::new(v1::CreateApiKeyRequest {
            workspace_id: self.demo.workspace_id.to_string(),
            expire_time: Some(pbjson_types::Timestamp {
                seconds: expires_at / 1_000_000,
                nanos: 0,
            }),
            ..v1::CreateApiKeyRequest::default()
        });
        ask.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
        let made = IntegrationServiceClient::new(self.service()).create_api_key(ask).await.unwrap();
        ApiKeyText::parse(&made.into_inner().key).unwrap()
    }
}

/// An hour back opens nothing that was shut by a person, and shuts nothing; 400 days on, what was to
/// end has ended. A key whose end the clock goes back behind is good again until then: expiry is a
/// time, and the clock says which it is. Seen to fail with expiry judged by the machine's clock.
#[tokio::test]
async fn a_key_ends_by_the_clock_and_by_nothing_else() {
    let house = House::new().await;
    let lasting = house.demo.api_key.clone();
    let ending = house.key(BEGIN + HOUR).await;
    house.provision(&ending, "first").await.unwrap();

    house.is_later(HOUR);
    let refused = house.provision(&ending, "second").await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::ApiKeyInvalid));
    house.provision(&lasting, "second").await.unwrap();

    house.is_later(-2 * HOUR);
    house.provision(&ending, "third").await.unwrap();

    house.is_later(400 * DAY);
    let refused = house.provision(&ending, "fourth").await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::ApiKeyInvalid));
    house.provision(&lasting, "fourth").await.unwrap();
}

/// Revisions and the order of listing are those of the writes, though the clock runs backwards and
/// ids of version 7 with it. Seen to fail with a listing in the order of ids.
#[tokio::test]
async fn order_is_that_of_the_writes_whatever_the_clock_says() {
    let house = House::new().await;
    let key = house.demo.api_key.clone();
    let mut made = Vec::new();
    for number in 0..10 {
        house.is_later(-HOUR);
        made.push(house.provision(&key, &format!("p{number}")).await.unwrap().id);
    }
    let sorted = {
        let mut ids = made.clone();
        ids.sort();
        ids
    };
    assert!(sorted.iter().eq(made.iter().rev()), "ids go backwards with the clock");
    let workspace = house.store.workspace(house.demo.workspace_id);
    let query = crate::store::Query {
        filter: None,
        viewer: None,
        sort: None,
        start: crate::store::Start::Skip(0),
        limit: 100,
    };
    let listed: Vec<_> =
        workspace.users(query).await.unwrap().rows.iter().map(|user| user.id.to_string()).collect();
    assert_eq!(listed, made);
    let changes = workspace.changes(0, 100).await.unwrap();
    let revisions: Vec<_> = changes.iter().map(|change| change.revision).collect();
    let count = u64::try_from(revisions.len()).unwrap();
    assert_eq!(revisions, (1..=count).collect::<Vec<_>>());
}

/// Seen to fail with tombstones cleared whatever their time.
#[tokio::test]
async fn a_tombstone_is_cleared_when_it_is_due_and_not_before() {
    let house = House::new().await;
    let user = house.provision(&house.demo.api_key, "ada").await.unwrap();
    let workspace = house.store.workspace(house.demo.workspace_id);
    let mut ask = Request::new(v1::DeleteUserRequest {
        workspace_id: house.demo.workspace_id.to_string(),
        id: user.id,
        ..v1::DeleteUserRequest::default()
    });
    let bearer = format!("Bearer {}", house.demo.api_key.expose()).parse().unwrap();
    ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
    UserServiceClient::new(InProcess::new(house.router.clone())).delete_user(ask).await.unwrap();
    for (later, kept) in [(-HOUR, 1), (30 * DAY, 1), (2 * HOUR, 0), (400 * DAY, 0)] {
        house.is_later(later);
        let clearing = house.directory.clear_expired();
        // It clears at once, and then rests for an hour.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), clearing).await;
        assert_eq!(workspace.deleted_users(0, 10).await.unwrap().len(), kept, "{later}");
    }
}

/// Everything random comes from the value: the same bits make the same key. Seen to fail with bits
/// taken beside it.
#[tokio::test]
async fn randomness_is_a_value() {
    let next = Arc::new(AtomicU8::new(0));
    let clock = {
        let next = Arc::clone(&next);
        Clock::from_fn(|| BEGIN)
            .with_random(move |bytes| bytes.fill(next.fetch_add(1, Ordering::Relaxed)))
    };
    let (first, second) = (clock.new_id(), clock.new_id());
    assert_ne!(first, second);
    assert_eq!(first.get_version_num(), 7);
    next.store(0, Ordering::Relaxed);
    assert_eq!(clock.new_id(), first);
    assert_eq!(clock.random::<4>(), [1; 4]);
}
