//! OneLogin: trailing slashes, bodies without `schemas`, and connectors of two kinds, which keep
//! people in step by PUT or by PATCH. Here the length of an externalId says of which kind its person's
//! is: odd puts, even patches.

use serde_json::{Map, Value, json};

use super::{Dialect, half_wrong, patch_body};
use crate::person::{ENTERPRISE, Edit, Person, Team};
use crate::request::Request;

/// OneLogin.
#[derive(Clone, Copy, Debug)]
pub struct OneLogin;

impl Dialect for OneLogin {
    fn request(&self, method: &'static str, mut endpoint: String, body: Option<String>) -> Request {
        endpoint.insert(endpoint.find('?').unwrap_or(endpoint.len()), '/');
        let mut headers = vec![("Accept", "*/*")];
        if body.is_some() {
            headers.push(("Content-Type", "application/json"));
        }
        Request { method, endpoint, headers, body }
    }

    fn create(&self, person: &Person) -> Request {
        let body = whole(person).to_string();
        self.request("POST", "/Users".to_owned(), Some(body))
    }

    fn change(&self, held: &Value, before: &Person, after: &Person) -> Request {
        let id = held["id"].as_str().unwrap_or_default();
        let endpoint = format!("/Users/{id}");
        if before.external_id.len().is_multiple_of(2) {
            self.request("PATCH", endpoint, Some(patch(before, after)))
        } else {
            self.request("PUT", endpoint, Some(whole(after).to_string()))
        }
    }

    fn half_wrong(&self, id: &str) -> Option<Request> {
        Some(self.request("PATCH", format!("/Users/{id}"), Some(half_wrong())))
    }

    fn create_group(&self, team: &Team) -> Request {
        let body = json!({"displayName": team.display_name});
        self.request("POST", "/Groups".to_owned(), Some(body.to_string()))
    }

    fn put_group(&self, id: &str, team: &Team, members: &[String]) -> Option<Request> {
        let members: Vec<Value> = members.iter().map(|member| json!({"value": member})).collect();
        let body = json!({"displayName": team.display_name, "members": members});
        Some(self.request("PUT", format!("/Groups/{id}"), Some(body.to_string())))
    }
}

/// A PATCH that replaces each attribute in which one person differs from the other, whole.
fn patch(before: &Person, after: &Person) -> String {
    let whole = after.resource();
    let mut operations: Vec<Value> = Vec::new();
    for edit in Edit::between(before, after) {
        let path = edit.path();
        let (path, value) = if let Some(name) = path.strip_prefix(ENTERPRISE) {
            (path, whole[ENTERPRISE].get(&name[1..]))
        } else {
            let root = path.split(['.', '[']).next().unwrap_or(path);
            (root, whole.get(root))
        };
        let operation = match value {
            Some(value) => json!({"op": "replace", "path": path, "value": value}),
            None => json!({"op": "remove", "path": path}),
        };
        if !operations.contains(&operation) {
            operations.push(operation);
        }
    }
    patch_body(Value::from(operations))
}

/// A whole person without `schemas`, and with `groups`, which belongs to the server.
fn whole(person: &Person) -> Value {
    let mut body = match person.resource() {
        Value::Object(values) => values,
        _ => Map::new(),
    };
    body.remove("schemas");
    body.insert("groups".to_owned(), json!([]));
    body.into()
}
