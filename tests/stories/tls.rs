//! TLS on both sides, by curl and grpcurl as people have them, and between the halves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use rcgen::generate_simple_self_signed;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};
use tokio_rustls::TlsConnector;

use crate::connections::resident;
use crate::harness::{Nestr, Shape, Terminal, is_long, simulate};

/// What an idle connection inside TLS may cost the server at the most, in KiB.
const MOST_KIB: u64 = 64;

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for 127.0.0.1 and its key.
pub(crate) struct Certificate {
    dir: TempDir,
}

impl Certificate {
    pub(crate) fn new() -> Self {
        let made = Self { dir: tempfile::tempdir().expect("a directory") };
        made.write();
        made
    }

    /// Writes another in its place.
    fn write(&self) {
        let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        std::fs::write(self.certificate(), made.cert.pem()).expect("a file is written");
        std::fs::write(self.key(), made.signing_key.serialize_pem()).expect("a file is written");
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// A client that trusts this certificate alone.
    fn trusting(&self) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(self.certificate()).expect("a certificate");
        roots.add(certificate).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        TlsConnector::from(Arc::new(config))
    }

    /// The settings of one side.
    pub(crate) fn settings(&self, side: &str) -> Vec<String> {
        let (certificate, key) = (self.certificate(), self.key());
        vec![
            format!("--{side}-tls-cert"),
            certificate.display().to_string(),
            format!("--{side}-tls-key"),
            key.display().to_string(),
        ]
    }
}

fn borrowed(settings: &[String]) -> Vec<&str> {
    settings.iter().map(String::as_str).collect()
}

/// The status that curl gets from `/healthz`, trusting this certificate alone; 0 for none.
async fn status(nestr: &Nestr, trusted: &Path) -> u16 {
    let url = format!("https://{}/healthz", nestr.http());
    let trusted = trusted.to_owned();
    let asking = tokio::task::spawn_blocking(move || {
        Command::new("curl")
            .args(["--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--cacert"])
            .arg(trusted)
            .arg(url)
            .output()
            .expect("curl runs")
    });
    let printed = asking.await.expect("curl's end").stdout;
    String::from_utf8_lossy(&printed).parse().expect("a status")
}

#[tokio::test]
async fn rest_over_tls_takes_a_new_certificate_at_sighup() {
    let certificate = Certificate::new();
    let settings = [vec!["--demo".to_owned(), "acme.com".to_owned()], certificate.settings("http")];
    let nestr = Nestr::start_as(Shape::Whole, &borrowed(&settings.concat())).await;
    assert!(nestr.demo().scim_url.starts_with("https://127.0.0.1:"));
    assert_eq!(status(&nestr, &certificate.certificate()).await, 200);
    let first = certificate.dir.path().join("first.pem");
    std::fs::copy(certificate.certificate(), &first).unwrap();

    certificate.write();
    assert_eq!(status(&nestr, &first).await, 200);
    nestr.hang_up();
    let end = Instant::now() + PATIENCE;
    while status(&nestr, &certificate.certificate()).await != 200 {
        assert!(Instant::now() < end, "the new certificate:\n{}", nestr.log());
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(&nestr, &first).await, 0);

    std::fs::write(certificate.certificate(), "none").unwrap();
    nestr.hang_up();
    while !nestr.log().contains("not read again") {
        assert!(Instant::now() < end, "{}", nestr.log());
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(status(&nestr, &first).await, 0);
}

/// A gateway that trusts another certificate does not find its directory.
#[tokio::test]
async fn the_halves_speak_tls_to_each_other() {
    let certificate = Certificate::new();
    let trusted = certificate.certificate().display().to_string();
    let settings = [
        ["--demo", "acme.com", "--directory-ca", &trusted].map(ToOwned::to_owned).to_vec(),
        certificate.settings("grpc"),
    ];
    let nestr = Nestr::start_as(Shape::Split, &borrowed(&settings.concat())).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    acme.get(&format!("/Users/{ada}")).await.is(200);

    nestr.kill_gateway();
    certificate.write();
    nestr.start_gateway_again().await;
    nestr.send(crate::harness::Ask::new("GET", "/readyz")).await.is(503);
}

/// The simulator is a client like others: it trusts whom the system trusts.
#[tokio::test]
async fn the_simulator_speaks_tls_to_whom_it_trusts() {
    let certificate = Certificate::new();
    let settings = [vec!["--demo".to_owned(), "acme.com".to_owned()], certificate.settings("http")];
    let nestr = Nestr::start_as(Shape::Whole, &borrowed(&settings.concat())).await;
    let demo = nestr.demo();
    let arguments = ["jumpcloud", "--url", &demo.scim_url, "--domain", "acme.com", "--users", "1"];
    let other = Certificate::new();
    for (trusted, ends) in [(&certificate, 0), (&other, 2)] {
        let file = trusted.certificate().display().to_string();
        let environment = [("NESTR_SCIM_KEY", demo.api_key.as_str()), ("SSL_CERT_FILE", &file)];
        let (code, reported, said) = simulate(&arguments, &environment).await;
        assert_eq!(code, ends, "{reported}{said}");
        assert_eq!(ends == 2, said.contains("certificate"), "{said}");
    }
}

/// The command line sends its credential to nobody whom it does not trust.
#[tokio::test]
async fn the_command_line_speaks_tls_to_whom_it_trusts() {
    let certificate = Certificate::new();
    let settings = [vec!["--demo".to_owned(), "acme.com".to_owned()], certificate.settings("grpc")];
    let nestr = Nestr::start_as(Shape::Whole, &borrowed(&settings.concat())).await;
    let olga = Terminal::of(&nestr);
    let directory = format!("https://{}", nestr.grpc());
    let other = Certificate::new();
    for (trusted, ends) in [(&certificate, 0), (&other, 2)] {
        let file = trusted.certificate().display().to_string();
        let words =
            ["workspace", "list", "--directory", &directory, "--directory-ca", &file, "--json"];
        let answer = olga.operate(&words);
        assert_eq!(answer.code, ends, "{}{}", answer.out, answer.err);
        assert_eq!(ends == 2, answer.err.contains("certificate"), "{}", answer.err);
    }
}

/// Clients inside TLS that do nothing, each after one request: 2,000, and 10,000 in the long form. What
/// one costs is printed: `cargo nextest run --success-output final --test stories inside_tls_cost`. Seen
/// to fail with a buffer of 64 KiB made for each connection.
#[tokio::test]
async fn idle_connections_inside_tls_cost_little() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let count = if is_long() { 10_000 } else { 2_000 };
    let certificate = Certificate::new();
    let settings = ["--demo", "acme.com", "--max-connections-per-address", "0"];
    let settings = [settings.map(ToOwned::to_owned).to_vec(), certificate.settings("http")];
    let nestr = Nestr::start_as(Shape::Whole, &borrowed(&settings.concat())).await;
    assert_eq!(status(&nestr, &certificate.certificate()).await, 200);

    let connector = certificate.trusting();
    let before = resident(nestr.gateway_pid());
    let mut idle = Vec::new();
    for _ in 0..count {
        let stream = TcpStream::connect(nestr.http()).await.expect("a connection");
        let name = ServerName::try_from("127.0.0.1").unwrap();
        let mut stream = connector.connect(name, stream).await.expect("a handshake");
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        stream.flush().await.unwrap();
        assert!(stream.read(&mut [0; 512]).await.unwrap() > 0);
        idle.push(stream);
    }
    let memory = resident(nestr.gateway_pid());
    let each = memory.saturating_sub(before) / count;
    println!("{count} connections: {} MiB, {each} KiB each", memory / 1024);
    assert!(each < MOST_KIB, "{each} KiB each");
    assert_eq!(status(&nestr, &certificate.certificate()).await, 200);
    drop(idle);
}
