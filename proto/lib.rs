//! The contract `nestr.directory.v1`: messages, clients, servers, and the table of reasons.
//!
//! What a call, a message or a field means is said in the `.proto` files beside this one.

pub mod api_key;
mod convert;
mod reason;

pub use reason::{DOMAIN, Row};

/// Metadata in which the gateway passes on the identity provider's key (`Bearer <key>`). Believed
/// only from callers of the gateway's role.
pub const SCIM_AUTHORIZATION: &str = "scim-authorization";

/// Metadata that carries the id of the request from the edge to the last log line.
pub const REQUEST_ID: &str = "x-request-id";

/// The descriptors of the contract with their comments, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The package `nestr.directory.v1`.
#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod v1 {
    include!(concat!(env!("OUT_DIR"), "/nestr.directory.v1.rs"));
    include!(concat!(env!("OUT_DIR"), "/nestr.directory.v1.serde.rs"));
}
