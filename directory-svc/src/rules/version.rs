//! Versions of resources, and writes that depend on one.

use directory_api::v1::Reason;

use crate::refusal::Refusal;
use crate::store::Revision;

/// The weak entity tag of a resource's version, as `meta.version` and ETag carry it (RFC 7644
/// section 3.14).
#[must_use]
pub(crate) fn etag(revision: Revision) -> String {
    format!("W/\"{revision}\"")
}

/// Refuses a write to what stands at `revision`, where its caller named another version. `*` names
/// any.
///
/// # Errors
/// `REVISION_MISMATCH`.
pub(crate) fn check(version: Option<&str>, revision: Revision) -> Result<(), Refusal> {
    match version {
        Some(version) if version != "*" && !is_same(version, revision) => Err(Refusal::new(
            Reason::RevisionMismatch,
            "It has changed since that version. Read it again and repeat the change on what stands \
             now.",
        )),
        _ => Ok(()),
    }
}

/// RFC 9110 section 8.8.3.2 asks for the strong comparison in If-Match, which would refuse every
/// weak tag; RFC 7644 section 3.14 uses weak ones there, so they are compared weakly.
fn is_same(sent: &str, revision: Revision) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").trim_matches('"').to_owned();
    opaque(sent) == opaque(&etag(revision))
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn versions_are_compared_weakly() {
        for sent in ["W/\"7\"", "\"7\"", " W/\"7\" ", "7"] {
            assert!(is_same(sent, 7), "{sent}");
        }
        assert!(!is_same("W/\"8\"", 7));
        assert!(!is_same("", 7));
    }
}
