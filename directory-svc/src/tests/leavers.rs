//! Leavers, long after they left.

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::login_service_client::LoginServiceClient;
use directory_api::v1::user_service_client::UserServiceClient;
use directory_api::v1::workspace_service_client::WorkspaceServiceClient;
use tonic::Request;

use super::{DAY, House, InProcess};
use crate::store::{Store, WorkspaceStore};

/// A request of the operator's.
fn asked<T>(ask: T) -> Request<T> {
    let mut ask = Request::new(ask);
    ask.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
    ask
}

/// When nothing is left of the person but the bar. Seen to fail with the bar cleared with the tombstone.
#[tokio::test]
async fn a_leaver_stays_out_when_the_tombstone_is_gone() {
    let house = House::new().await;
    let workspace_id = house.demo.workspace_id.to_string();
    let user = house.provision(&house.demo.api_key, "ada@acme.com").await.unwrap();
    let id = user.id.clone();
    let mut ask = Request::new(v1::DeleteUserRequest {
        workspace_id: workspace_id.clone(),
        id: user.id,
        ..v1::DeleteUserRequest::default()
    });
    let bearer = format!("Bearer {}", house.demo.api_key.expose()).parse().unwrap();
    ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
    UserServiceClient::new(InProcess::new(house.router.clone())).delete_user(ask).await.unwrap();
    house.is_later(400 * DAY);
    let clearing = house.directory.clear_expired();
    // It clears at once, and then rests for an hour.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), clearing).await;
    let workspace = house.store.workspace(house.demo.workspace_id);
    assert_eq!(workspace.deleted_users(0, 10).await.unwrap(), []);

    let open = v1::UpdateWorkspaceRequest {
        workspace_id: workspace_id.clone(),
        email_join: Some(v1::EmailJoin::Open.into()),
        ..v1::UpdateWorkspaceRequest::default()
    };
    WorkspaceServiceClient::new(house.service()).update_workspace(asked(open)).await.unwrap();
    let joinable = async |email: &str| {
        let email = email.to_owned();
        let ask = asked(v1::ResolveLoginRequest { email, ..v1::ResolveLoginRequest::default() });
        let met = LoginServiceClient::new(house.service()).resolve_login(ask).await.unwrap();
        met.into_inner().joinable.len()
    };
    assert_eq!((joinable("ada@acme.com").await, joinable("eve@acme.com").await), (0, 1));
    let ask = v1::CreateUserRequest {
        workspace_id,
        resource: Some(v1::create_user_request::Resource::ScimJson(
            r#"{"userName":"ADA@acme.com"}"#.to_owned(),
        )),
        ..v1::CreateUserRequest::default()
    };
    let refused =
        UserServiceClient::new(house.service()).create_user(asked(ask)).await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::PersonLeft));
    for fix in ["identity provider", "LoginService.ReadmitAddress", &id] {
        assert!(refused.message().contains(fix), "{}", refused.message());
    }
}
