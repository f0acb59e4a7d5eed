//! The accept loop of REST and gRPC alike: HTTP/1 and HTTP/2, with or without TLS.
//!
//! A client may be slow, greedy or gone. Each has its bound here, so that what is served behind
//! never waits on one: `caps` (how many connections), `activity` (how long a connection may dawdle),
//! `socket` and `body` (what of it is seen), `connection` (what follows from it), `accept` (the loop
//! and its end), `tls`. Nothing here knows SCIM or gRPC.

mod accept;
mod activity;
mod body;
mod caps;
mod config;
mod connection;
mod peer;
mod socket;
#[cfg(test)]
mod tests;
mod tls;

pub use accept::Listener;
pub use config::{ListenerConfig, Patience};
pub use peer::Peer;
pub use tls::{Tls, TlsError, TlsFiles};
