//! What reading and writing a resource promises.

use super::*;
use crate::ErrorKind::{self, InvalidSyntax, InvalidValue, TooMany};
use crate::Schemas;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn read(value: Value) -> Result<Resource, Error> {
    Schemas::standard().user().read_value(value)
}

/// The tree of `ada` and these attributes, without her userName.
fn tree(mut more: Value) -> Value {
    more["userName"] = json!("ada");
    let mut object = read(more).unwrap().object;
    object.remove("userName");
    Value::Object(object)
}

fn refusal(mut more: Value) -> ErrorKind {
    more["userName"] = json!("ada");
    read(more).unwrap_err().kind
}

#[test]
fn names_take_their_one_spelling() {
    assert_eq!(
        tree(json!({"NAME": {"GIVENNAME": "Ada"}, "Emails": [{"VALUE": "a@b.c"}]})),
        json!({"name": {"givenName": "Ada"}, "emails": [{"value": "a@b.c"}]})
    );
    let urn = ENTERPRISE.to_lowercase();
    assert_eq!(
        tree(json!({(urn): {"DEPARTMENT": "Engines"}})),
        json!({(ENTERPRISE): {"department": "Engines"}})
    );
}

#[test]
fn dotted_filter_and_urn_keys_are_read_as_in_a_patch() {
    assert_eq!(
        tree(json!({
            "name.givenName": "Ada", "NAME": {"familyName": "L"},
            "emails[type eq \"work\"].value": "a@b.c",
            (format!("{ENTERPRISE}:department")): "Engines",
            (format!("{ENTERPRISE}:manager")): "42"
        })),
        json!({
            "name": {"givenName": "Ada", "familyName": "L"},
            "emails": [{"type": "work", "value": "a@b.c"}],
            (ENTERPRISE): {"department": "Engines", "manager": {"value": "42", "$ref": "../Users/42"}}
        })
    );
}

#[test]
fn one_attribute_in_two_spellings_is_refused() {
    assert_eq!(refusal(json!({"USERNAME": "eve"})), InvalidSyntax);
    assert_eq!(refusal(json!({"name": {"givenName": "a", "GIVENNAME": "b"}})), InvalidSyntax);
    assert_eq!(refusal(json!({"emails": [{"value": "a", "Value": "b"}]})), InvalidSyntax);
}

#[test]
fn types_are_coerced_where_that_is_safe() {
    assert_eq!(
        tree(
            json!({"active": "False", "title": 7, "roles": "admin", "emails": {"value": "a@b.c"}})
        ),
        json!({"active": false, "title": "7", "roles": [{"value": "admin"}],
            "emails": [{"value": "a@b.c"}]})
    );
    for manager in [json!("42"), json!([{"$ref": "", "value": "42"}]), json!({"value": 42})] {
        assert_eq!(
            tree(json!({(ENTERPRISE): {"manager": manager}})),
            json!({(ENTERPRISE): {"manager": {"value": "42", "$ref": "../Users/42"}}})
        );
    }
}

#[test]
fn another_type_is_refused_naming_attribute_and_types() {
    for (sent, named) in [
        (json!({"active": "maybe"}), "`active` takes a boolean"),
        (json!({"title": true}), "`title` takes a string, but a boolean"),
        (json!({"title": ["a", "b"]}), "but an array"),
        (json!({"name": "Ada"}), "`name` takes a complex"),
        (json!({"emails": [{"value": {"x": 1}}]}), "`emails.value`"),
        (json!({"x509Certificates": [{"value": "no base64!"}]}), "`x509Certificates.value`"),
        (json!({(ENTERPRISE): {"department": []  , "manager": {"value": true}}}), "manager.value"),
    ] {
        let mut sent = sent;
        sent["userName"] = json!("ada");
        let error = read(sent).unwrap_err();
        assert_eq!(error.kind, InvalidValue);
        assert!(error.detail.contains(named), "{}", error.detail);
    }
    assert_eq!(read(json!([])).unwrap_err().kind, InvalidSyntax);
}

#[test]
fn null_empty_unknown_and_read_only_are_as_if_not_sent() {
    assert_eq!(
        tree(json!({
            "schemas": ["urn:x"], "id": "7", "meta": {"resourceType": "User"}, "groups": [],
            "password": "secret", "colour": "red", "urn:example:x:User": {"a": 1},
            "urn:example:x:User:a": 1, "not a name": 1,
            "title": null, "roles": [], "name": {}, "photos": [null, {}],
            "emails": [{"type": "work", "value": null}],
            (ENTERPRISE): {"manager": {"displayName": "Boss"}}
        })),
        json!({})
    );
}

#[test]
fn values_are_kept_as_sent() {
    let sent = json!({"title": " Countess ", "nickName": "", "emails": [
        {"value": "Ada@ACME.com", "type": "Work", "primary": true}, {"value": "b@c.d"}]});
    assert_eq!(tree(sent.clone()), sent);
}

#[test]
fn a_user_name_is_required() {
    for sent in [json!({}), json!({"userName": ""}), json!({"userName": null})] {
        let error = read(sent).unwrap_err();
        assert_eq!(error.kind, InvalidValue);
        assert!(error.detail.contains("`userName` is required"), "{}", error.detail);
    }
}

/// Seen to fail with the check of the format in `check_text` taken out.
#[test]
fn names_and_addresses_hold_nothing_invisible() {
    for bad in ["a\u{0}", "a\nb", "\u{202e}moc.emca@ada", "a\u{2066}b", "\u{85}", "\u{200f}"] {
        assert_eq!(read(json!({"userName": bad})).unwrap_err().kind, InvalidValue, "{bad:?}");
        assert_eq!(refusal(json!({"emails": [{"value": bad}]})), InvalidValue, "{bad:?}");
    }
    assert!(read(json!({"userName": "x".repeat(320)})).is_ok());
    assert_eq!(read(json!({"userName": "x".repeat(321)})).unwrap_err().kind, InvalidValue);
    assert_eq!(refusal(json!({"title": "a\u{0}"})), InvalidValue, "no engine stores NUL");
    assert_eq!(tree(json!({"title": "a\nb"}))["title"], "a\nb");
}

#[test]
fn values_and_their_length_are_bounded() {
    let emails =
        |count: usize| json!({"emails": (0..count).map(|n| n.to_string()).collect::<Vec<_>>()});
    assert_eq!(tree(emails(10_000))["emails"].as_array().unwrap().len(), 10_000);
    assert_eq!(refusal(emails(10_001)), TooMany);
    assert_eq!(refusal(json!({"title": "x".repeat(64 * 1024 + 1)})), TooMany);
}

/// Seen to fail with the count in `read::values` taken out.
#[test]
fn two_primary_values_are_refused() {
    let two =
        json!({"emails": [{"value": "a", "primary": true}, {"value": "b", "primary": "True"}]});
    assert_eq!(refusal(two), InvalidValue);
}

#[test]
fn equal_values_are_one() {
    let twice = json!({"emails": [
        {"value": "a@b.c", "type": "work"}, {"value": "A@b.c", "type": "work", "display": "x"},
        {"value": "a@b.c", "type": "home"}]});
    assert_eq!(tree(twice)["emails"].as_array().unwrap().len(), 2);
}

#[test]
fn a_document_names_its_schemas_and_is_restored() {
    let rt = Schemas::standard().user();
    let ada = read(json!({"userName": "ada", (ENTERPRISE): {"department": "x"}})).unwrap();
    let document: Value = serde_json::from_str(&ada.to_json()).unwrap();
    assert_eq!(document["schemas"], json!([rt.schema(), ENTERPRISE]));
    assert_eq!(rt.restore(&ada.to_json()).unwrap(), ada);
    assert!(!read(json!({"userName": "a"})).unwrap().to_json().contains(ENTERPRISE));
}

#[test]
fn the_search_copy_is_folded_where_letter_case_does_not_matter() {
    let ada = read(json!({"userName": "ADA", "externalId": "ADA", "active": true,
        "emails": [{"value": "A@B.C", "type": "Work"}], (ENTERPRISE): {"department": "X"}}));
    let folded = ada.unwrap().folded();
    assert_eq!(folded["userName"], "ada");
    assert_eq!(folded["externalId"], "ADA");
    assert_eq!(folded["emails"], json!([{"value": "a@b.c", "type": "work"}]));
    assert_eq!(folded[ENTERPRISE]["department"], "x");
    let schemas = Schemas::standard().with_extension(
        "User",
        r#"{
        "id": "urn:example:acme:2.0:User", "name": "Acme",
        "attributes": [{"name": "hired", "type": "dateTime"}]}"#,
    );
    let hired = json!({"userName": "a", "urn:example:acme:2.0:User:hired": "1970-01-01T00:00:01Z"});
    let folded = schemas.unwrap().user().read_value(hired).unwrap().folded();
    assert_eq!(folded["urn:example:acme:2.0:User"]["hired"], 1_000_000);
}

#[test]
fn changed_attributes_are_named() {
    let before = read(json!({"userName": "ada", "title": "x", "active": true})).unwrap();
    let after = read(json!({"userName": "ada", "active": false, (ENTERPRISE): {"division": "d"}}));
    assert_eq!(after.unwrap().changed_attributes(&before), ["active", "title", ENTERPRISE]);
}

#[test]
fn the_named_views_see_what_was_sent() {
    let mut ada = read(json!({"userName": "ada", "externalId": "7", "emails": [
        {"value": "a@b.c", "type": "work", "primary": "true"}, {"display": "no address"}]}))
    .unwrap();
    assert_eq!(
        (ada.user_name(), ada.external_id(), ada.is_active()),
        (Some("ada"), Some("7"), true)
    );
    let emails: Vec<_> = ada.emails().collect();
    assert_eq!(emails, [Email { value: "a@b.c", kind: Some("work"), primary: true }]);
    assert_eq!(ada.take_external_id().as_deref(), Some("7"));
    assert_eq!(ada.external_id(), None);
    ada.set_external_id(Some("8".to_owned()));
    assert_eq!(ada.external_id(), Some("8"));
}

#[test]
fn a_replacement_keeps_what_is_immutable() {
    let schemas = Schemas::standard().with_extension(
        "User",
        r#"{
        "id": "urn:example:acme:2.0:User", "name": "Acme",
        "attributes": [{"name": "badge", "mutability": "immutable"}]}"#,
    );
    let schemas = schemas.unwrap();
    let read = |badge: Value| {
        let value = json!({"userName": "a", "urn:example:acme:2.0:User": {"badge": badge}});
        schemas.user().read_value(value).unwrap()
    };
    assert!(read(json!("1")).check_immutable(&read(json!("1"))).is_ok());
    assert!(read(json!("1")).check_immutable(&read(json!(null))).is_ok());
    for other in [json!("2"), json!(null)] {
        let error = read(other).check_immutable(&read(json!("1"))).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Mutability);
    }
}
