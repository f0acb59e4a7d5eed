//! Many writes in one call (RFC 7644 section 3.7): which of them are done together, and what refers to
//! what.
//!
//! Operations that depend on no other under way are done at once, so that the store takes many in one
//! transaction; each is kept or refused by itself, and the key is judged again for each.

mod plan;

use directory_api::v1;
use directory_api::v1::Reason;
use futures_util::future::join_all;
use scim::bulk::resolve;
use serde_json::Value;
use tonic::Status;

use self::plan::{Bulk, Item, Method, unresolved};
use super::fault::no;
use super::{Services, read};
use crate::door::Authenticated;
use crate::refusal::Refusal;
use crate::store::{Kind, Store};

/// The longest operation id of a bulk, in bytes: each of its operations has one that begins with it.
const OPERATION_ID_BYTES: usize = 56;

type Open<W> = Authenticated<W, v1::BulkWriteRequest>;

/// What a write came to: id, URL and version.
struct Done {
    id: String,
    location: String,
    version: String,
}

impl<S: Store> Services<S> {
    /// Does the operations of a bulk.
    pub(super) async fn bulk(
        &self,
        mut open: Open<S::Workspace>,
    ) -> Result<v1::BulkWriteResponse, Status> {
        let sent = std::mem::take(&mut open.ask.operations);
        if sent.len() > scim::limits::BULK_OPERATIONS {
            return Err(no(too_many()));
        }
        if open.ask.operation_id.len() > OPERATION_ID_BYTES {
            let cause = format!("at most {OPERATION_ID_BYTES} bytes are allowed");
            return Err(no(read::invalid("operation_id", cause)));
        }
        if open.ask.operation_id.is_empty() {
            open.ask.operation_id = self.clock.new_id().to_string();
        }
        let mut bulk = Bulk::read(sent, open.ask.fail_on_errors.filter(|&errors| errors > 0));
        while let Some(batch) = bulk.next() {
            let done = join_all(batch.iter().map(|&at| self.one(&open, &bulk, at))).await;
            for (at, done) in batch.into_iter().zip(done) {
                bulk.note(at, done);
            }
        }
        let place = |kind: Kind, id: &str| self.links.resource(open.workspace_id, kind, id);
        Ok(v1::BulkWriteResponse { results: bulk.told(place) })
    }

    /// Does one operation, with what it refers to as far as that is known.
    async fn one(&self, open: &Open<S::Workspace>, bulk: &Bulk, at: usize) -> Result<Done, Status> {
        // Whoever is shut out meanwhile hears that of all that is left, whatever else is wrong with it.
        if let Some(shut) = &bulk.shut {
            return Err(shut.clone());
        }
        open.workspace.is_still_open().await?;
        let Item { operation, done } = &bulk.items[at];
        let operation = operation.as_ref().map_err(Clone::clone)?;
        let made = done.as_ref().and_then(|done| done.as_ref().ok());
        if made.is_none()
            && let Some(gone) = operation.refers_to.iter().find(|id| bulk.failed.contains(*id))
        {
            return Err(no(unresolved(gone)));
        }
        let mut data = operation.data.clone();
        resolve(&mut data, &bulk.ids);
        let again = if made.is_some() { "+" } else { "" };
        let operation_id = format!("{}:{at}{again}", open.ask.operation_id);
        let (method, id) = match made {
            // What a POST made is put whole.
            Some(made) if operation.method == Method::Post => (Method::Put, made.id.clone()),
            _ => (operation.method, operation.target(&bulk.ids)?),
        };
        let version = operation.version.clone().filter(|_| made.is_none());
        let write = Write { id, version, data, operation_id };
        match operation.kind {
            Kind::User => self.person(open, method, write).await,
            Kind::Group => self.group(open, method, write).await,
        }
    }

    async fn person(
        &self,
        open: &Open<S::Workspace>,
        method: Method,
        write: Write,
    ) -> Result<Done, Status> {
        use v1::{create_user_request, replace_user_request};
        let workspace_id = open.ask.workspace_id.clone();
        let Write { id, version: etag, data, operation_id } = write;
        let view = Some(id_alone());
        let user = match method {
            Method::Post => {
                let resource = Some(create_user_request::Resource::ScimJson(data.to_string()));
                let ask = v1::CreateUserRequest { workspace_id, resource, view, operation_id };
                self.user_created(open.with(ask).await?).await?
            }
            Method::Put => {
                let resource = Some(replace_user_request::Resource::ScimJson(data.to_string()));
                let ask =
                    v1::ReplaceUserRequest { workspace_id, id, resource, view, etag, operation_id };
                self.user_replaced(open.with(ask).await?).await?
            }
            Method::Patch => {
                let operations = operations(&data)?;
                let ask =
                    v1::PatchUserRequest { workspace_id, id, operations, etag, view, operation_id };
                self.user_patched(open.with(ask).await?).await?
            }
            Method::Delete => {
                let gone = self.removed(open, Kind::User, &id);
                let ask = v1::DeleteUserRequest { workspace_id, id, etag, operation_id };
                self.user_deleted(open.with(ask).await?, false).await?;
                return Ok(gone);
            }
        };
        Ok(Done::of(user.id, user.meta))
    }

    async fn group(
        &self,
        open: &Open<S::Workspace>,
        method: Method,
        write: Write,
    ) -> Result<Done, Status> {
        use v1::{create_group_request, replace_group_request};
        let workspace_id = open.ask.workspace_id.clone();
        let Write { id, version: etag, data, operation_id } = write;
        let view = Some(id_alone());
        let group = match method {
            Method::Post => {
                let resource = Some(create_group_request::Resource::ScimJson(data.to_string()));
                let ask = v1::CreateGroupRequest { workspace_id, resource, view, operation_id };
                self.group_created(open.with(ask).await?).await?
            }
            Method::Put => {
                let resource = Some(replace_group_request::Resource::ScimJson(data.to_string()));
                let ask = v1::ReplaceGroupRequest {
                    workspace_id,
                    id,
                    resource,
                    view,
                    etag,
                    operation_id,
                };
                self.group_replaced(open.with(ask).await?).await?
            }
            Method::Patch => {
                let operations = operations(&data)?;
                let ask = v1::PatchGroupRequest {
                    workspace_id,
                    id,
                    operations,
                    etag,
                    view,
                    operation_id,
                };
                self.group_patched(open.with(ask).await?).await?
            }
            Method::Delete => {
                let gone = self.removed(open, Kind::Group, &id);
                let ask = v1::DeleteGroupRequest { workspace_id, id, etag, operation_id };
                self.group_deleted(open.with(ask).await?, false).await?;
                return Ok(gone);
            }
        };
        Ok(Done::of(group.id, group.meta))
    }

    /// What is told of a resource that is gone: where it was.
    fn removed(&self, open: &Open<S::Workspace>, kind: Kind, id: &str) -> Done {
        let location = self.links.resource(open.workspace_id, kind, id);
        Done { id: id.to_owned(), location, version: String::new() }
    }
}

/// One write, its references resolved.
struct Write {
    id: String,
    version: Option<String>,
    data: Value,
    operation_id: String,
}

impl Done {
    fn of(id: String, meta: Option<v1::Meta>) -> Self {
        let v1::Meta { location, version, .. } = meta.unwrap_or_default();
        Self { id, location, version }
    }
}

/// A view of what a result tells: nothing is rendered for it.
fn id_alone() -> v1::View {
    v1::View {
        attributes: vec!["id".to_owned()],
        format: v1::view::Format::ScimJson.into(),
        ..v1::View::default()
    }
}

/// The operations of a PATCH within the bulk.
fn operations(data: &Value) -> Result<Vec<v1::PatchOperation>, Status> {
    let raw = scim::patch::read_envelope(&data.to_string())
        .map_err(super::fault::scim_error("operations"))?;
    let operation = |raw: scim::patch::RawOperation| v1::PatchOperation {
        op: raw.op,
        path: raw.path,
        operand: raw.value.map(|value| v1::patch_operation::Operand::ValueJson(value.to_string())),
    };
    Ok(raw.into_iter().map(operation).collect())
}

fn too_many() -> Refusal {
    let most = scim::limits::BULK_OPERATIONS;
    let detail = format!("The bulk holds more than {most} operations (BULK_OPERATIONS). Split it.");
    Refusal::new(Reason::TooMany, detail)
}
