//! Links and files: what is made of settings, never of what a request says of itself.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use directory_api::v1;
use serde_json::Value;

use crate::harness::{Answer, Ask, Nestr, Workspace, refused_start};

/// A request that says in every way that it came to evil.example.
fn misled(ask: Ask) -> Ask {
    ask.header("Host", "evil.example")
        .header("X-Forwarded-Host", "evil.example")
        .header("X-Forwarded-Proto", "https")
        .header("X-Forwarded-For", "203.0.113.7")
        .header("X-Forwarded-Port", "8443")
        .header("X-Forwarded-Prefix", "/evil.example")
        .header("Forwarded", "for=203.0.113.7;host=evil.example;proto=https")
        .header("X-Original-URL", "/evil.example")
}

/// Every kind of answer that holds a link.
async fn answers_with_links(acme: &Workspace) -> Vec<Answer> {
    let body = r#"{"userName":"ada@acme.com","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"m-1","$ref":"../Users/m-1"}}}"#;
    let created = acme.send(misled(acme.ask("POST", "/Users").scim(body))).await.is(201);
    let ada = format!("/Users/{}", created.text("/id"));
    let patch = r#"{"Operations":[{"op":"replace","value":{"title":"Countess"}}]}"#;
    let mut answers = vec![
        created,
        acme.send(misled(acme.ask("PATCH", &ada).scim(patch))).await.is(200),
        acme.send(misled(acme.ask("PUT", &ada).scim(r#"{"userName":"ada@acme.com"}"#)))
            .await
            .is(200),
    ];
    for endpoint in [
        ada.as_str(),
        "/Users",
        "/ServiceProviderConfig",
        "/ResourceTypes",
        "/ResourceTypes/User",
        "/Schemas",
        "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
    ] {
        answers.push(acme.send(misled(acme.ask("GET", endpoint))).await.is(200));
    }
    // The form of the request line that proxies use names a host of its own.
    let target = format!("http://evil.example{}", acme.path(&ada));
    answers.push(acme.send(Ask::new("GET", target).bearer(&acme.key)).await.is(200));
    answers
}

/// Every `location` in a document.
fn locations(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(values) => values.iter().flat_map(locations).collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value) {
                ("location", Value::String(location)) => vec![location.as_str()],
                _ => locations(value),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn all_begin_with(answers: &[Answer], url: &str) {
    for answer in answers {
        assert!(!answer.to_string().contains("evil.example"), "{answer}");
        let body = answer.json();
        let locations = locations(&body);
        assert!(!locations.is_empty(), "no link in:\n{answer}");
        for location in locations.into_iter().chain(answer.header("location")) {
            assert!(location.starts_with(url), "{location} in:\n{answer}");
        }
    }
}

/// Seen to fail with `Location` made of the Host header.
#[tokio::test]
async fn links_do_not_follow_what_a_request_says_of_its_host() {
    let nestr = Nestr::start().await;
    let acme = nestr.acme();
    let url = format!("http://{}{}/", nestr.http(), acme.path(""));
    all_begin_with(&answers_with_links(&acme).await, &url);
}

#[tokio::test]
async fn the_public_url_decides_every_link() {
    let settings = ["--demo", "acme.com", "--public-url", "https://scim.nestr.example/"];
    let nestr = Nestr::start_with(&settings).await;
    let acme = nestr.acme();
    let scim_url = format!("https://scim.nestr.example{}", acme.path(""));
    all_begin_with(&answers_with_links(&acme).await, &format!("{scim_url}/"));
    assert_eq!(nestr.demo().scim_url, scim_url);
    let ask = v1::GetIntegrationRequest {
        workspace_id: acme.id.clone(),
        ..v1::GetIntegrationRequest::default()
    };
    let integration = acme.operator().integrations().get_integration(ask).await.unwrap();
    assert_eq!(integration.into_inner().scim_url, scim_url);
}

/// Seen to fail with the settings not checked before they are used.
#[tokio::test]
async fn beyond_loopback_there_is_no_demo_and_no_start_without_a_public_url() {
    let said = refused_start(&["--http", "0.0.0.0:0", "--grpc", "127.0.0.1:0"]).await;
    assert!(said.contains("--public-url"), "{said}");
    let public = ["--public-url", "https://scim.nestr.example", "--demo", "acme.com"];
    for addresses in [
        ["--http", "0.0.0.0:0", "--grpc", "127.0.0.1:0"],
        ["--http", "127.0.0.1:0", "--grpc", "0.0.0.0:0"],
    ] {
        let said = refused_start(&[addresses.as_slice(), &public].concat()).await;
        assert!(said.contains("--demo"), "{said}");
    }
}

/// Seen to fail with the lock file left to the umask.
#[tokio::test]
async fn what_is_kept_is_its_owners_alone() {
    fn modes(directory: &Path, found: &mut Vec<(String, u32)>) {
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        found.push((directory.display().to_string(), mode(directory)));
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                modes(&path, found);
            } else {
                found.push((path.display().to_string(), mode(&path)));
            }
        }
    }
    let nestr = Nestr::start().await;
    nestr.acme().create("ada@acme.com").await;
    let mut found = Vec::new();
    modes(&nestr.data_dir(), &mut found);
    assert!(found.len() > 3, "{found:?}");
    for (path, mode) in found {
        let expected = if Path::new(&path).is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, expected, "{path} is {mode:o}");
    }
}
