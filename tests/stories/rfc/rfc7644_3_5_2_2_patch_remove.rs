//! RFC 7644 section 3.5.2.2: the operation "remove".

use serde_json::{Value, json};

use super::{group, id, patch, user};
use crate::harness::Nestr;

/// The section's examples: one member, all members, one e-mail by two conditions, and several operations
/// at once.
#[tokio::test]
async fn the_examples_of_remove_do_what_the_rfc_says() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let emails = json!([{"value": "a@acme.com", "type": "work"}, {"value": "home@acme.com", "type": "home"}]);
    let bob = user(&acme, "bob@acme.com", json!({"emails": emails})).await;
    let staff = group(&acme, "Staff", &[&ada, &bob]).await;

    let one = json!([{"op": "remove", "path": format!(r#"members[value eq "{}"]"#, id(&ada))}]);
    let left = patch(&acme, &staff, one).await.is(200).at("/members");
    assert_eq!(
        (left.as_array().map(Vec::len), left[0]["value"].as_str()),
        (Some(1), Some(id(&bob)))
    );
    let swap = json!([
        {"op": "remove", "path": format!(r#"members[value eq "{}"]"#, id(&bob))},
        {"op": "add", "path": "members", "value": [{"value": id(&ada)}]},
    ]);
    assert_eq!(patch(&acme, &staff, swap).await.is(200).text("/members/0/value"), id(&ada));
    let all = json!([{"op": "remove", "path": "members"}]);
    assert_eq!(patch(&acme, &staff, all).await.is(200).at("/members"), Value::Null);

    let email = json!([{"op": "remove", "path": r#"emails[type eq "work" and value sw "a@"]"#}]);
    let left = patch(&acme, &bob, email).await.is(200).at("/emails");
    assert_eq!(left, json!([{"value": "home@acme.com", "type": "home"}]));
}

/// "If the target location is a single-value attribute, the attribute and its associated value is
/// removed"; the last value takes the attribute with it: "the attribute SHALL be considered
/// unassigned". "If 'path' is unspecified, the operation fails with ... 'noTarget'", and what is
/// "required" or "readOnly" fails with "mutability".
#[tokio::test]
async fn a_remove_takes_away_what_may_go_and_refuses_the_rest() {
    let acme = Nestr::start().await.acme();
    let before = json!({"title": "x", "name": {"givenName": "A", "familyName": "K"}, "roles": [{"value": "r"}]});
    let ada = user(&acme, "ada@acme.com", before).await;
    let after = patch(
        &acme,
        &ada,
        json!([
            {"op": "remove", "path": "title"},
            {"op": "remove", "path": "name.givenName"},
            {"op": "remove", "path": r#"roles[value eq "r"]"#},
            {"op": "remove", "path": "nickName"},
        ]),
    )
    .await
    .is(200)
    .json();
    assert_eq!((after.get("title"), after.get("roles")), (None, None));
    assert_eq!(after["name"], json!({"familyName": "K"}));
    for (operation, scim_type) in [
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "remove", "path": "id"}), "mutability"),
        (json!({"op": "remove", "path": "meta.created"}), "mutability"),
        (json!({"op": "remove", "path": "shoeSize"}), "invalidPath"),
    ] {
        patch(&acme, &ada, json!([operation])).await.refused(400, scim_type);
    }
    assert_eq!(acme.get(&ada).await.json(), after);
}
