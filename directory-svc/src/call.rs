//! What stands round every RPC, in process and over a socket: its deadline, its span, its count.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use directory_api::v1::Reason;
use directory_api::{MESSAGE_BYTES, Method, REQUEST_ID};
use tokio::time::Instant;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use traces::RequestId;
use tracing::Instrument;

use crate::clock::Clock;

/// The metadata that says how long a call may take.
const TIMEOUT: &str = "grpc-timeout";

/// The longest that any call may take, whatever its caller allows. Every wait has an end.
const LONGEST: Duration = Duration::from_mins(1);

/// The router with deadline and span round each call. What has no id is given one of `clock`'s.
pub(crate) fn layered(router: axum::Router, clock: Clock) -> axum::Router {
    router.layer(from_fn_with_state(clock, call))
}

/// Ends a call at its caller's deadline (metadata `grpc-timeout`). A write that is under way then is
/// committed whole or not at all; its caller repeats it under the same operation id.
async fn call(State(clock): State<Clock>, request: Request, next: Next) -> Response {
    let method = Method::of(request.uri().path());
    let (allowed, request_id) = terms(request.headers());
    let new = || RequestId::parse(&clock.new_id().to_string()).expect("digits and hyphens");
    let request_id = request_id.unwrap_or_else(new);
    let trace = method.map(|method| trace(method, request.headers(), &request_id));
    let trace = trace.unwrap_or_default();
    let span = tracing::info_span!(
        "rpc",
        method = request.uri().path(),
        request_id = request_id.as_str(),
        trace_id = trace.trace_id(),
    );
    let began = Instant::now();
    let answer = tokio::time::timeout(allowed, next.run(request)).instrument(span.clone());
    let answer = trace.round(answer).await.unwrap_or_else(|_| {
        Status::deadline_exceeded("The call took longer than its deadline.").into_http()
    });
    // A refusal stands in the headers; an answer has its status, which is OK, behind its message.
    let status = Status::from_header_map(answer.headers());
    let code = status.as_ref().map_or(Code::Ok, Status::code);
    let answer = match status {
        Some(status) if code != Code::Ok => told(answer, &status, &request_id),
        _ => answer,
    };
    trace.number("rpc.grpc.status_code", code as i32);
    if is_ours_to_mend(code) {
        trace.fail();
    }
    // A metric takes no word of a caller's choice.
    let method = method.map_or("other", |method| method.short);
    metrics::histogram!("nestr_scim_rpc_seconds", "method" => method).record(began.elapsed());
    let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(parent: &span, ?code, duration_us, "answered");
    let code = format!("{code:?}");
    metrics::counter!("nestr_scim_rpcs_total", "method" => method, "code" => code).increment(1);
    answer
}

/// A refusal or a fault with the id under which it is found in the logs. What the library says of a
/// message that is too large, it says in the contract's words.
fn told(mut answer: Response, status: &Status, request_id: &RequestId) -> Response {
    let is_bound = matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted);
    let is_too_large = is_bound && Reason::of(status).is_none();
    let too_large = is_too_large.then(|| Reason::TooMany.status(too_large(), HashMap::new()));
    let status = too_large.as_ref().unwrap_or(status);
    let mut details = status.get_error_details();
    details.set_request_info(request_id.as_str(), "");
    let told = Status::with_error_details(status.code(), status.message(), details);
    if let Err(error) = told.add_header(answer.headers_mut()) {
        tracing::error!(error = &error as &dyn std::error::Error, "a status cannot be written");
    }
    answer
}

/// Cause and fix of a message that is not taken.
fn too_large() -> String {
    format!(
        "The message is larger than this call takes: {} MiB for people and groups (MESSAGE_BYTES), 4 MiB \
         elsewhere. Send less at a time.",
        MESSAGE_BYTES / 1024 / 1024
    )
}

/// What a trace tells of a call of the contract.
fn trace(method: Method, headers: &HeaderMap, id: &RequestId) -> traces::Span {
    let trace = traces::Span::received(method.full, headers, Some(id));
    trace.word("rpc.system", "grpc");
    trace.word("rpc.service", method.service);
    trace.word("rpc.method", method.name);
    trace
}

/// Whether a status says that the directory failed, and not that its caller asked wrongly.
fn is_ours_to_mend(code: Code) -> bool {
    matches!(
        code,
        Code::Unknown
            | Code::DeadlineExceeded
            | Code::Unimplemented
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
    )
}

/// How long the call may take, and the id that its caller gave it.
fn terms(headers: &HeaderMap) -> (Duration, Option<RequestId>) {
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let allowed = header(TIMEOUT).and_then(timeout).unwrap_or(LONGEST).min(LONGEST);
    (allowed, header(REQUEST_ID).and_then(RequestId::parse))
}

/// How long the caller lets a stream run, which [`LONGEST`] does not bound: it is its beginning alone that has
/// to come by then. `None`: for as long as it likes.
pub(crate) fn stream_timeout(metadata: &MetadataMap) -> Option<Duration> {
    metadata.get(TIMEOUT)?.to_str().ok().and_then(timeout)
}

/// Reads `grpc-timeout`: at most eight digits and a unit.
fn timeout(text: &str) -> Option<Duration> {
    let unit_at = text.len().checked_sub(1).filter(|at| (1..=8).contains(at))?;
    let (digits, unit) = text.split_at_checked(unit_at)?;
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_hours(count)),
        "M" => Some(Duration::from_mins(count)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        assert_eq!(timeout("50m"), Some(Duration::from_millis(50)));
        assert_eq!(timeout("99999999H"), Some(Duration::from_hours(99_999_999)));
        for bad in ["", "m", "-5m", "5", "5x", "123456789m", "é", "5é", "+5m"] {
            assert_eq!(timeout(bad), None, "{bad}");
        }
    }

    /// Seen to fail without the layer: the call hangs until the test's own end.
    #[tokio::test(start_paused = true)]
    async fn a_call_ends_at_its_callers_deadline() {
        let router = axum::Router::new().route("/slow", get(std::future::pending::<String>));
        let request = Request::get("/slow").header("grpc-timeout", "50m").body(Body::empty());
        let began = tokio::time::Instant::now();
        let answer = layered(router, Clock::system()).oneshot(request.unwrap()).await.unwrap();
        assert_eq!(answer.headers()["grpc-status"], "4");
        assert_eq!(began.elapsed(), Duration::from_millis(50));
    }
}
