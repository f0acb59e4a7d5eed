//! A directory that knows one key, remembers what it was asked, and answers as it is told.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use directory_api::api_key::ApiKeyText;
use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::discovery_service_server::{DiscoveryService, DiscoveryServiceServer};
use directory_api::v1::group_service_server::GroupServiceServer;
use directory_api::v1::resource_service_server::ResourceServiceServer;
use directory_api::v1::user_service_server::{UserService, UserServiceServer};
use gateway::{ClientConfig, GatewayConfig, Random};
use serde_json::Value;
use tonic::{Response, Status};
use tonic_health::ServingStatus;
use tonic_health::server::{HealthReporter, health_reporter};
use tower::ServiceExt;

/// What the directory was asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Asked {
    Create(v1::CreateUserRequest),
    Get(v1::GetUserRequest),
    List(v1::ListUsersRequest),
    Replace(v1::ReplaceUserRequest),
    Patch(v1::PatchUserRequest),
    Delete(v1::DeleteUserRequest),
    CreateGroup(v1::CreateGroupRequest),
    ReadGroup(v1::ReadGroupRequest),
    ListGroups(v1::ListGroupsRequest),
    ReplaceGroup(v1::ReplaceGroupRequest),
    PatchGroup(v1::PatchGroupRequest),
    DeleteGroup(v1::DeleteGroupRequest),
    ListResources(v1::ListResourcesRequest),
    Bulk(v1::BulkWriteRequest),
    Discovery(&'static str, String),
}

/// What the directory does when it is asked for people next, instead of answering Ada.
pub(crate) enum Next {
    Refuse(Status),
    List(v1::ListUsersResponse),
    /// The pieces in which a group comes.
    Pieces(Vec<Result<v1::GroupPiece, Status>>),
    /// A group is answered to a write without its document.
    WithoutDocument,
    Hang,
    Panic,
}

#[derive(Default)]
struct State {
    asked: Vec<Asked>,
    metadata: HeaderMap,
    next: Option<Next>,
}

#[derive(Clone, Default)]
pub(crate) struct StandIn(Arc<Mutex<State>>);

/// The one key that opens the stand-in.
pub(crate) fn key() -> String {
    ApiKeyText::from_random([1; 20]).expose().to_owned()
}

/// A well-formed key that opens nothing.
pub(crate) fn foreign_key() -> String {
    ApiKeyText::from_random([2; 20]).expose().to_owned()
}

/// Ada, in bytes that no JSON writer of ours would choose: they have to come through as they are.
pub(crate) const ADA: &str = r#"{ "id":"1", "n":1.50,"userName":"Ada\u0040acme.com" }"#;

/// A patch that changes something.
pub(crate) const PATCH: &str = r#"{"Operations":[{"op":"add","path":"title","value":"Dr"}]}"#;

pub(crate) fn ada() -> v1::User {
    let meta = v1::Meta {
        version: r#"W/"5""#.to_owned(),
        location: "https://nestr.example/scim/v2/acme/Users/1".to_owned(),
        ..v1::Meta::default()
    };
    v1::User { scim_json: ADA.to_owned(), meta: Some(meta), ..v1::User::default() }
}

impl StandIn {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics while it holds this")
    }

    pub(crate) async fn open<T>(
        &self,
        request: tonic::Request<T>,
        asked: impl FnOnce(T) -> Asked,
    ) -> Result<Option<Next>, Status> {
        let next = {
            let mut state = self.state();
            state.metadata = request.metadata().clone().into_headers();
            let sent = state.metadata.get("scim-authorization").cloned();
            let asked = asked(request.into_inner());
            let is_people = !matches!(asked, Asked::Discovery(..));
            state.asked.push(asked);
            if sent.is_none_or(|sent| sent != format!("Bearer {}", key())) {
                return Err(refusal(Reason::ApiKeyInvalid, "words of the directory's own"));
            }
            if is_people { state.next.take() } else { None }
        };
        match next {
            Some(Next::Refuse(status)) => Err(status),
            Some(Next::Hang) => std::future::pending().await,
            Some(Next::Panic) => panic!("the stand-in was told to"),
            next => Ok(next),
        }
    }
}

/// What the directory answers when it refuses.
pub(crate) fn refusal(reason: Reason, detail: &str) -> Status {
    reason.status(detail, HashMap::new())
}

#[tonic::async_trait]
impl UserService for StandIn {
    async fn create_user(
        &self,
        request: tonic::Request<v1::CreateUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        self.open(request, Asked::Create).await?;
        Ok(Response::new(ada()))
    }

    async fn get_user(
        &self,
        request: tonic::Request<v1::GetUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        self.open(request, Asked::Get).await?;
        Ok(Response::new(ada()))
    }

    async fn list_users(
        &self,
        request: tonic::Request<v1::ListUsersRequest>,
    ) -> Result<Response<v1::ListUsersResponse>, Status> {
        match self.open(request, Asked::List).await? {
            Some(Next::List(page)) => Ok(Response::new(page)),
            _ => Ok(Response::new(v1::ListUsersResponse::default())),
        }
    }

    async fn replace_user(
        &self,
        request: tonic::Request<v1::ReplaceUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        self.open(request, Asked::Replace).await?;
        Ok(Response::new(ada()))
    }

    async fn patch_user(
        &self,
        request: tonic::Request<v1::PatchUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        self.open(request, Asked::Patch).await?;
        Ok(Response::new(ada()))
    }

    async fn delete_user(
        &self,
        request: tonic::Request<v1::DeleteUserRequest>,
    ) -> Result<Response<v1::DeleteUserResponse>, Status> {
        self.open(request, Asked::Delete).await?;
        Ok(Response::new(v1::DeleteUserResponse::default()))
    }

    async fn list_deleted_users(
        &self,
        _: tonic::Request<v1::ListDeletedUsersRequest>,
    ) -> Result<Response<v1::ListDeletedUsersResponse>, Status> {
        Err(Status::unimplemented("for operators"))
    }

    async fn restore_user(
        &self,
        _: tonic::Request<v1::RestoreUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Err(Status::unimplemented("for operators"))
    }

    async fn batch_get_users(
        &self,
        _: tonic::Request<v1::BatchGetUsersRequest>,
    ) -> Result<Response<v1::BatchGetUsersResponse>, Status> {
        Err(Status::unimplemented("for services"))
    }

    async fn count_users(
        &self,
        _: tonic::Request<v1::CountUsersRequest>,
    ) -> Result<Response<v1::CountUsersResponse>, Status> {
        Err(Status::unimplemented("for services"))
    }

    async fn update_user(
        &self,
        _: tonic::Request<v1::UpdateUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Err(Status::unimplemented("for services"))
    }

    async fn protect_user(
        &self,
        _: tonic::Request<v1::ProtectUserRequest>,
    ) -> Result<Response<v1::User>, Status> {
        Err(Status::unimplemented("for services"))
    }
}

macro_rules! discovery {
    ($($rpc:ident($message:ident) $id:expr),* $(,)?) => {
        #[tonic::async_trait]
        impl DiscoveryService for StandIn {
            $(async fn $rpc(
                &self,
                request: tonic::Request<v1::$message>,
            ) -> Result<Response<v1::ScimDocument>, Status> {
                let id: fn(v1::$message) -> String = $id;
                self.open(request, |ask| Asked::Discovery(stringify!($rpc), id(ask))).await?;
                let scim_json = concat!("{\"rpc\":\"", stringify!($rpc), "\"}").to_owned();
                Ok(Response::new(v1::ScimDocument { scim_json }))
            })*
        }
    };
}
discovery![
    get_service_provider_config(GetServiceProviderConfigRequest) | _ | String::new(),
    list_resource_types(ListResourceTypesRequest) | _ | String::new(),
    get_resource_type(GetResourceTypeRequest) | ask | ask.id,
    list_schemas(ListSchemasRequest) | _ | String::new(),
    get_schema(GetSchemaRequest) | ask | ask.id,
];

/// A gateway before a stand-in.
pub(crate) struct Nestr {
    pub(crate) directory: StandIn,
    pub(crate) health: HealthReporter,
    router: Router,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answered {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }

    /// The detail of a SCIM error, of which everything else is checked.
    pub(crate) fn detail(&self) -> String {
        let body = self.json();
        assert_eq!(self.header("content-type"), "application/scim+json", "{self:?}");
        assert_eq!(body["schemas"][0], "urn:ietf:params:scim:api:messages:2.0:Error");
        assert_eq!(body["status"], self.status.as_str());
        body["detail"].as_str().expect("a detail").to_owned()
    }
}

impl Nestr {
    pub(crate) fn new() -> Self {
        Self::with(Self::config())
    }

    /// What the gateway goes by unless a test says otherwise.
    pub(crate) fn config() -> GatewayConfig {
        GatewayConfig {
            request_timeout: Duration::from_secs(30),
            body_limit: 1_000,
            clients: ClientConfig::default(),
        }
    }

    pub(crate) fn with(config: GatewayConfig) -> Self {
        Self::made_of(config, Random::system())
    }

    /// A gateway whose ids are made of `random`.
    pub(crate) fn made_of(config: GatewayConfig, random: Random) -> Self {
        let directory = StandIn::default();
        let (reporter, health) = health_reporter();
        let routes = tonic::service::Routes::new(health)
            .add_service(UserServiceServer::new(directory.clone()))
            .add_service(GroupServiceServer::new(directory.clone()))
            .add_service(ResourceServiceServer::new(directory.clone()))
            .add_service(DiscoveryServiceServer::new(directory.clone()))
            .into_axum_router();
        Self { directory, health: reporter, router: gateway::router(routes, config, random) }
    }

    /// The answer to a request, its body not read yet.
    pub(crate) async fn answer(&self, request: Request<Body>) -> axum::response::Response {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answered {
        let (parts, body) = self.answer(request).await.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body");
        let body = String::from_utf8(body.into()).expect("UTF-8");
        Answered { status: parts.status, headers: parts.headers, body }
    }

    /// Sends a request with the right key; `path` is below the workspace.
    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answered {
        self.ask_with(method, path, body, &[]).await
    }

    pub(crate) async fn ask_with(
        &self,
        method: &str,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answered {
        let bearer = format!("Bearer {}", key());
        let mut request = request(method, &format!("/scim/v2/acme{path}"), body);
        let headers =
            [("authorization", bearer.as_str())].into_iter().chain(headers.iter().copied());
        for (name, value) in headers {
            let name = axum::http::HeaderName::try_from(name).expect("a name");
            request.headers_mut().append(name, value.parse().expect("a value"));
        }
        self.send(request).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        self.ask("GET", path, "").await
    }

    /// What the directory does when it is asked for people next.
    pub(crate) fn next(&self, next: Next) {
        self.directory.state().next = Some(next);
    }

    /// What the directory was asked since this was asked last.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.directory.state().asked)
    }

    /// The metadata of the last call.
    pub(crate) fn metadata(&self) -> HeaderMap {
        self.directory.state().metadata.clone()
    }

    pub(crate) async fn set_health(&self, status: ServingStatus) {
        self.health.set_service_status("", status).await;
    }
}

/// A request without a key.
pub(crate) fn request(method: &str, uri: &str, body: &str) -> Request<Body> {
    let request =
        Request::builder().method(method).uri(uri.replace(' ', "%20").replace('"', "%22"));
    request.body(Body::from(body.to_owned())).expect("a request")
}
