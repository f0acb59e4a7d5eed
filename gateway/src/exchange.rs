//! What stands round every request: its id, its deadline, its line in the log.

use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use traces::RequestId;
use tracing::{Instrument, Span, field};

use crate::Random;
use crate::client::Clients;
use crate::error::{self, ScimError};
use crate::remote::Deadline;
use crate::routes::ROUTES;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How much longer than its deadline a request is waited for, so that the directory's own word on a
/// late call still arrives.
const GRACE: Duration = Duration::from_millis(500);

/// One request and its answer.
#[derive(Clone)]
pub(crate) struct Exchange {
    pub(crate) request_id: RequestId,
    /// Where the request comes from; `None` when it did not come over a socket.
    pub(crate) address: Option<IpAddr>,
    deadline: Instant,
}

impl Exchange {
    /// The deadline, for the channel to the directory.
    pub(crate) fn deadline(&self) -> Deadline {
        Deadline(self.deadline)
    }

    /// Until the deadline; none when it has passed.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// The id by which the request is found in logs and traces: the client's, if it is fit for them, else a
/// new one.
fn request_id(headers: &HeaderMap, random: &Random) -> RequestId {
    let sent = headers.get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let new = || RequestId::parse(&random.new_id().to_string()).expect("digits and hyphens");
    sent.and_then(RequestId::parse).unwrap_or_else(new)
}

/// What a trace tells of the request. Probes ask every few seconds, and are of no trace.
fn trace(request: &Request, method: &'static str, id: &RequestId) -> traces::Span {
    if matches!(request.uri().path(), "/healthz" | "/readyz") {
        return traces::Span::default();
    }
    let trace = traces::Span::received(method, request.headers(), Some(id));
    // What a client made up is `_OTHER` by the conventions of OpenTelemetry.
    trace.word("http.request.method", if method == OTHER { "_OTHER" } else { method });
    trace
}

/// What every request is measured by.
#[derive(Clone)]
pub(crate) struct Round {
    pub(crate) timeout: Duration,
    pub(crate) clients: Clients,
    pub(crate) random: Random,
}

/// Gives the request its id and `timeout` to be answered in, its answer the id and, if it is an
/// error, the body; and writes one line that holds the route, never the path or the query.
pub(crate) async fn exchange(
    State(Round { timeout, clients, random }): State<Round>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let request_id = request_id(request.headers(), &random);
    let method = known(request.method());
    let trace = trace(&request, method, &request_id);
    let span = tracing::info_span!(
        "request",
        method,
        route = field::Empty,
        request_id = request_id.as_str(),
        trace_id = trace.trace_id(),
    );
    let origin = clients.origin(&request);
    let address = origin.and_then(|origin| origin.address);
    let deadline = began + timeout;
    request.extensions_mut().insert(Exchange { request_id: request_id.clone(), address, deadline });
    let answer = tokio::time::timeout_at(deadline + GRACE, next.run(request));
    let answer = trace.round(answer.instrument(span.clone())).await;
    let mut answer = answer.unwrap_or_else(|_| ScimError::late().into_response());
    // Every key is judged: wrong ones never stand in the way of a good one from the same address.
    if answer.status() == StatusCode::UNAUTHORIZED
        && let Some(wait) = origin.and_then(|origin| clients.wrong_key(origin.nearest))
    {
        answer = ScimError::too_many_wrong_keys(wait).into_response();
    }
    let mut answer = error::written(answer, request_id.as_str());
    if let Ok(request_id) = HeaderValue::from_str(request_id.as_str()) {
        answer.headers_mut().insert(X_REQUEST_ID, request_id);
    }
    let status = answer.status().as_u16();
    let route = answer.extensions_mut().remove::<Route>().map(|route| route.0);
    if let Some(route) = route {
        trace.rename(method, route);
        trace.word("http.route", route);
    }
    trace.number("http.response.status_code", status);
    if answer.status().is_server_error() {
        trace.fail();
    }
    let route = route.unwrap_or("other");
    count(method, route, status, began.elapsed());
    let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::info!(parent: &span, status, duration_us, "answered");
    answer
}

/// The pattern of the route that an answer comes from, for the metrics.
#[derive(Clone, Copy)]
struct Route(&'static str);

/// Notes the route's pattern in the request's span and with its answer. It runs where the route is
/// known.
pub(crate) async fn note_route(
    matched: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let known = |matched: &MatchedPath| {
        let mut routes = ROUTES.iter().map(|route| route.path);
        routes.find(|route| *route == matched.as_str())
    };
    let route = matched.as_ref().and_then(known);
    if let Some(route) = route {
        Span::current().record("route", route);
    }
    let mut answer = next.run(request).await;
    if let Some(route) = route {
        answer.extensions_mut().insert(Route(route));
    }
    answer
}

/// Counts an answer and the time it took.
fn count(method: &'static str, route: &'static str, status: u16, took: Duration) {
    let labels = [("route", route), ("method", method)];
    metrics::histogram!("nestr_scim_http_request_seconds", &labels).record(took);
    let status = status.to_string();
    metrics::counter!(
        "nestr_scim_http_requests_total",
        "route" => route,
        "method" => method,
        "status" => status
    )
    .increment(1);
}

/// What stands for a method that is none of the known.
const OTHER: &str = "OTHER";

/// A method by its name, or "OTHER": a log takes no word of the client's choice.
fn known(method: &Method) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method.as_str()).unwrap_or(OTHER)
}
