//! Where gRPC is spoken to that is elsewhere: the directory, the collector of traces.

use std::path::Path;

use anyhow::Context;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint};

/// The way to `address`; with TLS when that begins with `https`. The file at `ca`, which `setting` names,
/// vouches for the other side, or without one the system's certificates do.
///
/// # Errors
/// When the address is none, or the file cannot be read or used.
pub(crate) fn to(address: &str, setting: &str, ca: Option<&Path>) -> anyhow::Result<Endpoint> {
    let endpoint = Endpoint::from_shared(address.to_owned())?;
    if !address.starts_with("https") {
        return Ok(endpoint);
    }
    let tls = match ca {
        Some(path) => {
            let named = || format!("{setting} is {}", path.display());
            ClientTlsConfig::new()
                .ca_certificate(Certificate::from_pem(std::fs::read(path).with_context(named)?))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    };
    Ok(endpoint.tls_config(tls)?)
}
