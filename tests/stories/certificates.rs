//! Nestr's own callers by certificate: who is vouched for, and named, calls without a credential.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use directory_api::v1::Reason;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType, date_time_ymd};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, ClientTlsConfig, Endpoint, Identity};

use crate::harness::{Caller, Nestr, Shape, Terminal, Ungranted, new_credential as made, unique};
use crate::tls::Certificate;

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

const READS: &str = "nestr.directory.v1.WorkspaceService/ListWorkspaces";
const OPERATES: &str = "nestr.directory.v1.DomainService/VerifyDomain";

/// Somebody who vouches for clients.
struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// A client's certificate and key, as PEM.
struct Shown {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("it is made");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("it is made");
        let dir = tempfile::tempdir().expect("it is made");
        fs::write(dir.path().join("ca.pem"), params.self_signed(&key).expect("it is made").pem())
            .expect("it is made");
        Self { dir, issuer: Issuer::new(params, key) }
    }

    fn file(&self) -> String {
        self.dir.path().join("ca.pem").display().to_string()
    }

    /// A certificate of these names, good until the end of that year.
    fn vouches(&self, names: &[&str], until: i32) -> Shown {
        let san = |name: &&str| {
            let text = (*name).try_into().expect("ASCII");
            if name.contains("://") { SanType::URI(text) } else { SanType::DnsName(text) }
        };
        let mut params = CertificateParams::new(Vec::new()).expect("it is made");
        params.subject_alt_names = names.iter().map(san).collect();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(until, 12, 31);
        let key = KeyPair::generate().expect("it is made");
        let signed = params.signed_by(&key, &self.issuer).expect("it is made");
        let name = unique();
        let at = |what: &str| self.dir.path().join(format!("{name}.{what}"));
        let shown = Shown { certificate: at("pem"), key: at("key") };
        fs::write(&shown.certificate, signed.pem()).expect("it is made");
        fs::write(&shown.key, key.serialize_pem()).expect("it is made");
        shown
    }
}

/// The product, asking for certificates of this authority.
struct Guarded {
    nestr: Nestr,
    server: Certificate,
    callers: PathBuf,
    _home: TempDir,
}

impl Guarded {
    async fn start(authority: &Authority, callers: &str) -> Self {
        let home = tempfile::tempdir().expect("it is made");
        let (server, file) = (Certificate::new(), home.path().join("callers.toml"));
        fs::write(&file, callers).expect("it is made");
        let mut settings = server.settings("grpc");
        settings.extend(["--demo", "acme.com", "--grpc-tls-client-ca"].map(str::to_owned));
        settings.extend([authority.file(), "--credentials".to_owned(), file.display().to_string()]);
        let settings: Vec<_> = settings.iter().map(String::as_str).collect();
        let nestr = Nestr::start_as(Shape::Whole, &settings).await;
        Self { nestr, server, callers: file, _home: home }
    }

    /// Whoever shows this certificate and presents this credential.
    fn caller(&self, shown: Option<&Shown>, credential: Option<&str>) -> Caller {
        Caller::new(channel(&self.nestr, &self.server.certificate(), shown), credential)
    }
}

fn channel(nestr: &Nestr, trusted: &Path, shown: Option<&Shown>) -> Channel {
    let trusted = tonic::transport::Certificate::from_pem(fs::read(trusted).expect("it is made"));
    let mut tls = ClientTlsConfig::new().ca_certificate(trusted);
    if let Some(Shown { certificate, key }) = shown {
        tls = tls.identity(Identity::from_pem(
            fs::read(certificate).expect("it is made"),
            fs::read(key).expect("it is made"),
        ));
    }
    let endpoint = Endpoint::from_shared(format!("https://{}", nestr.grpc())).expect("it is made");
    endpoint.tls_config(tls).expect("it is made").connect_lazy()
}

fn entry(name: &str, role: &str, certificate: &str) -> String {
    format!("[[caller]]\nname = \"{name}\"\nrole = \"{role}\"\ncertificate = \"{certificate}\"\n")
}

/// Whose names count, and what counts more than they do.
#[tokio::test]
async fn a_certificate_that_is_vouched_for_and_named_is_a_callers() {
    use Ungranted::{Nobody, NotWithRole, Unreached};
    let authority = Authority::new();
    let (credential, by_credential) = made("billing", "reader").await;
    let callers = [
        entry("settings", "internal", "spiffe://nestr.example/settings"),
        entry("olga", "operator", "Olga.nestr.example"),
        by_credential,
    ];
    let guarded = Guarded::start(&authority, &callers.concat()).await;
    let asked =
        async |caller: Caller| [caller.ask(READS).await.err(), caller.ask(OPERATES).await.err()];
    let by = |names: &[&str]| guarded.caller(Some(&authority.vouches(names, 2100)), None);

    let settings = by(&["spiffe://nestr.example/settings"]);
    assert_eq!(asked(settings).await, [None, Some(NotWithRole)]);
    assert_eq!(asked(by(&["olga.NESTR.example", "laptop.example"])).await, [None, None]);
    for names in [
        &["stranger.example"][..],
        &["spiffe://nestr.example/Settings"],
        &["spiffe://nestr.example/settings/x"],
        &["*.nestr.example"],
        &[],
        // Who is two is nobody.
        &["spiffe://nestr.example/settings", "olga.nestr.example"],
    ] {
        assert_eq!(asked(by(names)).await, [Some(Nobody), Some(Nobody)], "{names:?}");
    }

    // By credential as before, and what a call says of itself goes before what its connection does.
    let olga = authority.vouches(&["olga.nestr.example"], 2100);
    assert_eq!(asked(guarded.caller(None, None)).await, [Some(Nobody), Some(Nobody)]);
    let reader = guarded.caller(None, Some(&credential));
    assert_eq!(asked(reader).await, [None, Some(NotWithRole)]);
    let reader = guarded.caller(Some(&olga), Some(&credential));
    assert_eq!(asked(reader).await, [None, Some(NotWithRole)]);
    let wrong = guarded.caller(Some(&olga), Some("nop_wrong"));
    assert_eq!(asked(wrong).await, [Some(Nobody), Some(Nobody)]);

    // What another signed, and what has expired, does not so much as connect.
    let another = Authority::new();
    let other = another.vouches(&["olga.nestr.example"], 2100);
    let expired = authority.vouches(&["olga.nestr.example"], 2020);
    for shown in [other, expired] {
        let refused = asked(guarded.caller(Some(&shown), None)).await;
        assert_eq!(refused, [Some(Unreached), Some(Unreached)]);
    }
}

/// On a connection that stays open, where the names of its certificate alone are kept.
#[tokio::test]
async fn a_caller_by_certificate_is_refused_from_the_next_call_on_once_removed() {
    let authority = Authority::new();
    let callers = entry("billing", "reader", "billing.nestr.example");
    let guarded = Guarded::start(&authority, &callers).await;
    let shown = authority.vouches(&["billing.nestr.example"], 2100);
    let billing = guarded.caller(Some(&shown), None);
    billing.ask(READS).await.unwrap();

    fs::write(&guarded.callers, entry("billing", "operator", "billing.nestr.example")).unwrap();
    guarded.nestr.hang_up();
    let end = Instant::now() + PATIENCE;
    while billing.ask(OPERATES).await.is_err() {
        assert!(Instant::now() < end, "{}", guarded.nestr.log());
        sleep(Duration::from_millis(10)).await;
    }
    fs::write(&guarded.callers, "").unwrap();
    guarded.nestr.hang_up();
    while billing.ask(READS).await.is_ok() {
        assert!(Instant::now() < end, "{}", guarded.nestr.log());
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(billing.ask(READS).await, Err(Ungranted::Nobody));
}

/// The halves need no secret between them. Seen to fail with the gateway's certificate not shown.
#[tokio::test]
async fn a_gateway_calls_its_directory_by_certificate() {
    let (authority, server) = (Authority::new(), Certificate::new());
    let home = tempfile::tempdir().unwrap();
    let callers = home.path().join("callers.toml");
    fs::write(&callers, entry("gateway-2", "gateway", "gateway.nestr.example")).unwrap();
    let shown = authority.vouches(&["gateway.nestr.example"], 2100);
    let said = [
        ("--demo", "acme.com".to_owned()),
        ("--grpc-tls-client-ca", authority.file()),
        ("--credentials", callers.display().to_string()),
        ("--directory-ca", server.certificate().display().to_string()),
        ("--directory-cert", shown.certificate.display().to_string()),
        ("--directory-key", shown.key.display().to_string()),
    ];
    let said = said.into_iter().flat_map(|(name, value)| [name.to_owned(), value]);
    let settings: Vec<String> = server.settings("grpc").into_iter().chain(said).collect();
    let settings: Vec<_> = settings.iter().map(String::as_str).collect();
    let nestr = Nestr::start_as(Shape::Split, &settings).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    acme.get(&format!("/Users/{ada}")).await.is(200);

    // Another certificate in its place is shown from then on, without a restart.
    let stranger = authority.vouches(&["stranger.example"], 2100);
    fs::copy(&stranger.certificate, &shown.certificate).unwrap();
    fs::copy(&stranger.key, &shown.key).unwrap();
    nestr.hang_up_gateway();
    let end = Instant::now() + PATIENCE;
    while acme.get(&format!("/Users/{ada}")).await.status == 200 {
        assert!(Instant::now() < end, "{}", nestr.log());
        sleep(Duration::from_millis(20)).await;
    }
    acme.get(&format!("/Users/{ada}")).await.refused(500, "");
}

#[tokio::test]
async fn an_operator_works_by_certificate() {
    let authority = Authority::new();
    let guarded = Guarded::start(&authority, &entry("olga", "operator", "olga.example")).await;
    let directory = format!("https://{}", guarded.nestr.grpc());
    let trusted = guarded.server.certificate().display().to_string();
    for (name, ends) in [("olga.example", 0), ("stranger.example", 1)] {
        let shown = authority.vouches(&[name], 2100);
        let [certificate, key] =
            [shown.certificate, shown.key].map(|path| path.display().to_string());
        let words = [
            "workspace",
            "list",
            "--directory",
            &directory,
            "--directory-ca",
            &trusted,
            "--certificate-file",
            &certificate,
            "--certificate-key-file",
            &key,
        ];
        let answer = Terminal::operate_by_words(&words);
        assert_eq!(answer.code, ends, "{}{}", answer.out, answer.err);
        let reason = Reason::CredentialInvalid.as_str_name();
        assert_eq!(ends == 1, answer.err.contains(reason), "{}", answer.err);
    }
}
