//! The product beside a Redis.

use std::collections::BTreeMap;
use std::time::Duration;

use rcgen::generate_simple_self_signed;
use tokio::time::{Instant, sleep};

use crate::harness::{Ask, Cluster, Nestr, Redis, Shape, Watched, refused_start};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn beside(redis: &Redis) -> Nestr {
    beside_with(&redis.url(), &[]).await
}

/// Started with these settings, once it is connected.
async fn beside_with(url: &str, settings: &[&str]) -> Nestr {
    let settings = [&["--demo", "acme.com", "--redis", url], settings].concat();
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    is_up(&nestr).await;
    nestr
}

async fn is_up(nestr: &Nestr) {
    let deadline = Instant::now() + PATIENCE;
    while !nestr.send(Ask::new("GET", "/metrics")).await.body.contains("nestr_scim_redis_up 1") {
        assert!(Instant::now() < deadline, "no connection:\n{}", nestr.log());
        sleep(Duration::from_millis(10)).await;
    }
}

/// What was taken out of the integration's bucket is told by a task of its own, five times a second however many
/// requests there are. Seen to fail with a look into Redis before the one in process, and with each request told by
/// itself.
#[tokio::test]
async fn a_warm_request_asks_redis_nothing() {
    let redis = Redis::start().await;
    let nestr = beside(&redis).await;
    let acme = nestr.acme();
    acme.get("/Users").await.is(200);
    sleep(Duration::from_millis(100)).await;
    let before = redis.calls().await;
    assert_eq!(before.get("set"), Some(&1), "{before:?}");
    // Well within the life of what is remembered.
    let began = Instant::now();
    for _ in 0..100 {
        acme.get("/Users").await.is(200);
    }
    let took = began.elapsed();
    assert!(took < Duration::from_secs(2), "too slow a machine to tell");
    let after = redis.calls().await;
    for call in ["get", "getrange", "mget", "set", "eval", "evalsha"] {
        assert_eq!(after.get(call), before.get(call), "{call}");
    }
    let told = |calls: &BTreeMap<String, u64>| calls.get("publish").copied().unwrap_or_default();
    let told = u128::from(told(&after) - told(&before));
    assert!(told <= took.as_millis() / 200 + 2, "{told} times in {took:?}");
}

/// Whoever reads Redis, or listens to it, learns no key, no hash of one, no workspace, and no name. Seen
/// to fail with values that are not encrypted.
#[tokio::test]
async fn nothing_in_redis_tells_a_key_or_whose_it_is() {
    let redis = Redis::start().await;
    let monitor = redis.monitor().await;
    let nestr = beside(&redis).await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let (key, id) = operator.create_key(&acme.id).await;
    acme.with_key(&key).get("/Users").await.is(200);
    acme.post("/Users", r#"{"userName":"ada@acme.com"}"#).await.is(201);
    sleep(Duration::from_millis(100)).await;
    let held = redis.holds().await;
    assert_eq!(held.len(), 2);
    operator.revoke_key(&acme.id, &id).await;
    let told = monitor.heard().await;
    assert!(told.contains("\"PUBLISH\"") && told.contains("\"SET\""), "{told}");

    let sha256 = directory_svc::ServiceCaller::sha256;
    let hex = |bytes: &[u8]| bytes.iter().fold(String::new(), |hex, b| format!("{hex}{b:02x}"));
    let uuid = uuid::Uuid::parse_str(&acme.id).unwrap();
    for secret in [&key, &acme.key] {
        let hash = sha256(secret);
        let plain = [secret.as_str(), &secret[secret.len() - 4..], &hex(&hash), "Entra ID", "ada@"];
        for text in plain {
            assert!(!told.contains(text), "{text}:\n{told}");
        }
        for (name, value) in &held {
            let all = [name.as_slice(), value].concat();
            for bytes in [secret.as_bytes(), &hash, uuid.as_bytes(), acme.id.as_bytes()] {
                assert!(!all.windows(bytes.len()).any(|window| window == bytes));
            }
        }
    }
    assert!(!told.contains(&acme.id), "{told}");
}

/// Redis need not be there, and may come and go.
#[tokio::test]
async fn it_starts_without_its_redis_and_takes_it_when_it_comes() {
    let redis = Redis::start().await;
    redis.stop();
    let url = redis.url();
    let settings = ["--demo", "acme.com", "--redis", &url];
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    nestr.acme().get("/Users").await.is(200);
    redis.start_again().await;
    is_up(&nestr).await;
    nestr.acme().get("/Users").await.is(200);
    redis.stop();
    nestr.acme().get("/Users").await.is(200);
}

/// What the document asks for, for a user of Redis.
const RIGHTS: &str = "~nestr-scim:* &nestr-scim:* +hello +ping +getrange +set +publish +subscribe";
const PASSWORD: &str = "hunter2-of-redis";

/// A folder with a certificate for this machine, a file of users and the password of the one who is let in.
struct Guarded(tempfile::TempDir);

impl Guarded {
    /// With these `others`, and nestr, who has `rights` beside those that it needs of each Redis.
    fn new(others: &str, rights: &str) -> Self {
        let (home, name) = (tempfile::tempdir().expect("a directory"), "127.0.0.1".to_owned());
        let made = generate_simple_self_signed([name]).expect("a certificate");
        let users = format!("{others}\nuser nestr on >{PASSWORD} {RIGHTS} {rights}\n");
        for (name, text) in [
            ("cert.pem", made.cert.pem()),
            ("key.pem", made.signing_key.serialize_pem()),
            ("password", format!("{PASSWORD}\n")),
            ("users.acl", users),
        ] {
            std::fs::write(home.path().join(name), text).expect("a file");
        }
        Self(home)
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// What each server is started with.
    fn of_server(&self) -> Vec<String> {
        let certificate = self.path("cert.pem");
        let settings = [
            ("--tls-cert-file", certificate.clone()),
            ("--tls-key-file", self.path("key.pem")),
            ("--tls-ca-cert-file", certificate),
            ("--tls-auth-clients", "no".to_owned()),
            ("--tls-replication", "yes".to_owned()),
            ("--tls-cluster", "yes".to_owned()),
            ("--aclfile", self.path("users.acl")),
        ];
        settings.into_iter().flat_map(|(name, value)| [name.to_owned(), value]).collect()
    }

    /// The product beside `url` asks and tells by it, with nothing refused and nothing of the password told.
    async fn is_passed(&self, url: &str) {
        let (password, certificate) = (self.path("password"), self.path("cert.pem"));
        let settings = ["--redis-password-file", &password, "--redis-ca", &certificate];
        let nestr = beside_with(&url.replace("://", "://nestr@"), &settings).await;
        nestr.acme().get("/Users").await.is(200);
        nestr.operator().enable_scim(&nestr.acme().id).await;
        let numbers = nestr.send(Ask::new("GET", "/metrics")).await.body;
        for call in ["set", "publish"] {
            let good = format!(r#"nestr_scim_redis_calls_total{{call="{call}",outcome="ok"}} "#);
            assert!(numbers.contains(&good), "{numbers}");
        }
        assert!(!numbers.contains(r#"outcome="failed""#), "{numbers}");
        assert!(!nestr.log().contains(PASSWORD) && !nestr.printed().contains(PASSWORD));
    }
}

/// A user of Redis with no more rights than the document asks for, over TLS with a certificate of one's own.
/// Seen to fail with the password left out.
#[tokio::test]
async fn redis_is_reached_by_tls_as_a_user_of_few_rights() {
    let guarded = Guarded::new("user default on nopass ~* &* +@all", "");
    let redis = Redis::start_with(&as_strs(&guarded.of_server())).await;
    guarded.is_passed(&redis.url()).await;
}

/// The same with the nodes of a cluster, which name each other. Seen to fail without the right that it needs beside
/// the others, and with nodes that are reached without TLS.
#[tokio::test]
async fn a_cluster_is_reached_by_tls_as_a_user_of_few_rights() {
    let guarded = Guarded::new("user default on nopass ~* &* +@all", "+cluster|slots");
    let cluster = Cluster::start_with(&as_strs(&guarded.of_server())).await;
    guarded.is_passed(&cluster.url()).await;
}

/// Sentinels that ask for credentials are shown those for the master, where they are a user's of few rights. All of
/// it by TLS. Seen to fail with sentinels that are shown nothing, and without the right that the master's role needs.
#[tokio::test]
async fn a_master_is_found_by_sentinels_that_ask_for_credentials() {
    let guarded = Guarded::new("user default on nopass ~* &* +@all", "+role");
    let watched = Watched::start_with(&as_strs(&guarded.of_server())).await;
    for sentinel in &watched.sentinels {
        let user = format!("ACL SETUSER nestr on >{PASSWORD} +sentinel|get-master-addr-by-name");
        let _: () = sentinel.say(&user).await;
        let _: () = sentinel.say("ACL SETUSER default on resetpass").await;
    }
    guarded.is_passed(&watched.url()).await;
}

fn as_strs(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_and_not_repeated() {
    let said = refused_start(&["--redis", "http://ada:hunter2@127.0.0.1:1"]).await;
    assert!(said.contains("--redis") && !said.contains("hunter2"), "{said}");
}
