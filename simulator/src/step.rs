//! The steps of a cycle, in the order in which they are played.

use serde::{Serialize, Serializer};

/// A step of a cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The button "Test connection".
    TestConnection,
    /// Each person is looked up, and found to be nobody.
    Match,
    /// Each group is looked up, and found to be none.
    GroupMatch,
    /// Each person is created, and read.
    Create,
    /// Each person is looked up in every way, in another letter case too.
    Find,
    /// A person is created once more, in another letter case.
    Duplicate,
    /// All people are read by pages.
    Import,
    /// Title, department, manager and mobile phone are added.
    Update,
    /// Name, userName and e-mail change; title and manager are removed.
    Rename,
    /// A PATCH that is half wrong.
    Atomic,
    /// A person is unassigned: `active` false.
    Disable,
    /// A person is assigned again: `active` true.
    Enable,
    /// A person is deleted in the tenant: another name, and `active` false.
    SoftDelete,
    /// The person is restored in the tenant.
    Restore,
    /// Each group is created, and read.
    GroupCreate,
    /// Each group is looked up in every way.
    GroupFind,
    /// Members are added in batches, and some once more.
    GroupAdd,
    /// Members leave.
    GroupRemove,
    /// The group is renamed.
    GroupRename,
    /// Members are pushed, one of whom is gone.
    GroupPush,
    /// The group is put whole.
    GroupPut,
    /// Every member leaves.
    GroupEmpty,
    /// The group is deleted.
    GroupDelete,
    /// The person is deleted.
    Delete,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 24] = [
        Self::TestConnection,
        Self::Match,
        Self::GroupMatch,
        Self::Create,
        Self::Find,
        Self::Duplicate,
        Self::Import,
        Self::Update,
        Self::Rename,
        Self::Atomic,
        Self::Disable,
        Self::Enable,
        Self::SoftDelete,
        Self::Restore,
        Self::GroupCreate,
        Self::GroupFind,
        Self::GroupAdd,
        Self::GroupRemove,
        Self::GroupRename,
        Self::GroupPush,
        Self::GroupPut,
        Self::GroupEmpty,
        Self::GroupDelete,
        Self::Delete,
    ];

    /// The name in reports, which stays.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TestConnection => "test-connection",
            Self::Match => "match",
            Self::Create => "create",
            Self::Find => "find",
            Self::Duplicate => "duplicate",
            Self::Import => "import",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Atomic => "atomic",
            Self::Disable => "disable",
            Self::Enable => "enable",
            Self::SoftDelete => "soft-delete",
            Self::Restore => "restore",
            Self::GroupMatch => "group-match",
            Self::GroupCreate => "group-create",
            Self::GroupFind => "group-find",
            Self::GroupAdd => "group-add",
            Self::GroupRemove => "group-remove",
            Self::GroupRename => "group-rename",
            Self::GroupPush => "group-push",
            Self::GroupPut => "group-put",
            Self::GroupEmpty => "group-empty",
            Self::GroupDelete => "group-delete",
            Self::Delete => "delete",
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}
