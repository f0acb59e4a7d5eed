//! TLS to the server, whose certificate is always checked.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::OpenError;

/// How TLS is spoken with the hosts of `config`; `None`: not at all. What the URL leaves open is settled: no
/// host beyond this machine is spoken to without, whatever it offers.
pub(super) fn of(
    config: &mut Config,
    certificates: Option<&[u8]>,
) -> Result<Option<MakeRustlsConnect>, OpenError> {
    if config.get_ssl_mode() == SslMode::Prefer {
        let is_open = certificates.is_none() && is_on_this_machine(config);
        config.ssl_mode(if is_open { SslMode::Disable } else { SslMode::Require });
    }
    if config.get_ssl_mode() == SslMode::Disable {
        return Ok(None);
    }
    certificates.map_or_else(trusting_this_machine, trusting).map(Some)
}

fn is_on_this_machine(config: &Config) -> bool {
    let is_near = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
    };
    config.get_hosts().iter().all(is_near) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// TLS with a server whose certificate leads to one of these.
fn trusting(certificates: &[u8]) -> Result<MakeRustlsConnect, OpenError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(certificates) {
        let certificate = certificate.map_err(|_| OpenError::Certificates)?;
        roots.add(certificate).map_err(|_| OpenError::Certificates)?;
    }
    if roots.is_empty() {
        return Err(OpenError::Certificates);
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// TLS with a server whose certificate leads to one that this machine trusts.
fn trusting_this_machine() -> Result<MakeRustlsConnect, OpenError> {
    let (tls, unreadable) = MakeRustlsConnect::with_native_certs().map_err(|errors| {
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        OpenError::Tls(errors.join("; "))
    })?;
    for error in unreadable {
        tracing::warn!(%error, "a certificate of this machine cannot be read");
    }
    Ok(tls)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> SslMode {
        let mut config = url.parse().unwrap();
        of(&mut config, None).unwrap();
        config.get_ssl_mode()
    }

    /// Seen to fail with what the URL leaves open left open.
    #[test]
    fn no_host_beyond_this_machine_is_spoken_to_in_plain_text_unless_the_url_says_so() {
        for near in ["localhost", "127.0.0.1", "[::1]", "%2Frun%2Fpostgresql"] {
            assert_eq!(mode(&format!("postgres://nestr@{near}/nestr")), SslMode::Disable, "{near}");
        }
        for far in ["db.example", "10.0.0.9", "localhost,db.example", "localhost.example"] {
            let url = format!("postgres://nestr@{far}/nestr");
            assert_eq!(mode(&url), SslMode::Require, "{far}");
            assert_eq!(mode(&format!("{url}?sslmode=prefer")), SslMode::Require, "{far}");
            assert_eq!(mode(&format!("{url}?sslmode=disable")), SslMode::Disable, "{far}");
        }
        assert_eq!(mode("host=localhost hostaddr=10.0.0.9 user=nestr"), SslMode::Require);
        assert_eq!(mode("postgres://nestr@localhost/nestr?sslmode=require"), SslMode::Require);
    }

    #[test]
    fn what_is_no_certificate_vouches_for_nobody() {
        for text in [&b""[..], b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"] {
            assert!(matches!(trusting(text), Err(OpenError::Certificates)));
        }
    }
}
