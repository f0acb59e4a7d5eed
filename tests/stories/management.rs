//! Who may change what: what an identity provider has sent of somebody is its own, and the rest is Nestr's.

use std::fs;

use directory_api::v1;
use directory_api::v1::Reason;
use serde_json::{Value, json};
use tonic::Status;

use crate::harness::{Dialect, Nestr, Operator, Terminal, new_credential};

/// The product, `settings`, a service of Nestr's, and the directory that its entry is in.
pub(crate) async fn with_settings() -> (Nestr, Operator, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a directory");
    let (credential, entry) = new_credential("settings", "internal").await;
    let file = home.path().join("credentials.toml");
    fs::write(&file, entry).expect("a file is written");
    let path = file.display().to_string();
    let nestr = Nestr::start_with(&["--demo", "acme.com", "--credentials", &path]).await;
    let settings = Operator::new(&nestr, &credential);
    (nestr, settings, home)
}

pub(crate) fn reason(refused: Result<impl Sized, Status>) -> Reason {
    let refused = refused.map(|_| ()).expect_err("a refusal");
    Reason::of(&refused).unwrap_or_else(|| panic!("no reason: {refused:?}"))
}

/// A service's or an operator's writes in a workspace.
struct Writer<'a>(&'a Operator, &'a str);

impl Writer<'_> {
    async fn patch(&self, id: &str, values: &Value) -> Result<v1::User, Status> {
        let ask = v1::PatchUserRequest {
            workspace_id: self.1.to_owned(),
            id: id.to_owned(),
            operations: vec![replace(values)],
            ..v1::PatchUserRequest::default()
        };
        Ok(self.0.users().patch_user(ask).await?.into_inner())
    }

    async fn replace(&self, id: &str, user: v1::User) -> Result<v1::User, Status> {
        let ask = v1::ReplaceUserRequest {
            workspace_id: self.1.to_owned(),
            id: id.to_owned(),
            resource: Some(v1::replace_user_request::Resource::User(user)),
            ..v1::ReplaceUserRequest::default()
        };
        Ok(self.0.users().replace_user(ask).await?.into_inner())
    }

    async fn delete(&self, id: &str) -> Result<u64, Status> {
        let (workspace_id, id) = (self.1.to_owned(), id.to_owned());
        let ask = v1::DeleteUserRequest { workspace_id, id, ..v1::DeleteUserRequest::default() };
        Ok(self.0.users().delete_user(ask).await?.into_inner().revision)
    }

    async fn bulk(&self, method: &str, path: String, data: &Value) -> Reason {
        let operation = v1::BulkOperation {
            method: method.to_owned(),
            path,
            data_json: data.to_string(),
            ..v1::BulkOperation::default()
        };
        let ask = v1::BulkWriteRequest {
            workspace_id: self.1.to_owned(),
            operations: vec![operation],
            ..v1::BulkWriteRequest::default()
        };
        let done = self.0.resources().bulk_write(ask).await.expect("results").into_inner();
        done.results[0].reason()
    }
}

fn replace(values: &Value) -> v1::PatchOperation {
    let operand = v1::patch_operation::Operand::ValueJson(values.to_string());
    v1::PatchOperation { op: "replace".to_owned(), path: None, operand: Some(operand) }
}

#[tokio::test]
async fn what_the_identity_provider_has_sent_is_refused_to_others() {
    let (nestr, settings, _home) = with_settings().await;
    let acme = nestr.acme();
    let entra = acme.connect_entra(Dialect::Legacy);
    let ada = entra.assign("ada@acme.com").await;
    let operator = acme.operator();
    let (service, by_hand) = (Writer(&settings, &acme.id), Writer(&operator, &acme.id));

    let management = settings.get_user(&acme.id, &ada).await.unwrap().management.unwrap();
    let integration = operator.integration(&acme.id, "").await.id;
    assert_eq!(management.integration_id, integration);
    let sent = &management.attributes;
    for name in ["active", "displayName", "emails", "name", "userName"] {
        assert!(sent.iter().any(|sent| sent == name), "{name} in {sent:?}");
    }
    assert!(!sent.iter().any(|name| name == "nickName" || name == "roles"), "{sent:?}");

    for writer in [&service, &by_hand] {
        for values in [
            json!({"active": false}),
            json!({"displayName": "Somebody else"}),
            json!({"emails": [{"value": "eve@acme.com", "primary": true}]}),
            json!({"userName": "eve@acme.com"}),
        ] {
            let refused = writer.patch(&ada, &values).await;
            let name = values.as_object().unwrap().keys().next().unwrap();
            let said = refused.as_ref().unwrap_err().message().to_owned();
            assert!(said.contains(&integration) && said.contains(name), "{said}");
            assert_eq!(reason(refused), Reason::ManagedByIdp);
            let (path, data) = (
                format!("/Users/{ada}"),
                json!({"Operations": [{"op": "replace", "value": values}]}),
            );
            assert_eq!(writer.bulk("PATCH", path, &data).await, Reason::ManagedByIdp);
        }
        let nobody = v1::User { user_name: "ada@acme.com".to_owned(), ..v1::User::default() };
        assert_eq!(reason(writer.replace(&ada, nobody).await), Reason::ManagedByIdp);
    }
    // What it did not send is Nestr's, and so is repeating what stands.
    let named =
        service.patch(&ada, &json!({"nickName": "Countess", "active": true})).await.unwrap();
    assert_eq!(named.nick_name, "Countess");
    let again = service.replace(&ada, named.clone()).await.unwrap();
    assert_eq!(again.meta.unwrap().revision, named.meta.clone().unwrap().revision);
    let renamed = v1::User { nick_name: "Ada".to_owned(), ..named };
    assert_eq!(service.replace(&ada, renamed).await.unwrap().nick_name, "Ada");

    // From its first word on, also where that changes nothing.
    entra.set(&ada, &[("nickName", json!("Ada"))]).await.is(200);
    let refused = service.patch(&ada, &json!({"nickName": "Countess"})).await;
    assert_eq!(reason(refused), Reason::ManagedByIdp);
    entra.set(&ada, &[("nickName", json!("A."))]).await.is(200);
    nestr.restart().await;
    assert_eq!(reason(service.patch(&ada, &json!({"active": false})).await), Reason::ManagedByIdp);

    operator.disable_scim(&acme.id).await;
    let free =
        service.patch(&ada, &json!({"active": false, "nickName": "Countess"})).await.unwrap();
    assert_eq!(free.management.unwrap(), v1::Management::default());
    // Who comes under it once more is adopted with what it sends then.
    operator.enable_scim(&acme.id).await;
    assert_eq!(acme.create("ada@acme.com").await, ada);
    let adopted = settings.get_user(&acme.id, &ada).await.unwrap().management.unwrap();
    assert_eq!(adopted.attributes, ["userName"]);
    service.patch(&ada, &json!({"displayName": "Ada Lovelace"})).await.unwrap();
}

/// An operator may, as the last resort, and it is kept who did.
#[tokio::test]
async fn whom_an_identity_provider_manages_no_service_removes() {
    let (nestr, settings, _home) = with_settings().await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let operator = acme.operator();
    let (service, by_hand) = (Writer(&settings, &acme.id), Writer(&operator, &acme.id));
    assert_eq!(reason(service.delete(&ada).await), Reason::ManagedByIdp);
    let gone = service.bulk("DELETE", format!("/Users/{ada}"), &Value::Null).await;
    assert_eq!(gone, Reason::ManagedByIdp);
    let revision = by_hand.delete(&ada).await.unwrap();
    assert!(operator.get_user(&acme.id, &ada).await.is_err());
    let acts = json!({"workspace_id": acme.id, "act": "user.removed"});
    let acts = Terminal::of(&nestr).call("AuditService/ListAuditRecords", &acts).unwrap();
    let act = &acts["records"][0];
    assert_eq!((&act["subject"], &act["actor"]), (&json!(ada), &json!("operator")));
    assert!(revision > 0 && acts["records"].as_array().unwrap().len() == 1, "{acts}");

    let bob = operator.create_user(&acme.id, r#"{"userName":"bob@acme.com"}"#).await;
    service.delete(&bob).await.unwrap();
}

#[tokio::test]
async fn an_integrations_group_is_its_own() {
    let (nestr, settings, _home) = with_settings().await;
    let acme = nestr.acme();
    let ada = acme.create("ada@acme.com").await;
    let staff = acme.post("/Groups", r#"{"displayName":"Staff"}"#).await.is(201).text("/id");
    let workspace_id = || acme.id.clone();
    let patch = async |by: &Operator, values: Value| {
        let ask = v1::PatchGroupRequest {
            workspace_id: workspace_id(),
            id: staff.clone(),
            operations: vec![replace(&values)],
            ..v1::PatchGroupRequest::default()
        };
        by.groups().patch_group(ask).await.map(tonic::Response::into_inner)
    };
    let delete = async |by: &Operator| {
        let (workspace_id, id) = (workspace_id(), staff.clone());
        let ask = v1::DeleteGroupRequest { workspace_id, id, ..v1::DeleteGroupRequest::default() };
        by.groups().delete_group(ask).await.map(|done| done.into_inner().revision)
    };
    let operator = acme.operator();
    let joined = || json!({"members": [{"value": ada}]});
    for by in [&settings, &operator] {
        let renamed = patch(by, json!({"displayName": "All"})).await;
        assert_eq!(reason(renamed), Reason::ManagedByIdp);
        assert_eq!(reason(patch(by, joined()).await), Reason::ManagedByIdp);
        let same = patch(by, json!({"displayName": "Staff"})).await.unwrap();
        assert!(!same.management.unwrap().integration_id.is_empty());
    }
    assert_eq!(reason(delete(&settings).await), Reason::ManagedByIdp);
    operator.disable_scim(&acme.id).await;
    let free = patch(&settings, joined()).await.unwrap();
    assert_eq!(free.management.unwrap(), v1::Management::default());
    operator.enable_scim(&acme.id).await;
    assert_eq!(reason(delete(&settings).await), Reason::ManagedByIdp);
    assert!(delete(&operator).await.unwrap() > free.meta.unwrap().revision);
}
