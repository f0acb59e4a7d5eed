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

    /// A `ListResponse` (RFC 7644 section 3.4.2, RFC 9865 section 2): by index it tells where it begins,
    /// by cursor where to go on. The rows are JSON already and are joined as they stand.
    pub(crate) fn page(page: impl Into<Page>, by_cursor: bool) -> Self {
        let Page { rows, total, start_index, next_cursor } = page.into();
        let place = match (by_cursor, next_cursor.as_str()) {
            (false, _) => format!(r#""startIndex":{start_index},"#),
            (true, "") => String::new(),
            (true, cursor) => format!(r#""nextCursor":"{cursor}","#),
        };
        Self::document(format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{total},{place}"itemsPerPage":{},"Resources":[{}]}}"#,
            rows.len(),
            rows.join(","),
        ))
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

impl From<v1::ListResourcesResponse> for Page {
    fn from(page: v1::ListResourcesResponse) -> Self {
        let json = |resource: v1::Resource| match resource.kind {
            Some(v1::resource::Kind::User(user)) => user.scim_json,
            Some(v1::resource::Kind::Group(group)) => group.scim_json,
            None => "null".to_owned(),
        };
        Self {
            rows: page.resources.into_iter().map(json).collect(),
            total: page.total_size,
            start_index: page.start_index,
            next_cursor: page.next_page_token,
        }
    }
}

/// A page of a listing.
pub(crate) struct Page {
    rows: Vec<String>,
    total: u32,
    start_index: u32,
    next_cursor: String,
}

impl From<v1::ListUsersResponse> for Page {
    fn from(page: v1::ListUsersResponse) -> Self {
        Self {
            rows: page.users.into_iter().map(|user| user.scim_json).collect(),
            total: page.total_size,
            start_index: page.start_index,
            next_cursor: page.next_page_token,
        }
    }
}

impl From<v1::ListGroupsResponse> for Page {
    fn from(page: v1::ListGroupsResponse) -> Self {
        Self {
            rows: page.groups.into_iter().map(|group| group.scim_json).collect(),
            total: page.total_size,
            start_index: page.start_index,
            next_cursor: page.next_page_token,
        }
    }
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
