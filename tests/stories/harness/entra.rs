//! Microsoft Entra ID: what its provisioning service sends, to the byte.
//!
//! It sends no User-Agent and no Accept, its bodies are `application/scim+json; charset=utf-8`, and
//! it looks a person up before it writes. How it patches depends on the flag `aadOptscim062020` in
//! the Tenant URL, which then stands in every request.

use serde_json::{Value, json};

use super::wire::form_encoded;
use super::{Answer, Ask, Workspace, nobody, unique};

const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// How Entra writes a PATCH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// Without the flag: capitalised operations, booleans as strings, a path for each value.
    Legacy,
    /// With `aadOptscim062020`: lower-case operations, real booleans, values without a path.
    Flagged,
}

/// A person in the company's Entra tenant, as the default mappings send them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// Source of userName: userPrincipalName.
    pub(crate) user_name: String,
    /// Source of the work e-mail; absent without a mailbox.
    pub(crate) mail: Option<String>,
    /// Source of externalId: mailNickname.
    pub(crate) external_id: String,
    pub(crate) given_name: String,
    pub(crate) family_name: String,
}

impl Person {
    /// A person whose userPrincipalName and mail are this one address.
    pub(crate) fn of(address: &str) -> Self {
        let nickname = address.split('@').next().unwrap_or(address);
        Self {
            user_name: address.to_owned(),
            mail: Some(address.to_owned()),
            external_id: nickname.to_lowercase(),
            given_name: nickname.to_owned(),
            family_name: "Lovelace".to_owned(),
        }
    }

    /// The body of the POST.
    pub(crate) fn body(&self) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let formatted = text(&format!("{} {}", self.given_name, self.family_name));
        let emails = self.mail.as_deref().map_or_else(
            || r#""emails":[]"#.to_owned(),
            |mail| format!(r#""emails":[{{"primary":true,"type":"work","value":{}}}]"#, text(mail)),
        );
        format!(
            r#"{{"schemas":["{CORE}","{ENTERPRISE}"],"externalId":{},"userName":{},"active":true,"displayName":{formatted},{emails},"meta":{{"resourceType":"User"}},"name":{{"formatted":{formatted},"familyName":{},"givenName":{}}},"title":null,"roles":[]}}"#,
            text(&self.external_id),
            text(&self.user_name),
            text(&self.family_name),
            text(&self.given_name),
        )
    }
}

/// Entra ID, provisioning one workspace.
pub(crate) struct Entra {
    pub(crate) workspace: Workspace,
    dialect: Dialect,
}

impl Entra {
    pub(crate) fn new(workspace: Workspace, dialect: Dialect) -> Self {
        Self { workspace, dialect }
    }

    /// The button "Test connection": looks for a person whom nobody can be.
    pub(crate) async fn test_connection(&self) -> Answer {
        self.find("userName", &nobody()).await
    }

    /// A look-up by the matching attribute.
    pub(crate) async fn find(&self, attribute: &str, value: &str) -> Answer {
        let filter = form_encoded(&format!(r#"{attribute} eq "{value}""#));
        let flag = if self.dialect == Dialect::Flagged { "aadOptscim062020&" } else { "" };
        self.send(self.ask("GET", &format!("/Users?{flag}filter={filter}"))).await
    }

    /// The person of a userName, if there is one.
    pub(crate) async fn match_by_user_name(&self, user_name: &str) -> Option<Value> {
        let mut rows = self.find("userName", user_name).await.rows();
        assert!(rows.len() <= 1, "{user_name} is two people's: {rows:?}");
        rows.pop()
    }

    pub(crate) async fn create(&self, person: &Person) -> Answer {
        self.send(self.ask("POST", "/Users").scim(person.body())).await
    }

    /// A person is assigned to the application: looked up, not found, created. Answers their id.
    pub(crate) async fn assign(&self, address: &str) -> String {
        let person = Person::of(address);
        assert_eq!(self.match_by_user_name(&person.user_name).await, None);
        self.create(&person).await.is(201).text("/id")
    }

    pub(crate) async fn get(&self, id: &str) -> Answer {
        self.send(self.ask("GET", &format!("/Users/{id}"))).await
    }

    /// A PATCH of these operations, as they are.
    pub(crate) async fn patch(&self, id: &str, operations: &str) -> Answer {
        let body = format!(
            r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":{operations}}}"#
        );
        self.send(self.ask("PATCH", &format!("/Users/{id}")).scim(body)).await
    }

    /// Sets single values, each given as path and value, in one PATCH.
    pub(crate) async fn set(&self, id: &str, values: &[(&str, Value)]) -> Answer {
        let operations: Vec<Value> = match self.dialect {
            Dialect::Legacy => values
                .iter()
                .map(|(path, value)| json!({"op": "Replace", "path": path, "value": spelt(value)}))
                .collect(),
            Dialect::Flagged => values
                .iter()
                .map(|(path, value)| json!({"op": "replace", "value": {*path: value}}))
                .collect(),
        };
        self.patch(id, &Value::from(operations).to_string()).await
    }

    /// The person is unassigned, or switched off in the tenant.
    pub(crate) async fn disable(&self, id: &str) -> Answer {
        self.set(id, &[("active", json!(false))]).await.is(200)
    }

    /// The person is assigned again within 30 days.
    pub(crate) async fn enable(&self, id: &str) -> Answer {
        self.set(id, &[("active", json!(true))]).await
    }

    /// The person is renamed in the tenant: userPrincipalName and mail.
    pub(crate) async fn rename(&self, id: &str, address: &str) -> Answer {
        let address = Value::from(address);
        let work = r#"emails[type eq "work"].value"#;
        self.set(id, &[("userName", address.clone()), (work, address)]).await
    }

    /// The person is deleted in the tenant, which keeps them for 30 days under another name.
    pub(crate) async fn soft_delete(&self, id: &str, user_name: &str) -> Answer {
        let gone = format!("{}{user_name}", unique());
        self.set(id, &[("userName", gone.into()), ("active", json!(false))]).await
    }

    /// The person is restored in the tenant within these 30 days.
    pub(crate) async fn take_back(&self, id: &str, user_name: &str) -> Answer {
        self.set(id, &[("userName", user_name.into()), ("active", json!(true))]).await
    }

    /// The 30 days are over.
    pub(crate) async fn delete(&self, id: &str) -> Answer {
        self.send(self.ask("DELETE", &format!("/Users/{id}"))).await
    }

    fn ask(&self, method: &str, endpoint: &str) -> Ask {
        match self.dialect {
            Dialect::Flagged if !endpoint.contains('?') => {
                self.workspace.ask(method, &format!("{endpoint}?aadOptscim062020"))
            }
            _ => self.workspace.ask(method, endpoint),
        }
    }

    async fn send(&self, ask: Ask) -> Answer {
        self.workspace.send(ask).await
    }
}

/// A value as the legacy dialect spells it: booleans as strings.
fn spelt(value: &Value) -> Value {
    match value {
        Value::Bool(true) => "True".into(),
        Value::Bool(false) => "False".into(),
        other => other.clone(),
    }
}
