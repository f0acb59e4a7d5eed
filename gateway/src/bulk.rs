//! `/Bulk` (RFC 7644 section 3.7): many writes in one request. What refers to what is the directory's to
//! read; here the envelope is opened and closed.

use axum::extract::{FromRequest, Request, State};
use axum::http::StatusCode;
use directory_api::v1;
use scim::limits::{BULK_BYTES, BULK_OPERATIONS};
use serde_json::{Map, Value, json};

use crate::answer::Answer;
use crate::body;
use crate::call::Call;
use crate::directory::{Directory, Gateway};
use crate::error::ScimError;

/// A `BulkRequest` message.
pub(crate) struct BulkRequest {
    operations: Vec<v1::BulkOperation>,
    fail_on_errors: Option<u32>,
}

impl<D: Directory> FromRequest<Gateway<D>> for BulkRequest {
    type Rejection = ScimError;

    async fn from_request(request: Request, gateway: &Gateway<D>) -> Result<Self, ScimError> {
        let limit = BULK_BYTES.max(gateway.config.body_limit);
        body::read_up_to(limit, request, gateway, |text| read(&text)).await
    }
}

fn read(text: &str) -> Result<BulkRequest, ScimError> {
    let Value::Object(mut members) = scim::json::parse(text)? else {
        return Err(ScimError::not_a_bulk());
    };
    let fail_on_errors = match taken(&mut members, "failOnErrors") {
        None | Some(Value::Null) => None,
        Some(value) => Some(number(&value).ok_or_else(ScimError::not_a_bulk)?),
    };
    let Some(Value::Array(operations)) = taken(&mut members, "Operations") else {
        return Err(ScimError::not_a_bulk());
    };
    if operations.len() > BULK_OPERATIONS {
        return Err(ScimError::bulk_limit());
    }
    let operations = operations.into_iter().map(operation).collect::<Result<_, _>>()?;
    Ok(BulkRequest { operations, fail_on_errors })
}

fn operation(value: Value) -> Result<v1::BulkOperation, ScimError> {
    let Value::Object(mut members) = value else { return Err(ScimError::not_a_bulk()) };
    let mut text = |name: &str| match taken(&mut members, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ScimError::not_a_bulk()),
    };
    Ok(v1::BulkOperation {
        method: text("method")?.unwrap_or_default(),
        path: text("path")?.unwrap_or_default(),
        bulk_id: text("bulkId")?.unwrap_or_default(),
        version: text("version")?,
        data_json: taken(&mut members, "data")
            .filter(|data| !data.is_null())
            .map(|data| data.to_string())
            .unwrap_or_default(),
    })
}

/// The member of this name, in whatever letter case.
fn taken(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let key = members.keys().find(|key| key.eq_ignore_ascii_case(name))?.clone();
    members.remove(&key)
}

fn number(value: &Value) -> Option<u32> {
    let number = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())?;
    u32::try_from(number).ok()
}

/// `POST /Bulk`.
pub(crate) async fn write<D: Directory>(
    State(gateway): State<Gateway<D>>,
    call: Call,
    BulkRequest { operations, fail_on_errors }: BulkRequest,
) -> Result<Answer, ScimError> {
    let sent: Vec<_> = operations
        .iter()
        .map(|operation| (operation.method.to_ascii_uppercase(), operation.bulk_id.clone()))
        .collect();
    let ask = v1::BulkWriteRequest {
        workspace_id: call.workspace_id.clone(),
        operations,
        fail_on_errors,
        operation_id: gateway.operation_id(),
    };
    let written = gateway.resources().bulk_write(call.carry(ask)).await?.into_inner();
    let results = written.results.into_iter().filter_map(|result| {
        let (method, bulk_id) = sent.get(result.index as usize)?;
        Some(told(method, bulk_id, &result, call.request_id()))
    });
    let message = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
        "Operations": results.collect::<Vec<_>>(),
    });
    Ok(Answer::document(message.to_string()))
}

/// What became of one operation, as its single request would have been answered.
fn told(method: &str, bulk_id: &str, result: &v1::BulkResult, request_id: &str) -> Value {
    let mut told = json!({ "method": method });
    let named = [("bulkId", bulk_id), ("location", &result.location), ("version", &result.version)];
    for (name, value) in named.into_iter().filter(|(_, value)| !value.is_empty()) {
        told[name] = value.into();
    }
    let status = if result.detail.is_empty() {
        match method.trim() {
            "POST" => StatusCode::CREATED,
            "DELETE" => StatusCode::NO_CONTENT,
            _ => StatusCode::OK,
        }
    } else {
        let error = ScimError::of_reason(result.reason(), result.detail.clone());
        told["response"] = error.body(request_id);
        error.status()
    };
    told["status"] = status.as_str().into();
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_read_in_any_letter_case() {
        let read = read(
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"failonerrors":"2",
                "operations":[{"METHOD":"post","path":"/Users","bulkid":"a","data":{"userName":"x"}},
                {"method":"DELETE","path":"/Users/1","version":"W/\"1\"","data":null}]}"#,
        );
        let BulkRequest { operations, fail_on_errors } = read.expect("a bulk");
        assert_eq!(fail_on_errors, Some(2));
        assert_eq!((operations[0].bulk_id.as_str(), operations[0].version.as_deref()), ("a", None));
        assert_eq!(operations[0].data_json, r#"{"userName":"x"}"#);
        assert_eq!(
            (operations[1].data_json.as_str(), operations[1].version.as_deref()),
            ("", Some("W/\"1\""))
        );
    }

    #[test]
    fn what_is_no_bulk_is_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"Operations":{}}"#,
            r#"{"Operations":[7]}"#,
            r#"{"Operations":[{"path":7}]}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        let many = vec!["{}"; BULK_OPERATIONS + 1].join(",");
        let refused = read(&format!(r#"{{"Operations":[{many}]}}"#)).err().expect("too many");
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let many = vec!["{}"; BULK_OPERATIONS].join(",");
        assert!(read(&format!(r#"{{"Operations":[{many}]}}"#)).is_ok());
    }
}
