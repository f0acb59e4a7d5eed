//! Where gRPC is spoken to that is elsewhere: the directory, the collector of traces.

use std::path::Path;

use anyhow::{Context, ensure};
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};

/// The setting of who vouches for a directory.
const DIRECTORY_CA: &str = "--directory-ca (NESTR_SCIM_DIRECTORY_CA)";

/// The files of a certificate that is shown to the other side, as PEM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    /// The settings that name them.
    pub(crate) setting: &'static str,
    /// The certificate, and those between it and the root.
    pub(crate) certificate: &'a Path,
    /// Its private key.
    pub(crate) key: &'a Path,
}

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
    Ok(endpoint.tls_config(trusting(setting, ca)?)?)
}

/// The way to a directory, to which a certificate is shown where there is one.
///
/// # Errors
/// As for any address; and when the certificate cannot be read, or could not be shown.
pub(crate) fn to_directory(
    address: &str,
    ca: Option<&Path>,
    shown: Option<Shown<'_>>,
) -> anyhow::Result<Endpoint> {
    let Some(Shown { setting, certificate, key }) = shown else {
        return to(address, DIRECTORY_CA, ca);
    };
    ensure!(
        address.starts_with("https"),
        "{setting}: a certificate is shown in TLS alone, so the address of the directory has to begin with \
         https"
    );
    let identity = Identity::from_pem(read(setting, certificate)?, read(setting, key)?);
    let tls = trusting(DIRECTORY_CA, ca)?.identity(identity);
    Endpoint::from_shared(address.to_owned())?.tls_config(tls).context(setting)
}

fn trusting(setting: &str, ca: Option<&Path>) -> anyhow::Result<ClientTlsConfig> {
    Ok(match ca {
        Some(path) => {
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(setting, path)?))
        }
        None => ClientTlsConfig::new().with_native_roots(),
    })
}

fn read(setting: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{setting} is {}", path.display()))
}
