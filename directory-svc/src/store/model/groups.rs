//! Groups and who belongs to them.

use scim::Resource;

use super::{Binding, Kind, Revision};
use crate::clock::Micros;
use crate::ids::{GroupId, MemberId};

/// A group as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// The document as SCIM JSON, without id, externalId, meta and members.
    pub document: String,
    /// The integration that it belongs to.
    pub binding: Option<Binding>,
    /// Whether that integration is off, so that another may take the group over.
    pub is_released: bool,
    /// How many belong to it directly.
    pub member_count: u64,
    /// The revision of the last write to this group or to its members.
    pub revision: Revision,
    /// The revision of the creation: the place in every listing.
    pub seq: Revision,
    /// When it was made.
    pub created_at: Micros,
    /// When it was last written.
    pub modified_at: Micros,
}

/// A group as the rules want it to be.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDraft {
    /// The document, externalId and members taken out.
    pub resource: Resource,
    /// The integration that it is to belong to.
    pub binding: Option<Binding>,
}

/// What a write to a group came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupWritten {
    /// The group as it stands now.
    pub group: Group,
    /// How many of the members that were to join do not exist, and were left out.
    pub skipped: usize,
}

/// Who or what belongs to a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The id.
    pub id: MemberId,
    /// What it is.
    pub kind: Kind,
}

/// Who or what belongs to a group, and by what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Belonging {
    /// Who or what.
    pub member: Member,
    /// Whether it is a member of the group itself, and not only of a group that belongs to it.
    pub is_direct: bool,
}

/// A group that somebody belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group_id: GroupId,
    /// Its displayName.
    pub display_name: String,
    /// Whether they are a member of the group itself, and not only of a group that belongs to it.
    pub is_direct: bool,
    /// The group's place in every listing.
    pub seq: Revision,
}
