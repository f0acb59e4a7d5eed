//! The product beside a Redis.

use std::time::Duration;

use rcgen::generate_simple_self_signed;
use tokio::time::{Instant, sleep};

use crate::harness::{Ask, Nestr, Redis, Shape, refused_start};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

async fn beside(redis: &Redis) -> Nestr {
    beside_with(redis, &redis.url(), &[]).await
}

/// Started with these settings, once it is connected.
async fn beside_with(redis: &Redis, url: &str, settings: &[&str]) -> Nestr {
    let settings = [&["--demo", "acme.com", "--redis", url], settings].concat();
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    is_up(&nestr, redis).await;
    nestr
}

async fn is_up(nestr: &Nestr, redis: &Redis) {
    let deadline = Instant::now() + PATIENCE;
    while !nestr.send(Ask::new("GET", "/metrics")).await.body.contains("nestr_scim_redis_up 1") {
        assert!(Instant::now() < deadline, "no connection to {}:\n{}", redis.at(), nestr.log());
        sleep(Duration::from_millis(10)).await;
    }
}

/// Seen to fail with a look into Redis before the one in process.
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
    let end = Instant::now() + Duration::from_secs(2);
    for _ in 0..100 {
        acme.get("/Users").await.is(200);
    }
    assert!(Instant::now() < end, "too slow a machine to tell");
    let after = redis.calls().await;
    for call in ["get", "getrange", "mget", "set", "publish", "eval", "evalsha"] {
        assert_eq!(after.get(call), before.get(call), "{call}");
    }
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
    is_up(&nestr, &redis).await;
    nestr.acme().get("/Users").await.is(200);
    redis.stop();
    nestr.acme().get("/Users").await.is(200);
}

/// A user of Redis with no more rights than the document asks for, over TLS with a certificate of one's own.
/// Seen to fail with the password left out.
#[tokio::test]
async fn redis_is_reached_by_tls_as_a_user_of_few_rights() {
    let home = tempfile::tempdir().unwrap();
    let path = |name: &str| home.path().join(name).display().to_string();
    let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(path("password"), "hunter2-of-redis\n").unwrap();
    let rights = "user nestr on >hunter2-of-redis ~nestr-scim:* &nestr-scim:* +getrange +set \
                  +publish +subscribe +ping +hello";
    std::fs::write(path("users.acl"), format!("user default off\n{rights}\n")).unwrap();
    let (certificate, key, users) = (path("cert.pem"), path("key.pem"), path("users.acl"));
    let redis = Redis::start_with(&[
        "--tls-cert-file",
        &certificate,
        "--tls-key-file",
        &key,
        "--tls-ca-cert-file",
        &certificate,
        "--tls-auth-clients",
        "no",
        "--aclfile",
        &users,
    ])
    .await;
    let (url, password) = (format!("rediss://nestr@{}", redis.at()), path("password"));
    let settings = ["--redis-password-file", &password, "--redis-ca", &certificate];
    let nestr = beside_with(&redis, &url, &settings).await;
    nestr.acme().get("/Users").await.is(200);
    nestr.operator().enable_scim(&nestr.acme().id).await;
    let numbers = nestr.send(Ask::new("GET", "/metrics")).await.body;
    for call in ["set", "publish"] {
        let good = format!(r#"nestr_scim_redis_calls_total{{call="{call}",outcome="ok"}} "#);
        assert!(numbers.contains(&good), "{numbers}");
    }
    assert!(!numbers.contains(r#"outcome="failed""#), "{numbers}");
    assert!(!nestr.log().contains("hunter2") && !nestr.printed().contains("hunter2"));
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_and_not_repeated() {
    let said = refused_start(&["--redis", "http://ada:hunter2@127.0.0.1:1"]).await;
    assert!(said.contains("--redis") && !said.contains("hunter2"), "{said}");
}
