//! RFC 7643 section 4.3: the enterprise extension of users.

use serde_json::json;

use super::{ENTERPRISE, USER, found, id, patch, user};
use crate::harness::Nestr;

/// Each attribute of the extension is kept under its URN, found by it in a filter, and changed by it in
/// a PATCH; `manager.displayName` is readOnly, and `manager.$ref` the relative address
/// of who is meant. Seen to fail with the displayName made writable.
#[tokio::test]
async fn every_attribute_of_the_extension_is_kept_found_and_changed() {
    let acme = Nestr::start().await.acme();
    let boss = user(&acme, "boss@acme.com", json!({})).await;
    let texts = ["employeeNumber", "costCenter", "organization", "division", "department"];
    let mut extension = json!({"manager": {"value": id(&boss), "displayName": "nobody says so"}});
    for name in texts {
        extension[name] = json!(format!("the {name}"));
    }
    let ada = user(
        &acme,
        "ada@acme.com",
        json!({"schemas": [USER, ENTERPRISE], (ENTERPRISE): extension}),
    )
    .await;
    let kept = acme.get(&ada).await.json();
    for name in texts {
        assert_eq!(kept[ENTERPRISE][name], extension[name]);
        let filter = format!(r#"{ENTERPRISE}:{name} eq "THE {}""#, name.to_uppercase());
        assert_eq!(found(&acme, &filter).await, ["ada"], "{filter}");
    }
    let manager = &kept[ENTERPRISE]["manager"];
    assert_eq!(manager, &json!({"value": id(&boss), "$ref": format!("..{boss}")}));
    let filter = format!(r#"{ENTERPRISE}:manager.value eq "{}""#, id(&boss));
    assert_eq!(found(&acme, &filter).await, ["ada"]);

    let path = format!("{ENTERPRISE}:department");
    let replace = json!([{"op": "replace", "path": path, "value": "Looms"}]);
    let changed = patch(&acme, &ada, replace).await.is(200).json();
    assert_eq!(changed[ENTERPRISE]["department"], "Looms");
    assert_eq!(changed[ENTERPRISE]["division"], "the division");
}
