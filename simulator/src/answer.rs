//! An answer of the server, and what is read out of it.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came, bytes that are no UTF-8 replaced.
    pub body: String,
    /// From the request to the last byte, of the last try.
    pub took: Duration,
    /// How often the server asked to come again later before this answer.
    pub retries: u32,
    /// Whether it once did so without a Retry-After.
    pub unsaid: bool,
}

impl Answer {
    /// The one value of a header, as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null when it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// The value at a path of the forms that identity providers use: `a`, `a.b`, `a[b eq "c"].d`, each
/// behind a schema's URN or not. `None` where there is none, or an empty one. A manager is the id
/// in it.
pub(crate) fn at(resource: &Value, path: &str) -> Option<Value> {
    let urn_ends = path.split('[').next()?.rfind(':').filter(|_| path.starts_with("urn:"));
    let (resource, path) = match urn_ends {
        Some(end) => (resource.get(&path[..end])?, &path[end + 1..]),
        None => (resource, path),
    };
    let found = match path.split_once('[') {
        Some((attribute, rest)) => {
            let (filter, sub) = rest.split_once(']')?;
            let (name, value) = filter.split_once(" eq ")?;
            let value: Value = serde_json::from_str(value).ok()?;
            let elements = resource.get(attribute)?.as_array()?;
            let element = elements.iter().find(|element| element.get(name) == Some(&value))?;
            element.get(sub.trim_start_matches('.'))?
        }
        None => path.split('.').try_fold(resource, |value, name| value.get(name))?,
    };
    let found = match found.get("value") {
        Some(value) if path == "manager" => value,
        _ => found,
    };
    let is_nothing = found.is_null() || found == "" || found.as_array().is_some_and(Vec::is_empty);
    (!is_nothing).then(|| found.clone())
}

/// Where `got` is not as it was `sent`, as paths with both values. Whatever the server adds is its
/// own; what was sent as null or empty asks for nothing.
pub(crate) fn differences(sent: &Value, got: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare("", sent, got, &mut found);
    found
}

fn compare(path: &str, sent: &Value, got: &Value, found: &mut Vec<String>) {
    match (sent, got) {
        (Value::Null, _) => {}
        (Value::Object(sent), Value::Object(_)) => {
            for (name, value) in sent {
                let at = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                compare(&at, value, got.get(name).unwrap_or(&Value::Null), found);
            }
        }
        (Value::Array(sent), got) => {
            let got = got.as_array().map(Vec::as_slice).unwrap_or_default();
            let has = |element: &Value| got.iter().any(|g| differences(element, g).is_empty());
            if sent.len() != got.len() || !sent.iter().all(has) {
                found.push(format!("{path} was sent as {}", Value::from(sent.clone())));
            }
        }
        (sent, got) if sent != got => found.push(format!("{path} was sent as {sent}")),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_found_by_the_paths_that_patches_have() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let user = json!({
            "active": false,
            "title": "",
            "name": {"givenName": "Ada"},
            "emails": [{"type": "home", "value": "h"}, {"type": "work", "value": "w"}],
            urn: {"department": "Engines", "manager": {"value": "7", "displayName": "M"}},
        });
        assert_eq!(at(&user, "active"), Some(json!(false)));
        assert_eq!(at(&user, "name.givenName"), Some(json!("Ada")));
        assert_eq!(at(&user, r#"emails[type eq "work"].value"#), Some(json!("w")));
        assert_eq!(at(&user, r#"emails[type eq "other"].value"#), None);
        assert_eq!(at(&user, &format!("{urn}:department")), Some(json!("Engines")));
        assert_eq!(at(&user, &format!("{urn}:manager")), Some(json!("7")));
        assert_eq!((at(&user, "title"), at(&user, "nickName")), (None, None));
    }

    #[test]
    fn what_was_sent_has_to_be_there_and_more_may_be() {
        let sent = json!({"a": 1, "none": null, "empty": [], "list": [{"x": 1}, {"x": 2}]});
        let got = json!({"id": "7", "a": 1, "list": [{"x": 2, "y": 3}, {"x": 1}]});
        assert!(differences(&sent, &got).is_empty());
        for (got, path) in [
            (json!({"a": "1", "list": [{"x": 1}, {"x": 2}]}), "a was sent as 1"),
            (json!({"a": 1, "list": [{"x": 1}]}), "list was sent as"),
            (json!({"a": 1, "list": [{"x": 1}, {"x": 2}, {"x": 3}]}), "list was sent as"),
            (json!({"list": [{"x": 1}, {"x": 2}]}), "a was sent as 1"),
        ] {
            let found = differences(&sent, &got);
            assert!(found.len() == 1 && found[0].starts_with(path), "{found:?}");
        }
    }
}
