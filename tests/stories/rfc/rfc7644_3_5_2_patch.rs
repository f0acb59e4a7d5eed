//! RFC 7644 section 3.5.2: what all operations of a PATCH have in common. That it is taken whole or not
//! at all: `entra_patch.rs`; paths, values and refusals: `scim/src/patch/tests.rs`.

use serde_json::{Value, json};

use super::{group, id, patch, user};
use crate::harness::{Nestr, nobody};

/// "the server either MUST return a 200 OK response code and the entire resource ... subject to the
/// 'attributes' query parameter ... or MAY return HTTP status code 204": here 200 with the resource.
#[tokio::test]
async fn a_patch_answers_the_whole_resource_or_what_was_asked_of_it() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"title": "x"})).await;
    let operation = |value: &str| json!([{"op": "replace", "path": "title", "value": value}]);
    let whole = patch(&acme, &ada, operation("y")).await.is(200);
    assert_eq!(whole.json(), acme.get(&ada).await.json());
    assert_eq!(whole.header("etag"), Some(whole.text("/meta/version").as_str()));
    let some =
        patch(&acme, &format!("{ada}?attributes=title"), operation("z")).await.is(200).json();
    assert_eq!((&some["title"], some.get("userName"), some.get("meta")), (&json!("z"), None, None));
    let rest = patch(&acme, &format!("{ada}?excludedAttributes=title"), operation("w")).await;
    assert_eq!(
        (rest.at("/title"), rest.text("/userName")),
        (Value::Null, "ada@acme.com".to_owned())
    );
}

/// "Each operation ... is applied in the order they appear in the array", to what the one before left.
#[tokio::test]
async fn operations_are_applied_in_their_order() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let operations = json!([
        {"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "work"}]},
        {"op": "replace", "path": r#"phoneNumbers[type eq "work"].value"#, "value": "2"},
        {"op": "add", "path": "phoneNumbers", "value": [{"value": "3", "type": "home"}]},
        {"op": "remove", "path": r#"phoneNumbers[value eq "2"]"#},
    ]);
    let after = patch(&acme, &ada, operations).await.is(200);
    assert_eq!(after.at("/phoneNumbers"), json!([{"value": "3", "type": "home"}]));
}

/// A PATCH changes what is there: of who is not, 404.
#[tokio::test]
async fn a_patch_of_nobody_is_not_found() {
    let acme = Nestr::start().await.acme();
    for (endpoint, path) in [("/Users", "title"), ("/Groups", "displayName")] {
        let operation = json!([{"op": "add", "path": path, "value": "x"}]);
        patch(&acme, &format!("{endpoint}/{}", nobody()), operation).await.refused(404, "");
    }
}

/// A group of more than 1,000 members is not answered to the PATCH that makes it so, unless asked for.
#[tokio::test]
async fn a_patch_of_a_large_group_is_answered_without_it() {
    let acme = Nestr::start().await.acme();
    let create = |n: usize| json!({"method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": {"userName": format!("p{n}")}});
    let mut members = Vec::new();
    for half in [0..501, 501..1_001] {
        let bulk = json!({"Operations": half.map(create).collect::<Vec<_>>()}).to_string();
        let made = acme.post("/Bulk", bulk).await.is(200).at("/Operations");
        let ids = made
            .as_array()
            .unwrap()
            .iter()
            .map(|operation| json!({"value": id(operation["location"].as_str().unwrap())}));
        members.extend(ids.collect::<Vec<_>>());
    }
    let staff = group(&acme, "Staff", &[]).await;
    let add = |members: &[Value]| json!([{"op": "add", "path": "members", "value": members}]);
    let whole = patch(&acme, &staff, add(&members[..1_000])).await.is(200);
    assert_eq!(whole.at("/members").as_array().map(Vec::len), Some(1_000));
    let done = patch(&acme, &staff, add(&members)).await.is(204);
    assert_eq!(done.body, "");
    let again = json!([{"op": "replace", "path": "displayName", "value": "People"}]);
    let asked = patch(&acme, &format!("{staff}?attributes=displayName"), again).await.is(200);
    assert_eq!(asked.text("/displayName"), "People");
    let groups = acme.get("/Groups").await.rows();
    assert_eq!(groups[0]["members"].as_array().map(Vec::len), Some(1_001));
}
