//! The message round the operations (RFC 7644 section 3.5.2, `PatchOp`): syntax, no schema.

use serde_json::{Map, Value};

use super::{RawOperation, too_many_operations};
use crate::error::{Error, echo};
use crate::json;
use crate::limits::PATCH_OPERATIONS;

/// Reads a `PatchOp` message. Names are taken in any letter case, a single operation for an array of
/// one, `schemas` may be missing, an empty path is none.
///
/// # Errors
/// `InvalidSyntax` when it is no such message, names the offending part; `TooMany` when it holds too
/// many operations, or goes over a limit of [`json::parse`].
pub fn read_envelope(text: &str) -> Result<Vec<RawOperation>, Error> {
    let Value::Object(mut message) = json::parse(text)? else {
        return Err(Error::syntax("A PATCH must be a JSON object with `Operations`."));
    };
    let operations = match take(&mut message, "Operations")? {
        Some(Value::Array(operations)) => operations,
        Some(operation @ Value::Object(_)) => vec![operation],
        _ => return Err(Error::syntax("A PATCH must hold an array of `Operations`.")),
    };
    if operations.len() > PATCH_OPERATIONS {
        return Err(too_many_operations());
    }
    operations.into_iter().map(operation).collect()
}

fn operation(value: Value) -> Result<RawOperation, Error> {
    let Value::Object(mut members) = value else {
        return Err(Error::syntax("An operation must be a JSON object with an `op`."));
    };
    let Some(Value::String(op)) = take(&mut members, "op")? else {
        return Err(Error::syntax("An operation must say its `op`: add, replace or remove."));
    };
    let path = match take(&mut members, "path")? {
        None | Some(Value::Null) => None,
        Some(Value::String(path)) => Some(path).filter(|path| !path.trim().is_empty()),
        Some(_) => return Err(Error::syntax("The `path` of an operation must be a text.")),
    };
    Ok(RawOperation { op, path, value: take(&mut members, "value")? })
}

/// Takes the member `name` out, in whatever letter case it stands there once.
fn take(members: &mut Map<String, Value>, name: &str) -> Result<Option<Value>, Error> {
    let same = |key: &&String| key.eq_ignore_ascii_case(name);
    let keys: Vec<_> = members.keys().filter(same).take(2).cloned().collect();
    match keys.as_slice() {
        [] => Ok(None),
        [key] => Ok(members.remove(key)),
        [_, again, ..] => {
            Err(Error::syntax(format!("`{}` stands twice in one object.", echo(again))))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ErrorKind::{InvalidSyntax, TooMany};

    #[test]
    fn the_message_is_read_in_any_letter_case() {
        let text = r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
            "operations":[{"OP":"Add","Path":"title","VALUE":"x"},{"op":"remove","path":""}]}"#;
        assert_eq!(
            read_envelope(text).unwrap(),
            [
                RawOperation {
                    op: "Add".into(),
                    path: Some("title".into()),
                    value: Some(json!("x"))
                },
                RawOperation { op: "remove".into(), path: None, value: None },
            ]
        );
    }

    #[test]
    fn one_operation_needs_no_array() {
        let text = r#"{"Operations":{"op":"replace","value":null}}"#;
        assert_eq!(read_envelope(text).unwrap()[0].value, Some(Value::Null));
    }

    #[test]
    fn what_is_no_patch_is_refused() {
        for text in [
            "[]",
            "{}",
            r#"{"Operations":"x"}"#,
            r#"{"Operations":[1]}"#,
            r#"{"Operations":[{"path":"x"}]}"#,
            r#"{"Operations":[{"op":1}]}"#,
            r#"{"Operations":[{"op":"add","path":1}]}"#,
            r#"{"Operations":[],"operations":[]}"#,
        ] {
            assert_eq!(read_envelope(text).unwrap_err().kind, InvalidSyntax, "{text}");
        }
        let operation = r#"{"op":"add"}"#;
        let many =
            format!("{{\"Operations\":[{}{operation}]}}", format!("{operation},").repeat(1_000));
        assert_eq!(read_envelope(&many).unwrap_err().kind, TooMany);
    }
}
