//! TLS on both sides, by curl and grpcurl as people have them, and between the halves.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rcgen::generate_simple_self_signed;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::harness::{Nestr, Shape, simulate};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for 127.0.0.1 and its key.
struct Certificate {
    dir: TempDir,
}

impl Certificate {
    fn new() -> Self {
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

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// The settings of one side.
    fn settings(&self, side: &str) -> Vec<String> {
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
