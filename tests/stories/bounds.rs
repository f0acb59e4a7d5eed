//! Nothing that is sent is without a bound, and what is over one is told its name.

use std::time::Duration;

use directory_api::v1;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Request};

use crate::harness::{Ask, Nestr, refused_start};

/// Longer than anything takes; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(20);

/// Arrays in arrays in an object, `depth` levels in all.
fn nested(depth: usize) -> String {
    let inside = depth - 1;
    format!(r#"{{"userName":"x","x":{}{}}}"#, "[".repeat(inside), "]".repeat(inside))
}

/// Seen to fail, as the tests after it, with each limit one higher.
#[tokio::test]
async fn a_body_is_bounded_in_bytes_depth_values_and_strings() {
    let acme = Nestr::start().await.acme();
    let mebibyte = 1024 * 1024;
    let padded = |bytes: usize| {
        let body = r#"{"userName":"padded"}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    acme.post("/Users", padded(mebibyte)).await.is(201);
    let detail = acme.post("/Users", padded(mebibyte + 1)).await.refused(413, "");
    assert!(detail.contains("1048576"), "{detail}");
    acme.post("/Users", nested(32)).await.is(201);
    for depth in [33, 1_000, 400_000] {
        let detail = acme.post("/Users", nested(depth)).await.refused(400, "tooMany");
        assert!(detail.contains("32"), "{detail}");
    }
    let long = |bytes: usize| json!({"userName": "long", "title": "x".repeat(bytes)}).to_string();
    acme.post("/Users", long(64 * 1024)).await.is(201);
    let detail = acme.post("/Users", long(64 * 1024 + 1)).await.refused(400, "tooMany");
    assert!(detail.contains("65536"), "{detail}");
    let phones = |count: usize| {
        let phones: Vec<Value> = (0..count).map(|n| json!({"value": n.to_string()})).collect();
        json!({"userName": "phones", "phoneNumbers": phones}).to_string()
    };
    acme.post("/Users", phones(10_000)).await.is(201);
    let detail = acme.post("/Users", phones(10_001)).await.refused(400, "tooMany");
    assert!(detail.contains("10000"), "{detail}");
    let detail = acme
        .post("/Users", json!({"userName": "n".repeat(321)}).to_string())
        .await
        .refused(400, "invalidValue");
    assert!(detail.contains("320"), "{detail}");
}

/// Seen to fail with the bound that the gRPC library has by itself, 4 MiB.
#[tokio::test]
async fn the_body_limit_can_be_set_up_to_8_mib() {
    let limit = 8 * 1024 * 1024;
    let nestr =
        Nestr::start_with(&["--demo", "acme.com", "--body-limit", &limit.to_string()]).await;
    let acme = nestr.acme();
    let padded = |bytes: usize| {
        let body = r#"{"userName":"padded"}"#;
        format!("{body}{}", " ".repeat(bytes - body.len()))
    };
    acme.post("/Users", padded(limit)).await.is(201);
    acme.post("/Users", padded(limit + 1)).await.refused(413, "");
    let refused = refused_start(&["--body-limit", &(limit + 1).to_string()]).await;
    assert!(refused.contains("--body-limit"), "{refused}");
}

/// Seen to fail, the answer being that of the deadline, while the body was read before its length.
#[tokio::test]
async fn a_body_that_is_announced_as_too_large_is_not_waited_for() {
    let acme = Nestr::start().await.acme();
    let announced = acme.ask("POST", "/Users").header("Content-Length", "1048577");
    acme.send(announced).await.refused(413, "");
}

#[tokio::test]
async fn a_patch_is_bounded_in_operations() {
    let acme = Nestr::start().await.acme();
    let ada = format!("/Users/{}", acme.create("ada@acme.com").await);
    let patch = |count: usize| {
        let operations: Vec<Value> = (0..count)
            .map(|n| json!({"op": "replace", "path": "title", "value": n.to_string()}))
            .collect();
        json!({"Operations": operations}).to_string()
    };
    assert_eq!(acme.patch(&ada, patch(1_000)).await.is(200).text("/title"), "999");
    let detail = acme.patch(&ada, patch(1_001)).await.refused(400, "tooMany");
    assert!(detail.contains("1000"), "{detail}");
    assert_eq!(acme.get(&ada).await.text("/title"), "999");
}

#[tokio::test]
async fn a_filter_is_bounded_in_bytes_depth_and_terms() {
    let acme = Nestr::start().await.acme();
    let term = r#"title eq "x""#;
    let terms = |count: usize| vec![term; count].join(" or ");
    let deep = |depth: usize| format!("{}{term}{}", "(".repeat(depth), ")".repeat(depth));
    acme.find(&terms(200)).await.is(200);
    acme.find(&deep(32)).await.is(200);
    for (filter, limit) in [
        (format!(r#"title eq "{}""#, "x".repeat(8 * 1024)), "8192"),
        (terms(201), "200"),
        (deep(33), "32"),
        (deep(3_000), "32"),
        (format!("{}{term}{}", "not (".repeat(1_000), ")".repeat(1_000)), "32"),
    ] {
        let detail = acme.find(&filter).await.refused(400, "tooMany");
        assert!(detail.contains(limit), "{detail}");
        assert!(detail.len() < 1_000, "errors repeat little of what was sent: {detail}");
    }
}

/// Seen to fail with the page as large as was asked for.
#[tokio::test]
async fn a_page_is_bounded_as_announced() {
    let acme = Nestr::start().await.acme();
    let config = acme.get("/ServiceProviderConfig").await.json();
    let announced = config["filter"]["maxResults"].as_u64().unwrap();
    let created = (0..=announced).map(|number| {
        let acme = acme.clone();
        tokio::spawn(async move { acme.create(&format!("p{number}")).await })
    });
    for created in created.collect::<Vec<_>>() {
        created.await.unwrap();
    }
    let page = acme.get("/Users?count=100000").await;
    assert_eq!(page.at("/totalResults"), json!(announced + 1));
    assert_eq!(page.rows().len() as u64, announced);
    let names = (0..101).map(|number| format!("a{number}")).collect::<Vec<_>>().join(",");
    acme.get(&format!("/Users?attributes={names}")).await.refused(400, "tooMany");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_words() {
    let acme = Nestr::start().await.acme();
    for body in [
        "",
        " ",
        "{",
        "nonsense",
        "[]",
        "null",
        "\"text\"",
        r#"{"userName":"a"} {}"#,
        r#"{"userName":"a","userName":"b"}"#,
        r#"{"userName":"a","USERNAME":"b"}"#,
        r#"{"userName":"\ud800"}"#,
        "{\"userName\":\"a\u{1}\"}",
        r#"{"userName":"a",}"#,
        r"{'userName':'a'}",
    ] {
        acme.post("/Users", body).await.refused(400, "invalidSyntax");
    }
    for body in [
        "{}",
        r#"{"userName":null}"#,
        r#"{"userName":""}"#,
        r#"{"userName":["a","b"]}"#,
        r#"{"userName":"a","active":"perhaps"}"#,
        r#"{"userName":"a","name":"Ada"}"#,
        r#"{"userName":"evil\u202eada"}"#,
        r#"{"userName":"null\u0000byte"}"#,
    ] {
        acme.post("/Users", body).await.refused(400, "invalidValue");
    }
    let ada = format!("/Users/{}", acme.create("ada@acme.com").await);
    for body in ["{}", "[]", r#"{"Operations":7}"#, r#"{"Operations":[{"path":"title"}]}"#] {
        acme.patch(&ada, body).await.refused(400, "invalidSyntax");
    }
    for filter in
        ["userName", "userName eq", "userName eq 'x'", "userName is \"x\"", "(", "nonsense eq 1"]
    {
        acme.find(filter).await.refused(400, "invalidFilter");
    }
    acme.get("/Users?count=ten").await.refused(400, "invalidCount");
    acme.get("/Users?filter=").await.refused(400, "invalidFilter");
    let typed = acme.ask("POST", "/Users").header("Content-Type", "text/xml").body("<user/>");
    acme.send(typed).await.refused(415, "");
    assert_eq!(acme.get("/Users?count=0").await.at("/totalResults"), json!(1));
}

/// The deadline of a caller is the directory's too: the answer comes, in time or as late.
#[tokio::test]
async fn a_grpc_call_ends_with_its_callers_deadline() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    for nanoseconds in [1, 1_000, 100_000, 1_000_000, 60_000_000_000] {
        let mut ask = Request::new(v1::CreateUserRequest {
            workspace_id: acme.id.clone(),
            resource: Some(v1::create_user_request::Resource::ScimJson(
                json!({"userName": nanoseconds.to_string()}).to_string(),
            )),
            ..v1::CreateUserRequest::default()
        });
        ask.set_timeout(Duration::from_nanos(nanoseconds));
        let mut users = operator.users();
        let answer = timeout(PATIENCE, users.create_user(ask)).await.expect("an answer");
        // The client gives up by its own clock too, and calls that Cancelled.
        let code = answer.map_or_else(|status| status.code(), |_| Code::Ok);
        assert!(matches!(code, Code::Ok | Code::DeadlineExceeded | Code::Cancelled), "{code}");
    }
    // Late ones are whole or not there, and nothing is stuck behind them.
    acme.create("after@acme.com").await;
    acme.get("/Users").await.is(200);
}

/// A client that stops in the middle of its body holds nothing for long. Seen to fail without the
/// gateway's own deadline round the request.
#[tokio::test]
async fn a_request_that_stalls_ends_with_503() {
    let nestr = Nestr::start_with(&["--demo", "acme.com", "--request-timeout", "200ms"]).await;
    let acme = nestr.acme();
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 100\r\n\r\n{{",
        acme.path("/Users"),
        acme.key
    );
    let mut stream = TcpStream::connect(nestr.http()).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 1024];
    let length = timeout(PATIENCE, stream.read(&mut answer)).await.expect("an answer").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).to_lowercase();
    assert!(answer.starts_with("http/1.1 503"), "{answer}");
    assert!(answer.contains("\r\nretry-after: "), "{answer}");
    acme.get("/Users").await.is(200);
}

/// No answer repeats more of a request than 128 characters.
#[tokio::test]
async fn errors_repeat_little_of_what_was_sent() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let long = "x".repeat(4_000);
    let errors = [
        acme.get(&format!("/Users/{long}")).await.is(404),
        acme.get(&format!("/{long}")).await.is(404),
        acme.get(&format!("/Schemas/{long}")).await.is(404),
        acme.find(&format!(r#"{long} eq "x""#)).await.is(400),
        acme.find(&format!("title {long} 1")).await.is(400),
        acme.post(
            "/Users",
            format!(r#"{{"userName":"a@{long}.example","{long}":1,"active":"{long}"}}"#),
        )
        .await
        .is(400),
        nestr.send(Ask::new("GET", acme.path(&format!("/{long}")))).await.is(404),
    ];
    for error in errors {
        assert!(!error.body.contains(&"x".repeat(129)), "{error}");
    }
}

/// Seen to fail with the limit one higher.
#[tokio::test]
async fn the_names_of_a_projection_are_bounded() {
    let acme = Nestr::start().await.acme();
    acme.create("ada").await;
    let names = |count: usize| vec!["userName"; count].join(",");
    let ask = |attributes: usize, excluded: usize| {
        let (attributes, excluded) = (names(attributes), names(excluded));
        format!("/Users?attributes={attributes}&excludedAttributes={excluded}")
    };
    acme.get(&ask(60, 40)).await.is(200);
    let detail = acme.get(&ask(60, 41)).await.refused(400, "tooMany");
    assert!(detail.contains("PROJECTED_NAMES"), "{detail}");
}

/// Ten filters of two terms are asked of all of 10,000 values; one more is too much. Seen to fail with
/// the limit one higher.
#[tokio::test]
async fn the_comparisons_of_a_patch_are_bounded() {
    let acme = Nestr::start().await.acme();
    let phones: Vec<Value> = (0..10_000).map(|n| json!({"value": n.to_string()})).collect();
    let body = json!({"userName": "phones", "phoneNumbers": phones}).to_string();
    let id = acme.post("/Users", body).await.is(201).text("/id");
    let operation = json!({
        "op": "replace", "path": "phoneNumbers[display co \"x\" or value sw \"99\"].type", "value": "work"
    });
    let patch = |count: usize| json!({"Operations": vec![operation.clone(); count]}).to_string();
    let phones = format!("/Users/{id}");
    acme.patch(&phones, patch(10)).await.is(200);
    let detail = acme.patch(&phones, patch(11)).await.refused(400, "tooMany");
    assert!(detail.contains("PATCH_COMPARISONS"), "{detail}");
}

/// Of HTTP/1, where a filter may be long. Seen to fail with a head of 128 KiB taken.
#[tokio::test]
async fn the_head_of_a_request_is_bounded() {
    let nestr = Nestr::start().await;
    let ask = |bytes: usize| Ask::new("GET", "/healthz").header("X-Padding", "x".repeat(bytes));
    nestr.send(ask(60 * 1024)).await.is(200);
    nestr.send(ask(65 * 1024)).await.is(431);
}
