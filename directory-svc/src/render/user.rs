//! People as SCIM JSON and as typed messages.

use directory_api::v1;
use scim::Schemas;
use serde::Serialize;
use tonic::Status;

use super::Links;
use super::admin::timestamp;
use super::document::{Frame, Stamps, broken};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::{Kind, Membership, Tombstone, User};

/// The attribute that is told by the rows of groups.
const GROUPS: &str = "groups";

/// Renders people of one workspace for one caller.
pub(crate) struct People(Frame);

/// A value of `groups` (RFC 7643 section 4.1.2).
#[derive(Serialize)]
struct GroupOf<'a> {
    value: String,
    #[serde(rename = "$ref")]
    reference: String,
    display: &'a str,
    r#type: &'static str,
}

impl People {
    /// For the caller `viewer` (an integration sees its own externalIds), cut to `view`.
    pub(crate) fn new(
        links: &Links,
        schemas: &Schemas,
        workspace: WorkspaceId,
        viewer: Option<IntegrationId>,
        view: Option<v1::View>,
    ) -> Result<Self, Status> {
        Frame::new(Kind::User, links, schemas, workspace, viewer, view).map(Self)
    }

    /// Whether the caller is to see which groups a person belongs to.
    pub(crate) fn wants_groups(&self) -> bool {
        self.0.wants(GROUPS)
    }

    /// The person as the caller wants to see them. `id` and `meta` are always there, whatever the
    /// view leaves out of the JSON text.
    pub(crate) fn message(&self, user: &User, groups: &[Membership]) -> Result<v1::User, Status> {
        let stamps = Stamps {
            created_at: user.created_at,
            modified_at: user.modified_at,
            revision: user.revision,
        };
        let head = self.0.head(user.id.to_string(), user.binding.as_ref(), &stamps);
        let mut text = self.0.opening(&head, &user.document)?;
        if !groups.is_empty() {
            let values = groups.iter().map(|group| self.group(group));
            self.0.append(&mut text, GROUPS, values, true)?;
            text.push(']');
        }
        text.push('}');
        let mut message = if self.0.as_json {
            v1::User { scim_json: text, ..v1::User::default() }
        } else {
            let value = serde_json::from_str(&text).map_err(broken)?;
            v1::User::from_scim(&value).map_err(broken)?
        };
        let binding = user.binding.as_ref();
        message.management = self.0.management(binding, &user.provided, user.is_protected);
        (message.id, message.meta) = (head.id, Some(head.meta.into()));
        Ok(message)
    }

    /// The groups of a person by themselves.
    pub(crate) fn groups(&self, groups: &[Membership]) -> Vec<v1::UserGroup> {
        let message = |group: &Membership| {
            let GroupOf { value, reference, display, r#type } = self.group(group);
            v1::UserGroup {
                value,
                r#ref: reference,
                display: display.to_owned(),
                r#type: r#type.to_owned(),
            }
        };
        groups.iter().map(message).collect()
    }

    fn group<'a>(&self, group: &'a Membership) -> GroupOf<'a> {
        GroupOf {
            value: group.group_id.to_string(),
            reference: self.0.location(Kind::Group, group.group_id),
            display: &group.display_name,
            r#type: if group.is_direct { "direct" } else { "indirect" },
        }
    }
}

/// A removed person, for operators.
pub(crate) fn deleted_user(
    people: &People,
    tombstone: &Tombstone<User>,
) -> Result<v1::DeletedUser, Status> {
    Ok(v1::DeletedUser {
        user: Some(people.message(&tombstone.was, &[])?),
        delete_time: Some(timestamp(tombstone.deleted_at)),
        expire_time: Some(timestamp(tombstone.expires_at)),
    })
}
