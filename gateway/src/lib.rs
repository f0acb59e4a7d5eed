//! The gateway: SCIM 2.0 over HTTP (RFC 7644) in, one call of the directory, SCIM out.
//!
//! The way of a request: `exchange` (request id, deadline, trace) -> `path` (one spelling) ->
//! `routes` -> extractors (`call`, `query`, `body`) -> an endpoint family (`users`, `groups`,
//! `resources`, `bulk`, `discovery`, `health`) -> `answer` or `error`.
//!
//! It holds no state, no schema and no rule: what a person may be, and whose key opens what, is the
//! directory's to say. What belongs to HTTP and to the dialects of the wire is said here.

mod answer;
mod body;
mod bulk;
mod call;
mod client;
mod conditions;
mod config;
mod directory;
mod discovery;
mod error;
mod exchange;
mod groups;
mod health;
mod path;
mod query;
mod random;
mod remote;
mod resources;
mod routes;
mod search;
mod told;
mod users;

pub use client::ClientConfig;
pub use config::GatewayConfig;
pub use directory::Directory;
pub use health::health;
pub use random::Random;
pub use remote::{Names, NotACredential, Remote};
pub use routes::{ROUTES, Route, router};
