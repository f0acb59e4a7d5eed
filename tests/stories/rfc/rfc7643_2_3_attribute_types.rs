//! RFC 7643 section 2.3: the types of attributes.

use serde_json::{Value, json};

use super::{follow, found, group, patch, user};
use crate::harness::{Nestr, unique};

/// 2.3.1: "A sequence of zero or more Unicode characters encoded using UTF-8".
#[tokio::test]
async fn text_is_any_unicode_and_comes_back_as_sent() {
    let acme = Nestr::start().await.acme();
    for text in ["Åse Ærø", "艾达·洛夫莱斯", "🦀🧑‍🚀", "E\u{301}", " two  blanks ", "a\nb\t\"\\/"]
    {
        let ada = user(&acme, &unique(), json!({"title": text})).await;
        assert_eq!(acme.get(&ada).await.text("/title"), text);
    }
}

/// 2.3.2: "The literal 'true' or 'false'"; it has no letter case and no order. Texts that say so are
/// taken, as Entra ID sends them; anything else is not.
#[tokio::test]
async fn a_boolean_is_true_or_false_and_nothing_else() {
    let acme = Nestr::start().await.acme();
    for (sent, kept) in [(json!(true), true), (json!(false), false), (json!("FALSE"), false)] {
        let ada = user(&acme, &unique(), json!({"active": sent})).await;
        assert_eq!(acme.get(&ada).await.at("/active"), json!(kept));
    }
    for sent in [json!("yes"), json!(1), json!({"value": true})] {
        let body = json!({"userName": "eve", "active": sent}).to_string();
        acme.post("/Users", body).await.refused(400, "invalidValue");
    }
    assert_eq!(found(&acme, "active eq false").await.len(), 2);
}

/// 2.3.5: "MUST be encoded as a valid xsd:dateTime" with "both a date and a time"; it has no letter
/// case, and is compared as a time.
#[tokio::test]
async fn a_time_has_a_date_a_time_and_a_zone_and_compares_as_a_time() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let created = acme.get(&ada).await.text("/meta/created");
    let (date, time) = created.split_once('T').expect("a date and a time");
    assert!(date.len() == 10 && time.ends_with('Z'), "{created}");
    // The same moment, as clocks show it in another zone.
    let moment = created.trim_end_matches('Z');
    for filter in [
        format!(r#"meta.created eq "{moment}+00:00""#),
        format!(r#"meta.created gt "{moment}+01:00""#),
        format!(r#"meta.created lt "{moment}-01:00""#),
    ] {
        assert_eq!(found(&acme, &filter).await, ["ada"], "{filter}");
    }
}

/// 2.3.6: binary "MUST be base64 encoded" and is "case exact"; by section 3.4.2.2 of RFC 7644 it has
/// no order.
#[tokio::test]
async fn binary_is_base_sixty_four_and_its_letter_case_counts() {
    let acme = Nestr::start().await.acme();
    let certificate = |value: &str| json!({"x509Certificates": [{"value": value}]});
    let ada = user(&acme, "ada@acme.com", certificate("TUlJRGFkYQ==")).await;
    assert_eq!(acme.get(&ada).await.text("/x509Certificates/0/value"), "TUlJRGFkYQ==");
    assert_eq!(found(&acme, r#"x509Certificates.value eq "TUlJRGFkYQ==""#).await, ["ada"]);
    assert_eq!(found(&acme, r#"x509Certificates.value eq "tuljrgfkyq==""#).await, [] as [&str; 0]);
    let mut body = certificate("not base64!");
    body["userName"] = json!("bob@acme.com");
    acme.post("/Users", body.to_string()).await.refused(400, "invalidValue");
}

/// 2.3.7: a reference to a SCIM resource is its address: "A GET on the URI" answers the resource.
#[tokio::test]
async fn a_reference_to_a_resource_leads_to_it() {
    let acme = Nestr::start().await.acme();
    let ada = user(&acme, "ada@acme.com", json!({})).await;
    let inner = group(&acme, "Inner", &[&ada]).await;
    let outer = group(&acme, "Outer", &[&inner, &ada]).await;
    for path in [&inner, &outer] {
        for member in acme.get(path).await.at("/members").as_array().unwrap() {
            let found = follow(&acme, &member["$ref"]).await.is(200);
            assert_eq!(found.at("/id"), member["value"]);
            assert_eq!(found.at("/meta/resourceType"), member["type"]);
        }
    }
    let groups = acme.get(&ada).await.at("/groups");
    assert_eq!(groups.as_array().map(Vec::len), Some(2));
    for group in groups.as_array().unwrap() {
        assert_eq!(
            follow(&acme, &group["$ref"]).await.is(200).at("/displayName"),
            group["display"]
        );
    }
}

/// 2.3.7: an external reference is "a URI" that is kept as it was sent.
/// 2.3.8: a complex value is "a set of sub-attributes" of which one at a time may change.
#[tokio::test]
async fn a_complex_value_is_made_of_its_parts() {
    let acme = Nestr::start().await.acme();
    let name = json!({"familyName": "King", "givenName": "Ada", "shoeSize": 7});
    let link = "https://login.example.com/bjensen?x=1#top";
    let ada = user(&acme, "ada@acme.com", json!({"name": name, "profileUrl": link})).await;
    let part = json!([{"op": "replace", "path": "name.familyName", "value": "Lovelace"}]);
    let after = patch(&acme, &ada, part).await.is(200);
    assert_eq!(after.at("/name"), json!({"familyName": "Lovelace", "givenName": "Ada"}));
    assert_eq!(after.at("/profileUrl"), json!(link));
    acme.post("/Users", r#"{"userName":"eve","name":"Eve"}"#).await.refused(400, "invalidValue");
    assert_eq!(acme.get("/Users").await.at("/totalResults"), Value::from(1));
}
