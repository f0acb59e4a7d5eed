//! What is answered: the directory's document as it stands, its version and its place.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderValue, LOCATION};
use axum::response::{IntoResponse, Response};
use directory_api::v1;

use crate::conditions::IfNoneMatch;
use crate::error::ScimError;

/// The media type of every SCIM answer (RFC 7644 section 8.1).
pub(crate) const SCIM_JSON: HeaderValue = HeaderValue::from_static("application/scim+json");

/// A SCIM document on its way out.
pub(crate) struct Answer {
    status: StatusCode,
    document: String,
    /// Version and URL; empty for what has none.
    etag: String,
    location: String,
}

impl Answer {
    /// A document without a version.
    pub(crate) fn document(document: String) -> Self {
        let (etag, location) = (String::new(), String::new());
        Self { status: StatusCode::OK, document, etag, location }
    }

    /// A resource that the request made (RFC 7644 section 3.3).
    pub(crate) fn created(resource: impl Into<Self>) -> Self {
        Self { status: StatusCode::CREATED, ..resource.into() }
    }

    /// 304 without the document, when the client holds this version of it already.
    pub(crate) fn unless_held(self, held: &IfNoneMatch) -> Self {
        if held.holds(&self.etag) {
            Self { status: StatusCode::NOT_MODIFIED, document: String::new(), ..self }
        } else {
            self
        }
    }
}

impl From<v1::User> for Answer {
    fn from(user: v1::User) -> Self {
        let v1::Meta { version: etag, location, .. } = user.meta.unwrap_or_default();
        Self { status: StatusCode::OK, document: user.scim_json, etag, location }
    }
}

/// A `ListResponse` (RFC 7644 section 3.4.2). The rows are JSON already and are joined as they stand.
impl From<v1::ListUsersResponse> for Answer {
    fn from(page: v1::ListUsersResponse) -> Self {
        let rows: Vec<&str> = page.users.iter().map(|user| user.scim_json.as_str()).collect();
        Self::document(format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":{},"startIndex":{},"itemsPerPage":{},"Resources":[{}]}}"#,
            page.total_size,
            page.start_index,
            rows.len(),
            rows.join(","),
        ))
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
        if self.status != StatusCode::NOT_MODIFIED {
            response.headers_mut().insert(CONTENT_TYPE, SCIM_JSON);
            *response.body_mut() = self.document.into();
        }
        response
    }
}
