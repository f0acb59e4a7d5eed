//! What becomes of keys, and of what is seen of them, as time goes by.

use std::time::Duration;

use directory_api::SCIM_CLIENT_ADDRESS;
use tower::ServiceExt;

use super::*;
use crate::ids::IntegrationId;

impl House {
    /// A request of an operator's.
    fn by_operator<T>(&self, ask: T) -> Request<T> {
        let mut ask = Request::new(ask);
        ask.metadata_mut().insert("authorization", "Bearer secret".parse().unwrap());
        ask
    }

    /// Lets a new key take the place of the first one of the demo's integration.
    async fn rotate(&self, overlap: Option<i64>) -> Result<v1::RotateApiKeyResponse, Status> {
        let integration = IntegrationId::new(self.demo.workspace_id.uuid());
        let workspace = self.store.workspace(self.demo.workspace_id);
        let keys = workspace.api_keys(integration).await.unwrap();
        let ask = v1::RotateApiKeyRequest {
            workspace_id: self.demo.workspace_id.to_string(),
            api_key_id: keys[0].id.to_string(),
            overlap: overlap.map(|seconds| pbjson_types::Duration { seconds, nanos: 0 }),
            ..v1::RotateApiKeyRequest::default()
        };
        let router = self.router.clone();
        let channel = tower::service_fn(move |request: http::Request<tonic::body::Body>| {
            router.clone().oneshot(request)
        });
        let mut integrations = IntegrationServiceClient::new(channel);
        Ok(integrations.rotate_api_key(self.by_operator(ask)).await?.into_inner())
    }
}

/// Seen to fail with the old key's end left as it was.
#[tokio::test]
async fn a_rotated_key_ends_by_the_clock() {
    let house = House::new().await;
    let rotated = house.rotate(None).await.unwrap();
    let new = ApiKeyText::parse(&rotated.key).unwrap();
    let old = house.demo.api_key.clone();
    house.is_later(DAY - 1);
    house.provision(&old, "first").await.unwrap();
    house.provision(&new, "second").await.unwrap();
    house.is_later(1);
    let refused = house.provision(&old, "third").await.unwrap_err();
    assert_eq!(Reason::of(&refused), Some(Reason::ApiKeyInvalid));
    house.provision(&new, "third").await.unwrap();
}

#[tokio::test]
async fn an_overlap_has_an_end() {
    let house = House::new().await;
    for overlap in [-1, 30 * 24 * 60 * 60 + 1, i64::MAX] {
        let refused = house.rotate(Some(overlap)).await.unwrap_err();
        assert_eq!(Reason::of(&refused), Some(Reason::InvalidArgument), "{overlap}");
        assert!(refused.message().contains("30 days"), "{refused}");
    }
    house.rotate(Some(30 * 24 * 60 * 60)).await.unwrap();
}

/// Nothing waits for it to be written, and it is. Seen to fail without the job.
#[tokio::test]
async fn what_was_seen_is_written_within_a_minute() {
    let house = House::new().await;
    let workspace = house.store.workspace(house.demo.workspace_id);
    let integration = IntegrationId::new(house.demo.workspace_id.uuid());
    let kept = async || workspace.integration_status(integration).await.unwrap();
    house.provision(&house.demo.api_key, "first").await.unwrap();
    while kept().await.first_request_at.is_none() {
        tokio::task::yield_now().await;
    }
    house.is_later(MINUTE / 2);
    house.provision(&house.demo.api_key, "second").await.unwrap();
    assert_eq!(kept().await.last_request_at, Some(BEGIN));
    let directory = house.directory.clone();
    tokio::time::pause();
    let job = tokio::spawn(async move { directory.keep_status().await });
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    let written = async {
        while kept().await.last_request_at != Some(BEGIN + MINUTE / 2) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), written).await.expect("it is written");
    job.abort();
}

/// Where a request comes from is the gateway's to say, and of an address nobody can read it says nothing.
/// Seen to fail with what cannot be read let in.
#[tokio::test]
async fn an_address_that_is_none_opens_no_key_with_networks() {
    let house = House::new().await;
    let ask = v1::CreateApiKeyRequest {
        workspace_id: house.demo.workspace_id.to_string(),
        allowed_networks: vec!["192.0.2.0/24".to_owned()],
        ..v1::CreateApiKeyRequest::default()
    };
    let router = house.router.clone();
    let channel = tower::service_fn(move |request: http::Request<tonic::body::Body>| {
        router.clone().oneshot(request)
    });
    let made = IntegrationServiceClient::new(channel).create_api_key(house.by_operator(ask)).await;
    let key = made.unwrap().into_inner().key;
    let asked = async |address: Option<&str>| {
        let mut ask = Request::new(v1::ListUsersRequest {
            workspace_id: house.demo.workspace_id.to_string(),
            ..v1::ListUsersRequest::default()
        });
        let bearer = format!("Bearer {key}").parse().unwrap();
        ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
        if let Some(address) = address {
            ask.metadata_mut().insert(SCIM_CLIENT_ADDRESS, address.parse().unwrap());
        }
        let mut users = UserServiceClient::new(InProcess::new(house.router.clone()));
        users.list_users(ask).await.is_ok()
    };
    for (address, is_let_in) in [
        (Some("192.0.2.7"), true),
        (Some("::ffff:192.0.2.7"), true),
        (Some("198.51.100.7"), false),
        (Some("192.0.2.7, 10.0.0.1"), false),
        (Some(""), false),
        (None, false),
    ] {
        assert_eq!(asked(address).await, is_let_in, "{address:?}");
    }
}
