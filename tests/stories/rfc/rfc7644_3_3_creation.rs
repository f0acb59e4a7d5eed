//! RFC 7644 section 3.3: creating resources.

use serde_json::{Value, json};

use super::{ENTERPRISE, USER};
use crate::harness::Nestr;

/// "Attributes whose mutability is 'readOnly' ... SHALL be ignored", and what no schema knows with them;
/// the answer is the resource as it is kept. Seen to fail with `manager.displayName` made writable.
#[tokio::test]
async fn what_a_client_may_not_write_is_ignored() {
    let acme = Nestr::start().await.acme();
    let sent = json!({
        "schemas": [USER, "urn:example:unknown:2.0:User"],
        "id": "chosen", "meta": {"created": "1999-12-31T00:00:00Z"}, "groups": [{"value": "admins"}],
        "userName": "ada@acme.com", "shoeSize": 7, "urn:example:unknown:2.0:User": {"shoeSize": 7},
        (ENTERPRISE): {"manager": {"displayName": "Boss"}},
    });
    let made = acme.post("/Users", sent.to_string()).await.is(201);
    let mut kept = made.json();
    let members = kept.as_object_mut().unwrap();
    assert_ne!(members.remove("id"), Some(json!("chosen")));
    assert_ne!(members.remove("meta").unwrap()["created"], sent["meta"]["created"]);
    assert_eq!(kept, json!({"schemas": [USER], "userName": "ada@acme.com"}));
    assert_eq!(acme.get(&format!("/Users/{}", made.text("/id"))).await.json(), made.json());
}

/// "HTTP status code 201 (Created)", a body of the "service provider's representation", and "the URI of
/// the created resource SHALL include, in the HTTP 'Location' header and the HTTP body, a JSON
/// representation with the attribute 'meta.location'", for each type.
#[tokio::test]
async fn a_created_resource_is_answered_with_its_address_twice() {
    let acme = Nestr::start().await.acme();
    for (endpoint, body) in [
        ("/Users", json!({"userName": "ada@acme.com"})),
        ("/Groups", json!({"displayName": "Staff"})),
    ] {
        let made = acme.post(endpoint, body.to_string()).await.is(201);
        let address = made.text("/meta/location");
        assert_eq!(made.header("location"), Some(address.as_str()));
        let path = format!("{endpoint}/{}", made.text("/id"));
        assert!(address.ends_with(&acme.path(&path)), "{address}");
        assert_eq!(acme.get(&path).await.is(200).json(), made.json());
    }
}

/// "If the service provider determines that the creation of the requested resource conflicts with existing
/// resources ... MUST return HTTP status code 409 (Conflict) with a 'scimType' error code of
/// 'uniqueness'", and nothing is made.
#[tokio::test]
async fn a_creation_that_conflicts_makes_nothing() {
    let acme = Nestr::start().await.acme();
    let user = json!({"userName": "ada@acme.com"}).to_string();
    let staff = json!({"displayName": "Staff", "externalId": "g-1"}).to_string();
    for (endpoint, body) in [("/Users", user), ("/Groups", staff)] {
        acme.post(endpoint, body.clone()).await.is(201);
        acme.post(endpoint, body).await.refused(409, "uniqueness");
        assert_eq!(acme.get(endpoint).await.at("/totalResults"), Value::from(1));
    }
}
