//! RFC 7644 section 3.5.2.3: the operation "replace".

use serde_json::{Value, json};

use super::{group, id, patch, user};
use crate::harness::Nestr;

/// The section's examples: all members, one address, a part of one address, attributes without a path.
#[tokio::test]
async fn the_examples_of_replace_do_what_the_rfc_says() {
    let acme = Nestr::start().await.acme();
    let addresses = json!([
        {"type": "work", "streetAddress": "100 Universal City Plaza", "region": "CA", "country": "USA"},
        {"type": "home", "streetAddress": "456 Hollywood Blvd", "region": "CA", "country": "USA"}]);
    let emails = json!([{"value": "old@acme.com", "type": "work"}]);
    let babs =
        user(&acme, "babs@acme.com", json!({"addresses": addresses, "emails": emails})).await;
    let james = user(&acme, "james@acme.com", json!({})).await;
    let staff = group(&acme, "Staff", &[&babs]).await;

    let all = json!([{"op": "replace", "path": "members", "value": [{"value": id(&james)}]}]);
    let members = patch(&acme, &staff, all).await.is(200).at("/members");
    assert_eq!(
        (members.as_array().map(Vec::len), members[0]["value"].as_str()),
        (Some(1), Some(id(&james)))
    );

    let moved = json!({"type": "work", "streetAddress": "911 Universal City Plaza", "region": "CA",
        "postalCode": "91608", "country": "US"});
    let work = r#"addresses[type eq "work"]"#;
    let one = json!([{"op": "replace", "path": work, "value": moved}]);
    let after = patch(&acme, &babs, one).await.is(200).at("/addresses");
    assert_eq!(after, json!([moved, addresses[1]]));
    let street = json!([{"op": "replace", "path": format!("{work}.streetAddress"), "value": "1010 Broadway Ave"}]);
    let after = patch(&acme, &babs, street).await.is(200);
    assert_eq!(after.text("/addresses/0/streetAddress"), "1010 Broadway Ave");
    assert_eq!(after.at("/addresses/1"), addresses[1]);

    let emails = json!([{"value": "babs@acme.com", "type": "work", "primary": true}, {"value": "babs@jensen.org", "type": "home"}]);
    let without = json!([{"op": "replace", "value": {"emails": emails, "nickName": "Babs"}}]);
    let after = patch(&acme, &babs, without).await.is(200);
    assert_eq!((after.at("/emails"), after.text("/nickName")), (emails, "Babs".to_owned()));
}

/// "If the target location specifies an attribute that does not exist, the service provider SHALL treat
/// the operation as an 'add'"; "If ... a valuePath filter ... no record match was made, the service
/// provider SHALL indicate failure by returning HTTP status code 400 and a 'scimType' error code of
/// 'noTarget'", but where the filter says what to make, which Entra ID needs made.
#[tokio::test]
async fn a_replace_of_what_is_not_there_adds_it_or_has_no_target() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({"roles": [{"value": "r"}]})).await;
    let replace = |path: &str| json!([{"op": "replace", "path": path, "value": "new"}]);
    assert_eq!(patch(&acme, &ada, replace("title")).await.is(200).text("/title"), "new");
    assert_eq!(
        patch(&acme, &ada, replace("name.givenName")).await.is(200).text("/name/givenName"),
        "new"
    );
    for path in [r#"roles[value eq "x"].display"#, r#"roles[type co "x"].value"#] {
        patch(&acme, &ada, replace(path)).await.refused(400, "noTarget");
    }
    let made = patch(&acme, &ada, replace(r#"roles[type eq "work"].value"#)).await.is(200);
    assert_eq!(made.at("/roles"), json!([{"value": "r"}, {"type": "work", "value": "new"}]));
    let staff = group(&acme, "Staff", &[]).await;
    let member = json!([{"op": "replace", "path": r#"members[value eq "x"]"#, "value": {"value": id(&ada)}}]);
    patch(&acme, &staff, member).await.refused(400, "noTarget");
    assert_eq!(acme.get(&staff).await.at("/members"), Value::Null);
}
