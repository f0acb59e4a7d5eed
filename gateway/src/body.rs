//! The body of a write: its type, its size, its text; of a patch, its envelope.
//!
//! What a resource says is the directory's to read, by schema, from the text as it was sent.

use std::error::Error;
use std::io;

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use directory_api::v1::PatchOperation;
use directory_api::v1::patch_operation::Operand;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use scim::patch::{RawOperation, read_envelope};

use crate::directory::{Directory, Gateway};
use crate::error::ScimError;

/// A resource as the identity provider wrote it.
pub(crate) struct ScimText(pub(crate) String);

impl<D: Directory> FromRequest<Gateway<D>> for ScimText {
    type Rejection = ScimError;

    async fn from_request(request: Request, gateway: &Gateway<D>) -> Result<Self, ScimError> {
        read(request, gateway, Ok).await.map(Self)
    }
}

/// The operations of a `PatchOp` message (RFC 7644 section 3.5.2), as the identity provider wrote
/// them.
pub(crate) struct Operations(pub(crate) Vec<PatchOperation>);

impl<D: Directory> FromRequest<Gateway<D>> for Operations {
    type Rejection = ScimError;

    async fn from_request(request: Request, gateway: &Gateway<D>) -> Result<Self, ScimError> {
        let operations =
            |text: String| Ok(read_envelope(&text)?.into_iter().map(operation).collect());
        read(request, gateway, operations).await.map(Self)
    }
}

fn operation(RawOperation { op, path, value }: RawOperation) -> PatchOperation {
    let operand = value.map(|value| Operand::ValueJson(value.to_string()));
    PatchOperation { op, path, operand }
}

/// Reads the body by `meaning`; what is wrong with it hears only who has the right to write.
pub(crate) async fn read<D: Directory, T>(
    request: Request,
    gateway: &Gateway<D>,
    meaning: impl FnOnce(String) -> Result<T, ScimError>,
) -> Result<T, ScimError> {
    read_up_to(gateway.config.body_limit, request, gateway, meaning).await
}

/// The same, of a body that may have so many bytes.
pub(crate) async fn read_up_to<D: Directory, T>(
    limit: usize,
    request: Request,
    gateway: &Gateway<D>,
    meaning: impl FnOnce(String) -> Result<T, ScimError>,
) -> Result<T, ScimError> {
    let (mut parts, body) = request.into_parts();
    match text(&parts.headers, body, limit).await.and_then(meaning) {
        Ok(read) => Ok(read),
        Err(complaint) => Err(gateway.complain(&mut parts, complaint).await),
    }
}

async fn text(
    headers: &HeaderMap,
    body: axum::body::Body,
    limit: usize,
) -> Result<String, ScimError> {
    if !is_json(headers) {
        return Err(ScimError::content_type());
    }
    // One that is announced as too large is not waited for.
    if body.size_hint().lower() > limit as u64 {
        return Err(ScimError::body_limit(limit));
    }
    let body = Limited::new(body, limit).collect().await.map_err(|error| {
        if error.is::<LengthLimitError>() {
            ScimError::body_limit(limit)
        } else if is_too_slow(&*error) {
            ScimError::body_too_slow()
        } else {
            ScimError::body_cut_short()
        }
    })?;
    let text = String::from_utf8(body.to_bytes().into()).map_err(|_| ScimError::body_encoding())?;
    if text.trim().is_empty() { Err(ScimError::body_empty()) } else { Ok(text) }
}

/// Whether the accept loop lost patience with the client.
fn is_too_slow(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|e| e.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Whether the body says that it is JSON, or says nothing.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    ["application/scim+json", "application/json"]
        .iter()
        .any(|json| essence.eq_ignore_ascii_case(json))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn json_goes_by_two_names_with_or_without_parameters() {
        let is_json = |value| {
            is_json(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))]))
        };
        for yes in [
            "application/scim+json",
            "application/json",
            "Application/SCIM+JSON; charset=utf-8",
            "application/json ;charset=UTF-8",
        ] {
            assert!(is_json(yes), "{yes}");
        }
        for no in ["", "text/plain", "application/xml", "application/json+x", "text/json"] {
            assert!(!is_json(no), "{no}");
        }
    }
}
