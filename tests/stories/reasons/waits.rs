//! Reasons that take more than one call: what passes by itself, and what has grown old.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use directory_svc::clock::Clock;
use directory_svc::store::sqlite::{SqliteConfig, SqliteStore};
use directory_svc::{
    ClusterSecret, Directory, Found, LimitsConfig, Role, ServiceCaller, ServiceCallers, Settings,
    TxtResolver,
};
use listener::{Listener, ListenerConfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::Request;

use super::told::{named, shown, told};
use crate::harness::{Disk, Fault, Nestr, Operator, Shape, nobody};

/// Of how long a text a list that no index serves has to look through, for each person.
const LONG_TEXT: usize = 60_000;

/// A full disk, and an integration that has used up its burst.
#[tokio::test]
async fn what_may_pass_by_itself_says_when() {
    let (disk, shape) = (Disk::new(), Shape::Split);
    let settings = ["--demo", "acme.com", "--rate", "1", "--burst", "1"];
    let nestr = Nestr::start_prepared(shape, &settings, |dir| disk.environment(dir)).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    disk.has(Fault::Full);
    let ask = v1::CreateUserRequest {
        workspace_id: acme.id.clone(),
        resource: Some(v1::create_user_request::Resource::ScimJson(r#"{"userName":"a"}"#.into())),
        ..v1::CreateUserRequest::default()
    };
    let refused = operator.users().create_user(named(ask)).await.unwrap_err();
    told(&shown(&refused), Reason::Unavailable);
    disk.has(Fault::None);

    let credential = fs::read_to_string(nestr.data_dir().join("gateway.credential")).unwrap();
    let gateway = Operator::new(&nestr, credential.trim());
    let refused = loop {
        let (workspace_id, id) = (acme.id.clone(), nobody());
        let mut ask =
            named(v1::GetUserRequest { workspace_id, id, ..v1::GetUserRequest::default() });
        let key = format!("Bearer {}", acme.key).parse().unwrap();
        ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, key);
        let refused = gateway.users().get_user(ask).await.unwrap_err();
        if Reason::of(&refused) != Some(Reason::UserNotFound) {
            break refused;
        }
    };
    told(&shown(&refused), Reason::RateLimited);
}

/// Operators' lists that no index serves take all there is, for longer than anybody waits; whoever else comes
/// is sent away.
#[tokio::test]
async fn a_directory_that_has_too_much_to_do_says_when() {
    let nestr = Nestr::start_as(Shape::Split, &["--demo", "acme.com"]).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let text = "ab".repeat(LONG_TEXT / 2);
    for number in 0..100 {
        let body = json!({"userName": format!("p{number}"), "title": text});
        operator.create_user(&acme.id, &body.to_string()).await;
    }
    let terms: Vec<_> = (0..150).map(|n| format!(r#"title co "abb{n}""#)).collect();
    let (workspace_id, filter) = (acme.id.clone(), terms.join(" or "));
    let list = v1::ListUsersRequest { workspace_id, filter, ..v1::ListUsersRequest::default() };
    let credential = fs::read_to_string(nestr.data_dir().join("gateway.credential")).unwrap();
    let gateway = Operator::new(&nestr, credential.trim());
    for _ in 0..10 {
        let mut lists = JoinSet::new();
        for _ in 0..8 {
            let (operator, list) = (operator.clone(), list.clone());
            lists.spawn(async move { operator.users().list_users(list).await });
        }
        sleep(Duration::from_millis(100)).await;
        let mut ask = named(list.clone());
        let key = format!("Bearer {}", acme.key).parse().unwrap();
        ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, key);
        let refused = gateway.users().list_users(ask).await;
        if let Err(refused) = refused
            && Reason::of(&refused) == Some(Reason::Overloaded)
        {
            told(&shown(&refused), Reason::Overloaded);
            return;
        }
        lists.join_all().await;
    }
    panic!("the directory was never full");
}

/// A directory in the test's own process, behind a socket as ever, whose clock is the test's.
#[tokio::test]
async fn a_token_that_is_too_old_is_named() {
    let home = tempfile::tempdir().unwrap();
    let statement_timeout = Duration::from_secs(30);
    let config = SqliteConfig { dir: home.path().to_owned(), statement_timeout };
    let store = SqliteStore::open(config).unwrap();
    let now = Arc::new(AtomicI64::new(Clock::system().now()));
    let told_time = Arc::clone(&now);
    let clock = Clock::from_fn(move || told_time.load(Ordering::Relaxed));
    let settings = Settings {
        public_url: "https://scim.example".to_owned(),
        tombstone_days: 30,
        txt: TxtResolver::from_fn(|_| Box::pin(async { Found::NoRecord })),
        first_domain_check: Duration::from_mins(1),
        limits: LimitsConfig { rate: 0, burst: 1 },
        cluster_secret: ClusterSecret::new(&"secret".repeat(6)).unwrap(),
        redis: None,
    };
    let callers = ServiceCallers::new(vec![ServiceCaller::new("olga", Role::Operator, "secret")]);
    let directory = Directory::new(store, clock, settings, callers).unwrap();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", socket.local_addr().unwrap());
    let config = ListenerConfig { max_connections: 16, max_connections_per_address: 0 };
    let router = directory.router().await.unwrap();
    let stop = CancellationToken::new();
    let _end = stop.clone().drop_guard();
    tokio::spawn(Listener::new("grpc", socket, config).serve(router, stop));
    let by_operator = |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
        Ok(request)
    };
    let channel = tonic::transport::Endpoint::from_shared(address).unwrap().connect_lazy();
    let ask = v1::CreateWorkspaceRequest {
        display_name: "Acme".to_owned(),
        contact_email: "admin@acme.com".to_owned(),
    };
    let mut workspaces = WorkspaceServiceClient::with_interceptor(channel.clone(), by_operator);
    let workspace_id = workspaces.create_workspace(ask).await.unwrap().into_inner().id;
    let mut users = UserServiceClient::with_interceptor(channel, by_operator);
    for user_name in ["ada", "bob"] {
        let scim_json = json!({"userName": user_name}).to_string();
        let ask = v1::CreateUserRequest {
            workspace_id: workspace_id.clone(),
            resource: Some(v1::create_user_request::Resource::ScimJson(scim_json)),
            ..v1::CreateUserRequest::default()
        };
        users.create_user(ask).await.unwrap();
    }
    let page = |page_token: String| v1::ListUsersRequest {
        workspace_id: workspace_id.clone(),
        page_size: Some(1),
        page_token,
        ..v1::ListUsersRequest::default()
    };
    let token = users.list_users(page(String::new())).await.unwrap().into_inner().next_page_token;
    users.list_users(page(token.clone())).await.unwrap();
    now.fetch_add(3_601 * 1_000_000, Ordering::Relaxed);
    let refused = users.list_users(named(page(token))).await.unwrap_err();
    assert_eq!(told(&shown(&refused), Reason::CursorExpired), "page_token");
}
