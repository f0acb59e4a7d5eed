//! The last admin of a workspace: no identity provider locks them out, and somebody is told that it tried.

use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use serde_json::json;

use crate::harness::{Dialect, Login, Operator, unique};
use crate::management::{reason, with_settings};
use crate::notices::{files, until_there_are_files};

const ADA: &str = "ada@acme.com";

async fn protect(by: &Operator, workspace_id: &str, id: &str, protected: bool) -> v1::User {
    let ask = v1::ProtectUserRequest {
        workspace_id: workspace_id.to_owned(),
        id: id.to_owned(),
        protected,
        ..v1::ProtectUserRequest::default()
    };
    by.users().protect_user(ask).await.expect("a person").into_inner()
}

/// Every way in which an identity provider removes somebody, and none of them.
#[tokio::test]
async fn no_identity_provider_locks_out_whom_nestr_protects() {
    let (nestr, settings, _home) = with_settings().await;
    let acme = nestr.acme();
    let entra = acme.connect_entra(Dialect::Flagged);
    let ada = entra.assign(ADA).await;
    let path = format!("/Users/{ada}");
    let protected = protect(&settings, &acme.id, &ada, true).await;
    assert!(protected.management.as_ref().unwrap().protected);
    let again = protect(&settings, &acme.id, &ada, true).await;
    assert_eq!(again.meta, protected.meta, "it is no change");

    let asleep = json!({"userName": ADA, "active": false});
    let without_mail = json!({"userName": "4711", "emails": []});
    let soft_deleted = json!({"userName": format!("{}{ADA}", unique())});
    for refused in [
        entra.set(&ada, &[("active", json!(false))]).await,
        entra.set(&ada, &[("active", json!("False"))]).await,
        entra.soft_delete(&ada, ADA).await,
        entra.delete(&ada).await,
        acme.put(&path, asleep.to_string()).await,
        acme.put(&path, without_mail.to_string()).await,
        acme.put(&path, soft_deleted.to_string()).await,
    ] {
        let detail = refused.refused(403, "");
        for told in [&ada, "protected", "Make somebody else admin in Nestr"] {
            assert!(detail.contains(told), "{told} in {detail}");
        }
        assert_eq!(acme.resolve_login(ADA).await, Login::Active(ada.clone()));
    }
    let all = json!({"Operations": [
        {"method": "DELETE", "path": path},
        {"method": "PATCH", "path": path, "data": {"Operations": [{"op": "replace", "path": "active", "value": false}]}},
        {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "bob@acme.com"}},
    ]});
    let all = acme.post("/Bulk", all.to_string()).await.is(200);
    let statuses: Vec<_> = [0, 1, 2].map(|at| all.text(&format!("/Operations/{at}/status"))).into();
    assert_eq!(statuses, ["403", "403", "201"]);
    assert_eq!(acme.resolve_login(ADA).await, Login::Active(ada.clone()));

    // What does not put her out is done: she is renamed, moved, and called otherwise.
    entra.rename(&ada, "countess@acme.com").await.is(200);
    entra.rename(&ada, ADA).await.is(200);

    // The contact is told once, however often it was tried.
    let told = until_there_are_files(&nestr, 1).await;
    assert!(told[0].contains("To: admin@acme.com\r\n"), "{}", told[0]);
    assert!(told[0].contains("Subject: ada@acme.com was not removed from Demo\r\n"), "{}", told[0]);
    assert!(told[0].contains("make somebody else admin"), "{}", told[0]);
    nestr.restart().await;
    entra.delete(&ada).await.refused(403, "");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(files(&nestr).len(), 1);
    assert!(nestr.log().contains("a protected person was kept from their identity provider"));
    assert!(!nestr.log().contains(ADA), "{}", nestr.log());

    // Somebody else is admin now.
    protect(&settings, &acme.id, &ada, false).await;
    entra.disable(&ada).await;
    entra.delete(&ada).await.is(204);
    assert_eq!(acme.resolve_login(ADA).await, Login::Nobody);
}

/// Nestr's own do not either until they let go of them; nobody is told by mail of that.
#[tokio::test]
async fn nobody_removes_whom_nestr_protects() {
    let (nestr, settings, _home) = with_settings().await;
    let acme = nestr.acme();
    let operator = acme.operator();
    let ada = operator.create_user(&acme.id, &format!(r#"{{"userName":"{ADA}"}}"#)).await;
    protect(&operator, &acme.id, &ada, true).await;
    let delete = async |by: &Operator| {
        let (workspace_id, id) = (acme.id.clone(), ada.clone());
        let ask = v1::DeleteUserRequest { workspace_id, id, ..v1::DeleteUserRequest::default() };
        by.users().delete_user(ask).await
    };
    for by in [&settings, &operator] {
        assert_eq!(reason(delete(by).await), Reason::UserProtected);
        let update = v1::UpdateUserRequest {
            workspace_id: acme.id.clone(),
            id: ada.clone(),
            user: Some(v1::User { active: Some(false), ..v1::User::default() }),
            ..v1::UpdateUserRequest::default()
        };
        assert_eq!(reason(by.users().update_user(update).await), Reason::UserProtected);
    }
    // Nor is she adopted into a sleep.
    let adopted = acme.post("/Users", json!({"userName": ADA, "active": false}).to_string()).await;
    adopted.refused(403, "");
    assert_eq!(acme.create(ADA).await, ada);
    assert!(operator.get_user(&acme.id, &ada).await.unwrap().management.unwrap().protected);
    protect(&settings, &acme.id, &ada, false).await;
    delete(&operator).await.unwrap();
    operator.restore(&acme.id, &ada).await.unwrap();
    assert!(!operator.get_user(&acme.id, &ada).await.unwrap().management.unwrap().protected);
}

/// As every other write: only for those who may, only of the version that was seen, once under one name.
#[tokio::test]
async fn a_protection_is_a_write_like_others() {
    let (nestr, settings, _home) = with_settings().await;
    let acme = nestr.acme();
    let ada = acme.create(ADA).await;
    let etag = settings.get_user(&acme.id, &ada).await.unwrap().meta.unwrap().version;
    let ask = |protected, operation_id: &str, etag: &str| v1::ProtectUserRequest {
        workspace_id: acme.id.clone(),
        id: ada.clone(),
        protected,
        etag: Some(etag.to_owned()),
        operation_id: operation_id.to_owned(),
        ..v1::ProtectUserRequest::default()
    };
    let mut users = settings.users();
    let stale = users.protect_user(ask(true, "stale", "W/\"999\"")).await;
    assert_eq!(reason(stale), Reason::RevisionMismatch);
    let first = users.protect_user(ask(true, "once", &etag)).await.unwrap().into_inner();
    let repeated = users.protect_user(ask(true, "once", &etag)).await.unwrap().into_inner();
    assert_eq!(first, repeated);
    let nobody = v1::ProtectUserRequest { id: crate::harness::nobody(), ..ask(true, "x", "*") };
    assert_eq!(reason(users.protect_user(nobody).await), Reason::UserNotFound);
    let shown = acme.get(&format!("/Users/{ada}")).await.is(200);
    assert!(!shown.body.contains("protected"), "no identity provider is told: {}", shown.body);
}
