//! What a status says beside its words.

use directory_api::v1::Reason;
use serde_json::{Value, json};
use tonic::{Request, Status};
use tonic_types::StatusExt;

/// The detail of this type of a google.rpc.Status in JSON.
pub(super) fn detail<'a>(status: &'a Value, name: &str) -> Option<&'a Value> {
    let named = format!("type.googleapis.com/google.rpc.{name}");
    status["details"].as_array()?.iter().find(|detail| detail["@type"] == *named)
}

/// What the status says besides: the field, or what it is about; asserts that it says what its reason has it
/// say, and nothing else.
pub(super) fn told(status: &Value, reason: Reason) -> String {
    let row = reason.row();
    assert_eq!(status["code"], i32::from(row.code), "{status}");
    let info = detail(status, "ErrorInfo").unwrap_or_else(|| panic!("no reason: {status}"));
    assert_eq!(info["reason"], reason.as_str_name(), "{status}");
    assert_eq!(info["domain"], directory_api::DOMAIN, "{status}");
    let request_id = &detail(status, "RequestInfo").expect("a RequestInfo")["requestId"];
    assert_eq!(request_id, "example-7", "{status}");
    let (field, about) = (detail(status, "BadRequest"), detail(status, "ResourceInfo"));
    assert_eq!(detail(status, "RetryInfo").is_some(), reason.may_pass(), "{status}");
    match (row.http, field, about) {
        (400, Some(bad), None) => {
            let violations = bad["fieldViolations"].as_array().expect("violations");
            assert_eq!(violations.len(), 1, "{status}");
            assert_eq!(violations[0]["description"], status["message"], "{status}");
            violations[0]["field"].as_str().expect("a field").to_owned()
        }
        (403 | 404 | 409 | 412, None, Some(about)) => {
            let kind = about["resourceType"].as_str().expect("a type");
            let kind = kind.strip_prefix("nestr.directory.v1.").expect("a message of the contract");
            format!("{kind} {}", about["resourceName"].as_str().expect("a name"))
        }
        (401 | 403 | 429 | 503, None, None) => String::new(),
        _ => panic!("{reason:?} says too much or too little: {status}"),
    }
}

/// What grpcurl would print of a status, as far as [`told`] looks at it.
pub(super) fn shown(status: &Status) -> Value {
    let details = status.get_error_details();
    let mut shown = Vec::new();
    let mut add = |name: &str, mut detail: Value| {
        detail["@type"] = format!("type.googleapis.com/google.rpc.{name}").into();
        shown.push(detail);
    };
    if let Some(info) = details.error_info() {
        add("ErrorInfo", json!({"reason": info.reason, "domain": info.domain}));
    }
    if let Some(info) = details.request_info() {
        add("RequestInfo", json!({"requestId": info.request_id}));
    }
    if let Some(info) = details.retry_info() {
        add("RetryInfo", json!({"seconds": info.retry_delay.map(|delay| delay.as_secs_f64())}));
    }
    if let Some(bad) = details.bad_request() {
        let violations = bad.field_violations.iter();
        let violations: Vec<_> = violations
            .map(|one| json!({"field": one.field, "description": one.description}))
            .collect();
        add("BadRequest", json!({"fieldViolations": violations}));
    }
    json!({"code": i32::from(status.code()), "message": status.message(), "details": shown})
}

/// A request under the id that [`told`] looks for.
pub(super) fn named<T>(ask: T) -> Request<T> {
    let mut request = Request::new(ask);
    request.metadata_mut().insert("x-request-id", "example-7".parse().expect("ASCII"));
    request
}
