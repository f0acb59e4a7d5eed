//! Microsoft Entra ID, provisioning one workspace. What it sends is in the crate `idp-simulator`, as
//! the command `simulate` sends it; here is to whom, and what the stories ask of the answers.

use idp_simulator::{Dialect as _, Edit, Request, WORK_MAIL};
pub(crate) use idp_simulator::{Entra as Dialect, Person};
use serde_json::{Value, json};

use super::{Answer, Workspace, nobody, unique};

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
        self.say(self.dialect.test_connection(&nobody())).await
    }

    /// A look-up by the matching attribute.
    pub(crate) async fn find(&self, attribute: &str, value: &str) -> Answer {
        self.say(self.dialect.find(attribute, value)).await
    }

    /// The person of a userName, if there is one.
    pub(crate) async fn match_by_user_name(&self, user_name: &str) -> Option<Value> {
        let mut rows = self.find("userName", user_name).await.rows();
        assert!(rows.len() <= 1, "{user_name} is two people's: {rows:?}");
        rows.pop()
    }

    pub(crate) async fn create(&self, person: &Person) -> Answer {
        self.say(self.dialect.create(person)).await
    }

    /// A person is assigned to the application: looked up, not found, created. Answers their id.
    pub(crate) async fn assign(&self, address: &str) -> String {
        let person = Person::of(address);
        assert_eq!(self.match_by_user_name(&person.user_name).await, None);
        self.create(&person).await.is(201).text("/id")
    }

    pub(crate) async fn get(&self, id: &str) -> Answer {
        self.say(self.dialect.read(id)).await
    }

    /// A PATCH of these operations, as they are.
    pub(crate) async fn patch(&self, id: &str, operations: &str) -> Answer {
        self.say(self.dialect.patch(id, operations)).await
    }

    /// Sets single values, each given as path and value, in one PATCH.
    pub(crate) async fn set(&self, id: &str, values: &[(&str, Value)]) -> Answer {
        let edits = values.iter().map(|(path, value)| Edit::Replace((*path).into(), value.clone()));
        self.say(self.dialect.edit(id, &edits.collect::<Vec<_>>())).await
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
        self.set(id, &[("userName", address.clone()), (WORK_MAIL, address)]).await
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
        self.say(self.dialect.delete(id)).await
    }

    async fn say(&self, request: Request) -> Answer {
        self.workspace.say(request).await
    }
}
