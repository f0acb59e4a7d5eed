//! The one reader of values: what was sent for an attribute, in the form that its definition gives
//! it. What clients get wrong is settled here and nowhere else.
//!
//! Values are kept as sent: neither trimmed nor brought to one letter case.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Number, Value};

use crate::base64::is_base64;
use crate::error::Error;
use crate::limits::{NAME_BYTES, STRING_BYTES, VALUES_PER_ATTRIBUTE};
use crate::schema::{Attribute, Format, Kind};
use crate::time;

/// Where a value stands, for the text of errors.
#[derive(Clone, Copy)]
struct Place<'a> {
    within: &'a dyn fmt::Display,
    sub: Option<&'a str>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.within.fmt(f)?;
        self.sub.map_or(Ok(()), |sub| write!(f, ".{sub}"))
    }
}

/// Reads all values of a multi-valued attribute. A single value is taken for an array of one; null
/// and empty values are left out.
///
/// # Errors
/// As [`single`]; `InvalidValue` when two values are primary (RFC 7643 section 2.4): which of two
/// addresses signs a person in is not for us to guess.
pub(crate) fn values(
    at: &dyn fmt::Display,
    attribute: &Attribute,
    sent: Value,
) -> Result<Vec<Value>, Error> {
    let sent = match sent {
        Value::Array(values) => values,
        one => vec![one],
    };
    check_count(at, sent.len())?;
    let read = sent.into_iter().filter_map(|value| element(at, attribute, value).transpose());
    let values = read.collect::<Result<Vec<_>, _>>()?;
    if values.iter().filter(|value| is_primary(attribute, value)).count() > 1 {
        let detail = format!("Two values of `{at}` are primary. Mark one of them, at most.");
        return Err(Error::value(detail).at(at));
    }
    Ok(values)
}

/// Refuses more values than an attribute may have.
pub(crate) fn check_count(at: &dyn fmt::Display, count: usize) -> Result<(), Error> {
    if count > VALUES_PER_ATTRIBUTE {
        let detail =
            format!("`{at}` has more than {VALUES_PER_ATTRIBUTE} values (VALUES_PER_ATTRIBUTE).");
        return Err(Error::too_many(detail).at(at));
    }
    Ok(())
}

/// Reads one value; `None` when what was sent means absent: null, an empty array or object. An array
/// of one is taken for its element.
///
/// # Errors
/// `InvalidValue`, naming attribute, expected and sent type; `InvalidSyntax` when a name stands
/// twice; `TooMany` when it goes over a limit.
pub(crate) fn single(
    at: &dyn fmt::Display,
    attribute: &Attribute,
    sent: Value,
) -> Result<Option<Value>, Error> {
    match unwrap_one(sent) {
        Value::Array(values) if values.is_empty() => Ok(None),
        value => element(at, attribute, value),
    }
}

/// The element of an array of one; anything else as it is.
pub(crate) fn unwrap_one(sent: Value) -> Value {
    match sent {
        Value::Array(mut values) if values.len() == 1 => values.remove(0),
        other => other,
    }
}

fn element(
    at: &dyn fmt::Display,
    attribute: &Attribute,
    sent: Value,
) -> Result<Option<Value>, Error> {
    let mismatch = |sent: &Value| mismatch(at, attribute, sent);
    match (attribute.kind, sent) {
        (_, Value::Null) => Ok(None),
        (Kind::Complex, Value::Object(members)) => complex(at, attribute, members),
        (Kind::Complex, sent) => match attribute.value() {
            Some(value) if !sent.is_array() => {
                complex(at, attribute, Map::from_iter([(value.name.clone(), sent)]))
            }
            _ => Err(mismatch(&sent)),
        },
        (Kind::Reference, Value::String(text)) if text.is_empty() => Ok(None),
        (Kind::String | Kind::Reference, sent) => {
            let text = scalar_text(&sent).ok_or_else(|| mismatch(&sent))?;
            check_text(at, attribute, &text)?;
            Ok(Some(Value::String(text)))
        }
        (Kind::Boolean, sent) => {
            let value = boolean(&sent).ok_or_else(|| mismatch(&sent))?;
            Ok(Some(Value::Bool(value)))
        }
        (Kind::Integer, sent) => {
            let value = integer(&sent).ok_or_else(|| mismatch(&sent))?;
            Ok(Some(Value::from(value)))
        }
        (Kind::Decimal, sent) => {
            let value = decimal(&sent).ok_or_else(|| mismatch(&sent))?;
            Ok(Some(Value::Number(value)))
        }
        (Kind::DateTime | Kind::Binary, Value::String(text)) => {
            check_text(at, attribute, &text)?;
            let fits = match attribute.kind {
                Kind::DateTime => time::parse(&text).is_ok(),
                _ => is_base64(&text),
            };
            if fits { Ok(Some(Value::String(text))) } else { Err(mismatch(&Value::String(text))) }
        }
        (Kind::DateTime | Kind::Binary, sent) => Err(mismatch(&sent)),
    }
}

/// The refusal of a value of another type.
pub(crate) fn mismatch(at: &dyn fmt::Display, attribute: &Attribute, sent: &Value) -> Error {
    let got = match sent {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => {
            "a number with a fraction, with an exponent or of more than 64 bits"
        }
        Value::Number(_) => "a number",
        Value::String(_) => "a text that is none",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    let detail = format!("`{at}` takes a {}, but {got} was sent.", attribute.kind.name());
    Error::value(detail).at(at)
}

/// Reads the members of a complex value: unknown and readOnly ones are dropped. A value whose
/// `value` is said to be null or empty is absent, whatever else is said of it.
fn complex(
    at: &dyn fmt::Display,
    attribute: &Attribute,
    members: Map<String, Value>,
) -> Result<Option<Value>, Error> {
    let mut read = Map::new();
    let mut seen = HashSet::new();
    for (name, sent) in members {
        let Some(sub) = attribute.sub(&name).filter(|sub| !sub.is_read_only()) else { continue };
        let place = Place { within: at, sub: Some(&sub.name) };
        if !seen.insert(&sub.name) {
            return Err(stands_twice(&place));
        }
        let is_value = attribute.value().is_some_and(|value| value.name == sub.name);
        let value = single(&place, sub, sent)?;
        match value.filter(|value| !is_value || value != "") {
            Some(value) => drop(read.insert(sub.name.clone(), value)),
            None if is_value => return Ok(None),
            None => {}
        }
    }
    Ok((!read.is_empty()).then_some(Value::Object(read)))
}

/// The refusal of one attribute in two spellings.
pub(crate) fn stands_twice(at: &dyn fmt::Display) -> Error {
    Error::syntax(format!("`{at}` stands twice in one object, in different letter case.")).at(at)
}

/// Whether `value` is marked as the preferred one.
pub(crate) fn is_primary(attribute: &Attribute, value: &Value) -> bool {
    attribute.primary().is_some_and(|primary| value.get(&primary.name) == Some(&Value::Bool(true)))
}

/// Text as sent; a whole number is taken for its digits, as clients send staff numbers so. Others are
/// no text: of `1.10`, `1e3` and what has more than 64 bits the digits are lost once JSON was read.
pub(crate) fn scalar_text(sent: &Value) -> Option<String> {
    match sent {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// A boolean, also as text in any letter case.
pub(crate) fn boolean(sent: &Value) -> Option<bool> {
    match sent {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// A whole number of 64 bits, also as text; `5.0`, `1e3` and `-0` are such.
pub(crate) fn integer(sent: &Value) -> Option<i64> {
    let number = decimal(sent)?;
    number.as_i64().or_else(|| whole(number.as_f64().filter(|_| number.is_f64())?))
}

/// A double that stands for one whole number: from 2^53 on it stands for several.
fn whole(double: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let is_whole = double.fract() == 0.0 && double.abs() < EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "whole, and smaller than 2^53")]
    is_whole.then_some(double as i64)
}

/// A finite number, also as text in JSON's form.
pub(crate) fn decimal(sent: &Value) -> Option<Number> {
    match sent {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn check_text(at: &dyn fmt::Display, attribute: &Attribute, text: &str) -> Result<(), Error> {
    if text.len() > STRING_BYTES {
        let detail = format!("`{at}` is longer than {STRING_BYTES} bytes (STRING_BYTES).");
        return Err(Error::too_many(detail).at(at));
    }
    // No engine stores it as text.
    if text.contains('\0') {
        return Err(Error::value(format!("`{at}` holds a NUL character.")).at(at));
    }
    match attribute.format {
        Some(Format::Name) if text.len() > NAME_BYTES => {
            let detail = format!("`{at}` is longer than {NAME_BYTES} bytes (NAME_BYTES).");
            Err(Error::value(detail).at(at))
        }
        Some(Format::Name) if text.chars().any(|c| c.is_control() || turns_direction(c)) => {
            let detail = format!(
                "`{at}` holds a control character or one that turns the direction of writing. \
                 Remove it at the source."
            );
            Err(Error::value(detail).at(at))
        }
        _ => Ok(()),
    }
}

/// Unicode's `Bidi_Control`.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
