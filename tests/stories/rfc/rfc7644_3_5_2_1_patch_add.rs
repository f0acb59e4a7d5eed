//! RFC 7644 section 3.5.2.1: the operation "add".

use serde_json::json;

use super::{group, id, patch, user};
use crate::harness::Nestr;

/// The section's examples: members by path, and attributes without one.
#[tokio::test]
async fn the_examples_of_add_do_what_the_rfc_says() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let staff = group(&acme, "Staff", &[]).await;
    let member = json!({"display": "Babs Jensen", "$ref": format!("https://example.com/v2{ada}"), "value": id(&ada)});
    let add = json!([{"op": "add", "path": "members", "value": [member]}]);
    assert_eq!(patch(&acme, &staff, add).await.is(200).text("/members/0/value"), id(&ada));

    let add = json!([{"op": "add", "value": {
        "emails": [{"value": "babs@acme.com", "type": "home"}], "nickName": "Babs"}}]);
    let after = patch(&acme, &ada, add).await.is(200);
    assert_eq!(after.text("/nickName"), "Babs");
    assert_eq!(after.at("/emails"), json!([{"value": "babs@acme.com", "type": "home"}]));
}

/// "If the target location exists, the value is replaced"; of several values, "a new value is added";
/// of a complex one, the parts that are named.
#[tokio::test]
async fn an_add_sets_one_value_joins_several_and_fills_in_parts() {
    let acme = Nestr::start().await.acme();
    let before = json!({
        "title": "x", "name": {"givenName": "Ada"}, "roles": [{"value": "reader"}]
    });
    let ada = user(&acme, "ada@acme.com", before).await;
    let after = patch(
        &acme,
        &ada,
        json!([
            {"op": "add", "path": "title", "value": "y"},
            {"op": "add", "path": "name", "value": {"familyName": "King"}},
            {"op": "add", "path": "roles", "value": [{"value": "writer"}]},
        ]),
    )
    .await
    .is(200);
    assert_eq!(after.text("/title"), "y");
    assert_eq!(after.at("/name"), json!({"givenName": "Ada", "familyName": "King"}));
    assert_eq!(after.at("/roles"), json!([{"value": "reader"}, {"value": "writer"}]));
}

/// "If the value already exists" there, "no changes SHOULD be made to the resource, and a success
/// response SHOULD be returned. Unless other operations change the resource, this operation SHALL NOT
/// change the modify timestamp of the resource."
#[tokio::test]
async fn what_is_there_already_is_added_without_a_change() {
    let acme = Nestr::start().await.acme();
    let phones = json!([{"value": "1", "type": "work"}]);
    let ada = user(&acme, "ada@acme.com", json!({"title": "x", "phoneNumbers": phones})).await;
    let staff = group(&acme, "Staff", &[&ada]).await;
    for (path, operations) in [
        (&ada, json!([{"op": "add", "path": "phoneNumbers", "value": phones}])),
        (&ada, json!([{"op": "add", "value": {"title": "x"}}])),
        (&staff, json!([{"op": "add", "path": "members", "value": [{"value": id(&ada)}]}])),
    ] {
        let before = acme.get(path).await;
        assert_eq!(patch(&acme, path, operations).await.is(200).essence(), before.essence());
    }
}
