//! Groups as SCIM JSON, whole or in pieces, and as typed messages.

use directory_api::v1;
use scim::Schemas;
use serde::Serialize;
use tonic::Status;

use super::Links;
use super::admin::timestamp;
use super::document::{Frame, Head, Stamps, broken};
use crate::ids::{IntegrationId, WorkspaceId};
use crate::store::{Belonging, Group, Kind, Member, Provided, Tombstone};

/// The attribute that is kept in rows.
const MEMBERS: &str = "members";

/// Renders groups of one workspace for one caller.
pub(crate) struct Groups(Frame);

/// A value of `members` (RFC 7643 section 4.2).
#[derive(Serialize)]
struct MemberOf {
    value: String,
    #[serde(rename = "$ref")]
    reference: String,
    r#type: &'static str,
}

/// A group that is rendered piece by piece.
pub(crate) struct Pieces<'a> {
    groups: &'a Groups,
    is_first: bool,
}

impl Groups {
    /// For the caller `viewer` (an integration sees its own externalIds), cut to `view`.
    pub(crate) fn new(
        links: &Links,
        schemas: &Schemas,
        workspace: WorkspaceId,
        viewer: Option<IntegrationId>,
        view: Option<v1::View>,
    ) -> Result<Self, Status> {
        Frame::new(Kind::Group, links, schemas, workspace, viewer, view).map(Self)
    }

    /// Whether the caller is to see who belongs to a group.
    pub(crate) fn wants_members(&self) -> bool {
        self.0.as_json && self.0.wants(MEMBERS)
    }

    /// Whether the caller leaves to us what of a group is answered.
    pub(crate) fn is_default(&self) -> bool {
        self.0.is_default()
    }

    /// The group as the caller wants to see it, with these members; typed, it has none. `id` and `meta`
    /// are always there, whatever the view leaves out of the JSON text.
    pub(crate) fn message(&self, group: &Group, members: &[Member]) -> Result<v1::Group, Status> {
        if !self.0.as_json {
            let (head, mut text) = self.begin(group)?;
            text.push('}');
            let value = serde_json::from_str(&text).map_err(broken)?;
            let message = v1::Group::from_scim(&value).map_err(broken)?;
            let binding = group.binding.as_ref().filter(|_| !group.is_released);
            let management = self.0.management(binding, &Provided::default(), false);
            return Ok(v1::Group {
                id: head.id,
                meta: Some(head.meta.into()),
                management,
                ..message
            });
        }
        let (message, mut text, mut pieces) = self.in_pieces(group)?;
        pieces.append(&mut text, members)?;
        pieces.end(&mut text);
        Ok(v1::Group { scim_json: text, ..message })
    }

    /// The group without its document.
    pub(crate) fn without_document(&self, group: &Group) -> v1::Group {
        let head = self.head(group);
        v1::Group { id: head.id, meta: Some(head.meta.into()), ..v1::Group::default() }
    }

    /// The group without its document, the beginning of its JSON text, and what appends the rest.
    pub(crate) fn in_pieces(
        &self,
        group: &Group,
    ) -> Result<(v1::Group, String, Pieces<'_>), Status> {
        let (head, text) = self.begin(group)?;
        let message =
            v1::Group { id: head.id, meta: Some(head.meta.into()), ..v1::Group::default() };
        Ok((message, text, Pieces { groups: self, is_first: true }))
    }

    /// Members by themselves, and by what they are.
    pub(crate) fn members(&self, members: &[Belonging]) -> Vec<v1::Member> {
        let message = |Belonging { member, is_direct }: &Belonging| {
            let MemberOf { value, reference, r#type } = self.member(*member);
            let (r#type, indirect) = (r#type.to_owned(), !is_direct);
            v1::Member { value, r#ref: reference, r#type, indirect }
        };
        members.iter().map(message).collect()
    }

    fn begin<'a>(&self, group: &'a Group) -> Result<(Head<'a>, String), Status> {
        let head = self.head(group);
        let text = self.0.opening(&head, &group.document)?;
        Ok((head, text))
    }

    fn head<'a>(&self, group: &'a Group) -> Head<'a> {
        let stamps = Stamps {
            created_at: group.created_at,
            modified_at: group.modified_at,
            revision: group.revision,
        };
        self.0.head(group.id.to_string(), group.binding.as_ref(), &stamps)
    }

    fn member(&self, Member { id, kind }: Member) -> MemberOf {
        MemberOf {
            value: id.to_string(),
            reference: self.0.location(kind, id),
            r#type: kind.name(),
        }
    }
}

impl Pieces<'_> {
    /// Appends the next members.
    pub(crate) fn append(&mut self, text: &mut String, members: &[Member]) -> Result<(), Status> {
        let values = members.iter().map(|member| self.groups.member(*member));
        self.groups.0.append(text, MEMBERS, values, self.is_first)?;
        self.is_first &= members.is_empty();
        Ok(())
    }

    /// Ends the text.
    pub(crate) fn end(self, text: &mut String) {
        if !self.is_first {
            text.push(']');
        }
        text.push('}');
    }
}

/// A removed group, for operators.
pub(crate) fn deleted_group(
    groups: &Groups,
    tombstone: &Tombstone<Group>,
) -> Result<v1::DeletedGroup, Status> {
    Ok(v1::DeletedGroup {
        group: Some(groups.message(&tombstone.was, &[])?),
        delete_time: Some(timestamp(tombstone.deleted_at)),
        expire_time: Some(timestamp(tombstone.expires_at)),
    })
}
