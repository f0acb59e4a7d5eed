//! JSON text to a tree, strictly and within limits. `serde_json::Value` would keep the last of two
//! keys of one name and go 128 levels deep; a document with two userNames has no one meaning.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{Error, echo};
use crate::limits::{JSON_DEPTH, STRING_BYTES, VALUES_PER_ATTRIBUTE};

/// Reads one JSON text.
///
/// # Errors
/// `InvalidSyntax` when it is no JSON, ends early, goes on after its end, holds a number too large
/// for a double or two members of one name; `TooMany` when it goes over [`JSON_DEPTH`],
/// [`VALUES_PER_ATTRIBUTE`] or [`STRING_BYTES`].
pub fn parse(text: &str) -> Result<Value, Error> {
    let refusal = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let tree = Tree { depth: 0, refusal: &refusal }.deserialize(&mut reader);
    tree.and_then(|value| reader.end().map(|()| value)).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let mut refusal = refusal.take().unwrap_or_else(|| {
            let cause = error.to_string();
            let cause = cause.split(" at line ").next().unwrap_or_default();
            Error::syntax(format!("The JSON cannot be read: {cause}."))
        });
        refusal.detail = format!("{} (Line {line}, column {column}.)", refusal.detail);
        refusal
    })
}

/// Reads one value `depth` levels down; leaves its reason in `refusal`, as serde's errors carry
/// only text.
#[derive(Clone, Copy)]
struct Tree<'a> {
    depth: usize,
    refusal: &'a RefCell<Option<Error>>,
}

impl Tree<'_> {
    fn refuse<E: serde::de::Error>(self, error: Error) -> E {
        let text = E::custom(&error.detail);
        self.refusal.replace(Some(error));
        text
    }

    /// The reader of what lies one level deeper.
    fn descend<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == JSON_DEPTH {
            let detail =
                format!("The JSON is nested deeper than {JSON_DEPTH} levels (JSON_DEPTH).");
            return Err(self.refuse(Error::too_many(detail)));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn check_length<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > STRING_BYTES {
            let detail = format!("A string is longer than {STRING_BYTES} bytes (STRING_BYTES).");
            return Err(self.refuse(Error::too_many(detail)));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.check_length(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.descend()?;
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(inner)? {
            if values.len() == VALUES_PER_ATTRIBUTE {
                let detail = format!(
                    "An array holds more than {VALUES_PER_ATTRIBUTE} values \
                     (VALUES_PER_ATTRIBUTE)."
                );
                return Err(self.refuse(Error::too_many(detail)));
            }
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.descend()?;
        let mut members = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.check_length(&key)?;
            if members.contains_key(&key) {
                let detail = format!("The name `{}` stands twice in one object.", echo(&key));
                return Err(self.refuse(Error::syntax(detail)));
            }
            let value = map.next_value_seed(inner)?;
            members.insert(key, value);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind::{self, InvalidSyntax, TooMany};

    fn refusal(text: &str) -> ErrorKind {
        parse(text).unwrap_err().kind
    }

    #[test]
    fn json_is_read_as_written() {
        let text = r#"{"a":[1,-2,2.5,true,null,"\u00e4\n"],"b":{}}"#;
        assert_eq!(
            parse(text).unwrap().to_string(),
            "{\"a\":[1,-2,2.5,true,null,\"ä\\n\"],\"b\":{}}"
        );
    }

    /// Seen to fail with the look-up of the name in `visit_map` taken out.
    #[test]
    fn two_members_of_one_name_are_refused() {
        let error = parse(r#"{"userName":"ada","userName":"eve"}"#).unwrap_err();
        assert_eq!(error.kind, InvalidSyntax);
        assert!(error.detail.contains("`userName` stands twice"), "{}", error.detail);
        assert!(error.detail.contains("Line 1, column"), "{}", error.detail);
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{", "{}{}", "nul", "{a:1}", "[1,]", "1e999", "\"\\ud800\"", "\u{feff}{}"]
        {
            assert_eq!(refusal(text), InvalidSyntax, "{text}");
        }
    }

    /// Seen to fail with the check in `descend` taken out.
    #[test]
    fn depth_is_counted_before_descending() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        assert!(parse(&nested(JSON_DEPTH)).is_ok());
        assert_eq!(refusal(&nested(JSON_DEPTH + 1)), TooMany);
        assert_eq!(refusal(&"[".repeat(1_000_000)), TooMany);
        assert_eq!(refusal(&"{\"a\":".repeat(1_000_000)), TooMany);
    }

    #[test]
    fn arrays_and_strings_are_bounded() {
        let array = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
        assert!(parse(&array(VALUES_PER_ATTRIBUTE)).is_ok());
        assert_eq!(refusal(&array(VALUES_PER_ATTRIBUTE + 1)), TooMany);
        assert!(parse(&format!("\"{}\"", "x".repeat(STRING_BYTES))).is_ok());
        assert_eq!(refusal(&format!("\"{}\"", "x".repeat(STRING_BYTES + 1))), TooMany);
        assert_eq!(refusal(&format!("{{\"{}\":1}}", "x".repeat(STRING_BYTES + 1))), TooMany);
    }
}
