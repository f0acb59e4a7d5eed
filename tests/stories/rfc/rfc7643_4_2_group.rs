//! RFC 7643 section 4.2: groups.

use serde_json::{Value, json};

use super::{GROUP, group, id, patch, user};
use crate::harness::Nestr;

/// "members: a list of members of the Group"; each has `value`, `$ref` and `type`, "User" or "Group";
/// the sub-attributes are immutable.
#[tokio::test]
async fn members_are_people_and_groups_with_id_address_and_type() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let inner = group(&acme, "Inner", &[]).await;
    let outer = group(&acme, "Outer", &[&ada, &inner]).await;
    let found = acme.get(&outer).await.is(200);
    let base = found.text("/meta/location").replace(&outer, "");
    let member = |path: &str, kind: &str| json!({"value": id(path), "$ref": format!("{base}{path}"), "type": kind});
    assert_eq!(found.at("/members"), json!([member(&ada, "User"), member(&inner, "Group")]));

    let path = format!(r#"members[value eq "{}"].value"#, id(&ada));
    let swap = json!([{"op": "replace", "path": path, "value": id(&inner)}]);
    patch(&acme, &outer, swap).await.refused(400, "mutability");
    assert_eq!(acme.get(&outer).await.essence(), found.essence());
}

/// "The group membership may be empty": a group without members has none to show.
#[tokio::test]
async fn a_group_needs_no_members() {
    let acme = Nestr::start().await.acme();
    for body in [
        json!({"schemas": [GROUP], "displayName": "One", "externalId": "g-1"}),
        json!({"schemas": [GROUP], "displayName": "Two", "members": []}),
        json!({"schemas": [GROUP], "displayName": "Three", "members": null}),
    ] {
        let made = acme.post("/Groups", body.to_string()).await.is(201);
        assert_eq!(made.at("/members"), Value::Null);
        assert_eq!(made.at("/displayName"), body["displayName"]);
    }
}
