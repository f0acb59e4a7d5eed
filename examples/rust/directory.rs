//! What the examples share: the way to the directory, and what a refusal says.

use std::error::Error;

use directory_api::v1::Reason;
use tonic::metadata::AsciiMetadataValue;
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

/// A channel to the directory that presents the credential with each call.
pub(crate) type Directory = InterceptedService<Channel, Credential>;

#[derive(Clone)]
pub(crate) struct Credential(AsciiMetadataValue);

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

/// The directory at `NESTR_SCIM_DIRECTORY`, as who holds `NESTR_SCIM_CREDENTIAL`.
#[expect(clippy::disallowed_methods, reason = "an example has no settings but these two")]
pub(crate) fn connect() -> Result<Directory, Box<dyn Error>> {
    let url = std::env::var("NESTR_SCIM_DIRECTORY").unwrap_or("http://127.0.0.1:50051".to_owned());
    let credential = std::env::var("NESTR_SCIM_CREDENTIAL")?;
    let mut credential: AsciiMetadataValue = format!("Bearer {credential}").parse()?;
    credential.set_sensitive(true);
    let tls = url.starts_with("https://").then(|| ClientTlsConfig::new().with_native_roots());
    let mut endpoint = Endpoint::from_shared(url)?;
    if let Some(tls) = tls {
        endpoint = endpoint.tls_config(tls)?;
    }
    Ok(Directory::new(endpoint.connect_lazy(), Credential(credential)))
}

/// A refusal by its reason; without one it is a fault of the directory, or of the way to it.
pub(crate) fn tell(status: &Status) -> String {
    match Reason::of(status) {
        Some(reason) => format!("refused ({}): {}", reason.as_str_name(), status.message()),
        None => format!("failed ({:?}): {}", status.code(), status.message()),
    }
}
