//! Between the typed [`User`] and [`Group`] and a SCIM document, by the JSON mapping of protobuf: the contract's
//! field names are SCIM's, so no attribute is named here. What differs is settled: extensions stand
//! beside the attributes in SCIM and in a map in the message, and a `Struct` knows doubles alone.
//!
//! Nothing is judged by schema: names are taken as SCIM spells them, and what an identity provider
//! wrote is for the directory's reader.

use std::collections::HashMap;

use pbjson_types::value::Kind;
use pbjson_types::{ListValue, Struct};
use serde::de::DeserializeOwned;
use serde::{Serialize, de, ser};
use serde_json::{Error, Map, Number, Value};

use crate::v1::{Group, User};

/// The one extension that has a field of its own, in [`User`], whose JSON name this is.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The field of all other extensions, by its JSON name.
const EXTENSIONS: &str = "extensions";
/// The field that is the directory's own word, and no attribute.
const MANAGEMENT: &str = "management";

/// Below it every whole number is a double of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

macro_rules! documents {
    ($($message:ident),*) => {$(
        impl $message {
            /// The message of a document that is spelt as the directory renders it: names in SCIM's
            /// letter case, values of their schema's types, nothing null.
            ///
            /// # Errors
            /// When the document holds an attribute that the message has no field for, or a value of
            /// another type.
            pub fn from_scim(document: &Value) -> Result<Self, Error> {
                let (attributes, extensions): (Self, _) = typed_parts(document)?;
                Ok(Self { extensions, ..attributes })
            }

            /// The document of the message, to be read by schema.
            ///
            /// # Errors
            /// When the message holds its document as text in `scim_json`; when an extension's name is
            /// no URI, or is that of the enterprise extension, which has a field of its own; when a
            /// number is not finite.
            pub fn to_scim(&self) -> Result<Value, Error> {
                if !self.scim_json.is_empty() {
                    return Err(unwritable("scim_json is filled in answers alone; leave it empty"));
                }
                document_of(self, &self.extensions)
            }
        }
    )*};
}

documents!(User, Group);

/// The attributes of a document as their message, and its extensions.
fn typed_parts<T: DeserializeOwned>(
    document: &Value,
) -> Result<(T, HashMap<String, Struct>), Error> {
    let document = document.as_object().ok_or_else(|| unreadable("not an object"))?;
    let (mut attributes, mut extensions) = (Map::new(), HashMap::new());
    for (name, value) in document {
        if is_uri(name) && name != ENTERPRISE {
            let members = value.as_object().ok_or_else(|| unreadable("not an object"))?;
            extensions.insert(name.clone(), to_struct(members));
        } else {
            attributes.insert(name.clone(), value.clone());
        }
    }
    Ok((serde_json::from_value(attributes.into())?, extensions))
}

fn document_of(
    message: &impl Serialize,
    extensions: &HashMap<String, Struct>,
) -> Result<Value, Error> {
    let mut document = serde_json::to_value(message)?;
    if let Some(members) = document.as_object_mut() {
        members.remove(EXTENSIONS);
        members.remove(MANAGEMENT);
        for (name, extension) in extensions {
            if !is_uri(name) {
                return Err(unwritable("the key of an extension is its schema's URN"));
            }
            if name.eq_ignore_ascii_case(ENTERPRISE) {
                return Err(unwritable("the enterprise extension has a field of its own"));
            }
            members.insert(name.clone(), from_struct(extension)?);
        }
    }
    Ok(document)
}

/// A typed value as JSON. A whole number stays one: 5, where protobuf's own mapping gives 5.0.
///
/// # Errors
/// When a number is not finite: JSON has no word for it.
pub fn to_json(value: &pbjson_types::Value) -> Result<Value, Error> {
    Ok(match &value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => (*value).into(),
        Some(Kind::NumberValue(value)) => number(*value)?.into(),
        Some(Kind::StringValue(text)) => text.as_str().into(),
        Some(Kind::StructValue(members)) => from_struct(members)?,
        Some(Kind::ListValue(list)) => {
            Value::Array(list.values.iter().map(to_json).collect::<Result<_, _>>()?)
        }
    })
}

fn from_struct(members: &Struct) -> Result<Value, Error> {
    let members = members.fields.iter().map(|(name, value)| Ok((name.clone(), to_json(value)?)));
    Ok(Value::Object(members.collect::<Result<_, Error>>()?))
}

fn number(value: f64) -> Result<Number, Error> {
    if value.fract() == 0.0 && value.abs() < EXACT {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within 53 bits")]
        return Ok((value as i64).into());
    }
    Number::from_f64(value).ok_or_else(|| unwritable("a number is not finite"))
}

/// Numbers become the nearest doubles.
fn to_struct(members: &Map<String, Value>) -> Struct {
    members.iter().map(|(name, value)| (name.clone(), typed(value))).collect()
}

fn typed(value: &Value) -> pbjson_types::Value {
    match value {
        Value::Null => ().into(),
        Value::Bool(value) => (*value).into(),
        Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).into(),
        Value::String(text) => text.clone().into(),
        Value::Array(values) => ListValue { values: values.iter().map(typed).collect() }.into(),
        Value::Object(members) => to_struct(members).into(),
    }
}

/// Whether a member of a document is an extension: its name is a URI, and only a URI has a colon
/// (RFC 7643 section 2.1).
fn is_uri(name: &str) -> bool {
    name.contains(':')
}

fn unreadable(cause: &str) -> Error {
    de::Error::custom(cause)
}

fn unwritable(cause: &str) -> Error {
    ser::Error::custom(cause)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::v1::{EnterpriseUser, Manager, Meta, MultiValue, Name};

    const BADGE: &str = "urn:example:params:scim:schemas:extension:badge:2.0:User";

    /// RFC 7643 section 8.3 in short, with an extension of a workspace's own.
    fn document() -> Value {
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE, BADGE],
            "id": "2819c223-7f76-453a-919d-413861904646",
            "externalId": "701984",
            "userName": "bjensen@example.com",
            "name": {"familyName": "Jensen", "givenName": "Barbara", "honorificPrefix": "Ms."},
            "displayName": "Babs Jensen",
            "active": false,
            "emails": [
                {"value": "bjensen@example.com", "type": "work", "primary": true},
                {"value": "babs@jensen.org", "type": "home", "primary": false},
            ],
            "phoneNumbers": [{"value": "tel:+1-201-555-0123", "display": "office"}],
            "addresses": [{"streetAddress": "100 Universal City Plaza", "postalCode": "91608"}],
            "x509Certificates": [{"value": "MIIDQzCCAqygAwIBAgICEAAwDQYJKoZIhvcNAQEFBQAwTjEL"}],
            "meta": {
                "resourceType": "User",
                "created": "2010-01-23T04:56:22Z",
                "lastModified": "2011-05-13T04:42:34.123456Z",
                "location": "https://example.com/v2/Users/2819c223-7f76-453a-919d-413861904646",
                "version": "W/\"3694\"",
            },
            (ENTERPRISE): {
                "employeeNumber": "701984",
                "manager": {"value": "26118915", "$ref": "../Users/26118915", "displayName": "J"},
            },
            (BADGE): {"number": 5, "weight": 1.5, "doors": ["a", 2, null], "valid": true},
        })
    }

    #[test]
    fn a_message_has_scims_names_in_json() {
        let user = User {
            user_name: "ada".to_owned(),
            name: Some(Name { family_name: "Lovelace".to_owned(), ..Name::default() }),
            active: Some(false),
            x509_certificates: vec![MultiValue { primary: Some(false), ..MultiValue::default() }],
            meta: Some(Meta {
                last_modified: "2026-11-24T09:30:00Z".to_owned(),
                ..Meta::default()
            }),
            enterprise: Some(EnterpriseUser {
                manager: Some(Manager { r#ref: "../Users/1".to_owned(), ..Manager::default() }),
                ..EnterpriseUser::default()
            }),
            ..User::default()
        };
        let json = json!({
            "userName": "ada",
            "name": {"familyName": "Lovelace"},
            "active": false,
            "x509Certificates": [{"primary": false}],
            "meta": {"lastModified": "2026-11-24T09:30:00Z"},
            (ENTERPRISE): {"manager": {"$ref": "../Users/1"}},
        });
        assert_eq!(serde_json::to_value(&user).unwrap(), json);
        assert_eq!(serde_json::from_value::<User>(json).unwrap(), user);
    }

    #[test]
    fn a_document_comes_back_from_its_message_as_it_was() {
        let user = User::from_scim(&document()).unwrap();
        assert_eq!(user.user_name, "bjensen@example.com");
        assert_eq!(user.extensions.keys().collect::<Vec<_>>(), [BADGE]);
        assert_eq!(user.to_scim().unwrap(), document());
    }

    /// Fails when a field of the message is taken out, or the schema gets an attribute that has none.
    #[test]
    fn every_attribute_of_the_schemas_has_its_field() {
        let schema = |text| serde_json::from_str::<Value>(text).unwrap();
        let user = schema(include_str!("../scim/schemas/user.json"));
        let enterprise = schema(include_str!("../scim/schemas/enterprise_user.json"));
        let common = schema(include_str!("../scim/schemas/common.json"));
        let mut document = sample(&user["attributes"]);
        document.extend(sample(&common));
        document.insert(ENTERPRISE.to_owned(), sample(&enterprise["attributes"]).into());
        let document = Value::Object(document);
        assert_eq!(User::from_scim(&document).unwrap().to_scim().unwrap(), document);

        let group = schema(include_str!("../scim/schemas/group.json"));
        let mut document = sample(&group["attributes"]);
        document.extend(sample(&common));
        let document = Value::Object(document);
        assert_eq!(Group::from_scim(&document).unwrap().to_scim().unwrap(), document);
    }

    /// A value of every attribute that a schema defines.
    fn sample(attributes: &Value) -> Map<String, Value> {
        let attributes = attributes.as_array().unwrap().iter();
        let of = |attribute: &Value| {
            let one = match attribute["type"].as_str().unwrap() {
                "complex" => sample(&attribute["subAttributes"]).into(),
                "boolean" => true.into(),
                _ => json!("text"),
            };
            let value = if attribute["multiValued"] == true { json!([one]) } else { one };
            (attribute["name"].as_str().unwrap().to_owned(), value)
        };
        attributes.map(of).collect()
    }

    #[test]
    fn what_has_no_field_is_refused_not_lost() {
        for unknown in [
            json!({"userName": "ada", "shoeSize": 5}),
            json!({"userName": 5}),
            json!({"name": {"nick": "a"}}),
            json!({(BADGE): "text"}),
            json!([]),
        ] {
            assert!(User::from_scim(&unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn an_extension_cannot_take_an_attributes_place() {
        for name in ["userName", "", ENTERPRISE, &ENTERPRISE.to_uppercase()] {
            let extensions = HashMap::from([(name.to_owned(), Struct::default())]);
            let user = User { extensions, ..User::default() };
            assert!(user.to_scim().is_err(), "{name}");
        }
    }

    #[test]
    fn a_document_as_text_is_not_taken_for_typed_fields() {
        let user = User { scim_json: "{}".to_owned(), ..User::default() };
        assert!(user.to_scim().is_err());
    }

    #[test]
    fn whole_numbers_stay_whole() {
        let json = |number: f64| to_json(&number.into()).ok();
        assert_eq!(json(5.0), Some(json!(5)));
        assert_eq!(json(-0.0), Some(json!(0)));
        assert_eq!(json(1.5), Some(json!(1.5)));
        assert_eq!(json(EXACT - 1.0), Some(json!(9_007_199_254_740_991_i64)));
        assert_eq!(json(1e300), Some(json!(1e300)));
        assert_eq!(json(f64::NAN), None);
        assert_eq!(json(f64::INFINITY), None);
    }
}
