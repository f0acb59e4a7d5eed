//! Okta: imports by pages, whole users by PUT, deactivation by a PATCH without a path, groups that
//! are pushed. It deactivates people and never deletes them.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Dialect, Leaving, half_wrong, laid_over, patch_body};
use crate::person::{GROUP, Person, Team, USER};
use crate::request::{Request, equals, percent_encoded};

/// Okta.
#[derive(Clone, Copy, Debug)]
pub struct Okta;

/// The body of a POST, in Okta's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewUser<'a> {
    schemas: [&'static str; 1],
    user_name: &'a str,
    name: Name<'a>,
    emails: Vec<Email<'a>>,
    display_name: &'a str,
    locale: &'static str,
    external_id: &'a str,
    groups: [(); 0],
    password: &'static str,
    active: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Name<'a> {
    given_name: &'a str,
    family_name: &'a str,
}

#[derive(Serialize)]
struct Email<'a> {
    primary: bool,
    value: &'a str,
    r#type: &'static str,
}

impl Okta {
    /// Ends or begins somebody's access, and says nothing else.
    #[must_use]
    pub fn activate(self, id: &str, active: bool) -> Request {
        let body = patch_body(json!([{"op": "replace", "value": {"active": active}}]));
        self.request("PATCH", format!("/Users/{id}"), Some(body))
    }
}

impl Dialect for Okta {
    fn request(&self, method: &'static str, endpoint: String, body: Option<String>) -> Request {
        let mut headers =
            vec![("User-Agent", "Okta SCIM Client 1.0.0"), ("Accept", "application/scim+json")];
        if body.is_some() {
            headers.push(("Content-Type", "application/scim+json; charset=utf-8"));
        }
        Request { method, endpoint, headers, body }
    }

    fn test_connection(&self, _nobody: &str) -> Request {
        self.request("GET", "/Users?startIndex=1&count=2".to_owned(), None)
    }

    fn find(&self, attribute: &str, value: &str) -> Request {
        let filter = percent_encoded(&equals(attribute, value));
        self.request("GET", format!("/Users?filter={filter}&startIndex=1&count=100"), None)
    }

    fn leaving(&self) -> Leaving {
        Leaving::Deactivated
    }

    fn create(&self, person: &Person) -> Request {
        let shown = person.display_name();
        let mails = person.mail.iter();
        let body = NewUser {
            schemas: [USER],
            user_name: &person.user_name,
            name: Name { given_name: &person.given_name, family_name: &person.family_name },
            emails: mails.map(|value| Email { primary: true, value, r#type: "work" }).collect(),
            display_name: &shown,
            locale: "en-GB",
            external_id: &person.external_id,
            groups: [],
            password: "8nR-not-kept",
            active: person.active,
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        self.request("POST", "/Users".to_owned(), Some(body))
    }

    fn import(&self, start_index: usize, count: usize) -> Option<Request> {
        let endpoint = format!("/Users?startIndex={start_index}&count={count}");
        Some(self.request("GET", endpoint, None))
    }

    /// A PUT of what it read, its own changes in it; a PATCH where no more than `active` changes.
    fn change(&self, held: &Value, before: &Person, after: &Person) -> Request {
        let id = held["id"].as_str().unwrap_or_default();
        if *after == (Person { active: after.active, ..before.clone() }) {
            return self.activate(id, after.active);
        }
        let body = laid_over(held, after);
        self.request("PUT", format!("/Users/{id}"), Some(body.to_string()))
    }

    fn half_wrong(&self, id: &str) -> Option<Request> {
        Some(self.request("PATCH", format!("/Users/{id}"), Some(half_wrong())))
    }

    fn find_group(&self, attribute: &str, value: &str) -> Request {
        let filter = percent_encoded(&equals(attribute, value));
        self.request("GET", format!("/Groups?filter={filter}&startIndex=1&count=100"), None)
    }

    /// The group's own id comes along in the value.
    fn rename_group(&self, id: &str, team: &Team) -> Request {
        let value = json!({"id": id, "displayName": team.display_name});
        self.patch_group(id, &json!([{"op": "replace", "value": value}]))
    }

    /// As older applications push a group.
    fn put_group(&self, id: &str, team: &Team, members: &[String]) -> Option<Request> {
        let members: Vec<Value> = members.iter().map(|member| json!({"value": member})).collect();
        let body = json!({
            "schemas": [GROUP], "id": id, "displayName": team.display_name, "members": members,
        });
        Some(self.request("PUT", format!("/Groups/{id}"), Some(body.to_string())))
    }

    fn gives_up_at_400(&self) -> bool {
        true
    }

    fn empty_group(&self, id: &str) -> Option<Request> {
        let empty = json!([{"op": "replace", "path": "members", "value": []}]);
        Some(self.patch_group(id, &empty))
    }
}
