//! What people and groups have in common as SCIM JSON.
//!
//! The whole document is spliced from the stored text, id, meta and what is kept in rows, and never
//! decoded; only a view that asks for less pays for reading it.

use std::borrow::Cow;

use directory_api::{ENTERPRISE, mask, v1};
use scim::project::Projection;
use scim::{ResourceType, Schemas};
use serde::Serialize;
use serde_json::Value;
use tonic::Status;

use super::{Links, located};
use crate::clock::Micros;
use crate::ids::{IntegrationId, WorkspaceId};
use crate::rules::version::etag;
use crate::services::fault::{no, scim_error};
use crate::services::read::invalid;
use crate::store::{Binding, Kind, Provided, Revision};

/// Renders resources of one kind of one workspace for one caller.
pub(super) struct Frame {
    kind: Kind,
    base: String,
    viewer: Option<IntegrationId>,
    projection: Projection,
    pub(super) as_json: bool,
}

/// What stands before the document, in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Head<'a> {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    pub(super) meta: Meta,
}

/// RFC 7643 section 3.1, `meta`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    resource_type: &'static str,
    created: String,
    last_modified: String,
    location: String,
    version: String,
    /// Told in typed answers alone.
    #[serde(skip)]
    revision: Revision,
}

/// What a row says of itself.
pub(super) struct Stamps {
    pub(super) created_at: Micros,
    pub(super) modified_at: Micros,
    pub(super) revision: Revision,
}

impl Frame {
    /// For the caller `viewer` (an integration sees its own externalIds), cut to `view`.
    pub(super) fn new(
        kind: Kind,
        links: &Links,
        schemas: &Schemas,
        workspace: WorkspaceId,
        viewer: Option<IntegrationId>,
        view: Option<v1::View>,
    ) -> Result<Self, Status> {
        let view = view.unwrap_or_default();
        let as_json = view.format() == v1::view::Format::ScimJson;
        let rt = kind.among(schemas);
        let attributes = attributes(kind, rt, &view)?;
        let projection = Projection::read(rt, &attributes, &view.excluded_attributes)
            .map_err(scim_error("view"))?;
        Ok(Self { kind, base: links.scim(workspace), viewer, projection, as_json })
    }

    /// Whether the view has anything of an attribute that is kept in rows.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.projection.wants(name)
    }

    /// Whether the caller leaves to us what is answered.
    pub(super) fn is_default(&self) -> bool {
        self.projection.is_default()
    }

    /// The URL of a resource of the workspace.
    pub(super) fn location(&self, kind: Kind, id: impl std::fmt::Display) -> String {
        located(&self.base, kind, id)
    }

    /// Who may change what of a resource, as callers are told who are no integration's.
    pub(super) fn management(
        &self,
        binding: Option<&Binding>,
        provided: &Provided,
        protected: bool,
    ) -> Option<v1::Management> {
        if self.as_json || self.viewer.is_some() {
            return None;
        }
        let integration = binding.map(|binding| binding.integration_id.to_string());
        Some(v1::Management {
            integration_id: integration.unwrap_or_default(),
            attributes: provided.names().map(str::to_owned).collect(),
            protected,
        })
    }

    pub(super) fn head<'a>(
        &self,
        id: String,
        binding: Option<&'a Binding>,
        stamps: &Stamps,
    ) -> Head<'a> {
        let own = |integration| Some(integration) == self.viewer;
        let binding = binding.filter(|binding| own(binding.integration_id));
        Head {
            external_id: binding.and_then(|binding| binding.external_id.as_deref()),
            meta: Meta {
                resource_type: self.kind.name(),
                created: scim::time::format(stamps.created_at),
                last_modified: scim::time::format(stamps.modified_at),
                location: self.location(self.kind, &id),
                version: etag(stamps.revision),
                revision: stamps.revision,
            },
            id,
        }
    }

    /// The document up to where values from rows may follow: all but the brace at its end.
    pub(super) fn opening(&self, head: &Head<'_>, document: &str) -> Result<String, Status> {
        let mut text = serde_json::to_string(head).map_err(broken)?;
        text.pop();
        text.push(',');
        text.push_str(document.strip_prefix('{').unwrap_or(document));
        if !self.projection.is_whole() {
            let mut value: Value = serde_json::from_str(&text).map_err(broken)?;
            self.projection.cut(&mut value);
            text = serde_json::to_string(&value).map_err(broken)?;
        }
        text.pop();
        Ok(text)
    }

    /// Appends values of `name`, from rows, to a text that [`Self::opening`] began; `is_first` says that
    /// none was appended before.
    pub(super) fn append<T: Serialize>(
        &self,
        text: &mut String,
        name: &str,
        values: impl Iterator<Item = T>,
        mut is_first: bool,
    ) -> Result<(), Status> {
        for value in values {
            if is_first {
                text.extend([",\"", name, "\":["]);
            } else {
                text.push(',');
            }
            is_first = false;
            if self.projection.is_default() {
                text.push_str(&serde_json::to_string(&value).map_err(broken)?);
            } else {
                let mut value = serde_json::to_value(&value).map_err(broken)?;
                self.projection.cut_value(name, &mut value);
                text.push_str(&value.to_string());
            }
        }
        Ok(())
    }
}

/// The attributes that a view names, by their own names or by those of the typed fields.
fn attributes<'v>(
    kind: Kind,
    rt: &ResourceType,
    view: &'v v1::View,
) -> Result<Cow<'v, [String]>, Status> {
    let mask = view.read_mask.as_ref().filter(|mask| !mask.paths.is_empty());
    let Some(mask) = mask.filter(|mask| mask.paths != ["*"]) else {
        return Ok(Cow::Borrowed(&view.attributes));
    };
    if !view.attributes.is_empty() || !view.excluded_attributes.is_empty() {
        return Err(no(invalid("view", "read_mask stands alone, without attributes")));
    }
    let fields = mask::fields(kind.name(), mask);
    let fields = fields.map_err(|error| no(invalid("view.read_mask", error)))?;
    // Answered in any case.
    let mut names = vec!["id".to_owned()];
    for mask::Field { names: path, .. } in fields {
        match path[0].as_str() {
            "management" | "scimJson" => {}
            "extensions" => names.extend(extensions(rt)),
            urn if urn.contains(':') && path.len() > 1 => {
                names.push(format!("{urn}:{}", path[1..].join(".")));
            }
            _ => names.push(path.join(".")),
        }
    }
    Ok(Cow::Owned(names))
}

/// The URNs of the extensions that have no field of their own.
fn extensions(rt: &ResourceType) -> impl Iterator<Item = String> {
    let names = rt.attributes().map(|attribute| attribute.name.clone());
    names.filter(|name| name.contains(':') && name != ENTERPRISE)
}

impl From<Meta> for v1::Meta {
    fn from(meta: Meta) -> Self {
        Self {
            resource_type: meta.resource_type.to_owned(),
            created: meta.created,
            last_modified: meta.last_modified,
            location: meta.location,
            version: meta.version,
            revision: meta.revision,
        }
    }
}

/// What the directory itself stored cannot be read: ours to mend.
pub(super) fn broken(error: impl std::error::Error + 'static) -> Status {
    tracing::error!(error = &error as &dyn std::error::Error, "stored document not readable");
    Status::internal("internal error")
}
