//! RFC 7644 section 3.5.2: what all operations of a PATCH have in common. That it is taken whole or not
//! at all: `entra_patch.rs`; paths, values and refusals: `scim/tests/rfc/` and
//! `scim/src/patch/tests.rs`; large groups: `entra_groups.rs`.

use serde_json::{Value, json};

use super::{patch, user};
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
