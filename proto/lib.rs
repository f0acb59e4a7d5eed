//! The contract `nestr.directory.v1`: messages, clients and servers of the directory's gRPC
//! services, and what both sides of it have to agree on besides.
//!
//! The `.proto` files beside this one are the source; no behaviour of the directory or the gateway
//! lives here.

pub mod api_key;
mod convert;
pub mod mask;
mod method;
mod reason;
#[cfg(any(test, feature = "reference"))]
mod reference;

pub use convert::{ENTERPRISE, to_json};
pub use method::{Method, Repeats};
pub use reason::{DOMAIN, Row};
#[cfg(any(test, feature = "reference"))]
pub use reference::reference;

/// The contract's files with all they import and with their comments, encoded as a
/// `google.protobuf.FileDescriptorSet`: what gRPC reflection serves.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The metadata in which the gateway passes on an identity provider's key: `Bearer <key>`. The
/// directory believes it from the gateway alone.
pub const SCIM_AUTHORIZATION: &str = "scim-authorization";

/// The metadata in which the gateway passes on the address that a request comes from, such as
/// `192.0.2.7` or `2001:db8::7`: the socket's, or what a trusted proxy says. Absent: it is not known.
/// Believed from the gateway alone.
pub const SCIM_CLIENT_ADDRESS: &str = "scim-client-address";

/// The metadata in which the gateway passes on a request's `User-Agent`, cut to
/// [`USER_AGENT_BYTES`]. Absent: none was sent. Believed from the gateway alone; it decides nothing.
pub const SCIM_USER_AGENT: &str = "scim-user-agent";

/// The metadata by which the gateway says that it refuses a request by itself, once the key is found
/// good: the HTTP status. Believed from the gateway alone.
pub const SCIM_COMPLAINT: &str = "scim-complaint";

/// How much of a `User-Agent` is passed on, in bytes.
pub const USER_AGENT_BYTES: usize = 200;

/// The metadata that carries the id under which both sides log a request.
pub const REQUEST_ID: &str = "x-request-id";

/// The largest request that the directory takes of people and groups, in bytes: the largest body that
/// a gateway takes, 8 MiB, with room for what stands round it. Other calls take gRPC's usual 4 MiB. Of a
/// compressed message it bounds what comes out of it.
pub const MESSAGE_BYTES: usize = 16 * 1024 * 1024;

/// The largest answer of the directory, in bytes: a full page of large people. A client has to allow as
/// much; gRPC's usual bound of 4 MiB is below what a page of 200 can hold.
pub const ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// The package `nestr.directory.v1`, generated. In JSON the messages have SCIM's names.
#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod v1 {
    tonic::include_proto!("nestr.directory.v1");
    include!(concat!(env!("OUT_DIR"), "/nestr.directory.v1.serde.rs"));
}
