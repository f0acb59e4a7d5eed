//! References between the operations of a bulk (RFC 7644 section 3.7.2): `bulkId:` and the bulkId of the
//! operation that makes what is meant.

use std::collections::{BTreeSet, HashMap};
use std::hash::BuildHasher;

use serde_json::Value;

/// How a reference begins.
const PREFIX: &str = "bulkId:";

/// The bulkId that a text refers to.
#[must_use]
pub fn reference(text: &str) -> Option<&str> {
    let prefix = text.get(..PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then(|| &text[PREFIX.len()..])
}

/// The bulkIds that a document refers to, wherever in it. The depth of a parsed document is bounded.
#[must_use]
pub fn references(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(document, &mut found);
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => found.extend(reference(text).map(str::to_owned)),
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(members) => members.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// Puts ids in the place of references. What refers to none of `ids` is left out, and a value of a list
/// with it: it is put in once it is known.
pub fn resolve<S: BuildHasher>(document: &mut Value, ids: &HashMap<String, String, S>) {
    match document {
        Value::String(text) => {
            let Some(id) = reference(text) else { return };
            *document = ids.get(id).cloned().map_or(Value::Null, Value::String);
        }
        Value::Array(values) => {
            values.retain(|value| own(value).is_none_or(|id| ids.contains_key(id)));
            for value in values {
                resolve(value, ids);
            }
        }
        Value::Object(members) => {
            for value in members.values_mut() {
                resolve(value, ids);
            }
        }
        _ => {}
    }
}

/// The bulkId that a value of a list is itself: as a text, or as an object's `value`.
fn own(value: &Value) -> Option<&str> {
    let text = match value {
        Value::Object(members) => {
            let value = members.iter().find(|(name, _)| name.eq_ignore_ascii_case("value"))?.1;
            value.as_str()?
        }
        other => other.as_str()?,
    };
    reference(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn references_are_found_wherever_they_stand() {
        let document = json!({
            "members": [{"value": "bulkId:a"}, {"value": "7"}, "bulkid:b"],
            "manager": {"value": "bulkId:c", "displayName": "no bulkId:d"},
        });
        assert_eq!(references(&document), ["a", "b", "c"].map(str::to_owned).into());
    }

    #[test]
    fn what_is_not_known_yet_is_left_out() {
        let mut document = json!({
            "displayName": "Staff",
            "members": [{"value": "bulkId:a", "type": "User"}, {"VALUE": "bulkId:b"}, "bulkId:b"],
            "manager": {"value": "bulkId:b"},
        });
        resolve(&mut document, &HashMap::from([("a".to_owned(), "7".to_owned())]));
        let left = json!({
            "displayName": "Staff",
            "members": [{"value": "7", "type": "User"}],
            "manager": {"value": null},
        });
        assert_eq!(document, left);
    }
}
