//! Typed people to SCIM JSON and back, by the JSON mapping of the contract.
//!
//! The names are SCIM's already (`json_name`); only the registered extensions stand in a map here
//! and beside the attributes there. Whether values are allowed is for the directory's one reader.

use pbjson_types::Struct;
use serde_json::{Map, Value};

use crate::v1::User;

/// Where the map of extensions stands in the JSON mapping.
const EXTENSIONS: &str = "extensions";
/// What the JSON mapping has and SCIM has not.
const NOT_SCIM: [&str; 1] = ["scimJson"];
/// What each schema's URN begins with.
const URN: &str = "urn:";
/// The extension that is typed.
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

impl User {
    /// The person as SCIM JSON.
    ///
    /// # Errors
    /// When a value has no form in JSON, such as a number that is not finite.
    pub fn to_scim(&self) -> Result<Value, serde_json::Error> {
        let mut person = serde_json::to_value(self)?;
        if let Some(person) = person.as_object_mut() {
            for name in NOT_SCIM {
                person.remove(name);
            }
            if let Some(Value::Object(extensions)) = person.remove(EXTENSIONS) {
                person.extend(extensions);
            }
        }
        Ok(person)
    }

    /// The person whom SCIM JSON in canonical spelling describes.
    ///
    /// # Errors
    /// When a value does not fit its attribute.
    pub fn from_scim(person: &Value) -> Result<Self, serde_json::Error> {
        let mut typed = Map::new();
        let mut extensions = Map::new();
        for (name, value) in person.as_object().into_iter().flatten() {
            if name.starts_with(URN) && name != ENTERPRISE {
                extensions.insert(name.clone(), value.clone());
            } else if name != "schemas" {
                typed.insert(name.clone(), value.clone());
            }
        }
        let mut person: Self = serde_json::from_value(Value::Object(typed))?;
        for (urn, value) in extensions {
            person.extensions.insert(urn, serde_json::from_value::<Struct>(value)?);
        }
        Ok(person)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn typed_people_have_scims_names() {
        let person = json!({
            "id": "1", "userName": "ada", "active": false, "nickName": "A",
            "name": {"givenName": "Ada", "honorificPrefix": "Countess"},
            "emails": [{"value": "ada@acme.com", "type": "work", "primary": true}],
            "x509Certificates": [{"value": "MA=="}],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                {"employeeNumber": "7", "manager": {"value": "2", "$ref": "../Users/2"}},
            "urn:example:Extra": {"level": "high"},
            "meta": {"resourceType": "User", "version": "W/\"3\"", "lastModified": "2026-01-01T00:00:00Z"},
        });
        let typed = User::from_scim(&person).unwrap();
        assert_eq!(typed.enterprise_user.as_ref().unwrap().employee_number.as_deref(), Some("7"));
        assert!(typed.extensions.contains_key("urn:example:Extra"));
        assert_eq!(typed.to_scim().unwrap(), person);
    }

    #[test]
    fn what_is_absent_stays_absent() {
        let typed = User::from_scim(&json!({"schemas": ["x"], "userName": "ada"})).unwrap();
        assert_eq!(typed.active, None);
        assert_eq!(typed.to_scim().unwrap(), json!({"userName": "ada"}));
    }

    #[test]
    fn the_json_text_of_a_view_is_no_attribute() {
        let typed = User { user_name: "ada".into(), scim_json: "{}".into(), ..User::default() };
        assert_eq!(typed.to_scim().unwrap(), json!({"userName": "ada"}));
    }
}
