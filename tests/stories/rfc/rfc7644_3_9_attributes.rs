//! RFC 7644 sections 3.4.2.5, 3.9 and 3.10: which attributes are answered, and how they are named.

use serde_json::{Value, json};

use super::{ENTERPRISE, USER, id, user};
use crate::harness::{Nestr, Workspace};

async fn ada(acme: &Workspace) -> String {
    let body = json!({
        "schemas": [USER, ENTERPRISE], "title": "Countess",
        "name": {"givenName": "Ada", "familyName": "King"},
        "emails": [{"value": "ada@acme.com", "type": "work"}],
        (ENTERPRISE): {"department": "Engines", "costCenter": "7"}
    });
    user(acme, "ada@acme.com", body).await
}

/// `attributes` and `excludedAttributes` count for every method that answers a resource: "GET, PUT, POST,
/// and PATCH". Seen to fail with the view of a creation left out.
#[tokio::test]
async fn every_method_answers_what_is_asked_for() {
    let acme = Nestr::start().await.acme();
    let ada = ada(&acme).await;
    let put = json!({"userName": "ada@acme.com", "title": "Countess"}).to_string();
    let patch = r#"{"Operations":[{"op":"add","path":"nickName","value":"A"}]}"#;
    let new = r#"{"userName":"bob@acme.com","title":"Countess"}"#;
    for (query, expected) in [
        ("attributes=title", json!({"schemas": [USER], "title": "Countess"})),
        (
            "excludedAttributes=meta,title,name,nickName,userName,emails,active",
            json!({"schemas": [USER]}),
        ),
    ] {
        let made = acme.post(&format!("/Users?{query}"), new).await.is(201);
        let bob = format!("/Users/{}", made.text("/id"));
        assert_eq!(made.header("location").map(|url| url.ends_with(&bob)), Some(true));
        acme.delete(&bob).await.is(204);
        let one = format!("{ada}?{query}");
        for (answer, of) in [
            (made, &bob),
            (acme.put(&one, put.clone()).await.is(200), &ada),
            (acme.patch(&one, patch).await.is(200), &ada),
            (acme.get(&one).await.is(200), &ada),
        ] {
            let mut expected = expected.clone();
            expected["id"] = json!(id(of));
            assert_eq!(answer.json(), expected, "{query}");
        }
        let list = acme.get(&format!("/Users?{query}")).await.rows();
        assert_eq!((list.len(), &list[0]["title"]), (1, &expected["title"]));
    }
}

/// RFC 7643 section 7, returned "always": "regardless of the contents of the 'attributes' parameter", and
/// whatever is excluded.
#[tokio::test]
async fn what_is_always_returned_cannot_be_left_out() {
    let acme = Nestr::start().await.acme();
    let ada = ada(&acme).await;
    for query in ["attributes=title", "excludedAttributes=id,schemas", "attributes=nonsense"] {
        let answer = acme.get(&format!("{ada}?{query}")).await.is(200);
        assert_eq!(answer.text("/id"), id(&ada), "{query}");
        assert_eq!(answer.text("/schemas/0"), USER, "{query}");
    }
}

/// 3.10: "urn:...:User:userName", "name.givenName" and names of extensions, in any letter case.
#[tokio::test]
async fn names_are_known_in_every_standard_notation() {
    let acme = Nestr::start().await.acme();
    let ada = ada(&acme).await;
    for (names, pointer, found) in [
        (format!("{USER}:userName"), "/userName", json!("ada@acme.com")),
        (format!("{USER}:NAME.givenname"), "/name", json!({"givenName": "Ada"})),
        ("emails.value".to_owned(), "/emails", json!([{"value": "ada@acme.com"}])),
        ("meta.resourceType".to_owned(), "/meta", json!({"resourceType": "User"})),
        (ENTERPRISE.to_owned(), &format!("/{ENTERPRISE}/costCenter"), json!("7")),
        (
            format!("{ENTERPRISE}:department"),
            &format!("/{ENTERPRISE}"),
            json!({"department": "Engines"}),
        ),
    ] {
        let answer = acme.get(&format!("{ada}?attributes={names}")).await.is(200);
        assert_eq!(answer.at(pointer), found, "{names}");
        assert_eq!(answer.at("/title"), Value::Null, "{names}");
        let rest = acme.get(&format!("{ada}?excludedAttributes={names}")).await.is(200);
        assert_ne!(rest.at(pointer), found, "{names}");
        assert_eq!(rest.text("/title"), "Countess", "{names}");
    }
}
