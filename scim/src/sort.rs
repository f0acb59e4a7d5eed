//! Sorting (RFC 7644 section 3.4.2.3): what rows of a list are ordered by.

use crate::error::{Error, echo};
use crate::path::{AttrPath, Target};
use crate::schema::{ResourceType, Returned};

/// The order of a list. Text is compared in the form in which filters compare it; a resource without a
/// value stands behind all others, or before them in the descending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// What is compared. Of several values the primary one is, or else the first.
    pub target: Target,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

impl Sort {
    /// Reads `sortBy` and `sortOrder` for resources of type `rt`. A complex attribute stands for its
    /// `value`. An empty order is the ascending one.
    ///
    /// # Errors
    /// `InvalidValue` when there is no such attribute, when it has no one value to compare, or when the
    /// order is neither `ascending` nor `descending`.
    pub fn read(rt: &ResourceType, by: &str, order: &str) -> Result<Self, Error> {
        let refused = |cause: &str| Error::value(format!("sortBy: {cause} `{}`.", echo(by)));
        let path: AttrPath = by.trim().parse().map_err(|_| refused("no attribute is named"))?;
        let target = path.resolve(rt).filter(|target| {
            [&target.attribute, target.leaf()].iter().all(|a| a.returned != Returned::Never)
        });
        let named = format!("a {} has no attribute", rt.name());
        let mut target = target.ok_or_else(|| refused(&named))?;
        if target.leaf().is_complex() {
            let value = target.attribute.value().cloned();
            let value = value.ok_or_else(|| refused("name a part of"))?;
            target.sub = Some(value);
        }
        let is_descending = match order.trim() {
            "" => false,
            order if order.eq_ignore_ascii_case("ascending") => false,
            order if order.eq_ignore_ascii_case("descending") => true,
            other => {
                let detail =
                    format!("sortOrder is ascending or descending, not `{}`.", echo(other));
                return Err(Error::value(detail));
            }
        };
        Ok(Self { target, is_descending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ErrorKind, Schemas};

    #[test]
    fn an_order_is_read_in_any_letter_case() {
        let read = |by, order| Sort::read(Schemas::standard().user(), by, order).unwrap();
        for (by, meant) in [
            ("USERNAME", "userName"),
            (" name.familyName ", "name.familyName"),
            ("emails", "emails.value"),
            ("emails.type", "emails.type"),
            ("meta.lastModified", "meta.lastModified"),
        ] {
            assert_eq!(read(by, "").target.to_string(), meant);
        }
        assert!(!read("userName", "Ascending").is_descending);
        assert!(read("userName", "DESCENDING").is_descending);
    }

    #[test]
    fn what_cannot_be_sorted_by_is_refused() {
        for (by, order) in [
            ("shoeSize", ""),
            ("password", ""),
            ("name", ""),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", ""),
            ("emails[type eq \"work\"].value", ""),
            ("", ""),
            ("userName", "down"),
        ] {
            let refused = Sort::read(Schemas::standard().user(), by, order).unwrap_err();
            assert_eq!(refused.kind, ErrorKind::InvalidValue, "{by} {order}");
        }
    }
}
