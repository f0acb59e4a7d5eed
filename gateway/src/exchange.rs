//! What stands round every request: its id, its deadline, its line in the log.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tracing::{Instrument, Span, field};
use uuid::Uuid;

use crate::error::{self, ScimError};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Characters that a client's request id may have, so that it fits any log.
const REQUEST_ID_LENGTH: usize = 64;

/// How much longer than its deadline a request is waited for, so that the directory's own word on a
/// late call still arrives.
const GRACE: Duration = Duration::from_millis(500);

/// One request and its answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) request_id: RequestId,
    deadline: Instant,
}

impl Exchange {
    /// Until the deadline; none when it has passed.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Finds the request again in our logs: visible ASCII, at most 64 characters.
#[derive(Clone)]
pub(crate) struct RequestId(Arc<str>);

impl RequestId {
    /// The client's, if it is fit to be logged, else a new one.
    fn of(headers: &HeaderMap) -> Self {
        let sent = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
        match sent.filter(|id| is_fit(id)) {
            Some(id) => Self(id.into()),
            None => Self(Uuid::new_v4().to_string().into()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_fit(id: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=REQUEST_ID_LENGTH).contains(&id.len()) && id.bytes().all(is_fit)
}

/// Gives the request its id and `timeout` to be answered in, its answer the id and, if it is an
/// error, the body; and writes one line that holds the route, never the path or the query.
pub(crate) async fn exchange(
    State(timeout): State<Duration>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let request_id = RequestId::of(request.headers());
    let span = tracing::info_span!(
        "request",
        method = known(request.method()),
        route = field::Empty,
        request_id = request_id.as_str(),
    );
    let deadline = began + timeout;
    request.extensions_mut().insert(Exchange { request_id: request_id.clone(), deadline });
    let answer = tokio::time::timeout_at(deadline + GRACE, next.run(request));
    let answer = answer.instrument(span.clone()).await;
    let answer = answer.unwrap_or_else(|_| ScimError::late().into_response());
    let mut answer = error::written(answer, request_id.as_str());
    if let Ok(request_id) = HeaderValue::from_str(request_id.as_str()) {
        answer.headers_mut().insert(X_REQUEST_ID, request_id);
    }
    let status = answer.status().as_u16();
    let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(parent: &span, status, duration_us, "answered");
    answer
}

/// Notes the route's pattern in the request's span. It runs where the route is known.
pub(crate) async fn note_route(
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(route) = route {
        Span::current().record("route", route.as_str());
    }
    next.run(request).await
}

/// A method by its name, or "OTHER": a log takes no word of the client's choice.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "OTHER",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_request_id_is_taken_when_it_fits_any_log() {
        let longest = "a".repeat(64);
        for fit in ["1", "a-b_c.D9", &longest] {
            assert!(is_fit(fit), "{fit}");
        }
        for unfit in ["", "a b", "a\"b", "a/b", "é", &format!("{longest}a")] {
            assert!(!is_fit(unfit), "{unfit}");
        }
    }
}
