//! Microsoft Entra ID: what its provisioning service sends.
//!
//! It sends no User-Agent and no Accept, its bodies are `application/scim+json; charset=utf-8`, and
//! it looks a person up before it writes. How it patches depends on the flag `aadOptscim062020` in
//! the Tenant URL, which then stands in every request.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Dialect, Leaving, by_mail, patch_body};
use crate::person::{ENTERPRISE, Edit, GROUP, Person, Team, USER};
use crate::request::{Request, equals, form_encoded};

/// The schema that Entra lists beside the one of the RFC when it makes a group.
const ADSCIM_GROUP: &str =
    "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group";

/// Entra ID, and how it writes a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entra {
    /// Without the flag: capitalised operations, booleans as strings, a path for each value.
    Legacy,
    /// With `aadOptscim062020`: lower-case operations, real booleans, values without a path.
    Flagged,
}

/// The body of a POST, in Entra's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewUser<'a> {
    schemas: [&'static str; 2],
    external_id: &'a str,
    user_name: &'a str,
    active: bool,
    display_name: &'a str,
    emails: Vec<Email<'a>>,
    meta: Meta,
    name: Name<'a>,
    title: Option<&'a str>,
    roles: [(); 0],
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_numbers: Option<Value>,
    #[serde(
        rename = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        skip_serializing_if = "Option::is_none"
    )]
    enterprise: Option<Value>,
}

#[derive(Serialize)]
struct Email<'a> {
    primary: bool,
    r#type: &'static str,
    value: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    resource_type: &'static str,
}

#[derive(Serialize)]
struct Name<'a> {
    formatted: &'a str,
    #[serde(rename = "familyName")]
    family: &'a str,
    #[serde(rename = "givenName")]
    given: &'a str,
}

/// The body of a POST of a group, in Entra's order.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NewGroup<'a> {
    schemas: [&'static str; 2],
    external_id: &'a str,
    display_name: &'a str,
    meta: Meta,
}

impl Entra {
    /// A PATCH of a person with these operations, as they are.
    #[must_use]
    pub fn patch(self, id: &str, operations: impl std::fmt::Display) -> Request {
        self.request("PATCH", format!("/Users/{id}"), Some(patch_body(operations)))
    }

    /// A PATCH of a person that sets and removes single values.
    #[must_use]
    pub fn edit(self, id: &str, edits: &[Edit]) -> Request {
        let operations = edits.iter().map(|edit| match (self, edit) {
            (Self::Legacy, Edit::Add(path, value)) => {
                json!({"op": "Add", "path": path, "value": spelt(value)})
            }
            (Self::Legacy, Edit::Replace(path, value)) => {
                json!({"op": "Replace", "path": path, "value": spelt(value)})
            }
            (Self::Legacy, Edit::Remove(path)) => json!({"op": "Remove", "path": path}),
            (Self::Flagged, Edit::Add(path, value)) => {
                json!({"op": "add", "value": {path: value}})
            }
            (Self::Flagged, Edit::Replace(path, value)) => {
                json!({"op": "replace", "value": {path: value}})
            }
            (Self::Flagged, Edit::Remove(path)) => json!({"op": "remove", "path": path}),
        });
        self.patch(id, operations.collect::<Value>())
    }

    fn op(self, legacy: &'static str, flagged: &'static str) -> &'static str {
        match self {
            Self::Legacy => legacy,
            Self::Flagged => flagged,
        }
    }
}

impl Dialect for Entra {
    fn request(&self, method: &'static str, mut endpoint: String, body: Option<String>) -> Request {
        const FLAG: &str = "?aadOptscim062020";
        if *self == Self::Flagged {
            match endpoint.find('?') {
                Some(at) => endpoint.replace_range(at..=at, &format!("{FLAG}&")),
                None => endpoint.push_str(FLAG),
            }
        }
        let headers = match body {
            Some(_) => vec![("Content-Type", "application/scim+json; charset=utf-8")],
            None => Vec::new(),
        };
        Request { method, endpoint, headers, body }
    }

    fn matching(&self, person: &Person) -> Vec<(&'static str, String)> {
        let usual =
            [("userName", person.user_name.clone()), ("externalId", person.external_id.clone())];
        usual.into_iter().chain(by_mail(person)).collect()
    }

    fn leaving(&self) -> Leaving {
        Leaving::Renamed
    }

    fn create(&self, person: &Person) -> Request {
        let shown = person.display_name();
        let mails = person.mail.iter();
        let body = NewUser {
            schemas: [USER, ENTERPRISE],
            external_id: &person.external_id,
            user_name: &person.user_name,
            active: person.active,
            display_name: &shown,
            emails: mails.map(|value| Email { primary: true, r#type: "work", value }).collect(),
            meta: Meta { resource_type: "User" },
            name: Name {
                formatted: &shown,
                family: &person.family_name,
                given: &person.given_name,
            },
            title: person.title.as_deref(),
            roles: [],
            phone_numbers: person.resource().get("phoneNumbers").cloned(),
            enterprise: person.enterprise(),
        };
        self.request("POST", "/Users".to_owned(), Some(written(&body)))
    }

    fn change(&self, held: &Value, before: &Person, after: &Person) -> Request {
        let id = held["id"].as_str().unwrap_or_default();
        self.edit(id, &Edit::between(before, after))
    }

    fn half_wrong(&self, id: &str) -> Option<Request> {
        let op = self.op("Replace", "replace");
        let operations = json!([
            {"op": op, "path": "title", "value": "Half a change"},
            {"op": op, "path": "emails[type eq", "value": "nobody@example.com"},
        ]);
        Some(self.patch(id, operations))
    }

    fn group_matching(&self, team: &Team) -> Vec<(&'static str, String)> {
        vec![("displayName", team.display_name.clone()), ("externalId", team.external_id.clone())]
    }

    fn find_group(&self, attribute: &str, value: &str) -> Request {
        let filter = form_encoded(&equals(attribute, value));
        let endpoint = format!("/Groups?excludedAttributes=members&filter={filter}");
        self.request("GET", endpoint, None)
    }

    fn create_group(&self, team: &Team) -> Request {
        let body = NewGroup {
            schemas: [GROUP, ADSCIM_GROUP],
            external_id: &team.external_id,
            display_name: &team.display_name,
            meta: Meta { resource_type: "Group" },
        };
        self.request("POST", "/Groups".to_owned(), Some(written(&body)))
    }

    fn leaves_members_out(&self) -> bool {
        true
    }

    fn read_group(&self, id: &str) -> Request {
        self.request("GET", format!("/Groups/{id}?excludedAttributes=members"), None)
    }

    fn rename_group(&self, id: &str, team: &Team) -> Request {
        let name = &team.display_name;
        let rename = match self {
            Self::Legacy => json!({"op": "Replace", "path": "displayName", "value": name}),
            Self::Flagged => json!({"op": "replace", "value": {"displayName": name}}),
        };
        self.patch_group(id, &json!([rename]))
    }

    /// An operation for each of them.
    fn add_members(&self, id: &str, members: &[String]) -> Request {
        let op = self.op("Add", "add");
        let adds = members.iter().map(|member| {
            json!({"op": op, "path": "members", "value": [{"$ref": null, "value": member}]})
        });
        self.patch_group(id, &adds.collect())
    }

    /// An operation for each of them: with a list of one as its value, or with the flag as the RFC
    /// says it.
    fn remove_members(&self, id: &str, members: &[String]) -> Request {
        let removes = members.iter().map(|member| match self {
            Self::Legacy => {
                json!({"op": "Remove", "path": "members", "value": [{"$ref": null, "value": member}]})
            }
            Self::Flagged => {
                json!({"op": "remove", "path": format!(r#"members[value eq "{member}"]"#)})
            }
        });
        self.patch_group(id, &removes.collect())
    }

    fn empty_group(&self, id: &str) -> Option<Request> {
        let op = self.op("Remove", "remove");
        Some(self.patch_group(id, &json!([{"op": op, "path": "members"}])))
    }
}

/// A value as it is spelt without the flag: booleans as strings.
fn spelt(value: &Value) -> Value {
    match value {
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        other => other.clone(),
    }
}

fn written(body: &impl Serialize) -> String {
    serde_json::to_string(body).unwrap_or_default()
}
