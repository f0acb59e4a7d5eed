//! Traces: what a collector is told of a request, and what becomes of requests without one.

use std::path::PathBuf;
use std::time::Duration;

use directory_api::v1;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rcgen::generate_simple_self_signed;
use rstest::rstest;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep};
use tonic::Request;

use crate::harness::{Answer, Ask, Collector, Nestr, Shape, Told, Workspace, refused_start};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";
const RETITLE: &str = r#"{"Operations":[{"op":"replace","value":{"title":"Countess"}}]}"#;

/// A `traceparent` whose sender says whether it is to be told.
fn traceparent(trace: &str, is_sampled: bool) -> String {
    format!("00-{trace}-{PARENT}-{:02x}", u8::from(is_sampled))
}

async fn start(shape: Shape, collector: &str, settings: &[&str]) -> Nestr {
    let all = [&["--demo", "acme.com", "--otlp-endpoint", collector], settings].concat();
    Nestr::start_as(shape, &all).await
}

async fn patch(acme: &Workspace, id: &str, traceparent: &str) -> Answer {
    let ask = acme.ask("PATCH", &format!("/Users/{id}")).scim(RETITLE);
    acme.send(ask.header("traceparent", traceparent)).await
}

/// The one span of this name and kind.
fn one<'a>(told: &'a [Told], name: &str, kind: SpanKind) -> &'a Told {
    let mut found = told.iter().filter(|span| span.name == name && span.kind == kind);
    match (found.next(), found.next()) {
        (Some(span), None) => span,
        other => panic!("{name} {kind:?}: {other:?} of {told:#?}"),
    }
}

fn attributes(span: &Told) -> Vec<(&str, &str)> {
    let pairs = span.attributes.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    pairs.filter(|(key, _)| *key != "request_id").collect()
}

/// From the client's own span down to the store, whatever the shape; and what is told last is sent
/// before the process ends. Seen to fail with the call not passed on (the directory's spans are another
/// trace), with no place handed to the writer, with the request's id not kept, and with nothing sent at
/// the end.
#[rstest]
#[tokio::test]
async fn a_patch_is_one_trace_through_both_halves(
    #[values(Shape::Whole, Shape::Split)] shape: Shape,
) {
    let collector = Collector::start().await;
    let nestr = start(shape, &collector.url(), &["--log", "debug"]).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let answer = patch(&acme, &ada, &traceparent(TRACE, true)).await.is(200);
    nestr.terminate().await;

    let told = collector.told_of(TRACE);
    let request = one(&told, "PATCH /scim/v2/{workspace}/Users/{id}", SpanKind::Server);
    assert_eq!(request.parent, PARENT);
    let said = [
        ("http.request.method", "PATCH"),
        ("http.response.status_code", "200"),
        ("http.route", "/scim/v2/{workspace}/Users/{id}"),
    ];
    assert_eq!(attributes(request), said);
    let (name, said) = (
        "nestr.directory.v1.UserService/PatchUser",
        [
            ("rpc.grpc.status_code", "0"),
            ("rpc.method", "PatchUser"),
            ("rpc.service", "nestr.directory.v1.UserService"),
            ("rpc.system", "grpc"),
        ],
    );
    let call = one(&told, name, SpanKind::Client);
    assert_eq!((&call.parent, attributes(call)), (&request.id, said.to_vec()));
    let rpc = one(&told, name, SpanKind::Server);
    assert_eq!((&rpc.parent, attributes(rpc)), (&call.id, said.to_vec()));
    let queue = one(&told, "store queue", SpanKind::Internal);
    assert_eq!((&queue.parent, attributes(queue)), (&rpc.id, vec![]));
    let write = one(&told, "store write", SpanKind::Internal);
    assert_eq!(attributes(write), [("db.system.name", nestr.engine())]);
    assert!(told.iter().filter(|s| s.name.starts_with("store")).all(|s| s.parent == rpc.id));
    assert!(told.iter().all(|span| !span.has_failed), "{told:#?}");

    let id = answer.header("x-request-id").unwrap();
    assert!(told.iter().all(|span| span.attributes["request_id"] == id), "{told:#?}");
    let halves = match shape {
        Shape::Whole => ["serve", "serve"],
        Shape::Split => ["gateway", "directory"],
    };
    assert_eq!([request, rpc].map(|span| span.of["nestr_scim.half"].as_str()), halves);
    assert!(told.iter().all(|span| span.of["service.name"] == "nestr-scim"));
    assert!(told.iter().all(|span| span.of.contains_key("service.version")));

    let log = nestr.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let of_it: Vec<_> = lines
        .filter(|line| line["span"]["trace_id"] == TRACE && line["message"] == "answered")
        .collect();
    assert_eq!(of_it.len(), 2, "a line of each half in:\n{log}");
    assert!(of_it.iter().all(|line| line["span"]["request_id"] == id), "{of_it:?}");
}

/// A group is passed on piece by piece, by a task of its own. Seen to fail with that task on its own.
#[tokio::test]
async fn what_is_read_for_a_group_is_of_its_trace() {
    let collector = Collector::start().await;
    let nestr = start(Shape::of_this_run(), &collector.url(), &[]).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let group = format!(r#"{{"displayName":"Analysts","members":[{{"value":"{ada}"}}]}}"#);
    let group = acme.post("/Groups", group).await.is(201).text("/id");
    let ask = acme.ask("GET", &format!("/Groups/{group}"));
    acme.send(ask.header("traceparent", traceparent(TRACE, true))).await.is(200);
    nestr.terminate().await;
    let told = collector.told_of(TRACE);
    let rpc = one(&told, "nestr.directory.v1.GroupService/ReadGroup", SpanKind::Server);
    assert_eq!(one(&told, "store long read", SpanKind::Internal).parent, rpc.id);
}

/// A service of Nestr that calls over gRPC has its own trace gone on with.
#[tokio::test]
async fn a_service_that_calls_is_the_parent() {
    let collector = Collector::start().await;
    let nestr = start(Shape::of_this_run(), &collector.url(), &[]).await;
    let acme = nestr.acme();
    let mut ask = Request::new(v1::GetUserRequest {
        workspace_id: acme.id.clone(),
        id: acme.create("ada@acme.com").await,
        ..v1::GetUserRequest::default()
    });
    let metadata = ask.metadata_mut();
    metadata.insert("traceparent", traceparent(TRACE, true).parse().unwrap());
    metadata.insert("x-request-id", "job-4711".parse().unwrap());
    nestr.operator().users().get_user(ask).await.unwrap();
    nestr.terminate().await;
    let told = collector.told_of(TRACE);
    let rpc = one(&told, "nestr.directory.v1.UserService/GetUser", SpanKind::Server);
    assert_eq!((rpc.parent.as_str(), rpc.attributes["request_id"].as_str()), (PARENT, "job-4711"));
    assert!(told.iter().any(|span| span.name == "store point read" && span.parent == rpc.id));
}

/// Seen to fail with a sampler that asks no parent, and with one that takes all that have none.
#[rstest]
#[tokio::test]
async fn what_is_told_is_for_the_sender_to_say_and_else_for_the_ratio(
    #[values(Shape::Whole, Shape::Split)] shape: Shape,
) {
    let collector = Collector::start().await;
    let nestr = start(shape, &collector.url(), &["--otlp-ratio", "0"]).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    patch(&acme, &ada, &traceparent(TRACE, true)).await.is(200);
    patch(&acme, &ada, "not-a-traceparent").await.is(200);
    nestr.terminate().await;
    assert!(!collector.told_of(TRACE).is_empty());
    assert_eq!(collector.told_of(TRACE), collector.told(), "of nothing else");

    let collector = Collector::start().await;
    let nestr = start(shape, &collector.url(), &[]).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    patch(&acme, &ada, &traceparent(TRACE, false)).await.is(200);
    nestr.send(Ask::new("GET", "/readyz")).await.is(200);
    nestr.terminate().await;
    assert!(collector.told_of(TRACE).is_empty());
    let first = collector.told();
    assert!(first.iter().any(|span| span.name == "POST /scim/v2/{workspace}/Users"), "{first:#?}");
    let probes =
        first.iter().filter(|span| span.name.contains("ealth") || span.name.contains("readyz"));
    assert_eq!(probes.count(), 0);
}

/// What is set for other programs sets nothing here. Seen to fail with that variable read in place of
/// our own.
#[tokio::test]
async fn without_the_setting_nothing_is_told() {
    let collector = Collector::start().await;
    let url = PathBuf::from(collector.url());
    let others = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];
    let others = others.map(|name| (name.to_owned(), url.clone())).to_vec();
    let nestr = Nestr::start_prepared(Shape::Whole, &["--demo", "acme.com"], |_| others).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    patch(&acme, &ada, &traceparent(TRACE, true)).await.is(200);
    nestr.terminate().await;
    assert!(collector.told().is_empty());
    assert!(!nestr.log().contains("trace_id"), "{}", nestr.log());
}

/// What goes wrong on our side is told as failed, and what a client does wrong is not.
#[tokio::test]
async fn what_fails_is_told_as_failed() {
    let collector = Collector::start().await;
    let nestr = start(Shape::Split, &collector.url(), &["--request-timeout", "1s"]).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let missing = patch(&acme, &ada.replace('7', "8"), &traceparent(TRACE, true)).await;
    missing.is(404);
    collector.wait_for(TRACE).await;
    let other = TRACE.replace('0', "1");
    nestr.kill_directory();
    patch(&acme, &ada, &traceparent(&other, true)).await.is(503);
    collector.wait_for(&other).await;
    let failed = |trace: &str| {
        let told = collector.told_of(trace);
        let request = one(&told, "PATCH /scim/v2/{workspace}/Users/{id}", SpanKind::Server);
        (request.has_failed, request.attributes["http.response.status_code"].clone())
    };
    assert_eq!(failed(TRACE), (false, "404".to_owned()));
    assert_eq!(failed(&other), (true, "503".to_owned()));
}

/// Nobody is there; or somebody takes the connection and never says a word. What is not told is counted.
/// Seen to fail, where somebody is mute, with a queue of 4 that waits for room.
#[rstest]
#[tokio::test]
async fn a_collector_that_is_away_or_mute_changes_no_answer(#[values(false, true)] is_mute: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let mute = is_mute.then_some(listener);
    let nestr = start(Shape::of_this_run(), &url, &["--request-timeout", "2s"]).await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    for _ in 0..50 {
        patch(&acme, &ada, &traceparent(TRACE, true)).await.is(200);
    }
    if !is_mute {
        let failed = r#"nestr_scim_trace_spans_total{outcome="failed"}"#;
        let deadline = Instant::now() + Duration::from_secs(20);
        while !nestr.send(Ask::new("GET", "/metrics")).await.body.contains(failed) {
            assert!(Instant::now() < deadline, "the loss is counted");
            sleep(Duration::from_millis(50)).await;
        }
        assert!(nestr.log().contains("the collector takes no traces"), "{}", nestr.log());
    }
    // The harness waits ten seconds for the end, and five are given to it.
    nestr.terminate().await;
    drop(mute);
}

#[tokio::test]
async fn a_collector_is_reached_by_tls() {
    let made = generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let dir = tempfile::tempdir().unwrap();
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, &certificate).unwrap();
    let collector = Collector::start_with_tls(&certificate, &key).await;
    let ca = ca.display().to_string();
    for (settings, is_told) in [(vec!["--otlp-ca", &ca], true), (vec![], false)] {
        let nestr = start(Shape::Whole, &collector.tls_url(), &settings).await;
        let before = collector.told().len();
        nestr.acme().create("ada@acme.com").await;
        nestr.terminate().await;
        assert_eq!(collector.told().len() > before, is_told, "{settings:?}");
    }
    let nowhere = ["--otlp-endpoint", &collector.tls_url(), "--otlp-ca", "/nowhere"];
    let ports = ["--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"];
    assert!(refused_start(&[nowhere, ports].concat()).await.contains("--otlp-ca"));
}
