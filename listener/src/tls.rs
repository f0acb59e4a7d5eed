//! TLS, whose certificates can be changed while it is spoken.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Where certificates and keys lie, as PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, then those between it and the root.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The certificates that vouch for clients'. With them a client is asked for a certificate; it
    /// need not have one, but one that it shows has to be good. Absent: nobody is asked.
    pub client_ca: Option<PathBuf>,
}

/// Why there is no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is not PEM.
    #[error("{} is not a file of certificates or of a key, as PEM", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// The files do not fit together: a key to another certificate, say.
    #[error("certificate and key do not fit")]
    Misfit(#[from] rustls::Error),
    /// The certificates that vouch for clients' cannot.
    #[error("the certificates for clients cannot vouch")]
    ClientCa(#[from] VerifierBuilderError),
}

/// The TLS of a listener.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<Current>,
}

/// What was read of the files last.
#[derive(Debug)]
struct Current {
    config: Arc<ServerConfig>,
    /// Who judges clients' certificates; `None`: nobody is asked for one.
    clients: Option<Arc<dyn ClientCertVerifier>>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When one cannot be read, or they do not fit together.
    pub fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let current = ArcSwap::from_pointee(read(&files)?);
        Ok(Self { files, current })
    }

    /// Reads the files again, for connections from now on. Those that are open go on as they are, but for one
    /// whose client showed a certificate that is not good any more: it is told to go.
    ///
    /// # Errors
    /// As [`Tls::load`]; what was read before then stays.
    pub fn reload(&self) -> Result<(), TlsError> {
        self.current.store(Arc::new(read(&self.files)?));
        Ok(())
    }

    pub(crate) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.current.load().config);
        TlsAcceptor::from(config).accept(stream).await
    }

    /// Ends once the certificate that a client has shown is not good any more: it has expired, or nobody
    /// vouches for it now. It is looked at this often.
    pub(crate) async fn outlives(&self, shown: &[CertificateDer<'_>], every: Duration) {
        while self.vouches(shown) {
            sleep(every).await;
        }
    }

    fn vouches(&self, shown: &[CertificateDer<'_>]) -> bool {
        let current = self.current.load();
        let (Some(clients), Some((own, between))) = (&current.clients, shown.split_first()) else {
            return false;
        };
        clients.verify_client_cert(own, between, UnixTime::now()).is_ok()
    }
}

fn read(files: &TlsFiles) -> Result<Current, TlsError> {
    let failed = |path: &PathBuf| {
        let path = path.clone();
        move |source| TlsError::File { path, source }
    };
    let certificates = |path: &PathBuf| {
        let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
        read.map_err(failed(path))
    };
    let chain: Vec<CertificateDer<'static>> = certificates(&files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(failed(&files.key))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?;
    let clients = match &files.client_ca {
        None => None,
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path)? {
                roots.add(certificate)?;
            }
            let builder = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            Some(builder.allow_unauthenticated().build()?)
        }
    };
    let builder = match &clients {
        None => builder.with_no_client_auth(),
        Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients)),
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Current { config: Arc::new(config), clients })
}
