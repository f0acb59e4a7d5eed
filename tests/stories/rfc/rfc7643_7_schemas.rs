//! RFC 7643 section 7: the definitions of schemas.

use serde_json::Value;

use crate::harness::Nestr;

/// Every attribute tells all its characteristics, in the words that the section gives (2.2: "If not
/// otherwise stated" there are defaults; here all is stated).
#[tokio::test]
async fn every_attribute_tells_its_characteristics_in_the_words_of_the_rfc() {
    let acme = Nestr::start().await.acme();
    let schemas = acme.get("/Schemas").await.rows();
    assert_eq!(schemas.len(), 3);
    let mut count = 0;
    for schema in &schemas {
        assert!(schema["id"].as_str().unwrap().starts_with("urn:ietf:params:scim:schemas:"));
        assert!(schema["name"].is_string() && schema["description"].is_string());
        for attribute in schema["attributes"].as_array().unwrap() {
            count += check(attribute);
        }
    }
    assert!(count > 70, "{count}");
}

/// Checks an attribute and those within it; answers how many they are.
fn check(attribute: &Value) -> usize {
    let one_of = |member: &str, words: &[&str]| {
        let word = attribute[member].as_str().unwrap_or_default();
        assert!(words.contains(&word), "{member} is {word:?} in {attribute}");
    };
    let name = attribute["name"].as_str().unwrap_or_default();
    // ATTRNAME = ALPHA *(nameChar), and the `$ref` of section 2.4.
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    assert!(
        name == "$ref"
            || name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(is_name)
    );
    let types =
        ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference", "complex"];
    one_of("type", &types);
    one_of("mutability", &["readOnly", "readWrite", "immutable", "writeOnly"]);
    one_of("returned", &["always", "never", "default", "request"]);
    one_of("uniqueness", &["none", "server", "global"]);
    assert!(attribute["multiValued"].is_boolean() && attribute["required"].is_boolean());
    assert!(!attribute["description"].as_str().unwrap_or_default().is_empty(), "{attribute}");
    if attribute["type"] == "string" || attribute["type"] == "reference" {
        assert!(attribute["caseExact"].is_boolean(), "{attribute}");
    }
    assert_eq!(
        attribute["type"] == "reference",
        attribute["referenceTypes"].is_array(),
        "{attribute}"
    );
    let subs = attribute["subAttributes"].as_array();
    assert_eq!(attribute["type"] == "complex", subs.is_some(), "{attribute}");
    1 + subs.into_iter().flatten().map(check).sum::<usize>()
}
