//! What identity providers and admins do in their own way, and mean well.

use rstest::rstest;
use serde_json::json;

use crate::harness::{Ask, Nestr};

/// Seen to fail with the flag left in the query.
#[tokio::test]
async fn a_flag_in_the_tenant_url_disturbs_no_request() {
    let acme = Nestr::start().await.acme();
    let ada = acme.create("ada@acme.com").await;
    let filter = "filter=userName+eq+%22ADA@acme.com%22";
    for query in [
        format!("aadOptscim062020&{filter}"),
        format!("aadOptscim062020?{filter}"),
        format!("aadOptSCIM062020=true&{filter}"),
        format!("aadOptscim062020=true?{filter}"),
        format!("{filter}&aadOptscim062020"),
        format!("{filter}?aadOptscim062020"),
        format!("{filter}&unknown=x"),
        "FILTER=userName%20eq%20%22ada%40acme.com%22".to_owned(),
    ] {
        let rows = acme.get(&format!("/Users?{query}")).await.rows();
        assert_eq!(rows.len(), 1, "{query}");
        assert_eq!(rows[0]["id"], ada, "{query}");
    }
    let flagged = |endpoint: &str| format!("{endpoint}?aadOptscim062020");
    let made = acme.post(&flagged("/Users"), r#"{"userName":"bob@acme.com"}"#).await.is(201);
    let bob = flagged(&format!("/Users/{}", made.text("/id")));
    assert!(!made.to_string().contains("aadOpt"), "{made}");
    acme.get(&bob).await.is(200);
    acme.put(&bob, r#"{"userName":"bob@acme.com","title":"x"}"#).await.is(200);
    acme.patch(&bob, r#"{"Operations":[{"op":"remove","path":"title"}]}"#).await.is(200);
    acme.delete(&bob).await.is(204);
    for endpoint in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        acme.get(&flagged(endpoint)).await.is(200);
    }
}

#[tokio::test]
async fn a_slash_at_the_end_changes_nothing() {
    let acme = Nestr::start().await.acme();
    let made = acme.post("/Users/", r#"{"userName":"ada@acme.com"}"#).await.is(201);
    let ada = format!("/Users/{}", made.text("/id"));
    assert_eq!(acme.get(&format!("{ada}/")).await.json(), acme.get(&ada).await.json());
    acme.patch(&format!("{ada}/"), r#"{"Operations":[{"op":"add","path":"title","value":"x"}]}"#)
        .await
        .is(200);
    assert_eq!(acme.find(r#"title eq "x""#).await.rows().len(), 1);
    let listed = acme.get("/Users/?count=1").await;
    assert_eq!(listed.rows().len(), 1);
    acme.delete(&format!("{ada}/")).await.is(204);
    acme.get("/ServiceProviderConfig/").await.is(200);
}

/// What is copied along with the key.
#[tokio::test]
async fn a_key_pasted_with_more_than_the_key_opens_all_the_same() {
    let acme = Nestr::start().await.acme();
    let key = &acme.key;
    for value in [
        format!("Bearer {key}"),
        format!("bearer {key}"),
        format!("BEARER   {key}"),
        format!("Bearer Bearer {key}"),
        format!("Bearer bearer\t{key}"),
        format!("Bearer {key} "),
        format!("Bearer {key}\t"),
        key.clone(),
    ] {
        let ask = Ask::new("GET", acme.path("/Users")).header("Authorization", &value);
        let answer = acme.send(ask).await;
        assert_eq!(answer.status, 200, "{value:?}\n{answer}");
    }
}

/// The line break of a key that was copied with it ends the header's line, and the head with it.
#[tokio::test]
async fn a_newline_after_the_key_is_no_part_of_it() {
    let acme = Nestr::start().await.acme();
    let ask = Ask::new("GET", acme.path("/Users"));
    acme.send(ask.header("Authorization", format!("Bearer {}\n", acme.key))).await.is(200);
}

#[rstest]
#[case(Some("application/scim+json"))]
#[case(Some("application/scim+json; charset=utf-8"))]
#[case(Some("application/json"))]
#[case(Some("Application/JSON;charset=UTF-8"))]
#[case(None)]
#[tokio::test]
async fn a_body_of_any_json_type_is_taken(#[case] content_type: Option<&str>) {
    let acme = Nestr::start().await.acme();
    let ask = acme.ask("POST", "/Users").body(r#"{"userName":"ada@acme.com"}"#);
    let ask = content_type.into_iter().fold(ask, |ask, value| ask.header("Content-Type", value));
    let created = acme.send(ask).await.is(201);
    assert_eq!(created.header("content-type"), Some("application/scim+json"));
}

#[tokio::test]
async fn what_a_client_accepts_or_calls_itself_changes_nothing() {
    let acme = Nestr::start().await.acme();
    let plain = acme.get("/Users").await.is(200);
    for accept in ["*/*", "application/json", "application/scim+json", "text/html", ""] {
        let ask = acme.ask("GET", "/Users").header("Accept", accept).header("User-Agent", "x");
        assert_eq!(acme.send(ask).await.essence(), plain.essence(), "{accept:?}");
    }
}

#[tokio::test]
async fn attributes_are_known_in_any_letter_case_and_unknown_ones_ignored() {
    let acme = Nestr::start().await.acme();
    let body = r#"{"SCHEMAS":["urn:x:unknown"],"USERNAME":"ada@acme.com","Active":"True","NAME":{"GIVENNAME":"Ada"},"emails":{"value":"ada@acme.com","TYPE":"work"},"urn:x:unknown":{"a":1},"favouriteColour":"blue","roles":null,"URN:IETF:params:scim:schemas:extension:enterprise:2.0:user":{"DEPARTMENT":"Engines"}}"#;
    let ada = acme.post("/Users", body).await.is(201).json();
    let mut shown = ada.clone();
    for own in ["id", "meta"] {
        shown.as_object_mut().unwrap().remove(own);
    }
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    assert_eq!(
        shown,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
            "userName": "ada@acme.com",
            "active": true,
            "name": {"givenName": "Ada"},
            "emails": [{"type": "work", "value": "ada@acme.com"}],
            enterprise: {"department": "Engines"},
        })
    );
    for filter in [
        r#"USERNAME EQ "ada@acme.com""#,
        r#"emails[TYPE eq "WORK" and value CO "@acme"]"#,
        r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:DEPARTMENT eq "engines""#,
        "active eq true and (userName pr)",
        r#"active eq "True""#,
    ] {
        assert_eq!(acme.find(filter).await.rows(), std::slice::from_ref(&ada), "{filter}");
    }
}

#[tokio::test]
async fn a_view_holds_what_was_asked_for_and_the_id() {
    let acme = Nestr::start().await.acme();
    let body = r#"{"userName":"ada@acme.com","title":"Countess","name":{"givenName":"Ada","familyName":"King"}}"#;
    let id = acme.post("/Users", body).await.is(201).text("/id");
    let some = acme.get("/Users?attributes=username,name.givenName").await.rows();
    let core = "urn:ietf:params:scim:schemas:core:2.0:User";
    let expected = json!({
        "schemas": [core], "id": id, "userName": "ada@acme.com", "name": {"givenName": "Ada"},
    });
    assert_eq!(some, [expected]);
    let rest = acme.get(&format!("/Users/{id}?excludedAttributes=name,meta,title")).await.json();
    assert_eq!(rest, json!({"schemas": [core], "id": id, "userName": "ada@acme.com"}));
}
