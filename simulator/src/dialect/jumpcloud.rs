//! JumpCloud: whole people by PUT, readOnly parts and all; members of groups by PATCH.

use serde_json::{Value, json};

use super::{Dialect, laid_over};
use crate::person::Person;
use crate::request::{Request, equals, percent_encoded};

/// JumpCloud.
#[derive(Clone, Copy, Debug)]
pub struct JumpCloud;

impl Dialect for JumpCloud {
    fn request(&self, method: &'static str, endpoint: String, body: Option<String>) -> Request {
        let mut headers = vec![("Accept", "application/json")];
        if body.is_some() {
            headers.push(("Content-Type", "application/json; charset=utf-8"));
        }
        Request { method, endpoint, headers, body }
    }

    fn find(&self, attribute: &str, value: &str) -> Request {
        let filter = percent_encoded(&equals(attribute, value));
        self.request("GET", format!("/Users?filter={filter}"), None)
    }

    fn create(&self, person: &Person) -> Request {
        self.request("POST", "/Users".to_owned(), Some(person.resource().to_string()))
    }

    fn change(&self, held: &Value, _before: &Person, after: &Person) -> Request {
        let id = held["id"].as_str().unwrap_or_default();
        self.request("PUT", format!("/Users/{id}"), Some(laid_over(held, after).to_string()))
    }

    fn half_wrong(&self, _id: &str) -> Option<Request> {
        None
    }

    /// An operation for each of them.
    fn add_members(&self, id: &str, members: &[String]) -> Request {
        let adds = members
            .iter()
            .map(|member| json!({"op": "add", "path": "members", "value": [{"value": member}]}));
        self.patch_group(id, &adds.collect())
    }

    /// An operation for each of them, the member as its value.
    fn remove_members(&self, id: &str, members: &[String]) -> Request {
        let removes = members
            .iter()
            .map(|member| json!({"op": "remove", "path": "members", "value": [{"value": member}]}));
        self.patch_group(id, &removes.collect())
    }
}
