//! What services acknowledge of the feed, and whom the end of an access has reached.

use directory_api::v1;
use directory_api::v1::Reason;
use tonic::{Request, Response, Status};

use super::place::{Place, Position, Scope, invalid_cursor};
use crate::door::Authenticated;
use crate::refusal::Refusal;
use crate::render;
use crate::rules::people;
use crate::services::fault::{no, store_error};
use crate::services::{Services, read};
use crate::store::{Acknowledged, Author, Consumer, Done, Store, User, WorkspaceStore};

/// How many consumers a caller may have.
const CONSUMERS: u32 = 1_000;
/// The longest name of a consumer, in bytes.
const NAME_BYTES: usize = 64;

impl<S: Store> Services<S> {
    pub(super) async fn acknowledged(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        let (Author::Service(caller), ask) = self.door.across(request)? else {
            return Err(no(invalid_cursor()));
        };
        if ask.consumer.len() > NAME_BYTES {
            let cause = format!("at most {NAME_BYTES} bytes are allowed");
            return Err(no(read::invalid("consumer", cause)));
        }
        let (scope, place) = self.given_place(&ask.cursor)?;
        let workspace = match scope {
            Scope::One(id) => Some(id),
            Scope::All => None,
        };
        let consumer = Consumer { workspace, caller, name: ask.consumer };
        if ask.retire {
            self.store.forget_consumer(consumer).await.map_err(store_error)?;
            return Ok(Response::new(v1::AcknowledgeResponse {}));
        }
        let done = match place {
            Place::Behind(Position::One(revision)) => Done::One(revision),
            Place::Behind(Position::All(mark)) => Done::All(mark),
            Place::Snapshot { .. } => {
                let cause = "the snapshot is not whole yet: acknowledge from its snapshot_end on";
                return Err(no(read::invalid("cursor", cause)));
            }
        };
        let now = self.clock.now();
        let kept = self.store.acknowledge(consumer, done, now, CONSUMERS).await;
        match kept.map_err(store_error)? {
            Acknowledged::Kept => Ok(Response::new(v1::AcknowledgeResponse {})),
            Acknowledged::Unknown => Err(self.expired()),
            Acknowledged::TooMany => Err(no(Refusal::new(
                Reason::TooMany,
                format!(
                    "The caller has {CONSUMERS} consumers, and no more are allowed. Retire those that are no \
                     more, and let instances that share their work be one."
                ),
            )
            .at("consumer"))),
        }
    }

    pub(super) async fn revocation(
        &self,
        request: Request<v1::RevocationStatusRequest>,
    ) -> Result<Response<v1::RevocationStatusResponse>, Status> {
        let Authenticated { workspace, workspace_id, ask, .. } = self.door.open(request).await?;
        let id = read::user_id(&ask.user_id)?;
        let user = workspace.user(id).await.map_err(store_error)?;
        let ending = self.store.ending(workspace_id, id).await.map_err(store_error)?;
        if user.is_none() && ending.is_none() {
            return Err(no(people::not_found(&ask.user_id)));
        }
        let has_access = user.as_ref().is_some_and(User::has_access);
        let Some(ending) = ending else {
            let never = v1::RevocationStatusResponse::default();
            return Ok(Response::new(v1::RevocationStatusResponse { has_access, ..never }));
        };
        let receipt = |(consumer, at): (Consumer, Option<_>)| v1::RevocationReceipt {
            caller: consumer.caller,
            consumer: consumer.name,
            acknowledge_time: at.map(render::timestamp),
        };
        Ok(Response::new(v1::RevocationStatusResponse {
            revision: ending.revision,
            end_time: Some(render::timestamp(ending.at)),
            has_access,
            receipts: ending.receipts.into_iter().map(receipt).collect(),
        }))
    }
}
