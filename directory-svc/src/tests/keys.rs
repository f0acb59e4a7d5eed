//! What becomes of keys, and of what is seen of them, as time goes by.

use std::time::Duration;

use directory_api::SCIM_CLIENT_ADDRESS;
use directory_api::v1::group_service_client::GroupServiceClient;
use directory_api::v1::resource_service_client::ResourceServiceClient;
use serde_json::json;
use tower::ServiceExt;

use super::*;
use crate::ids::IntegrationId;
use crate::store::{Author, OperationId, Write};

/// A request of an operator's.
fn by_operator<T>(ask: T) -> Request<T> {
    let mut ask = Request::new(ask);
    ask.metadata_mut().insert("authorization", "Bearer secret".parse().expect("ASCII"));
    ask
}

impl House {
    /// Lets a new key take the place of the first one of the demo's integration.
    async fn rotate(&self, overlap: Option<i64>) -> Result<v1::RotateApiKeyResponse, Status> {
        let integration = IntegrationId::new(self.demo.workspace_id.uuid());
        let workspace = self.store.workspace(self.demo.workspace_id);
        let keys = workspace.api_keys(integration).await.expect("keys");
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
        Ok(integrations.rotate_api_key(by_operator(ask)).await?.into_inner())
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

/// A request of an identity provider's, with this key.
fn by_integration<T>(key: &ApiKeyText, ask: T) -> Request<T> {
    let mut ask = Request::new(ask);
    let bearer = format!("Bearer {}", key.expose()).parse().expect("ASCII");
    ask.metadata_mut().insert(directory_api::SCIM_AUTHORIZATION, bearer);
    ask
}

fn post(endpoint: &str, bulk_id: &str, data: &serde_json::Value) -> v1::BulkOperation {
    v1::BulkOperation {
        method: "POST".to_owned(),
        path: endpoint.to_owned(),
        bulk_id: bulk_id.to_owned(),
        data_json: data.to_string(),
        ..v1::BulkOperation::default()
    }
}

impl House {
    /// Revokes every key of the demo's integration in the store, and tells nobody.
    async fn revoke_behind_the_door(&self) {
        let workspace = self.store.workspace(self.demo.workspace_id);
        let integration = IntegrationId::new(self.demo.workspace_id.uuid());
        for key in workspace.api_keys(integration).await.expect("keys") {
            let operation = OperationId(key.id.to_string());
            let author = Author::Service("test".to_owned());
            let write = Write { operation, author, at: BEGIN };
            workspace.revoke_api_key(write, key.id).await.expect("a revoked key");
        }
    }

    /// Has operations done in one call; answers their ids, or why they were not done.
    async fn bulk(
        &self,
        key: &ApiKeyText,
        operations: Vec<v1::BulkOperation>,
    ) -> Vec<Result<String, Reason>> {
        let workspace_id = self.demo.workspace_id.to_string();
        let ask = v1::BulkWriteRequest { workspace_id, operations, ..Default::default() };
        let mut resources = ResourceServiceClient::new(InProcess::new(self.router.clone()));
        let done = resources.bulk_write(by_integration(key, ask)).await.unwrap().into_inner();
        let told = |result: v1::BulkResult| match result.reason() {
            Reason::Unspecified => Ok(result.location.rsplit('/').next().unwrap().to_owned()),
            reason => Err(reason),
        };
        done.results.into_iter().map(told).collect()
    }
}

/// What is under way goes by the time that it is, not by the one at which it began. Seen to fail with the key
/// judged by the time at the door.
#[tokio::test]
async fn a_bulk_ends_when_its_key_does() {
    let house = House::new().await;
    let key = house.key(BEGIN + HOUR).await;
    let in_a_row = |n: usize| {
        let manager = json!({"value": format!("bulkId:{}", n.saturating_sub(1))});
        let enterprise = json!({"manager": if n == 0 { json!(null) } else { manager }});
        let extension = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        post("/Users", &n.to_string(), &json!({"userName": format!("p{n}"), extension: enterprise}))
    };
    let workspace = house.store.workspace(house.demo.workspace_id);
    let changes = async || workspace.changes(0, 1_000).await.unwrap().len();
    let before = changes().await;
    let later = async {
        while changes().await == before {
            tokio::task::yield_now().await;
        }
        house.is_later(HOUR);
    };
    let (done, ()) = tokio::join!(house.bulk(&key, (0..1_000).map(in_a_row).collect()), later);
    let made = done.iter().take_while(|result| result.is_ok()).count();
    assert!((1..1_000).contains(&made), "{made}");
    assert!(done[made..].iter().all(|result| *result == Err(Reason::ApiKeyInvalid)));
}

/// What the writer refuses for the key's sake ends the bulk, also before the door has heard of it: nobody is told
/// instead that what he refers to was not made. Seen to fail with each operation judged by the door alone.
#[tokio::test]
async fn a_bulk_ends_with_its_key_though_the_door_has_not_heard() {
    let house = House::new().await;
    let key = house.key(BEGIN + HOUR).await;
    house.provision(&key, "first").await.unwrap();
    house.revoke_behind_the_door().await;
    let lead = post("/Users", "lead", &json!({"userName": "lead"}));
    let staff = json!({"displayName": "Staff", "members": [{"value": "bulkId:lead"}]});
    let done = house.bulk(&key, vec![lead, post("/Groups", "staff", &staff)]).await;
    assert_eq!(done, [Err(Reason::ApiKeyInvalid), Err(Reason::ApiKeyInvalid)]);
}

/// A group that is read piece by piece is not read on with a key that is revoked. Seen to fail with the key
/// judged at the door alone.
#[tokio::test]
async fn a_long_read_ends_with_its_key() {
    let house = House::new().await;
    let key = house.key(BEGIN + HOUR).await;
    let mut members = Vec::new();
    for thousand in 0..5 {
        let name = |n: u32| json!({"userName": format!("p{thousand}-{n}")});
        let people = (0..1_000).map(|n| post("/Users", "", &name(n))).collect();
        let made = house.bulk(&key, people).await.into_iter().map(|made| made.unwrap());
        members.extend(made.map(|id| json!({"value": id})));
    }
    let staff = post("/Groups", "", &json!({"displayName": "Staff", "members": members}));
    let id = house.bulk(&key, vec![staff]).await.remove(0).unwrap();
    let read = async || {
        let (workspace_id, id) = (house.demo.workspace_id.to_string(), id.clone());
        let ask = v1::ReadGroupRequest { workspace_id, id, ..Default::default() };
        let mut groups = GroupServiceClient::new(InProcess::new(house.router.clone()));
        groups.read_group(by_integration(&key, ask)).await.unwrap().into_inner()
    };
    let mut pieces = read().await;
    while pieces.message().await.unwrap().is_some() {}

    let mut pieces = read().await;
    assert!(pieces.message().await.unwrap().is_some());
    house.is_later(HOUR);
    let refused = loop {
        match pieces.message().await {
            Ok(piece) => assert!(piece.is_some(), "it came to its end"),
            Err(refused) => break refused,
        }
    };
    assert_eq!(Reason::of(&refused), Some(Reason::ApiKeyInvalid));
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
    tokio::time::advance(Duration::from_mins(1)).await;
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
    let made = IntegrationServiceClient::new(channel).create_api_key(by_operator(ask)).await;
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
