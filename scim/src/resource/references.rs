//! Where a value that names a resource leads: `$ref` beside `value` (RFC 7643 section 2.4).

use serde_json::{Map, Value};

use crate::schema::{Attribute, ResourceType};

/// Completes every value whose attribute leads to one type of resource, such as a manager: a `$ref` that is
/// missing, or that names another than `value` does, is the one that belongs to it. It is relative, so
/// that it holds wherever the service is.
pub(super) fn complete(rt: &ResourceType, object: &mut Map<String, Value>) {
    for attribute in rt.attributes() {
        if attribute.is_extension() {
            if let Some(Value::Object(within)) = object.get_mut(&attribute.name) {
                attribute.sub_attributes.iter().for_each(|sub| complete_one(sub, within));
            }
        } else {
            complete_one(attribute, object);
        }
    }
}

fn complete_one(attribute: &Attribute, within: &mut Map<String, Value>) {
    let Some(reference) = attribute.sub("$ref").filter(|reference| !reference.is_read_only())
    else {
        return;
    };
    let [of] = &*reference.reference_types else { return };
    let (Some(named), Some(found)) = (attribute.value(), within.get_mut(&attribute.name)) else {
        return;
    };
    let values = match found {
        Value::Array(values) => values.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for value in values.iter_mut().filter_map(Value::as_object_mut) {
        let Some(id) = value.get(&named.name).and_then(Value::as_str).filter(|id| is_plain(id))
        else {
            continue;
        };
        let own = format!("/{id}");
        let sent = value.get(&reference.name).and_then(Value::as_str);
        if !sent.is_some_and(|sent| sent.ends_with(&own)) {
            let location = format!("../{of}s{own}");
            value.insert(reference.name.clone(), Value::String(location));
        }
    }
}

/// Whether a text can stand in a path as it is.
fn is_plain(id: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !id.is_empty() && id.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::Schemas;
    use crate::patch::{Patch, RawOperation};

    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

    fn manager(sent: &serde_json::Value) -> serde_json::Value {
        let person = json!({"userName": "ada", (ENTERPRISE): {"manager": sent}});
        let read = Schemas::standard().user().read_value(person).unwrap();
        read.attribute(ENTERPRISE).map(|within| within["manager"].clone()).unwrap_or_default()
    }

    #[test]
    fn a_manager_has_a_reference_that_names_them() {
        let whole = json!({"value": "7", "$ref": "../Users/7"});
        assert_eq!(manager(&json!("7")), whole);
        assert_eq!(manager(&json!({"value": "7"})), whole);
        assert_eq!(manager(&json!({"value": "7", "$ref": ""})), whole);
        assert_eq!(manager(&json!({"value": "7", "$ref": "../Users/8"})), whole);
        let sent = json!({"value": "7", "$ref": "https://a.example/v2/Users/7"});
        assert_eq!(manager(&sent), sent, "one that fits is kept as it was sent");
        assert_eq!(manager(&json!({"value": "a b"})), json!({"value": "a b"}));
    }

    /// Seen to fail with what was there before kept.
    #[test]
    fn a_changed_manager_takes_the_reference_along() {
        let user = Schemas::standard().user();
        let before = json!({"userName": "ada", (ENTERPRISE): {"manager": "7"}});
        let path = format!("{ENTERPRISE}:manager.value");
        let replace =
            RawOperation { op: "replace".into(), path: Some(path), value: Some(json!("8")) };
        let change = Patch::read(user, &[replace]).unwrap();
        let after = change.apply(user.read_value(before).unwrap()).unwrap();
        let whole = json!({"value": "8", "$ref": "../Users/8"});
        assert_eq!(after.attribute(ENTERPRISE), Some(&json!({"manager": whole})));
    }
}
