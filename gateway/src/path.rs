//! The one reading of a path, before anything is routed.
//!
//! Each segment is percent-decoded once and written again in one spelling, so that the router and
//! the handlers see the same segments. What could be read in two ways is no route: an encoded
//! slash, NUL, a dot segment, an empty segment. One slash at the end is accepted everywhere.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::error::ScimError;

/// What is written percent-encoded in a segment (RFC 3986 section 3.3), beside all beyond ASCII.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// Brings the request's path into its one spelling, or answers 404.
pub(crate) async fn in_one_spelling(mut request: Request, next: Next) -> Response {
    match respelt(request.uri()) {
        Ok(uri) => {
            *request.uri_mut() = uri;
            next.run(request).await
        }
        Err(no_route) => no_route.into_response(),
    }
}

fn respelt(uri: &Uri) -> Result<Uri, ScimError> {
    let mut path = one_spelling(uri.path())?;
    if let Some(query) = uri.query() {
        path.push('?');
        path.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path).map_err(|_| ScimError::no_route())?);
    Uri::from_parts(parts).map_err(|_| ScimError::no_route())
}

fn one_spelling(path: &str) -> Result<String, ScimError> {
    let inside = path.strip_prefix('/').ok_or_else(ScimError::no_route)?;
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    let mut spelling = String::with_capacity(path.len());
    for segment in inside.split('/') {
        if segment.is_empty() {
            return Err(ScimError::doubled_slash());
        }
        let segment = percent_decoded(segment).ok_or_else(ScimError::no_route)?;
        if segment.contains(['/', '\0']) || segment == "." || segment == ".." {
            return Err(ScimError::no_route());
        }
        spelling.push('/');
        spelling.extend(utf8_percent_encode(&segment, ENCODED));
    }
    if ["Users", "Groups"].iter().any(|last| is_below(&spelling, last)) {
        return Err(ScimError::doubled_endpoint());
    }
    Ok(spelling)
}

/// Whether the Tenant URL was copied with an endpoint at its end: another follows.
fn is_below(spelling: &str, endpoint: &str) -> bool {
    ["Users", "Groups"].iter().any(|next| {
        let doubled = format!("/{endpoint}/{next}");
        spelling.ends_with(&doubled) || spelling.contains(&format!("{doubled}/"))
    })
}

/// `text`, percent-decoded once; `None` when a `%` begins no escape or the bytes are no UTF-8.
pub(crate) fn percent_decoded(text: &str) -> Option<String> {
    let is_escape = |rest: &str| {
        rest.as_bytes().get(..2).is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.split('%').skip(1).all(is_escape) {
        return None;
    }
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_decoded_once_and_written_in_one_spelling() {
        for (sent, meant) in [
            ("/scim/v2/acme/Users", "/scim/v2/acme/Users"),
            ("/scim/v2/acme/Users/", "/scim/v2/acme/Users"),
            ("/scim/v2/acme/%55sers", "/scim/v2/acme/Users"),
            ("/scim/v2/acme/%2555sers", "/scim/v2/acme/%2555sers"),
            ("/Users/a%20b", "/Users/a%20b"),
            ("/Users/é", "/Users/%C3%A9"),
            ("/Users/%252F", "/Users/%252F"),
            ("/Schemas/urn:ietf:params:x", "/Schemas/urn:ietf:params:x"),
            ("/Schemas/urn%3Aietf%3aparams:x", "/Schemas/urn:ietf:params:x"),
            ("/USERS", "/USERS"),
        ] {
            assert_eq!(one_spelling(sent).ok().as_deref(), Some(meant), "{sent}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_no_route() {
        for sent in [
            "",
            "*",
            "/",
            "//",
            "/a//b",
            "//a",
            "/a//",
            "/a%2Fb",
            "/a%2fb",
            "/a%00",
            "/.",
            "/a/..",
            "/a/%2e%2E/b",
            "/a/.%2e",
            "/%",
            "/%4",
            "/%zz",
            "/%ff",
            "/%c3%28",
            "/%+5",
        ] {
            assert!(one_spelling(sent).is_err(), "{sent}");
        }
    }
}
