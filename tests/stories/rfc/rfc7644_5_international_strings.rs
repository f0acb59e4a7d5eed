//! RFC 7644 sections 5 and 7.9: strings of the world compared. Every form: `scim/src/fold.rs`.

use serde_json::json;

use super::{found, user};
use crate::harness::Nestr;

/// "internationalized strings ... SHOULD" be prepared before they are compared: names are met whatever
/// their letter case and normal form, and come back as they were sent. Seen to fail with letter case alone
/// folded.
#[tokio::test]
async fn a_name_is_met_in_every_letter_case_and_normal_form() {
    let acme = Nestr::start().await.acme();
    for (sent, others) in [
        ("Zoë", ["ZOE\u{308}", "zoë"]),
        ("Straße", ["STRASSE", "strasse"]),
        ("Σίσυφος", ["ΣΊΣΥΦΟΣ", "σίσυφος"]),
        ("Ａｄａ", ["ada", "ADA"]),
    ] {
        let path = user(&acme, sent, json!({"displayName": sent})).await;
        assert_eq!(acme.get(&path).await.text("/userName"), sent);
        for other in others {
            for attribute in ["userName", "displayName"] {
                assert_eq!(found(&acme, &format!(r#"{attribute} eq "{other}""#)).await, [sent]);
            }
            let body = json!({"userName": other}).to_string();
            acme.post("/Users", body).await.refused(409, "uniqueness");
        }
    }
    // Letters that look alike are different ones.
    user(&acme, "аda", json!({})).await;
}
