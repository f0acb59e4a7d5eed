//! RFC 7643 section 2.5: unassigned and null values.

use serde_json::{Value, json};

use super::{found, patch, user};
use crate::harness::Nestr;

/// "Unassigned attributes, the null value, or an empty array (in the case of a multi-valued attribute)
/// SHALL be considered to be equivalent in 'state'."
#[tokio::test]
async fn null_and_an_empty_array_are_as_if_not_said() {
    let acme = Nestr::start().await.acme();
    let all =
        json!({"title": "Countess", "roles": [{"value": "admin"}], "name": {"givenName": "A"}});
    let nothing = json!({"title": null, "roles": [], "name": null});
    user(&acme, "unsaid", json!({})).await;
    user(&acme, "null", nothing.clone()).await;
    let put = user(&acme, "put", all.clone()).await;
    let mut body = nothing.clone();
    body["userName"] = json!("put");
    acme.put(&put, body.to_string()).await.is(200);
    let patched = user(&acme, "patched", all).await;
    patch(&acme, &patched, json!([{"op": "replace", "value": nothing}])).await.is(200);

    for row in acme.get("/Users").await.rows() {
        for attribute in ["title", "roles", "name"] {
            assert_eq!(row.get(attribute), None, "{row}");
        }
    }
    for filter in ["title pr", "roles pr", "name pr", "name.givenName pr", "roles.value pr"] {
        assert_eq!(found(&acme, filter).await, [] as [&str; 0], "{filter}");
    }
    assert_eq!(acme.get("/Users").await.at("/totalResults"), Value::from(4));
}
