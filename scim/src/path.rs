//! Attribute paths (RFC 7644 section 3.5.2, figure 7): what a filter, a patch and a projection
//! point with, and what they point to in a schema.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::filter::{Filter, grammar};
use crate::schema::{Attribute, ResourceType, find};

/// Where in its text a path begins, in characters from 1; 0 when it was not read from a text. It is
/// there for the words of errors: paths that differ in nothing else are equal.
#[derive(Clone, Copy, Debug, Default)]
pub struct At(pub(crate) usize);

impl PartialEq for At {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for At {}

impl At {
    /// The error, with the place where it was made.
    pub(crate) fn of(self, error: Error) -> Error {
        match self.0 {
            0 => error,
            at => Error { detail: format!("At character {at}: {}", error.detail), ..error },
        }
    }
}

/// `[uri:]name[.sub]`, as written. Prints as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttrPath {
    /// The URN before the last colon. A bare schema URN (`urn:...:2.0:User`) is read as `uri` and
    /// `name` too; only the schemas tell the two apart.
    pub uri: Option<String>,
    /// The attribute.
    pub name: String,
    /// The sub-attribute.
    pub sub: Option<String>,
    /// Where it was read.
    pub at: At,
}

/// `attribute[filter].sub`, as written. Prints as it is read.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    /// The attribute, with its sub-attribute when there is no filter.
    pub attribute: AttrPath,
    /// Which of the attribute's values are meant; `None` is all of them.
    pub filter: Option<Box<Filter>>,
    /// The sub-attribute after the filter.
    pub sub: Option<String>,
}

/// What a path points to in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URN of the extension that the attribute belongs to; `None` in the core.
    pub extension: Option<String>,
    /// The attribute. An extension as a whole is an attribute too, named by its URN.
    pub attribute: Arc<Attribute>,
    /// The sub-attribute of a complex attribute.
    pub sub: Option<Arc<Attribute>>,
}

/// Reads a path.
///
/// # Errors
/// `InvalidPath` with the position of what was not understood; `TooMany` when it is longer or
/// deeper than a filter may be.
pub fn parse(text: &str) -> Result<Path, Error> {
    grammar::parse(text, ErrorKind::InvalidPath, grammar::path)
}

impl FromStr for AttrPath {
    type Err = Error;

    /// Reads a path without filter.
    fn from_str(text: &str) -> Result<Self, Error> {
        grammar::parse(text, ErrorKind::InvalidPath, grammar::attr_path)
    }
}

impl AttrPath {
    /// What it points to among the attributes of `rt`, in whatever letter case; `None` when there
    /// is no such attribute.
    #[must_use]
    pub fn resolve(&self, rt: &ResourceType) -> Option<Target> {
        let Some(uri) = &self.uri else {
            return Target::new(None, rt.top(&self.name)?, self.sub.as_deref());
        };
        let sub = self.sub.as_deref();
        if uri.eq_ignore_ascii_case(rt.schema()) {
            return Target::new(None, rt.top(&self.name)?, sub);
        }
        if let Some(extension) = rt.extension(uri) {
            let attribute = find(&extension.sub_attributes, &self.name)?;
            return Target::new(Some(&extension.name), attribute, sub);
        }
        Target::new(None, rt.extension(&format!("{uri}:{}", self.name))?, None)
            .filter(|_| sub.is_none())
    }
}

impl Target {
    fn new(extension: Option<&str>, attribute: &Arc<Attribute>, sub: Option<&str>) -> Option<Self> {
        let sub = match sub {
            Some(name) => Some(attribute.sub(name)?.clone()),
            None => None,
        };
        Some(Self { extension: extension.map(str::to_owned), attribute: attribute.clone(), sub })
    }

    /// An attribute with nothing round it: of the core, or a sub-attribute seen from its value.
    pub(crate) fn of(attribute: &Arc<Attribute>) -> Self {
        Self { extension: None, attribute: attribute.clone(), sub: None }
    }

    /// A part of the complex attribute or extension that this points to.
    pub(crate) fn part(&self, sub: &Arc<Attribute>) -> Self {
        if self.attribute.is_extension() {
            let extension = Some(self.attribute.name.clone());
            return Self { extension, attribute: sub.clone(), sub: None };
        }
        Self { sub: Some(sub.clone()), ..self.clone() }
    }

    /// The attribute that holds the value pointed to.
    #[must_use]
    pub fn leaf(&self) -> &Arc<Attribute> {
        self.sub.as_ref().unwrap_or(&self.attribute)
    }
}

/// Whether `text` can name an attribute (RFC 7643 section 2.1; `$ref` is one too).
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '$' || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

impl fmt::Display for AttrPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_path(f, self.uri.as_deref(), &self.name, self.sub.as_deref())
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sub = self.sub.as_ref().map(|sub| sub.name.as_str());
        write_path(f, self.extension.as_deref(), &self.attribute.name, sub)
    }
}

fn write_path(
    f: &mut fmt::Formatter<'_>,
    uri: Option<&str>,
    name: &str,
    sub: Option<&str>,
) -> fmt::Result {
    if let Some(uri) = uri {
        write!(f, "{uri}:")?;
    }
    f.write_str(name)?;
    sub.map_or(Ok(()), |sub| write!(f, ".{sub}"))
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.attribute)?;
        if let Some(filter) = &self.filter {
            write!(f, "[{filter}]")?;
        }
        self.sub.as_ref().map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Schemas;

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn resolved(text: &str) -> Option<String> {
        let path: AttrPath = text.parse().unwrap();
        path.resolve(Schemas::standard().user()).map(|target| target.to_string())
    }

    #[test]
    fn a_path_prints_as_it_is_read() {
        for text in [
            "members",
            "name.familyName",
            r#"addresses[type eq "work"]"#,
            r#"members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName"#,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value",
            ENTERPRISE,
        ] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn names_and_urns_are_found_in_any_letter_case() {
        assert_eq!(resolved("NAME.GivenName").unwrap(), "name.givenName");
        let department = format!("{}:DEPARTMENT", ENTERPRISE.to_uppercase());
        assert_eq!(resolved(&department), Some(format!("{ENTERPRISE}:department")));
        assert_eq!(resolved(&ENTERPRISE.to_lowercase()).as_deref(), Some(ENTERPRISE));
        let core = "urn:ietf:params:scim:schemas:core:2.0:User:emails.value";
        assert_eq!(resolved(core).unwrap(), "emails.value");
    }

    #[test]
    fn what_the_schemas_do_not_have_is_not_found() {
        for text in ["password", "name.first", "userName.value", "urn:example:x", "department"] {
            assert_eq!(resolved(text), None, "{text}");
        }
        assert_eq!(resolved(&format!("{ENTERPRISE}:userName")), None);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in
            ["", ".", "a.", "1a", "a b", "emails[", "emails[]", "emails[type eq 1]x", "a[b pr]."]
        {
            assert_eq!(parse(text).unwrap_err().kind, ErrorKind::InvalidPath, "{text}");
        }
    }
}
