//! What is answered: the directory's document as it stands, its version and its place.

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};
use directory_api::v1;
use tokio_stream::StreamExt;

use crate::conditions::IfNoneMatch;
use crate::error::ScimError;

/// The media type of every SCIM answer (RFC 7644 section 8.1).
pub(crate) const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// A SCIM document on its way out.
pub(crate) struct Answer {
    status: StatusCode,
    document: Body,
    /// Version and URL; empty for what has none.
    etag: String,
    location: String,
}

impl Answer {
    /// A document without a version.
    pub(crate) fn document(document: String) -> Self {
        let (etag, location) = (String::new(), String::new());
        Self { status: StatusCode::OK, document: document.into(), etag, location }
    }

    /// A group whose document comes in pieces: the first of them, and the rest as they come. One that
    /// breaks off cuts the connection, so that nobody takes a part for the whole.
    pub(crate) async fn in_pieces(
        mut pieces: tonic::Streaming<v1::GroupPiece>,
    ) -> Result<Self, tonic::Status> {
        let first = pieces.message().await?.unwrap_or_default();
        let group = v1::Group { scim_json: first.scim_json, ..first.group.unwrap_or_default() };
        let Some(second) = pieces.message().await? else { return Ok(group.into()) };
        let begun = [Ok(Bytes::from(group.scim_json)), Ok(Bytes::from(second.scim_json))];
        let rest = pieces.map(|piece| piece.map(|piece| Bytes::from(piece.scim_json)));
        let document = Body::from_stream(tokio_stream::iter(begun).chain(rest));
        let head = v1::Group { scim_json: String::new(), ..group };
        Ok(Self { status: StatusCode::OK, document, ..head.into() })
    }

    /// A resource that the request made (RFC 7644 section 3.3).
    pub(crate) fn created(resource: impl Into<Self>) -> Self {
        Self { status: StatusCode::CREATED, ..resource.into() }
    }

    /// 304 without the document, when the client holds this version of it already.
    pub(crate) fn unless_held(self, held: &IfNoneMatch) -> Self {
        if held.holds(&self.etag) {
            Self { status: StatusCode::NOT_MODIFIED, document: Body::empty(), ..self }
        } else {
            self
        }
    }
}

impl From<v1::User> for Answer {
    fn from(user: v1::User) -> Self {
        let v1::Meta { version: etag, location, .. } = user.meta.unwrap_or_default();
        Self { status: StatusCode::OK, document: user.scim_json.into(), etag, location }
    }
}

/// A group; 204 for one whose document the directory keeps back, as it is too large to be answered to a
/// write.
impl From<v1::Group> for Answer {
    fn from(group: v1::Group) -> Self {
        let v1::Meta { version: etag, location, .. } = group.meta.unwrap_or_default();
        let has_document = !group.scim_json.is_empty();
        let status = if has_document { StatusCode::OK } else { StatusCode::NO_CONTENT };
        Self { status, document: group.scim_json.into(), etag, location }
    }
}

/// A `ListResponse` (RFC 7644 section 3.4.2). The rows are JSON already and are joined as they stand.
impl From<v1::ListUsersResponse> for Answer {
    fn from(page: v1::ListUsersResponse) -> Self {
        let rows = page.users.iter().map(|user| user.scim_json.as_str());
        list(page.total_size, page.start_index, rows)
    }
}

impl From<v1::ListGroupsResponse> for Answer {
    fn from(page: v1::ListGroupsResponse) -> Self {
        let rows = page.groups.iter().map(|group| group.scim_json.as_str());
        list(page.total_size, page.start_index, rows)
    }
}

fn list<'a>(total: u32, start_index: u32, rows: impl Iterator<Item = &'a str>) -> Answer {
    let rows: Vec<&str> = rows.collect();
    Answer::document(format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{total},"startIndex":{start_index},"itemsPerPage":{},"Resources":[{}]}}"#,
        rows.len(),
        rows.join(","),
    ))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = [(ETAG, self.etag), (LOCATION, self.location)];
        for (name, value) in headers.into_iter().filter(|(_, value)| !value.is_empty()) {
            match HeaderValue::try_from(value) {
                Ok(value) => response.headers_mut().insert(name, value),
                Err(error) => return ScimError::fault(error).into_response(),
            };
        }
        if ![StatusCode::NOT_MODIFIED, StatusCode::NO_CONTENT].contains(&self.status) {
            response.headers_mut().insert(CONTENT_TYPE, SCIM_JSON);
            *response.body_mut() = self.document;
        }
        response
    }
}
