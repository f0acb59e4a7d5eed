//! A workspace that operators have suspended: nothing comes in, nobody signs in, everything stays.

use directory_api::v1;
use directory_api::v1::account::InactiveReason;
use directory_api::v1::{Reason, WorkspaceState};
use tonic::Code;

use crate::harness::{Login, Nestr, Operator};

async fn suspend(operator: &Operator, workspace_id: &str, reason: &str) -> v1::Workspace {
    let (workspace_id, reason) = (workspace_id.to_owned(), reason.to_owned());
    let ask = v1::SuspendWorkspaceRequest { workspace_id, reason };
    operator.workspaces().suspend_workspace(ask).await.expect("a suspension").into_inner()
}

async fn resume(operator: &Operator, workspace_id: &str) -> v1::Workspace {
    let ask = v1::ResumeWorkspaceRequest { workspace_id: workspace_id.to_owned() };
    operator.workspaces().resume_workspace(ask).await.expect("its end").into_inner()
}

/// Seen to fail with the suspension left out of the judgement of keys, and of the accounts.
#[tokio::test]
async fn a_suspended_workspace_stands_still_and_goes_on_where_it_was() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let globex = nestr.workspace_with_verified_domain("globex.example").await;
    let ada = acme.create("ada@acme.com").await;
    let suspended = suspend(&operator, &acme.id, "The invoice of March is open").await;
    assert_eq!(suspended.state(), WorkspaceState::Suspended);
    assert!(suspended.suspend_time.is_some() && !suspended.suspended_by.is_empty());

    for answer in [
        acme.get("/Users").await,
        acme.post("/Users", r#"{"userName":"eve@acme.com"}"#).await,
        acme.get("/ServiceProviderConfig").await,
    ] {
        let detail = answer.refused(403, "");
        assert!(detail.contains("suspended") && detail.contains("The invoice of March is open."));
    }
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Inactive(ada.clone()));
    let account = &operator.resolve_login("ada@acme.com").await[0];
    assert_eq!(account.reason(), InactiveReason::WorkspaceSuspended);
    globex.get("/Users").await.is(200);

    // Services and operators go on.
    assert_eq!(operator.get_user(&acme.id, &ada).await.unwrap().user_name, "ada@acme.com");
    let bob = operator.create_user(&acme.id, r#"{"userName":"bob@acme.com"}"#).await;
    assert!(operator.get_user(&acme.id, &bob).await.is_ok());

    let served = resume(&operator, &acme.id).await;
    assert_eq!((served.state(), served.suspend_reason.as_str()), (WorkspaceState::Active, ""));
    acme.get(&format!("/Users/{ada}")).await.is(200);
    assert_eq!(acme.resolve_login("ada@acme.com").await, Login::Active(ada));
    assert_eq!(resume(&operator, &acme.id).await, served, "there is nothing to end");
}

/// Whoever has no good key learns nothing of it. Seen to fail with the suspension judged first.
#[tokio::test]
async fn a_stranger_does_not_learn_of_a_suspension() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let (revoked, id) = operator.create_key(&acme.id).await;
    operator.revoke_key(&acme.id, &id).await;
    let before = acme.with_key(&revoked).get("/Users").await;
    suspend(&operator, &acme.id, "abuse").await;
    let after = acme.with_key(&revoked).get("/Users").await;
    after.refused(401, "");
    assert_eq!(after.essence(), before.essence());
}

#[tokio::test]
async fn a_suspension_needs_a_reason_and_a_workspace() {
    let acme = Nestr::start().await.acme();
    let operator = acme.operator();
    let refused = async |workspace_id: &str, reason: String| {
        let workspace_id = workspace_id.to_owned();
        let ask = v1::SuspendWorkspaceRequest { workspace_id, reason };
        operator.workspaces().suspend_workspace(ask).await.unwrap_err()
    };
    for reason in [String::new(), "  ".to_owned(), "x".repeat(501)] {
        let no = refused(&acme.id, reason).await;
        assert_eq!(Reason::of(&no), Some(Reason::InvalidArgument));
    }
    let nowhere = refused(&crate::harness::nobody(), "abuse".to_owned()).await;
    assert_eq!(
        (nowhere.code(), Reason::of(&nowhere)),
        (Code::NotFound, Some(Reason::WorkspaceNotFound))
    );
    acme.get("/Users").await.is(200);
}
