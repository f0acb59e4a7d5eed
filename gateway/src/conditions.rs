//! Conditional requests (RFC 7644 section 3.14): `If-Match` on a write, `If-None-Match` on a read.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH};
use axum::http::request::Parts;

use crate::directory::{Directory, Gateway};
use crate::error::ScimError;

/// The version that a resource must still have, as sent. Several versions at once are refused: no
/// identity provider sends them, and the directory compares one.
pub(crate) struct IfMatch(pub(crate) Option<String>);

impl<D: Directory> FromRequestParts<Gateway<D>> for IfMatch {
    type Rejection = ScimError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Gateway<D>,
    ) -> Result<Self, ScimError> {
        match if_match(&parts.headers) {
            Ok(etag) => Ok(Self(etag)),
            Err(complaint) => Err(gateway.complain(parts, complaint).await),
        }
    }
}

fn if_match(headers: &HeaderMap) -> Result<Option<String>, ScimError> {
    let mut etags = listed(headers, &IF_MATCH);
    if etags.len() > 1 {
        return Err(ScimError::several_etags());
    }
    Ok(etags.pop())
}

/// The versions that the client holds already.
pub(crate) struct IfNoneMatch(Vec<String>);

impl IfNoneMatch {
    /// Whether the client holds `etag`, by weak comparison (RFC 9110 section 8.8.3.2).
    pub(crate) fn holds(&self, etag: &str) -> bool {
        fn opaque(etag: &str) -> &str {
            etag.strip_prefix("W/").unwrap_or(etag)
        }
        self.0.iter().any(|held| held == "*" || opaque(held) == opaque(etag))
    }
}

impl<S: Sync> FromRequestParts<S> for IfNoneMatch {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(listed(&parts.headers, &IF_NONE_MATCH)))
    }
}

/// The etags of a header, which may be repeated. Ours hold no comma.
fn listed(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values =
        headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    let etags = values
        .flat_map(|value| value.split(',').map(|etag| etag.trim().to_owned()).collect::<Vec<_>>());
    etags.filter(|etag| !etag.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn one_version_is_passed_on_and_so_is_a_star() {
        let read = |values| if_match(&headers(&IF_MATCH, values));
        assert_eq!(read(&[]).ok(), Some(None));
        assert_eq!(read(&["*"]).ok(), Some(Some("*".to_owned())));
        assert_eq!(read(&[r#" W/"5" "#]).ok(), Some(Some(r#"W/"5""#.to_owned())));
        assert!(read(&[r#"W/"5", W/"6""#]).is_err());
        assert!(read(&[r#"W/"5""#, r#"W/"6""#]).is_err());
    }

    #[test]
    fn a_version_is_held_whether_it_is_called_weak_or_not() {
        let holds = |values| {
            IfNoneMatch(listed(&headers(&IF_NONE_MATCH, values), &IF_NONE_MATCH)).holds(r#"W/"5""#)
        };
        for yes in
            [&[r#"W/"5""#] as &[_], &[r#""5""#], &["*"], &[r#""4", W/"5""#], &[r#""4""#, r#""5""#]]
        {
            assert!(holds(yes), "{yes:?}");
        }
        for no in [&[] as &[_], &[""], &[r#"W/"6""#], &["5"]] {
            assert!(!holds(no), "{no:?}");
        }
    }
}
