//! Where an attribute of a person or of a group lies: the one table of columns, rows and the search
//! document, for every engine. [`Keys`] and [`GroupKeys`] fill what [`place`] points to.

use scim::Resource;
use serde_json::Value;

use super::Kind;

/// Where the values of an attribute lie, in their form for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A column of the resource's own row.
    Column(&'static str),
    /// The resource's id, which is no text.
    Id,
    /// The rows of bindings: what the viewing integration calls the person.
    BoundExternalId,
    /// The row's own external id, of the integration that the group belongs to.
    ExternalId,
    /// The resource's revision, seen as an entity tag.
    Version,
    /// Every resource has this value.
    Same(&'static str),
    /// Every resource has one, and it is nothing to compare.
    Always,
    /// No store knows it.
    Unknown,
    /// The search document, at the attribute's own path.
    Document,
}

/// The extension that has an attribute with a column of its own.
pub(super) const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Where the attribute at this path of names is.
pub(super) fn place(kind: Kind, names: &[&str]) -> Place {
    match (kind, names) {
        (_, ["id"]) => Place::Id,
        (Kind::User, ["externalId"]) => Place::BoundExternalId,
        (Kind::Group, ["externalId"]) => Place::ExternalId,
        (Kind::User, ["userName"]) => Place::Column("user_name_key"),
        (Kind::User, ["active"]) => Place::Column("active"),
        (Kind::User, [ENTERPRISE, "manager", "value"]) => Place::Column("manager_key"),
        (_, ["displayName"]) => Place::Column("display_name_key"),
        (_, ["meta"]) => Place::Always,
        (_, ["meta", "created"]) => Place::Column("created_at"),
        (_, ["meta", "lastModified"]) => Place::Column("modified_at"),
        (_, ["meta", "resourceType"]) => Place::Same(kind.name()),
        (_, ["meta", "version"]) => Place::Version,
        // It begins with the public URL, which the store does not know.
        (_, ["meta", "location"]) => Place::Unknown,
        _ => Place::Document,
    }
}

/// A multi-valued attribute whose values are rows, and what of a value is in the row.
#[derive(Debug)]
pub(super) struct Rows {
    /// The attribute.
    pub(super) attribute: &'static str,
    /// Which rows belong to a resource.
    pub(super) of: RowsOf,
    /// Sub-attributes and where they are.
    columns: &'static [(&'static str, Column)],
    /// Whether the rows hold all of a value, so that nothing else does.
    pub(super) is_whole: bool,
}

/// Which rows belong to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RowsOf {
    /// Those of a table that name the resource in a column.
    Table {
        /// The table, with the alias that its columns are named by.
        table: &'static str,
        /// The column of the resource's id, with that alias.
        owner: &'static str,
    },
    /// The groups that a person belongs to, also through other groups.
    Memberships,
}

/// Where a sub-attribute of a row is, as SQL; the resource's row is named by [`Kind::alias`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    /// Text in its form for comparison.
    Text(&'static str),
    /// An id, which is no text.
    Id(&'static str),
}

/// E-mail addresses, by which people are looked up.
pub(super) static EMAILS: Rows = Rows {
    attribute: "emails",
    of: RowsOf::Table { table: "user_email e", owner: "e.user_id" },
    columns: &[("value", Column::Text("e.value_key")), ("type", Column::Text("e.type_key"))],
    is_whole: false,
};

/// Who belongs to a group.
static MEMBERS: Rows = Rows {
    attribute: "members",
    of: RowsOf::Table { table: "group_member m", owner: "m.group_id" },
    columns: &[("value", Column::Id("m.member_id")), ("type", Column::Text("m.kind"))],
    is_whole: true,
};

/// What a person belongs to.
static MEMBERSHIPS: Rows = Rows {
    attribute: "groups",
    of: RowsOf::Memberships,
    columns: &[
        ("value", Column::Id("x.id")),
        ("display", Column::Text("x.display_name_key")),
        (
            "type",
            Column::Text(
                "CASE WHEN EXISTS (SELECT 1 FROM group_member d WHERE d.workspace_id = \
                 u.workspace_id AND d.group_id = x.id AND d.member_id = u.id) \
                 THEN 'direct' ELSE 'indirect' END",
            ),
        ),
    ],
    is_whole: true,
};

/// The rows that hold values of the attribute, if rows do.
pub(super) fn rows(kind: Kind, attribute: &str) -> Option<&'static Rows> {
    let known: &[&Rows] = match kind {
        Kind::User => &[&EMAILS, &MEMBERSHIPS],
        Kind::Group => &[&MEMBERS],
    };
    known.iter().copied().find(|rows| rows.attribute == attribute)
}

impl Rows {
    /// Where a sub-attribute is; `None` when the row does not have it.
    pub(super) fn column(&self, sub: &str) -> Option<Column> {
        self.columns.iter().find(|(name, _)| *name == sub).map(|(_, column)| *column)
    }
}

impl Kind {
    /// The alias of the resource's row in every statement that a filter is part of.
    pub(super) const fn alias(self) -> &'static str {
        match self {
            Self::User => "u",
            Self::Group => "g",
        }
    }
}

/// What is looked up of a person, derived from the document whenever that is written.
#[derive(Debug, PartialEq)]
pub(super) struct Keys {
    pub(super) user_name: String,
    pub(super) display_name: Option<String>,
    /// As the document says it; `None` when it does not.
    pub(super) active: Option<bool>,
    pub(super) manager: Option<String>,
    pub(super) emails: Vec<EmailKey>,
    /// The search document.
    pub(super) search: String,
}

/// What is looked up of one value of `emails`.
#[derive(Debug, PartialEq)]
pub(super) struct EmailKey {
    pub(super) value: Option<String>,
    pub(super) kind: Option<String>,
}

impl Keys {
    /// The keys of this document.
    pub(super) fn of(resource: &Resource) -> Self {
        let folded = resource.folded();
        let emails = folded[EMAILS.attribute].as_array().map_or(&[][..], Vec::as_slice);
        Self {
            user_name: scim::fold::fold(resource.user_name().unwrap_or_default()),
            display_name: text(&folded["displayName"]),
            active: folded["active"].as_bool(),
            manager: text(&folded[ENTERPRISE]["manager"]["value"]),
            emails: emails
                .iter()
                .map(|email| EmailKey { value: text(&email["value"]), kind: text(&email["type"]) })
                .collect(),
            search: folded.to_string(),
        }
    }
}

/// What is looked up of a group, derived from the document whenever that is written.
#[derive(Debug, PartialEq)]
pub(super) struct GroupKeys {
    /// As sent.
    pub(super) display_name: String,
    pub(super) display_name_key: String,
    /// The search document.
    pub(super) search: String,
}

impl GroupKeys {
    /// The keys of this document.
    pub(super) fn of(resource: &Resource) -> Self {
        let display_name = resource.display_name().unwrap_or_default().to_owned();
        Self {
            display_name_key: scim::fold::fold(&display_name),
            display_name,
            search: resource.folded().to_string(),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
