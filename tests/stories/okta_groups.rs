//! Okta's group push, and clients that put whole groups.

use serde_json::{Value, json};

use crate::harness::{Nestr, Workspace};

async fn members(acme: &Workspace, group: &str) -> Vec<String> {
    let members = acme.get(group).await.is(200).at("/members");
    let id = |member: &Value| member["value"].as_str().unwrap_or_default().to_owned();
    members.as_array().map(|members| members.iter().map(id).collect()).unwrap_or_default()
}

/// The group's id inside the value is to be ignored.
#[tokio::test]
async fn a_pushed_group_is_renamed_filled_and_emptied() {
    let acme = Nestr::start().await.acme();
    let (ada, bob) = (acme.create("ada@acme.com").await, acme.create("bob@acme.com").await);
    let push = r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Push","members":[]}"#;
    let made = acme.post("/Groups", push).await.is(201);
    let group = format!("/Groups/{}", made.text("/id"));
    let patch = async |operation: Value| {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "Operations": [operation],
        });
        acme.patch(&group, body.to_string()).await.is(200)
    };

    let renamed =
        patch(json!({"op": "replace", "value": {"id": made.at("/id"), "displayName": "New"}}));
    assert_eq!(renamed.await.text("/displayName"), "New");
    let both = json!([{"value": ada, "display": "ada@acme.com"}, {"value": bob}]);
    patch(json!({"op": "add", "path": "members", "value": both})).await;
    assert_eq!(members(&acme, &group).await, [ada.clone(), bob.clone()]);
    patch(json!({"op": "remove", "path": format!(r#"members[value eq "{ada}"]"#)})).await;
    assert_eq!(members(&acme, &group).await, std::slice::from_ref(&bob));
    patch(json!({"op": "replace", "path": "members", "value": [{"value": ada}]})).await;
    assert_eq!(members(&acme, &group).await, std::slice::from_ref(&ada));
    patch(json!({"op": "replace", "path": "members", "value": []})).await;
    assert_eq!(members(&acme, &group).await, [] as [String; 0]);
}

/// Seen to fail with members that are not sent taken for none: a rename empties the group.
#[tokio::test]
async fn a_put_sets_the_members_it_names_and_keeps_those_it_says_nothing_of() {
    let acme = Nestr::start().await.acme();
    let (ada, bob) = (acme.create("ada@acme.com").await, acme.create("bob@acme.com").await);
    let body = json!({"displayName": "Staff", "members": [{"value": ada}, {"value": bob}]});
    let made = acme.post("/Groups", body.to_string()).await.is(201);
    let group = format!("/Groups/{}", made.text("/id"));

    let mut read = made.json();
    read["displayName"] = json!("People");
    let put = acme.put(&group, read.to_string()).await.is(200);
    assert_eq!(
        (put.text("/displayName"), put.at("/members")),
        ("People".into(), read["members"].clone())
    );
    acme.put(&group, r#"{"displayName":"Renamed"}"#).await.is(200);
    assert_eq!(members(&acme, &group).await, [ada.clone(), bob]);
    let one = json!({"displayName": "Renamed", "members": [{"value": ada}]});
    acme.put(&group, one.to_string()).await.is(200);
    assert_eq!(members(&acme, &group).await, [ada]);
    acme.put(&group, r#"{"displayName":"Renamed","members":[]}"#).await.is(200);
    assert_eq!(members(&acme, &group).await, [] as [String; 0]);
}

#[tokio::test]
async fn a_group_needs_a_name_and_a_members_place_is_nobody_elses() {
    let acme = Nestr::start().await.acme();
    let ada = acme.create("ada@acme.com").await;
    let detail = acme.post("/Groups", r#"{"members":[]}"#).await.refused(400, "invalidValue");
    assert!(detail.contains("displayName"), "{detail}");
    let body = json!({"displayName": "Staff", "members": [{"value": ada}]});
    let made = acme.post("/Groups", body.to_string()).await.is(201);
    let group = format!("/Groups/{}", made.text("/id"));
    let patch = async |operation: Value| {
        acme.patch(&group, json!({"Operations": [operation]}).to_string()).await
    };
    let of = |id: &str| format!(r#"members[value eq "{id}"]"#);
    let other = json!({"value": made.at("/id")});
    let replace = json!({"op": "replace", "path": of(&ada), "value": other});
    patch(replace).await.refused(400, "mutability");
    let replace = json!({"op": "replace", "path": of("nobody"), "value": other});
    patch(replace).await.refused(400, "noTarget");
    let one = json!({"op": "replace", "path": "members.value", "value": ada});
    patch(one).await.refused(400, "mutability");
    patch(json!({"op": "remove", "path": "displayName"})).await.refused(400, "mutability");
    patch(json!({"op": "add", "path": "owner", "value": "x"})).await.refused(400, "invalidPath");
    assert_eq!(members(&acme, &group).await, [ada]);
}
