//! Who is at the other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

/// The other end of a connection, in the extensions of each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The address of its socket.
    pub address: SocketAddr,
    /// The DNS names and URIs of its certificate, which one of ours vouches for; none without one.
    pub names: Arc<[String]>,
}

/// The names of a verified certificate.
pub(crate) fn names(certificate: &CertificateDer<'_>) -> Arc<[String]> {
    match EndEntityCert::try_from(certificate) {
        Ok(certificate) => {
            let (dns, uris) = (certificate.valid_dns_names(), certificate.valid_uri_names());
            dns.chain(uris).map(str::to_owned).collect()
        }
        Err(_) => Arc::default(),
    }
}
