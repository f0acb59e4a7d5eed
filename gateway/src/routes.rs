//! The table of every route. The router is built from it, so there is none beside it.

use axum::Router;
use axum::http::Method;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use tower_http::catch_panic::CatchPanicLayer;

use crate::client::Clients;
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;
use crate::exchange::{self, Round};
use crate::{GatewayConfig, Random, discovery, groups, health, path, users};

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
];

const fn route(method: Method, path: &'static str, endpoint: Endpoint) -> Route {
    Route { method, path, endpoint }
}

impl Endpoint {
    fn handler<D: Directory>(self) -> MethodRouter<Gateway<D>> {
        match self {
            Self::Alive => get(health::alive),
            Self::Ready => get(health::ready::<D>),
            Self::ServiceProviderConfig => get(discovery::service_provider_config::<D>),
            Self::ResourceTypes => get(discovery::resource_types::<D>),
            Self::ResourceType => get(discovery::resource_type::<D>),
            Self::Schemas => get(discovery::schemas::<D>),
            Self::Schema => get(discovery::schema::<D>),
            Self::ListUsers => get(users::list::<D>),
            Self::CreateUser => post(users::create::<D>),
            Self::GetUser => get(users::get::<D>),
            Self::ReplaceUser => put(users::replace::<D>),
            Self::PatchUser => patch(users::patch::<D>),
            Self::DeleteUser => delete(users::delete::<D>),
            Self::ListGroups => get(groups::list::<D>),
            Self::CreateGroup => post(groups::create::<D>),
            Self::GetGroup => get(groups::get::<D>),
            Self::ReplaceGroup => put(groups::replace::<D>),
            Self::PatchGroup => patch(groups::patch::<D>),
            Self::DeleteGroup => delete(groups::delete::<D>),
        }
    }
}

/// The gateway before `directory`, ready to be served. Its ids are made of `random`.
pub fn router<D: Directory>(directory: D, config: GatewayConfig, random: Random) -> Router {
    let clients = Clients::new(&config.clients);
    let round = Round { timeout: config.request_timeout, clients, random: random.clone() };
    let routes = ROUTES.iter().fold(Router::new(), |routes, route| {
        routes.route(route.path, route.endpoint.handler::<D>())
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
