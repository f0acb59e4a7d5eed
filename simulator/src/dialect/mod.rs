//! What each identity provider sends, to the byte.
//!
//! [`Dialect`] writes requests the way the RFCs do; each provider overrides what it does in its own
//! way. Nothing is sent here, and nothing read.

mod entra;
mod jumpcloud;
mod okta;
mod onelogin;

pub use entra::Entra;
pub use jumpcloud::JumpCloud;
pub use okta::Okta;
pub use onelogin::OneLogin;

use serde_json::{Value, json};

use crate::person::{GROUP, Person, Team, WORK_MAIL};
use crate::request::{Request, equals, form_encoded};

/// The schema of a PATCH (RFC 7644 section 3.5.2).
pub const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// An identity provider that can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Idp {
    /// Microsoft Entra ID with `?aadOptscim062020` in the Tenant URL.
    Entra,
    /// Microsoft Entra ID without the flag.
    EntraLegacy,
    /// Okta.
    Okta,
    /// OneLogin.
    #[value(name = "onelogin")]
    #[serde(rename = "onelogin")]
    OneLogin,
    /// JumpCloud.
    #[value(name = "jumpcloud")]
    #[serde(rename = "jumpcloud")]
    JumpCloud,
}

impl Idp {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Entra, Self::EntraLegacy, Self::Okta, Self::OneLogin, Self::JumpCloud];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::EntraLegacy => "entra-legacy",
            Self::Okta => "okta",
            Self::OneLogin => "onelogin",
            Self::JumpCloud => "jumpcloud",
        }
    }

    /// How it speaks.
    #[must_use]
    pub fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::Entra => &Entra::Flagged,
            Self::EntraLegacy => &Entra::Legacy,
            Self::Okta => &Okta,
            Self::OneLogin => &OneLogin,
            Self::JumpCloud => &JumpCloud,
        }
    }
}

/// How an identity provider ends the access of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// `active` false; it sends no DELETE, ever.
    Deactivated,
    /// `active` false, and a DELETE some day.
    Deleted,
    /// As the one before; in between the person has a name that begins with 32 hex digits.
    Renamed,
}

/// What an identity provider sends. Each answer is one request.
pub trait Dialect: Sync {
    /// A request with the headers, the flag and the slashes that it always has.
    fn request(&self, method: &'static str, endpoint: String, body: Option<String>) -> Request;

    /// The button "Test connection". `nobody` is a text that nobody's userName is.
    fn test_connection(&self, nobody: &str) -> Request {
        self.find("userName", nobody)
    }

    /// A look-up of people by an attribute.
    fn find(&self, attribute: &str, value: &str) -> Request {
        let filter = form_encoded(&equals(attribute, value));
        self.request("GET", format!("/Users?filter={filter}"), None)
    }

    /// The attributes by which it is set up to know a person again, with the values; the usual one
    /// first.
    fn matching(&self, person: &Person) -> Vec<(&'static str, String)> {
        vec![("userName", person.user_name.clone())]
    }

    /// How somebody leaves.
    fn leaving(&self) -> Leaving {
        Leaving::Deleted
    }

    /// A new person.
    fn create(&self, person: &Person) -> Request;

    /// A person, read again.
    fn read(&self, id: &str) -> Request {
        self.request("GET", format!("/Users/{id}"), None)
    }

    /// A page of all people, where it imports them.
    fn import(&self, _start_index: usize, _count: usize) -> Option<Request> {
        None
    }

    /// What makes one person of the other; `held` is the last answer of the server, with its id.
    fn change(&self, held: &Value, before: &Person, after: &Person) -> Request;

    /// A PATCH of a person that has to be refused whole, where it patches people at all: one
    /// operation is good, the next has a path of no grammar.
    fn half_wrong(&self, id: &str) -> Option<Request>;

    /// The end of a person.
    fn delete(&self, id: &str) -> Request {
        self.request("DELETE", format!("/Users/{id}"), None)
    }

    /// The attributes by which it looks for a group.
    fn group_matching(&self, team: &Team) -> Vec<(&'static str, String)> {
        vec![("displayName", team.display_name.clone())]
    }

    /// A look-up of groups by an attribute.
    fn find_group(&self, attribute: &str, value: &str) -> Request {
        let filter = form_encoded(&equals(attribute, value));
        self.request("GET", format!("/Groups?filter={filter}"), None)
    }

    /// A new group.
    fn create_group(&self, team: &Team) -> Request {
        let body = json!({"schemas": [GROUP], "displayName": team.display_name, "members": []});
        self.request("POST", "/Groups".to_owned(), Some(body.to_string()))
    }

    /// Whether it reads groups without their members.
    fn leaves_members_out(&self) -> bool {
        false
    }

    /// A group, read again as it reads groups.
    fn read_group(&self, id: &str) -> Request {
        self.request("GET", format!("/Groups/{id}"), None)
    }

    /// A group with its new name.
    fn rename_group(&self, id: &str, team: &Team) -> Request {
        let rename = json!({"op": "replace", "path": "displayName", "value": team.display_name});
        self.patch_group(id, &json!([rename]))
    }

    /// New members.
    fn add_members(&self, id: &str, members: &[String]) -> Request {
        let members: Vec<Value> = members.iter().map(|member| json!({"value": member})).collect();
        self.patch_group(id, &json!([{"op": "add", "path": "members", "value": members}]))
    }

    /// Members who leave.
    fn remove_members(&self, id: &str, members: &[String]) -> Request {
        let removes = members.iter().map(
            |member| json!({"op": "remove", "path": format!(r#"members[value eq "{member}"]"#)}),
        );
        self.patch_group(id, &removes.collect())
    }

    /// The whole group, where it puts groups.
    fn put_group(&self, _id: &str, _team: &Team, _members: &[String]) -> Option<Request> {
        None
    }

    /// Whether it gives up a push for good that is answered 400, so that one member who is gone
    /// must not lose the others.
    fn gives_up_at_400(&self) -> bool {
        false
    }

    /// Every member leaves, where it says that in one word.
    fn empty_group(&self, _id: &str) -> Option<Request> {
        None
    }

    /// The end of a group.
    fn delete_group(&self, id: &str) -> Request {
        self.request("DELETE", format!("/Groups/{id}"), None)
    }

    /// A PATCH of a group.
    fn patch_group(&self, id: &str, operations: &Value) -> Request {
        self.request("PATCH", format!("/Groups/{id}"), Some(patch_body(operations)))
    }
}

/// The body of a PATCH with these operations.
fn patch_body(operations: impl std::fmt::Display) -> String {
    format!(r#"{{"schemas":["{PATCH_OP}"],"Operations":{operations}}}"#)
}

/// Two operations, the second of no grammar.
fn half_wrong() -> String {
    patch_body(json!([
        {"op": "replace", "path": "title", "value": "Half a change"},
        {"op": "replace", "path": "emails[type eq", "value": "nobody@example.com"},
    ]))
}

/// Puts a person's values over what the server held, readOnly parts and all.
fn laid_over(held: &Value, person: &Person) -> Value {
    let mut body = held.clone();
    if let Some(values) = body.as_object_mut() {
        let roots = ["emails", "title", "phoneNumbers", crate::person::ENTERPRISE];
        values.retain(|name, _| !roots.contains(&name.as_str()));
        if let Value::Object(own) = person.resource() {
            values.extend(own);
        }
    }
    body
}

/// The work e-mail as an attribute to match by, if there is one.
fn by_mail(person: &Person) -> Option<(&'static str, String)> {
    person.mail.clone().map(|mail| (WORK_MAIL, mail))
}

#[cfg(test)]
mod tests;
