//! Resources of the stand-in: where a path leads, and what a PATCH does.

use serde_json::{Value, json};

use super::stand_in::Fault;

/// A path in its parts: the schema's URN, attribute, filter (name and value), sub-attribute.
struct Path<'a> {
    urn: Option<&'a str>,
    attribute: &'a str,
    filter: Option<(&'a str, Value)>,
    sub: Option<&'a str>,
}

impl<'a> Path<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (urn, text) = match text.rfind(':').filter(|_| text.starts_with("urn:")) {
            Some(end) => (Some(&text[..end]), &text[end + 1..]),
            None => (None, text),
        };
        let Some((attribute, rest)) = text.split_once('[') else {
            let (attribute, sub) = match text.split_once('.') {
                Some((attribute, sub)) => (attribute, Some(sub)),
                None => (text, None),
            };
            return Some(Self { urn, attribute, filter: None, sub });
        };
        let (filter, sub) = rest.split_once(']')?;
        let (name, value) = filter.split_once(" eq ")?;
        let value = serde_json::from_str(value).ok()?;
        let sub = sub.strip_prefix('.');
        Some(Self { urn, attribute, filter: Some((name, value)), sub })
    }
}

/// The text at a path.
pub(crate) fn value_at(row: &Value, path: &str) -> Option<String> {
    let path = Path::read(path)?;
    let value = row.get(path.attribute)?;
    let value = match &path.filter {
        Some((name, wanted)) => {
            let mut elements = value.as_array()?.iter();
            elements.find(|element| element.get(name) == Some(wanted))?
        }
        None => value,
    };
    path.sub.map_or(Some(value), |sub| value.get(sub))?.as_str().map(str::to_owned)
}

/// Applies a PATCH, operation by operation; false at the first that is wrong.
pub(crate) fn patch(
    row: &mut Value,
    body: &Value,
    fault: Fault,
    is_known: impl Fn(&str) -> bool,
) -> bool {
    let operations = body["Operations"].as_array().cloned().unwrap_or_default();
    operations.iter().all(|operation| {
        let op = operation["op"].as_str().unwrap_or_default().to_lowercase();
        let value = &operation["value"];
        match operation["path"].as_str() {
            Some(path) if path.starts_with("members") => {
                members(row, &op, path, value, fault, &is_known)
            }
            Some(path) => set(row, path, if op == "remove" { &Value::Null } else { value }, fault),
            None => {
                let mut values = value.as_object().into_iter().flatten();
                values.all(|(path, value)| path == "id" || set(row, path, value, fault))
            }
        }
    })
}

/// Sets a value, or takes it away where it is null.
fn set(row: &mut Value, path: &str, value: &Value, fault: Fault) -> bool {
    let Some(path) = Path::read(path) else { return false };
    let value = match (path.attribute, value.as_str()) {
        ("active", Some(text)) => {
            json!(fault == Fault::EveryTextIsTrue || text.eq_ignore_ascii_case("true"))
        }
        ("manager", Some(id)) => json!({"value": id}),
        ("title", Some(_)) if fault == Fault::LosesTitles => Value::Null,
        _ => value.clone(),
    };
    let mut place = match path.urn {
        Some(urn) => &mut row[urn],
        None => row,
    };
    place = &mut place[path.attribute];
    if let Some((name, wanted)) = path.filter {
        if !place.is_array() {
            *place = json!([]);
        }
        let elements = place.as_array_mut().expect("an array");
        let found = elements.iter().position(|element| element.get(name) == Some(&wanted));
        let found = found.unwrap_or_else(|| {
            elements.push(json!({name: wanted}));
            elements.len() - 1
        });
        place = &mut elements[found];
    }
    match path.sub {
        Some(sub) => place[sub] = value,
        None => *place = value,
    }
    true
}

fn members(
    row: &mut Value,
    op: &str,
    path: &str,
    value: &Value,
    fault: Fault,
    is_known: &impl Fn(&str) -> bool,
) -> bool {
    let one = path.split('"').nth(1).map(|id| vec![id.to_owned()]);
    let ids_of = |value: &Value| {
        let elements = value.as_array().cloned().unwrap_or_default();
        elements.iter().filter_map(|e| Some(e["value"].as_str()?.to_owned())).collect::<Vec<_>>()
    };
    let named = one.unwrap_or_else(|| ids_of(value));
    if !named.iter().all(|id| is_known(id)) {
        return false;
    }
    let mut now = ids_of(&row["members"]);
    match op {
        "add" => {
            if fault == Fault::AddReplacesMembers {
                now.clear();
            }
            let lost = usize::from(fault == Fault::LosesAMember);
            now.extend(named.into_iter().filter(|id| !id.contains('-')).skip(lost));
        }
        "replace" => now = named,
        _ if named.is_empty() || fault == Fault::RemoveEmptiesTheGroup => now.clear(),
        _ => now.retain(|id| !named.contains(id)),
    }
    let mut seen = Vec::new();
    now.retain(|id| {
        !seen.contains(id) && {
            seen.push(id.clone());
            true
        }
    });
    row["members"] = now.iter().map(|id| json!({"value": id})).collect();
    true
}
