//! The table of every route. The router is built from it, so there is none beside it.

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{MethodFilter, MethodRouter, on};
use tower_http::catch_panic::CatchPanicLayer;

use crate::client::Clients;
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::exchange::{self, Round};
use crate::{GatewayConfig, Random, bulk, discovery, groups, health, path, resources, users};

/// A method on a path. `GET` answers `HEAD` too.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The pattern of the path: a parameter, one segment, stands in braces.
    pub path: &'static str,
    endpoint: Endpoint,
}

/// What answers a route.
#[derive(Clone, Copy, Debug)]
enum Endpoint {
    Alive,
    Ready,
    ServiceProviderConfig,
    ResourceTypes,
    ResourceType,
    Schemas,
    Schema,
    ListUsers,
    CreateUser,
    GetUser,
    ReplaceUser,
    PatchUser,
    DeleteUser,
    ListGroups,
    CreateGroup,
    GetGroup,
    ReplaceGroup,
    PatchGroup,
    DeleteGroup,
    SearchUsers,
    SearchGroups,
    List,
    Search,
    Bulk,
    Me,
}

/// Every route there is.
pub const ROUTES: &[Route] = &[
    route(Method::GET, "/healthz", Endpoint::Alive),
    route(Method::GET, "/readyz", Endpoint::Ready),
    route(
        Method::GET,
        "/scim/v2/{workspace}/ServiceProviderConfig",
        Endpoint::ServiceProviderConfig,
    ),
    route(Method::GET, "/scim/v2/{workspace}/ResourceTypes", Endpoint::ResourceTypes),
    route(Method::GET, "/scim/v2/{workspace}/ResourceTypes/{id}", Endpoint::ResourceType),
    route(Method::GET, "/scim/v2/{workspace}/Schemas", Endpoint::Schemas),
    route(Method::GET, "/scim/v2/{workspace}/Schemas/{id}", Endpoint::Schema),
    route(Method::GET, "/scim/v2/{workspace}/Users", Endpoint::ListUsers),
    route(Method::POST, "/scim/v2/{workspace}/Users", Endpoint::CreateUser),
    route(Method::GET, "/scim/v2/{workspace}/Users/{id}", Endpoint::GetUser),
    route(Method::PUT, "/scim/v2/{workspace}/Users/{id}", Endpoint::ReplaceUser),
    route(Method::PATCH, "/scim/v2/{workspace}/Users/{id}", Endpoint::PatchUser),
    route(Method::DELETE, "/scim/v2/{workspace}/Users/{id}", Endpoint::DeleteUser),
    route(Method::GET, "/scim/v2/{workspace}/Groups", Endpoint::ListGroups),
    route(Method::POST, "/scim/v2/{workspace}/Groups", Endpoint::CreateGroup),
    route(Method::GET, "/scim/v2/{workspace}/Groups/{id}", Endpoint::GetGroup),
    route(Method::PUT, "/scim/v2/{workspace}/Groups/{id}", Endpoint::ReplaceGroup),
    route(Method::PATCH, "/scim/v2/{workspace}/Groups/{id}", Endpoint::PatchGroup),
    route(Method::DELETE, "/scim/v2/{workspace}/Groups/{id}", Endpoint::DeleteGroup),
    route(Method::POST, "/scim/v2/{workspace}/Users/.search", Endpoint::SearchUsers),
    route(Method::POST, "/scim/v2/{workspace}/Groups/.search", Endpoint::SearchGroups),
    route(Method::GET, "/scim/v2/{workspace}", Endpoint::List),
    route(Method::POST, "/scim/v2/{workspace}/.search", Endpoint::Search),
    route(Method::POST, "/scim/v2/{workspace}/Bulk", Endpoint::Bulk),
    route(Method::GET, "/scim/v2/{workspace}/Me", Endpoint::Me),
    route(Method::POST, "/scim/v2/{workspace}/Me", Endpoint::Me),
    route(Method::PUT, "/scim/v2/{workspace}/Me", Endpoint::Me),
    route(Method::PATCH, "/scim/v2/{workspace}/Me", Endpoint::Me),
    route(Method::DELETE, "/scim/v2/{workspace}/Me", Endpoint::Me),
];

const fn route(method: Method, path: &'static str, endpoint: Endpoint) -> Route {
    Route { method, path, endpoint }
}

impl Endpoint {
    fn handler<D: Directory>(self, method: MethodFilter) -> MethodRouter<Gateway<D>> {
        match self {
            Self::Alive => on(method, health::alive),
            Self::Ready => on(method, health::ready::<D>),
            Self::ServiceProviderConfig => on(method, discovery::service_provider_config::<D>),
            Self::ResourceTypes => on(method, discovery::resource_types::<D>),
            Self::ResourceType => on(method, discovery::resource_type::<D>),
            Self::Schemas => on(method, discovery::schemas::<D>),
            Self::Schema => on(method, discovery::schema::<D>),
            Self::ListUsers => on(method, users::list::<D>),
            Self::CreateUser => on(method, users::create::<D>),
            Self::GetUser => on(method, users::get::<D>),
            Self::ReplaceUser => on(method, users::replace::<D>),
            Self::PatchUser => on(method, users::patch::<D>),
            Self::DeleteUser => on(method, users::delete::<D>),
            Self::ListGroups => on(method, groups::list::<D>),
            Self::CreateGroup => on(method, groups::create::<D>),
            Self::GetGroup => on(method, groups::get::<D>),
            Self::ReplaceGroup => on(method, groups::replace::<D>),
            Self::PatchGroup => on(method, groups::patch::<D>),
            Self::DeleteGroup => on(method, groups::delete::<D>),
            Self::SearchUsers => on(method, users::search::<D>),
            Self::SearchGroups => on(method, groups::search::<D>),
            Self::List => on(method, resources::list::<D>),
            Self::Search => on(method, resources::search::<D>),
            Self::Bulk => on(method, bulk::write::<D>),
            Self::Me => on(method, discovery::me::<D>),
        }
    }
}

/// The gateway before `directory`, ready to be served. Its ids are made of `random`.
pub fn router<D: Directory>(directory: D, config: GatewayConfig, random: Random) -> Router {
    let clients = Clients::new(&config.clients);
    let round = Round { timeout: config.request_timeout, clients, random: random.clone() };
    let routes = ROUTES.iter().fold(Router::new(), |routes, route| {
        // The table has methods of HTTP's own alone: a test asks each of its routes.
        match MethodFilter::try_from(route.method.clone()) {
            Ok(method) => routes.route(route.path, route.endpoint.handler::<D>(method)),
            Err(_) => routes,
        }
    });
    let routes = routes
        .fallback(async || ScimError::no_route())
        .method_not_allowed_fallback(async || ScimError::method_not_allowed())
        .layer(from_fn(exchange::note_route))
        .with_state(Gateway::new(directory, config, random));
    // Layers of a router run behind its routing; these stand before it.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn(path::in_one_spelling))
        .layer(CatchPanicLayer::custom(|_| ScimError::fault("a handler panicked").into_response()))
        .layer(from_fn_with_state(round, exchange::exchange))
}
