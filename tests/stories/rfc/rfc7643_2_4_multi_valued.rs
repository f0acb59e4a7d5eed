//! RFC 7643 section 2.4: attributes of several values.

use serde_json::json;

use super::{patch, user};
use crate::harness::Nestr;

/// "The primary attribute value 'true' MUST appear no more than once." A PATCH that sets another takes
/// it from the one that has it (RFC 7644 section 3.5.2).
#[tokio::test]
async fn one_value_at_most_is_the_primary_one() {
    let acme = Nestr::start().await.acme();
    let phone = |value: &str| json!({"value": value, "type": "work", "primary": true});
    let both = json!({"userName": "eve", "phoneNumbers": [phone("1"), phone("2")]});
    acme.post("/Users", both.to_string()).await.refused(400, "invalidValue");

    let ada = user(&acme, "ada@acme.com", json!({"phoneNumbers": [phone("1")]})).await;
    acme.put(&ada, both.to_string()).await.refused(400, "invalidValue");
    let add = json!([{"op": "add", "path": "phoneNumbers", "value": [phone("2")]}]);
    let phones = patch(&acme, &ada, add).await.is(200).at("/phoneNumbers");
    let primary = |at: usize| &phones[at]["primary"] == true;
    assert_eq!((phones.as_array().unwrap().len(), primary(0), primary(1)), (2, false, true));
}

/// "Service providers SHOULD NOT return the same (type, value) combination more than once".
#[tokio::test]
async fn a_value_of_a_type_is_answered_once() {
    let acme = Nestr::start().await.acme();
    let phones = json!([
        {"value": "1", "type": "work"}, {"value": "1", "type": "work"}, {"value": "1", "type": "home"}
    ]);
    let ada = user(&acme, "ada@acme.com", json!({"phoneNumbers": phones})).await;
    let kept = json!([{"value": "1", "type": "work"}, {"value": "1", "type": "home"}]);
    assert_eq!(acme.get(&ada).await.at("/phoneNumbers"), kept);
    let again =
        json!([{"op": "add", "path": "phoneNumbers", "value": [{"value": "1", "type": "home"}]}]);
    assert_eq!(patch(&acme, &ada, again).await.is(200).at("/phoneNumbers"), kept);
}

/// "type: a label indicating the attribute's function"; values that are not canonical "MAY" be taken,
/// and are.
#[tokio::test]
async fn a_type_that_is_not_canonical_is_kept() {
    let acme = Nestr::start().await.acme();
    let emails = json!([{"value": "ada@acme.com", "type": "Laboratory", "display": "At the lab"}]);
    let ada = user(&acme, "ada@acme.com", json!({"emails": emails})).await;
    assert_eq!(acme.get(&ada).await.at("/emails"), emails);
}
