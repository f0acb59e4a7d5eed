//! Schemas as data: what RFC 7643 sections 4, 6 and 7 define, read from JSON in the RFC's own form.
//! A schema or an extension more is a document more; no code knows an attribute by name.

mod attribute;
mod register;
mod resource_type;

use std::sync::{Arc, LazyLock};

use serde::Deserialize;

pub(crate) use attribute::find;
pub use attribute::{Attribute, Format, Kind, Mutability, Returned, Schema, Uniqueness};
pub use resource_type::ResourceType;
use resource_type::{Definition, ExtensionOf};

use crate::error::Error;

/// The schemas and resource types that hold in one workspace.
#[derive(Clone, Debug)]
pub struct Schemas {
    all: Vec<Arc<Schema>>,
    user: ResourceType,
    group: ResourceType,
}

impl Schemas {
    /// Those of RFC 7643 that every workspace has: User with the enterprise extension, and Group.
    #[must_use]
    pub fn standard() -> &'static Self {
        static STANDARD: LazyLock<Schemas> = LazyLock::new(|| {
            let common: Vec<Arc<Attribute>> = built_in(include_str!("../../schemas/common.json"));
            let user: Schema = built_in(include_str!("../../schemas/user.json"));
            let enterprise: Schema = built_in(include_str!("../../schemas/enterprise_user.json"));
            let group: Schema = built_in(include_str!("../../schemas/group.json"));
            let user_definition: Definition =
                built_in(include_str!("../../schemas/user_resource_type.json"));
            let group_definition: Definition =
                built_in(include_str!("../../schemas/group_resource_type.json"));
            let user_type = ResourceType::new(user_definition, &common, &user, &[&enterprise]);
            let group_type = ResourceType::new(group_definition, &common, &group, &[]);
            Schemas {
                all: [user, enterprise, group].map(Arc::new).into(),
                user: user_type,
                group: group_type,
            }
        });
        &STANDARD
    }

    /// The resource type `User` (RFC 7643 section 4.1).
    #[must_use]
    pub fn user(&self) -> &ResourceType {
        &self.user
    }

    /// The resource type `Group` (RFC 7643 section 4.2).
    #[must_use]
    pub fn group(&self) -> &ResourceType {
        &self.group
    }

    /// All resource types, as `/ResourceTypes` lists them.
    pub fn resource_types(&self) -> impl Iterator<Item = &ResourceType> {
        [&self.user, &self.group].into_iter()
    }

    /// All schemas, as `/Schemas` lists them.
    pub fn schemas(&self) -> impl Iterator<Item = &Schema> {
        self.all.iter().map(AsRef::as_ref)
    }

    /// These schemas and one more: `schema_json`, a schema as RFC 7643 section 7 writes it, extends
    /// the resource type named `resource_type`.
    ///
    /// Its URN must begin with `urn:` and end in a name (`...:2.0:User`), as a path is otherwise
    /// ambiguous; a complex attribute has sub-attributes that are neither complex nor multi-valued.
    ///
    /// # Errors
    /// `InvalidSyntax` when the text is no schema; `InvalidValue` when it breaks a rule above, when
    /// its URN is taken or when there is no such resource type; `TooMany` when it holds more than
    /// [`crate::limits::SCHEMA_ATTRIBUTES`].
    pub fn with_extension(&self, resource_type: &str, schema_json: &str) -> Result<Self, Error> {
        let schema = register::read(schema_json)?;
        if self.schemas().any(|known| known.id.eq_ignore_ascii_case(&schema.id)) {
            return Err(Error::value(format!("The schema `{}` exists already.", schema.id)));
        }
        let mut extended = self.clone();
        let types = [&mut extended.user, &mut extended.group];
        let extending = types.into_iter().find(|kind| kind.name() == resource_type);
        let extending = extending.ok_or_else(|| {
            let shown = crate::error::echo(resource_type);
            Error::value(format!("There is no resource type `{shown}`."))
        })?;
        *extending = extending.extended(ExtensionOf::optional(&schema.id), &schema);
        extended.all.push(Arc::new(schema));
        Ok(extended)
    }
}

/// Reads a document that was compiled in.
#[expect(clippy::expect_used, reason = "the text is ours, and a test reads every one of them")]
fn built_in<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("a built-in schema document is readable")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BADGES: &str = r#"{
        "id": "urn:example:acme:2.0:User", "name": "Acme",
        "attributes": [
            {"name": "badge", "type": "integer"},
            {"name": "labels", "multiValued": true},
            {"name": "desk", "type": "complex", "subAttributes": [{"name": "floor"}]}
        ]}"#;

    #[test]
    fn the_standard_schemas_are_those_of_the_rfc() {
        let ids: Vec<_> = Schemas::standard().schemas().map(|schema| schema.id.as_str()).collect();
        assert_eq!(
            ids,
            [
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
                "urn:ietf:params:scim:schemas:core:2.0:Group",
            ]
        );
        let user = Schemas::standard().user();
        for name in ["id", "EXTERNALID", "userName", "x509certificates", "meta", "schemas"] {
            assert!(user.top(name).is_some(), "{name}");
        }
        assert!(user.top("password").is_none());
    }

    #[test]
    fn discovery_shows_the_rfcs_characteristics_and_none_of_ours() {
        let schema = Schemas::standard().schemas().next().unwrap().to_json();
        assert_eq!(schema["schemas"], serde_json::json!([Schema::URN]));
        let name = &schema["attributes"][0];
        assert_eq!(name["name"], "userName");
        assert_eq!(name["type"], "string");
        assert_eq!(name["uniqueness"], "server");
        assert_eq!(name["caseExact"], false);
        assert!(!schema.to_string().contains("\"format\""));

        let user = Schemas::standard().user().to_json();
        assert_eq!(user["endpoint"], "/Users");
        assert_eq!(user["schemaExtensions"][0]["required"], false);
        assert!(user.get("ignored").is_none());
    }

    #[test]
    fn an_extension_needs_data_only() {
        let schemas = Schemas::standard().with_extension("User", BADGES).unwrap();
        assert_eq!(schemas.schemas().count(), 4);
        let user = schemas
            .user()
            .read(r#"{"userName":"ada","urn:example:acme:2.0:user":{"BADGE":"7","labels":"x"}}"#);
        assert_eq!(
            user.unwrap().attribute("urn:example:acme:2.0:User"),
            Some(&serde_json::json!({"badge": 7, "labels": ["x"]}))
        );
        assert_eq!(Schemas::standard().schemas().count(), 3, "the standard ones stay as they were");
    }

    #[test]
    fn a_schema_that_would_be_ambiguous_is_refused() {
        let standard = Schemas::standard();
        let extended = standard.with_extension("User", BADGES).unwrap();
        assert!(extended.with_extension("User", BADGES).is_err(), "registered twice");
        assert!(standard.with_extension("Robot", BADGES).is_err());
        for broken in [
            "[]",
            r#"{"id":"urn:example:a","name":"a","attributes":[{"name":"a"},{"name":"A"}]}"#,
            r#"{"id":"urn:example:a","name":"a","attributes":[{"name":"a b"}]}"#,
            r#"{"id":"urn:example:a","name":"a","attributes":[]}"#,
            r#"{"id":"urn:example:a","name":"a","attributes":[{"name":"a","type":"complex"}]}"#,
            r#"{"id":"urn:example:a","name":"a","attributes":[{"name":"a","subAttributes":[{"name":"b"}]}]}"#,
            r#"{"id":"urn:example:2.0","name":"a","attributes":[{"name":"a"}]}"#,
            r#"{"id":"example:a","name":"a","attributes":[{"name":"a"}]}"#,
            r#"{"id":"urn:a,b:c","name":"a","attributes":[{"name":"a"}]}"#,
        ] {
            assert!(standard.with_extension("User", broken).is_err(), "{broken}");
        }
    }
}
