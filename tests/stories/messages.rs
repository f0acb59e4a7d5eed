//! Messages of gRPC: how large they may be, and how small they are made on the way.

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::{ANSWER_BYTES, MESSAGE_BYTES};
use serde_json::json;
use tonic::codec::CompressionEncoding::Gzip;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};

use crate::harness::Nestr;

/// How an answer was sent.
fn encoding(metadata: &MetadataMap) -> Option<&str> {
    metadata.get("grpc-encoding").and_then(|encoding| encoding.to_str().ok())
}

fn create(workspace_id: &str, scim_json: String) -> v1::CreateUserRequest {
    v1::CreateUserRequest {
        workspace_id: workspace_id.to_owned(),
        resource: Some(v1::create_user_request::Resource::ScimJson(scim_json)),
        ..v1::CreateUserRequest::default()
    }
}

fn is_too_large(refused: &Status) {
    assert_eq!(Reason::of(refused), Some(Reason::TooMany), "{refused:?}");
    assert_eq!(refused.code(), Code::ResourceExhausted);
    assert!(refused.message().contains("MESSAGE_BYTES"), "{refused:?}");
}

/// A message over the limit is refused before it is read, and one that comes out of a few bytes before all of
/// it is there.
#[tokio::test]
async fn a_message_is_bounded_also_when_it_is_compressed() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let most = MESSAGE_BYTES - 1_000;
    for (bytes, is_refused) in [(most, false), (MESSAGE_BYTES, true), (3 * MESSAGE_BYTES, true)] {
        // Blanks before a person: well-formed, and there is no bound on them but this.
        let person = json!({"userName": format!("p{bytes}")}).to_string();
        let ask = create(&acme.id, " ".repeat(bytes) + &person);
        let mut users = operator.users().send_compressed(Gzip);
        let answer = users.create_user(ask.clone()).await;
        assert_eq!(answer.is_err(), is_refused, "{bytes}: {answer:?}");
        if let Err(refused) = answer {
            is_too_large(&refused);
            is_too_large(&operator.users().create_user(ask).await.unwrap_err());
        }
    }
}

/// Who takes compressed answers gets them, and nobody else; what holds a secret is never compressed.
#[tokio::test]
async fn answers_are_compressed_for_who_asks_for_it() {
    let nestr = Nestr::start().await;
    let (acme, operator) = (nestr.acme(), nestr.operator());
    let person = json!({"userName": "ada", "nickName": "x".repeat(50_000)}).to_string();
    operator.create_user(&acme.id, &person).await;
    let list = v1::ListUsersRequest { workspace_id: acme.id.clone(), ..Default::default() };
    let plain = operator.users().list_users(list.clone()).await.unwrap();
    assert_eq!(encoding(plain.metadata()), None);
    let users = operator.users().accept_compressed(Gzip).send_compressed(Gzip);
    let mut users = users.max_decoding_message_size(ANSWER_BYTES);
    let small = users.list_users(list).await.unwrap();
    assert_eq!(encoding(small.metadata()), Some("gzip"));
    assert_eq!(small.into_inner(), plain.into_inner());

    let mut integrations = operator.integrations().accept_compressed(Gzip).send_compressed(Gzip);
    let workspace_id = acme.id.clone();
    let ask = v1::CreateApiKeyRequest { workspace_id, ..v1::CreateApiKeyRequest::default() };
    let made = integrations.create_api_key(ask).await.unwrap();
    assert_eq!(encoding(made.metadata()), None);
    assert!(made.into_inner().key.starts_with("nscim_"));
}
