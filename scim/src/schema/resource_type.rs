//! A resource type (RFC 7643 section 6): which schemas a kind of resource is written in.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Attribute, Kind, Mutability, Schema, find};

/// The URN of the schema of resource types.
const URN: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";

/// What the resource type's document says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Definition {
    id: String,
    name: String,
    description: String,
    endpoint: String,
    schema: String,
    schema_extensions: Vec<ExtensionOf>,
    /// Attributes of the RFC that we do not hold: what is said of them is dropped, in whatever form
    /// it comes, where another unknown name in a path is refused. A characteristic of ours.
    #[serde(default, skip_serializing)]
    ignored: Vec<String>,
}

/// That a resource type has an extension.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ExtensionOf {
    schema: String,
    required: bool,
}

impl ExtensionOf {
    pub(super) fn optional(schema: &str) -> Self {
        Self { schema: schema.to_owned(), required: false }
    }
}

/// A kind of resource and the attributes it has. Cheap to clone.
///
/// An extension is one more complex attribute, named by its URN: that is how a resource holds it,
/// and why nothing else treats it apart.
#[derive(Clone, Debug)]
pub struct ResourceType(Arc<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    definition: Definition,
    /// The common attributes (RFC 7643 section 3.1), then those of the schema.
    core: Vec<Arc<Attribute>>,
    extensions: Vec<Arc<Attribute>>,
}

impl ResourceType {
    pub(super) fn new(
        definition: Definition,
        common: &[Arc<Attribute>],
        schema: &Schema,
        extensions: &[&Schema],
    ) -> Self {
        let core = common.iter().chain(&schema.attributes).cloned().collect();
        let extensions = extensions.iter().map(|schema| as_attribute(schema)).collect();
        Self(Arc::new(Inner { definition, core, extensions }))
    }

    /// This resource type and one extension more.
    pub(super) fn extended(&self, extension: ExtensionOf, schema: &Schema) -> Self {
        let mut inner = Inner::clone(&self.0);
        inner.definition.schema_extensions.push(extension);
        inner.extensions.push(as_attribute(schema));
        Self(Arc::new(inner))
    }

    /// The name, such as `User`; `meta.resourceType` of its resources.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.definition.name
    }

    /// The URN of its schema.
    #[must_use]
    pub fn schema(&self) -> &str {
        &self.0.definition.schema
    }

    /// The `/ResourceTypes` entry, without `meta`, whose location only the caller knows.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self.0.definition);
        value["schemas"] = serde_json::json!([URN]);
        value
    }

    /// Every attribute: common, of the schema, then one for each extension.
    pub fn attributes(&self) -> impl Iterator<Item = &Arc<Attribute>> {
        self.0.core.iter().chain(&self.0.extensions)
    }

    /// The attribute or extension `name`, in whatever letter case.
    pub(crate) fn top(&self, name: &str) -> Option<&Arc<Attribute>> {
        find(&self.0.core, name).or_else(|| self.extension(name))
    }

    /// The extension with the URN `urn`, in whatever letter case.
    pub(crate) fn extension(&self, urn: &str) -> Option<&Arc<Attribute>> {
        find(&self.0.extensions, urn)
    }

    pub(crate) fn extensions(&self) -> &[Arc<Attribute>] {
        &self.0.extensions
    }

    /// Whether there is an attribute that is written once, other than within values that come and go.
    pub(crate) fn holds_immutable(&self) -> bool {
        fn holds(attribute: &Arc<Attribute>) -> bool {
            attribute.mutability == Mutability::Immutable
                || !attribute.multi_valued && attribute.sub_attributes.iter().any(holds)
        }
        self.attributes().any(holds)
    }

    /// Whether `name` is an attribute that is taken and dropped.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        self.0.definition.ignored.iter().any(|ignored| ignored.eq_ignore_ascii_case(name))
    }
}

fn as_attribute(schema: &Schema) -> Arc<Attribute> {
    Arc::new(Attribute {
        name: schema.id.clone(),
        kind: Kind::Complex,
        sub_attributes: schema.attributes.clone(),
        description: schema.description.clone(),
        ..Attribute::default()
    })
}
