//! Where an attribute of a person lies: the one table of columns, rows and the search document, for
//! every engine. [`Keys`] fills what [`place`] points to.

use scim::Resource;
use serde_json::Value;

/// Where the values of an attribute lie, in their form for comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A column of the person's own row.
    Column(&'static str),
    /// The person's id, which is no text.
    Id,
    /// The rows of bindings: what the viewing integration calls the person.
    ExternalId,
    /// The person's revision, seen as an entity tag.
    Version,
    /// Every person has this value.
    Same(&'static str),
    /// Every person has one, and it is nothing to compare.
    Always,
    /// No store knows it.
    Unknown,
    /// The search document, at the attribute's own path.
    Document,
}

/// Where the attribute at this path of names is.
pub(super) fn place(names: &[&str]) -> Place {
    match names {
        ["id"] => Place::Id,
        ["externalId"] => Place::ExternalId,
        ["userName"] => Place::Column("user_name_key"),
        ["displayName"] => Place::Column("display_name_key"),
        ["active"] => Place::Column("active"),
        ["meta"] => Place::Always,
        ["meta", "created"] => Place::Column("created_at"),
        ["meta", "lastModified"] => Place::Column("modified_at"),
        ["meta", "resourceType"] => Place::Same("User"),
        ["meta", "version"] => Place::Version,
        // It begins with the public URL, which the store does not know.
        ["meta", "location"] => Place::Unknown,
        _ => Place::Document,
    }
}

/// The multi-valued attribute whose values are rows of their own, and what of a value is in the row.
pub(super) struct Rows {
    /// The attribute.
    pub(super) attribute: &'static str,
    /// The table.
    pub(super) table: &'static str,
    /// Sub-attributes and their columns.
    columns: [(&'static str, &'static str); 2],
}

/// E-mail addresses, by which people are looked up.
pub(super) const EMAILS: Rows = Rows {
    attribute: "emails",
    table: "user_email",
    columns: [("value", "value_key"), ("type", "type_key")],
};

impl Rows {
    /// The column of a sub-attribute; `None` when the row does not have it.
    pub(super) fn column(&self, sub: &str) -> Option<&'static str> {
        self.columns.iter().find(|(name, _)| *name == sub).map(|(_, column)| *column)
    }
}

/// What is looked up of a person, derived from the document whenever that is written.
#[derive(Debug, PartialEq)]
pub(super) struct Keys {
    pub(super) user_name: String,
    pub(super) display_name: Option<String>,
    /// As the document says it; `None` when it does not.
    pub(super) active: Option<bool>,
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
            emails: emails
                .iter()
                .map(|email| EmailKey { value: text(&email["value"]), kind: text(&email["type"]) })
                .collect(),
            search: folded.to_string(),
        }
    }
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}
