//! What whoever runs the service sees of it.

use std::collections::BTreeSet;
use std::path::Path;

use directory_api::api_key::ApiKeyText;
use directory_api::v1;

use crate::harness::{Answer, Ask, Nestr, Redis, Shape};

async fn scrape(nestr: &Nestr) -> Answer {
    nestr.send(Ask::new("GET", "/metrics")).await.is(200)
}

/// The names of the metrics in a text that quotes them or in a scrape.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let suffixes = ["_bucket", "_sum", "_count"];
    let name = |word: &str| {
        suffixes.iter().fold(word, |word, s| word.strip_suffix(s).unwrap_or(word)).to_owned()
    };
    words.filter(|word| word.starts_with("nestr_scim_")).map(name).collect()
}

/// Brings about what is only counted when it happens.
async fn everything(nestr: &Nestr) {
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let group = r#"{"displayName":"Staff","members":[{"value":"nobody-at-all"}]}"#;
    acme.post("/Groups", group).await.is(201);
    for _ in 0..30 {
        acme.get(&format!("/Users/{ada}")).await;
        nestr.send(acme.ask("GET", "/Users").with_key("nscim_wrong")).await;
    }
    let unknown = ApiKeyText::from_random([7; 20]);
    nestr.send(acme.ask("GET", "/Users").with_key(unknown.expose())).await;
    acme.find(r#"userName eq "nobody-at-all""#).await;
    let operator = nestr.operator();
    operator.claim(&acme.id, "acme.org").await;
    operator.verify(&acme.id, "acme.org").await;
    let all = v1::WatchRequest { all: true, ..v1::WatchRequest::default() };
    operator.watch(all).await.expect("a watch");
    nestr.until_logged("a letter was sent").await;
    nestr.send(Ask::new("BREW", "/coffee")).await.is(404);
}

/// Everything that the document names and that can be brought about here is there, and nothing is
/// there that it does not name. Seen to fail with a name changed in either.
#[tokio::test]
async fn the_numbers_are_those_of_the_document() {
    let redis = Redis::start().await;
    let url = redis.url();
    let settings = ["--demo", "acme.com", "--rate", "1", "--burst", "20", "--wrong-key-rate", "5"];
    let settings = [&settings[..], &["--redis", &url]].concat();
    let nestr = Nestr::start_as(Shape::Whole, &settings).await;
    everything(&nestr).await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/observability.md");
    let document = names(&std::fs::read_to_string(path).unwrap());
    let scraped = scrape(&nestr).await;
    assert_eq!(scraped.header("content-type"), Some("text/plain; version=0.0.4"));
    let found = names(&scraped.body);
    // Those that need a client which misbehaves for longer, a flood, a directory that is gone, a collector, a
    // DNS server, somebody in Redis or a service that acknowledges; their own tests do that.
    let rare = [
        "connections_refused_total",
        "connections_cut_total",
        "directories_lost_total",
        "admission_shed_total",
        "domain_checks_total",
        "domain_proofs_missing_total",
        "trace_spans_total",
        "redis_unbelieved_total",
        // On PostgreSQL alone.
        "store_synchronous",
        "standbys_up",
        "standby_reads_total",
        "revocation_unacknowledged_seconds",
    ];
    let rare: BTreeSet<_> = rare.map(|name| format!("nestr_scim_{name}")).into();
    let missing: Vec<_> =
        document.difference(&found).filter(|name| !rare.contains(*name)).collect();
    assert!(missing.is_empty(), "{missing:?} in:\n{scraped}");
    let unnamed: Vec<_> = found.difference(&document).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

/// Dashboard and alerts ask for nothing that there is not. Seen to fail with a name changed in either.
#[test]
fn dashboard_and_alerts_ask_for_numbers_that_there_are() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let read = |name: &str| std::fs::read_to_string(docs.join(name)).unwrap();
    let known = names(&read("observability.md"));
    let dashboard: serde_json::Value =
        serde_json::from_str(&read("observability/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let asked: Vec<&str> = targets.map(|target| target["expr"].as_str().unwrap()).collect();
    let asked = asked.join(" ");
    for text in [asked, read("observability/alerts.yml")] {
        let asked = names(&text);
        assert!(!asked.is_empty());
        let unknown: Vec<_> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }
}

/// Seen to fail with a request's path as its label.
#[tokio::test]
async fn no_number_tells_whose_it_is() {
    let nestr = Nestr::start_as(Shape::Whole, &["--demo", "acme.com"]).await;
    everything(&nestr).await;
    let acme = nestr.acme();
    let scraped = scrape(&nestr).await.body;
    for secret in [&*acme.id, &*acme.key, "acme.com", "nobody-at-all", "coffee", "BREW"] {
        assert!(!scraped.contains(secret), "{secret} in:\n{scraped}");
    }
    let get = r#"nestr_scim_http_requests_total{route="/scim/v2/{workspace}/Users/{id}",method="GET",status="200"}"#;
    assert!(scraped.contains(get), "{scraped}");
    let rpc = r#"nestr_scim_rpcs_total{method="UserService/GetUser",code="Ok"}"#;
    assert!(scraped.contains(rpc), "{scraped}");
    let refused = r#"nestr_scim_rpcs_total{method="DiscoveryService/GetServiceProviderConfig""#;
    assert!(!scraped.contains(refused), "a malformed key reaches no directory:\n{scraped}");
}

/// Seen to fail with SCIM's address that serves them all the same.
#[tokio::test]
async fn what_has_an_address_of_its_own_is_nowhere_else() {
    let nestr =
        Nestr::start_as(Shape::Whole, &["--demo", "acme.com", "--ops", "127.0.0.1:0"]).await;
    let ops = nestr.ops().expect("an address of its own");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(Ask::new("GET", path).send(ops).await.status, 200, "{path}");
        assert_eq!(nestr.send(Ask::new("GET", path)).await.status, 404, "{path}");
    }
    let users = nestr.acme().path("/Users");
    assert_eq!(Ask::new("GET", users).send(ops).await.status, 404);
    nestr.acme().create("ada@acme.com").await;
}

/// One id finds a request in the answer and in the lines of both sides.
#[tokio::test]
async fn one_request_id_goes_all_the_way() {
    let nestr = Nestr::start_with(&["--demo", "acme.com", "--log", "debug"]).await;
    let acme = nestr.acme();
    let ask = acme.ask("POST", "/Users").header("X-Request-Id", "job-4711");
    let answer = acme.send(ask.scim(r#"{"userName":"ada@elsewhere.example"}"#)).await;
    assert_eq!(answer.header("x-request-id"), Some("job-4711"));
    assert!(answer.refused(400, "invalidValue").contains("job-4711"));
    let log = nestr.log();
    let of = |target: &str| log.lines().any(|l| l.contains("job-4711") && l.contains(target));
    assert!(of("gateway::exchange"), "{log}");
    assert!(of("directory_svc::call"), "{log}");
}
