//! The definition of an attribute and of a schema, as RFC 7643 section 7 writes them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The data type of an attribute (RFC 7643 section 2.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Text.
    #[default]
    String,
    /// `true` or `false`.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number of 64 bits.
    Integer,
    /// A point in time, `xsd:dateTime`.
    DateTime,
    /// Bytes, as base64.
    Binary,
    /// A URI.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

impl Kind {
    /// The name, as schemas write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Decimal => "decimal",
            Self::Integer => "integer",
            Self::DateTime => "dateTime",
            Self::Binary => "binary",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// Who may write an attribute, and when (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the service.
    ReadOnly,
    /// Anyone, at any time.
    #[default]
    ReadWrite,
    /// Anyone, once.
    Immutable,
    /// Anyone, and nobody reads it.
    WriteOnly,
}

/// When an attribute is part of an answer (RFC 7643 section 7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever is asked for.
    Always,
    /// Whatever is asked for, never; nor is it filtered by.
    Never,
    /// Unless the request asks for others or excludes it.
    #[default]
    Default,
    /// Only when asked for by name.
    Request,
}

/// Where a value must be the only one of its kind (RFC 7643 section 7). Stores see to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Nowhere.
    #[default]
    None,
    /// Within the workspace.
    Server,
    /// Everywhere.
    Global,
}

/// What a text of an attribute must look like: a characteristic of ours, beside those of the RFC,
/// and not shown in `/Schemas`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Format {
    /// It names a person: at most [`crate::limits::NAME_BYTES`], no control characters and none
    /// that turn the direction of writing, so that what is read is what is compared.
    Name,
}

/// The definition of one attribute. Serialises as `/Schemas` shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The name in its one spelling.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type", default)]
    pub kind: Kind,
    /// What a complex value is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Arc<Attribute>>,
    /// Whether it holds an array of values.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it means.
    #[serde(default)]
    pub description: String,
    /// Whether a resource must have it.
    #[serde(default)]
    pub required: bool,
    /// Values that everyone understands; others are accepted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Whether letter case matters when values are compared.
    #[serde(default)]
    pub case_exact: bool,
    /// Who may write it.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it is part of an answer.
    #[serde(default)]
    pub returned: Returned,
    /// Where its value must be the only one.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// What a reference may point to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// What its text must look like.
    #[serde(default, skip_serializing)]
    pub format: Option<Format>,
}

impl Attribute {
    /// The sub-attribute `name`, in whatever letter case (RFC 7643 section 2.1).
    #[must_use]
    pub fn sub(&self, name: &str) -> Option<&Arc<Self>> {
        find(&self.sub_attributes, name)
    }

    /// The sub-attribute that holds the value proper of a complex value (RFC 7643 section 2.4).
    #[must_use]
    pub fn value(&self) -> Option<&Arc<Self>> {
        self.sub("value").filter(|_| !self.is_extension())
    }

    /// The sub-attribute that says what a value is for (RFC 7643 section 2.4, `type`).
    #[must_use]
    pub fn label(&self) -> Option<&Arc<Self>> {
        self.sub("type")
    }

    /// The sub-attribute that marks the preferred one of several values (RFC 7643 section 2.4).
    #[must_use]
    pub fn primary(&self) -> Option<&Arc<Self>> {
        self.sub("primary").filter(|primary| primary.kind == Kind::Boolean)
    }

    /// Whether its values are compared and searched folded.
    #[must_use]
    pub fn folds(&self) -> bool {
        !self.case_exact && matches!(self.kind, Kind::String | Kind::Reference)
    }

    pub(crate) fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }

    /// Whether it stands for a whole extension: only a URN has a colon.
    pub(crate) fn is_extension(&self) -> bool {
        self.name.contains(':')
    }

    pub(crate) fn is_complex(&self) -> bool {
        self.kind == Kind::Complex
    }
}

/// The attribute `name` of `attributes`, in whatever letter case.
pub(crate) fn find<'a>(attributes: &'a [Arc<Attribute>], name: &str) -> Option<&'a Arc<Attribute>> {
    attributes.iter().find(|attribute| attribute.name.eq_ignore_ascii_case(name))
}

/// A schema (RFC 7643 section 7). Serialises as an entry of `/Schemas`, without `meta`, whose
/// location only the caller knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Always [`Schema::URN`].
    #[serde(default = "schemas_of_a_schema", skip_deserializing)]
    schemas: [&'static str; 1],
    /// The URN.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// What it describes.
    #[serde(default)]
    pub description: String,
    /// The attributes.
    pub attributes: Vec<Arc<Attribute>>,
}

fn schemas_of_a_schema() -> [&'static str; 1] {
    [Schema::URN]
}

impl Schema {
    /// The schema of schemas.
    pub const URN: &'static str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

    /// The `/Schemas` entry, without `meta`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}
