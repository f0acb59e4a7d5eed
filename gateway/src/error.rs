//! Every answer that is not the one asked for, as a SCIM error (RFC 7644 section 3.12).
//!
//! What the directory refuses comes with a reason, and the contract's one table gives its status and
//! scimType; what the gateway refuses is listed here. The body is written last, by [`written`],
//! where the request id is known.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{
    CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use axum::response::{IntoResponse, Response};
use directory_api::v1::Reason;
use serde_json::{Value, json};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::answer::SCIM_JSON;

/// Seconds after which to try again what failed because the service was busy or away.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What is wrong, for the admin who reads the identity provider's log: `detail` names cause and fix.
#[derive(Clone, Debug)]
pub(crate) struct ScimError {
    status: StatusCode,
    scim_type: &'static str,
    detail: Cow<'static, str>,
    /// Seconds after which to try again; only of an answer that says so.
    retry_after: u64,
}

impl ScimError {
    fn new(
        status: StatusCode,
        scim_type: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, scim_type, detail: detail.into(), retry_after: RETRY_AFTER_SECONDS }
    }

    fn bad_request(scim_type: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, scim_type, detail)
    }

    /// The one answer to every key that opens nothing here, whatever the cause: who has no right
    /// does not learn whether the workspace exists.
    pub(crate) fn unauthenticated() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "",
            "The API key does not open this workspace: it is missing, mistyped, expired, revoked, \
             or another workspace's. Check the Secret Token (`Authorization: Bearer nscim_...`) \
             and the Tenant URL, or make a new key in Nestr's SCIM settings.",
        )
    }

    pub(crate) fn no_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "",
            "There is no such SCIM endpoint. The Tenant URL is https://<host>/scim/v2/<workspace>, \
             as Nestr's SCIM settings show it, with nothing after it; names of endpoints are \
             case-sensitive (/Users).",
        )
    }

    pub(crate) fn doubled_slash() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "",
            "There is no such SCIM endpoint: the path has two slashes in a row. Remove the slash \
             at the end of the Tenant URL.",
        )
    }

    pub(crate) fn doubled_endpoint() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "",
            "There is no such SCIM endpoint: the path names two endpoints. Remove /Users or /Groups \
             from the end of the Tenant URL.",
        )
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "",
            "This endpoint does not take this method; the header Allow names those it takes.",
        )
    }

    pub(crate) fn not_a_search() -> Self {
        Self::bad_request(
            "invalidSyntax",
            "The body is no SearchRequest (RFC 7644 section 3.4.3): an object with filter, attributes, \
             excludedAttributes, sortBy, sortOrder, startIndex, count and cursor, each a text, a number \
             or a list of texts.",
        )
    }

    pub(crate) fn not_a_bulk() -> Self {
        Self::bad_request(
            "invalidSyntax",
            "The body is no BulkRequest (RFC 7644 section 3.7): an object with Operations, a list of \
             objects with method, path, bulkId, version and data, and failOnErrors, a number.",
        )
    }

    /// RFC 7644 section 3.7.4.
    pub(crate) fn bulk_limit() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "",
            format!(
                "The bulk holds more than {} operations (bulk.maxOperations). Split it.",
                scim::limits::BULK_OPERATIONS
            ),
        )
    }

    /// RFC 7644 section 3.11.
    pub(crate) fn no_me() -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "",
            "/Me is not served: an API key stands for an identity provider, not for a person. Use \
             /Users/{id}.",
        )
    }

    pub(crate) fn content_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "",
            "The body must be JSON: send it as Content-Type: application/scim+json.",
        )
    }

    pub(crate) fn body_limit(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "",
            format!("The body is larger than the limit of {limit} bytes (body limit)."),
        )
    }

    pub(crate) fn body_cut_short() -> Self {
        Self::bad_request("invalidSyntax", "The body ended before all of it was there.")
    }

    pub(crate) fn body_too_slow() -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "",
            "The body came too slowly: it has to be here within 30 s, at 1 kB/s at least.",
        )
    }

    pub(crate) fn body_encoding() -> Self {
        Self::bad_request("invalidSyntax", "The body is not UTF-8, as JSON has to be.")
    }

    pub(crate) fn body_empty() -> Self {
        Self::bad_request("invalidSyntax", "The body is empty; a JSON object is needed.")
    }

    pub(crate) fn query_encoding() -> Self {
        Self::bad_request(
            "invalidSyntax",
            "The query is not percent-encoded UTF-8: a percent sign itself is written %25.",
        )
    }

    pub(crate) fn repeated(parameter: &'static str) -> Self {
        Self::bad_request(
            "invalidValue",
            format!("The query parameter {parameter} may be given only once."),
        )
    }

    pub(crate) fn not_a_number(parameter: &'static str) -> Self {
        // RFC 9865 section 2.1 has a word of its own for a page size.
        let scim_type = if parameter == "count" { "invalidCount" } else { "invalidValue" };
        Self::bad_request(
            scim_type,
            format!("The query parameter {parameter} must be a whole number."),
        )
    }

    /// RFC 7644 section 4: else a client takes all of them for those that match.
    pub(crate) fn unfiltered() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "",
            "What describes the service is not filtered: leave out the query parameter filter.",
        )
    }

    pub(crate) fn empty_filter() -> Self {
        Self::bad_request(
            "invalidFilter",
            "The query parameter filter is empty. Leave it out to list all, or send one such as \
             userName eq \"ada@example.com\".",
        )
    }

    pub(crate) fn several_etags() -> Self {
        Self::bad_request("invalidValue", "If-Match may name one version (ETag), or *.")
    }

    /// The request took longer than it may.
    pub(crate) fn late() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "",
            "The request took too long and was given up. Try again.",
        )
    }

    pub(crate) fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "",
            "The service is not available for the moment. Try again.",
        )
    }

    /// A wrong key, from an address that sends too many of them.
    pub(crate) fn too_many_wrong_keys(wait: Duration) -> Self {
        let error = Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "",
            "Too many requests with wrong API keys come from this address (--wrong-key-rate). \
             Correct the Secret Token, then try again.",
        );
        Self { retry_after: seconds(wait), ..error }
    }

    fn too_many_requests() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "",
            "More requests at a time than the service takes. Slow down and try again.",
        )
    }

    /// Ours to mend: the cause is logged, and the caller gets the request id alone.
    pub(crate) fn fault(cause: impl fmt::Display) -> Self {
        tracing::error!(%cause, "fault");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "", "Something went wrong at our side.")
    }

    /// What the directory refused for `reason`.
    fn refused(reason: Reason, status: &Status) -> Self {
        match reason {
            // The gateway's own credential, not the IdP's key: nothing that the IdP could mend.
            Reason::CredentialInvalid => Self::fault(status.message()),
            reason => Self {
                retry_after: retry_after(status),
                ..Self::of_reason(reason, status.message().to_owned())
            },
        }
    }

    /// What was refused for `reason`, of a request or of one of the operations of a bulk.
    pub(crate) fn of_reason(reason: Reason, detail: String) -> Self {
        if reason == Reason::ApiKeyInvalid {
            return Self::unauthenticated();
        }
        let row = reason.row();
        match StatusCode::from_u16(row.http) {
            Ok(http) => Self::new(http, row.scim_type, detail),
            Err(error) => Self::fault(error),
        }
    }

    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The error as it is answered.
    pub(crate) fn body(&self, request_id: &str) -> Value {
        let mut body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"],
            "status": self.status.as_str(),
            "detail": self.detail(request_id),
        });
        if !self.scim_type.is_empty() {
            body["scimType"] = self.scim_type.into();
        }
        body
    }

    /// The detail as it is answered. An answer that has to be the same whoever asks holds nothing
    /// of the one request.
    fn detail(&self, request_id: &str) -> String {
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND => self.detail.clone().into_owned(),
            _ => format!("{} (request {request_id})", self.detail),
        }
    }
}

/// Whole seconds, the next ones of a part.
fn seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}

/// The whole seconds after which the directory wants to be asked again.
fn retry_after(status: &Status) -> u64 {
    let delay = status.get_details_retry_info().and_then(|info| info.retry_delay);
    delay.map_or(RETRY_AFTER_SECONDS, seconds)
}

impl From<Status> for ScimError {
    fn from(status: Status) -> Self {
        if let Some(reason) = Reason::of(&status) {
            return Self::refused(reason, &status);
        }
        let code = status.code();
        tracing::warn!(?code, message = status.message(), "the directory's answer has no reason");
        match code {
            Code::DeadlineExceeded => Self::late(),
            Code::Unavailable | Code::Cancelled => Self::unavailable(),
            Code::ResourceExhausted => Self::too_many_requests(),
            _ => Self::fault(code),
        }
    }
}

impl From<scim::Error> for ScimError {
    fn from(error: scim::Error) -> Self {
        let reason = match error.kind {
            scim::ErrorKind::InvalidSyntax => Reason::InvalidSyntax,
            scim::ErrorKind::InvalidFilter => Reason::InvalidFilter,
            scim::ErrorKind::InvalidPath => Reason::InvalidPath,
            scim::ErrorKind::InvalidValue => Reason::InvalidValue,
            scim::ErrorKind::NoTarget => Reason::NoTarget,
            scim::ErrorKind::Mutability => Reason::Mutability,
            scim::ErrorKind::TooMany => Reason::TooMany,
        };
        Self::bad_request(reason.row().scim_type, error.detail)
    }
}

impl IntoResponse for ScimError {
    /// Status and headers; the body comes with [`written`].
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::UNAUTHORIZED => {
                headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                headers.insert(RETRY_AFTER, HeaderValue::from(self.retry_after));
            }
            _ => {}
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The response with the body of its error, if it is one.
pub(crate) fn written(mut response: Response, request_id: &str) -> Response {
    if let Some(error) = response.extensions_mut().remove::<ScimError>() {
        *response.body_mut() = Body::from(error.body(request_id).to_string());
        // The router has measured the empty body that stood here.
        response.headers_mut().remove(CONTENT_LENGTH);
        response.headers_mut().insert(CONTENT_TYPE, SCIM_JSON);
    }
    response
}
