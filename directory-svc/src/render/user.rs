//! People as SCIM JSON and as typed messages.
//!
//! The whole document is spliced from the stored text, id and meta, and never decoded; only a view
//! that asks for less pays for reading it.

use directory_api::v1;
use scim::project::Projection;
use serde::Serialize;
use serde_json::Value;
use tonic::Status;

use super::{Links, admin::timestamp};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::rules::people::etag;
use crate::services::fault::scim_error;
use crate::store::{Tombstone, User};

/// Renders people of one workspace for one caller.
pub(crate) struct People {
    base: String,
    viewer: Option<IntegrationId>,
    projection: Projection,
    as_json: bool,
}

/// What stands before the document, in this order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Head<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    meta: Meta,
}

/// RFC 7643 section 3.1, `meta`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_type: &'static str,
    created: String,
    last_modified: String,
    location: String,
    version: String,
}

impl People {
    /// For the caller `viewer` (an integration sees its own externalIds), cut to `view`.
    pub(crate) fn new(
        links: &Links,
        workspace: WorkspaceId,
        viewer: Option<IntegrationId>,
        view: Option<v1::View>,
    ) -> Result<Self, Status> {
        let view = view.unwrap_or_default();
        let as_json = view.format() == v1::view::Format::ScimJson;
        let rt = scim::Schemas::standard().user();
        let projection = Projection::read(rt, &view.attributes, &view.excluded_attributes)
            .map_err(scim_error)?;
        Ok(Self { base: links.scim(workspace), viewer, projection, as_json })
    }

    /// The person as the caller wants to see them. `id` and `meta` are always there, whatever the
    /// view leaves out of the JSON text.
    pub(crate) fn message(&self, user: &User) -> Result<v1::User, Status> {
        let head = self.head(user);
        if self.as_json {
            return Ok(v1::User {
                scim_json: self.json(&head, &user.document)?,
                id: head.id,
                meta: Some(head.meta.into()),
                ..v1::User::default()
            });
        }
        let value = serde_json::from_str(&self.json(&head, &user.document)?).map_err(broken)?;
        let mut message = v1::User::from_scim(&value).map_err(broken)?;
        (message.id, message.meta) = (head.id, Some(head.meta.into()));
        Ok(message)
    }

    fn head<'a>(&self, user: &'a User) -> Head<'a> {
        let own = |integration| Some(integration) == self.viewer;
        let binding = user.binding.as_ref().filter(|binding| own(binding.integration_id));
        Head {
            id: user.id.to_string(),
            external_id: binding.and_then(|binding| binding.external_id.as_deref()),
            meta: Meta {
                resource_type: "User",
                created: scim::time::format(user.created_at),
                last_modified: scim::time::format(user.modified_at),
                location: format!("{}/Users/{}", self.base, user.id),
                version: etag(user.revision),
            },
        }
    }

    fn json(&self, head: &Head<'_>, document: &str) -> Result<String, Status> {
        let mut text = serde_json::to_string(head).map_err(broken)?;
        text.pop();
        text.push(',');
        text.push_str(document.strip_prefix('{').unwrap_or(document));
        if self.projection.is_whole() {
            return Ok(text);
        }
        let mut value: Value = serde_json::from_str(&text).map_err(broken)?;
        self.projection.cut(&mut value);
        serde_json::to_string(&value).map_err(broken)
    }
}

impl From<Meta> for v1::Meta {
    fn from(meta: Meta) -> Self {
        Self {
            resource_type: meta.resource_type.to_owned(),
            created: meta.created,
            last_modified: meta.last_modified,
            location: meta.location,
            version: meta.version,
        }
    }
}

/// A removed person, for operators.
pub(crate) fn deleted_user(
    people: &People,
    tombstone: &Tombstone,
) -> Result<v1::DeletedUser, Status> {
    Ok(v1::DeletedUser {
        user: Some(people.message(&tombstone.user)?),
        delete_time: Some(timestamp(tombstone.deleted_at)),
        expire_time: Some(timestamp(tombstone.expires_at)),
    })
}

/// What the directory itself stored cannot be read: ours to mend.
fn broken(error: impl std::error::Error + 'static) -> Status {
    tracing::error!(error = &error as &dyn std::error::Error, "stored document not readable");
    Status::internal("internal error")
}
