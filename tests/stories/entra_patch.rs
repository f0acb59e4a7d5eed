//! Every form in which Entra ID patches a person.

use rstest::rstest;
use serde_json::{Value, json};

use crate::harness::{Dialect, Nestr};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Operations as they are sent, and what then stands where.
struct Form {
    operations: &'static str,
    path: &'static [&'static str],
    stands: Value,
}

/// Without the flag: capitalised operations, booleans as strings, `Add` on single values.
fn legacy() -> Vec<Form> {
    const DEPARTMENT: &[&str] = &[ENTERPRISE, "department"];
    const MANAGER: &[&str] = &[ENTERPRISE, "manager", "value"];
    vec![
        form(
            r#"[{"op":"Replace","path":"displayName","value":"Ada King"}]"#,
            &["displayName"],
            json!("Ada King"),
        ),
        form(r#"[{"op":"Add","path":"title","value":"Countess"}]"#, &["title"], json!("Countess")),
        form(r#"[{"op":"Replace","path":"active","value":"False"}]"#, &["active"], json!(false)),
        form(r#"[{"op":"Add","path":"active","value":"True"}]"#, &["active"], json!(true)),
        form(
            r#"[{"op":"Replace","path":"name.givenName","value":"Augusta"}]"#,
            &["name", "givenName"],
            json!("Augusta"),
        ),
        form(r#"[{"op":"Remove","path":"title"}]"#, &["title"], json!(null)),
        form(
            r#"[{"op":"Replace","path":"externalId","value":"ada.king"}]"#,
            &["externalId"],
            json!("ada.king"),
        ),
        form(
            r#"[{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"+44 20"}]"#,
            &["phoneNumbers"],
            json!([{"type": "mobile", "value": "+44 20"}]),
        ),
        form(
            r#"[{"op":"Replace","path":"addresses[type eq \"work\"].formatted","value":"St James"}]"#,
            &["addresses"],
            json!([{"type": "work", "formatted": "St James"}]),
        ),
        form(
            r#"[{"op":"Add","path":"addresses[type eq \"work\"].country","value":"GB"}]"#,
            &["addresses"],
            json!([{"type": "work", "formatted": "St James", "country": "GB"}]),
        ),
        form(
            r#"[{"op":"Add","path":"roles[primary eq \"True\"].value","value":"analyst"}]"#,
            &["roles"],
            json!([{"primary": true, "value": "analyst"}]),
        ),
        form(
            r#"[{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Engines"}]"#,
            DEPARTMENT,
            json!("Engines"),
        ),
        form(
            r#"[{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Looms"}]"#,
            DEPARTMENT,
            json!("Looms"),
        ),
        form(
            r#"[{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"m-1"}]"#,
            MANAGER,
            json!("m-1"),
        ),
        form(
            r#"[{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":[{"$ref":"","value":"m-2"}]}]"#,
            MANAGER,
            json!("m-2"),
        ),
        form(
            r#"[{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":{"$ref":null,"value":"m-3"}}]"#,
            MANAGER,
            json!("m-3"),
        ),
        form(
            r#"[{"op":"Remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}]"#,
            MANAGER,
            json!(null),
        ),
        form(
            r#"[{"op":"Add","value":{"name.familyName":"King","emails[type eq \"home\"].value":"ada@home.example","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber":"1815"}}]"#,
            &[ENTERPRISE, "employeeNumber"],
            json!("1815"),
        ),
        // The three keys of the form before this one were all taken.
        form(
            r#"[{"op":"Replace","value":{"nickName":"AAL","active":"False"}},{"op":"Replace","value":{"active":"True"}}]"#,
            &["name", "familyName"],
            json!("King"),
        ),
        form(
            r#"[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"ada.king@acme.com"}]"#,
            &["emails"],
            json!([
                {"primary": true, "type": "work", "value": "ada.king@acme.com"},
                {"type": "home", "value": "ada@home.example"},
            ]),
        ),
        form(
            r#"[{"op":"Remove","path":"emails[type eq \"home\"]"}]"#,
            &["emails"],
            json!([{"primary": true, "type": "work", "value": "ada.king@acme.com"}]),
        ),
        form(r#"[{"op":"Replace","path":"nickName","value":null}]"#, &["nickName"], json!(null)),
    ]
}

/// With `aadOptscim062020`: lower-case operations, real booleans, values without a path.
fn flagged() -> Vec<Form> {
    vec![
        form(
            r#"[{"op":"replace","value":{"displayName":"Ada King","title":"Countess"}}]"#,
            &["displayName"],
            json!("Ada King"),
        ),
        form(r#"[{"op":"replace","value":{"active":false}}]"#, &["active"], json!(false)),
        form(r#"[{"op":"replace","path":"active","value":true}]"#, &["active"], json!(true)),
        form(
            r#"[{"op":"add","value":{"name":{"givenName":"Augusta"}}}]"#,
            &["name"],
            json!({"formatted": "Ada Lovelace", "givenName": "Augusta", "familyName": "Lovelace"}),
        ),
        form(
            r#"[{"op":"add","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Engines","manager":"m-1"}}}]"#,
            &[ENTERPRISE],
            json!({"department": "Engines", "manager": {"value": "m-1", "$ref": "../Users/m-1"}}),
        ),
        form(
            r#"[{"op":"replace","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"Looms"}}]"#,
            &[ENTERPRISE],
            json!({"department": "Looms", "manager": {"value": "m-1", "$ref": "../Users/m-1"}}),
        ),
        form(
            r#"[{"op":"add","path":"phoneNumbers","value":[{"type":"mobile","value":"+44 20"}]}]"#,
            &["phoneNumbers"],
            json!([{"type": "mobile", "value": "+44 20"}]),
        ),
        form(
            r#"[{"op":"replace","value":{"emails[type eq \"work\"].value":"ada.king@acme.com"}}]"#,
            &["emails"],
            json!([{"primary": true, "type": "work", "value": "ada.king@acme.com"}]),
        ),
        form(r#"[{"op":"remove","path":"title"}]"#, &["title"], json!(null)),
    ]
}

fn form(operations: &'static str, path: &'static [&'static str], stands: Value) -> Form {
    Form { operations, path, stands }
}

#[rstest]
#[case(Dialect::Legacy, legacy())]
#[case(Dialect::Flagged, flagged())]
#[tokio::test]
async fn every_form_of_a_patch_is_taken_as_meant(
    #[case] dialect: Dialect,
    #[case] forms: Vec<Form>,
) {
    let entra = Nestr::start().await.acme().connect_entra(dialect);
    let ada = entra.assign("Ada@acme.com").await;
    for Form { operations, path, stands } in forms {
        let patched = entra.patch(&ada, operations).await.is(200);
        let found = path.iter().try_fold(&patched.json(), |value, key| value.get(key)).cloned();
        assert_eq!(found.unwrap_or_default(), stands, "after {operations}:\n{patched}");
        assert_eq!(entra.get(&ada).await.json(), patched.json(), "after {operations}");
    }
}

/// Entra expects the element to be made; nothing makes it the primary one, which would move the
/// login.
#[tokio::test]
async fn a_filtered_add_without_a_match_makes_the_element_and_no_primary_of_it() {
    let entra = Nestr::start().await.acme().connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let other = r#"[{"op":"Add","path":"emails[type eq \"other\"].value","value":"x@y.example"}]"#;
    assert_eq!(
        entra.patch(&ada, other).await.is(200).at("/emails"),
        json!([
            {"primary": true, "type": "work", "value": "ada@acme.com"},
            {"type": "other", "value": "x@y.example"},
        ])
    );
}

#[tokio::test]
async fn a_patch_is_taken_whole_or_not_at_all() {
    let entra = Nestr::start().await.acme().connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let before = entra.get(&ada).await;
    for (operations, scim_type) in [
        (
            r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Replace","path":"nonsense","value":"x"}]"#,
            "invalidPath",
        ),
        (
            r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Replace","path":"active","value":"maybe"}]"#,
            "invalidValue",
        ),
        (
            r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Remove","path":"userName"}]"#,
            "mutability",
        ),
        (r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Remove"}]"#, "noTarget"),
        (
            r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Replace","path":"emails[","value":"x"}]"#,
            "invalidPath",
        ),
        (
            r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Replace","path":"id","value":"x"}]"#,
            "mutability",
        ),
        (
            r#"[{"op":"Replace","path":"title","value":"x"},{"op":"Merge","path":"title","value":"x"}]"#,
            "invalidSyntax",
        ),
    ] {
        entra.patch(&ada, operations).await.refused(400, scim_type);
        assert_eq!(entra.get(&ada).await.essence(), before.essence(), "after {operations}");
    }
}

/// Entra repeats itself every 40 minutes: the version moves only with the person.
#[tokio::test]
async fn a_patch_that_changes_nothing_leaves_the_version_alone() {
    let entra = Nestr::start().await.acme().connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let before = entra.get(&ada).await;
    let same = [("active", json!(true)), ("userName", json!("ada@acme.com"))];
    assert_eq!(entra.set(&ada, &same).await.is(200).essence(), before.essence());

    let changed = entra.set(&ada, &[("title", json!("Countess"))]).await.is(200);
    assert_ne!(changed.header("etag"), before.header("etag"));
}
