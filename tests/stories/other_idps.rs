//! OneLogin, JumpCloud and Google Workspace: what each does in a way of its own. Their whole cycles are
//! played by the simulator, but for Google's, which publishes no wire form: what is here was seen of it.

use serde_json::{Value, json};

use crate::harness::{Login, Nestr};

/// `OneLogin` may leave `schemas` out, sends a slash at the end and the groups that it read.
#[tokio::test]
async fn onelogin_puts_a_person_without_schemas_and_with_a_slash_at_the_end() {
    let acme = Nestr::start().await.acme();
    let body = r#"{"userName":"ada@acme.com","active":true,"name":{"givenName":"Ada","familyName":"Byron"},"emails":[{"value":"ada@acme.com","type":"work","primary":true}],"groups":[]}"#;
    let made = acme.post("/Users/", body).await.is(201);
    let path = format!("/Users/{}/", made.text("/id"));
    let found = acme.get("/Users?filter=userName%20eq%20%22ada%40acme.com%22").await.rows();
    assert_eq!(found.len(), 1);
    let mut put = made.json();
    put.as_object_mut().unwrap().remove("schemas");
    put["name"]["familyName"] = json!("Lovelace");
    put["groups"] = json!([{"value": "admins", "display": "Admins"}]);
    let replaced = acme.put(&path, put.to_string()).await.is(200);
    assert_eq!(replaced.text("/name/familyName"), "Lovelace");
    assert_eq!(replaced.at("/groups"), Value::Null, "groups are the groups' to say");
    let deactivate = r#"{"Operations":[{"op":"replace","path":"active","value":false}]}"#;
    acme.patch(&path, deactivate).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(made.text("/id")));
}

/// `JumpCloud` puts whole people, and adds and removes members one by one.
#[tokio::test]
async fn jumpcloud_puts_people_and_patches_members_one_by_one() {
    let acme = Nestr::start().await.acme();
    let person = |active: bool| {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "ada@acme.com",
            "displayName": "Ada", "active": active, "externalId": "5f1",
            "emails": [{"value": "ada@acme.com", "type": "work", "primary": true}],
            "phoneNumbers": [], "addresses": [{"type": "work", "country": "GB"}],
        })
    };
    let made = acme.post("/Users", person(true).to_string()).await.is(201);
    let (id, path) = (made.text("/id"), format!("/Users/{}", made.text("/id")));
    let group = acme.post("/Groups", r#"{"displayName":"Staff","members":[]}"#).await.is(201);
    let group = format!("/Groups/{}", group.text("/id"));
    let one = |op: &str| {
        json!({"Operations": [{"op": op, "path": "members", "value": [{"value": id}]}]}).to_string()
    };
    for _ in 0..2 {
        let added = acme.patch(&group, one("add")).await.is(200);
        assert_eq!(added.at("/members/0/value"), json!(id));
        assert_eq!(added.at("/members").as_array().map(Vec::len), Some(1));
    }
    assert_eq!(acme.get(&path).await.at("/groups/0/display"), json!("Staff"));
    acme.patch(&group, one("remove")).await.is(200);
    assert_eq!(acme.get(&group).await.at("/members"), Value::Null);
    acme.put(&path, person(false).to_string()).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(id));
}

/// Google looks up with blanks as `+` and quotes encoded, maps `suspended` to active, and removes a person
/// long after it suspended them, or without having done so.
#[tokio::test]
async fn google_suspends_and_removes_by_patch_and_delete() {
    let acme = Nestr::start().await.acme();
    let look_up = "/Users?filter=userName+eq+%22Ada%40acme.com%22&startIndex=1&count=1";
    assert!(acme.get(look_up).await.rows().is_empty());
    let body = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ada@acme.com","name":{"givenName":"Ada","familyName":"Lovelace"},"emails":[{"value":"ada@acme.com","type":"work","primary":true}],"active":true}"#;
    let ask = acme.ask("POST", "/Users").header("Content-Type", "application/json").body(body);
    let made = acme.send(ask).await.is(201);
    let path = format!("/Users/{}", made.text("/id"));
    assert_eq!(acme.get(look_up).await.rows()[0]["id"], made.at("/id"));

    let moved = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","path":"emails[type eq \"work\"].value","value":"ada.king@acme.com"},{"op":"replace","path":"active","value":false}]}"#;
    let suspended = acme.patch(&path, moved).await.is(200);
    assert_eq!(suspended.at("/emails/0/value"), json!("ada.king@acme.com"));
    assert_eq!(acme.resolve_login("ada.king@acme.com").await, Login::Inactive(made.text("/id")));
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Nobody);
    acme.delete(&path).await.is(204);
    acme.delete(&path).await.refused(404, "");

    let again = acme.post("/Users", body).await.is(201);
    acme.delete(&format!("/Users/{}", again.text("/id"))).await.is(204);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Nobody);
}
