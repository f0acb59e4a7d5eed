//! RFC 7644 sections 3.1 and 3.8: HTTP and JSON. Types of bodies and of `Accept`: `leniency.rs`.

use serde_json::json;

use super::{group, user};
use crate::harness::Nestr;

/// "Servers MUST ... return ... 'application/scim+json'", in UTF-8, and errors too (3.12).
#[tokio::test]
async fn every_answer_with_a_body_is_scim_json_in_utf_eight() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"title": "Gräfin 伯爵夫人"})).await;
    let staff = group(&acme, "Büro", &[&ada]).await;
    let patch = r#"{"Operations":[{"op":"add","path":"nickName","value":"Å"}]}"#;
    for answer in [
        acme.get(&ada).await.is(200),
        acme.get(&staff).await.is(200),
        acme.get("/Users").await.is(200),
        acme.get("").await.is(200),
        acme.put(&staff, r#"{"displayName":"Büro 2"}"#).await.is(200),
        acme.patch(&ada, patch).await.is(200),
        acme.post("/.search", "{}").await.is(200),
        acme.post("/Bulk", r#"{"Operations":[]}"#).await.is(200),
        acme.get("/ServiceProviderConfig").await.is(200),
        acme.get("/Schemas").await.is(200),
        acme.get("/ResourceTypes").await.is(200),
        acme.get("/Users/1").await.is(404),
        acme.get("/Robots").await.is(404),
        acme.get("/Me").await.is(501),
        acme.put("/Schemas", "{}").await.is(405),
        acme.find("(").await.is(400),
    ] {
        assert_eq!(answer.header("content-type"), Some("application/scim+json"), "{answer}");
        assert!(answer.json().is_object(), "{answer}");
        assert!(answer.at("/schemas/0").is_string(), "{answer}");
    }
    assert_eq!(acme.get(&ada).await.text("/title"), "Gräfin 伯爵夫人");
}
