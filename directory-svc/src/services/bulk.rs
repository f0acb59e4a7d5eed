//! Many writes in one call (RFC 7644 section 3.7): which of them are done together, and what refers to
//! what.
//!
//! Operations that depend on no other under way are done at once, so that the store takes many in one
//! transaction; each is kept or refused by itself.

use std::collections::{BTreeSet, HashMap, HashSet};

use directory_api::v1;
use directory_api::v1::Reason;
use futures_util::future::join_all;
use scim::bulk::{reference, references, resolve};
use serde_json::Value;
use tonic::Status;

use super::fault::no;
use super::{Services, read};
use crate::door::Authenticated;
use crate::refusal::Refusal;
use crate::store::{Kind, Store};

/// The longest operation id of a bulk, in bytes: each of its operations has one that begins with it.
const OPERATION_ID_BYTES: usize = 56;

type Open<W> = Authenticated<W, v1::BulkWriteRequest>;

/// An operation, read.
struct Operation {
    method: Method,
    kind: Kind,
    /// The id of the path, which may be a reference; empty for a POST.
    id: String,
    bulk_id: String,
    version: Option<String>,
    data: Value,
    refers_to: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// What a write came to: id, URL and version.
struct Done {
    id: String,
    location: String,
    version: String,
}

impl Operation {
    fn read(sent: v1::BulkOperation) -> Result<Self, Status> {
        let v1::BulkOperation { method, path, bulk_id, version, data_json } = sent;
        let method = match method.trim().to_ascii_uppercase().as_str() {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => {
                return Err(no(invalid(
                    "The method of an operation is POST, PUT, PATCH or DELETE.",
                )));
            }
        };
        let path = path.trim().trim_matches('/');
        let (endpoint, id) = path.split_once('/').unwrap_or((path, ""));
        let kind = match endpoint {
            "Users" => Kind::User,
            "Groups" => Kind::Group,
            _ => return Err(no(no_path())),
        };
        if id.contains('/') || id.is_empty() != (method == Method::Post) {
            return Err(no(no_path()));
        }
        let data = match (method, data_json.as_str()) {
            (Method::Delete, _) => Value::Null,
            (_, "") => return Err(no(invalid("The operation needs data."))),
            (_, text) => scim::json::parse(text).map_err(super::fault::scim_error)?,
        };
        let mut refers_to = references(&data);
        refers_to.extend(reference(id).map(str::to_owned));
        Ok(Self { method, kind, id: id.to_owned(), bulk_id, version, data, refers_to })
    }

    /// The id that the path means, once its reference is known.
    fn target(&self, ids: &HashMap<String, String>) -> Result<String, Status> {
        match reference(&self.id) {
            Some(bulk_id) => ids.get(bulk_id).cloned().ok_or_else(|| no(unresolved(bulk_id))),
            None => Ok(self.id.clone()),
        }
    }
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
        Ok(v1::BulkWriteResponse { results: bulk.told() })
    }

    /// Does one operation, with what it refers to as far as that is known.
    async fn one(&self, open: &Open<S::Workspace>, bulk: &Bulk, at: usize) -> Result<Done, Status> {
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
                self.user_created(open.with(ask)).await?
            }
            Method::Put => {
                let resource = Some(replace_user_request::Resource::ScimJson(data.to_string()));
                let ask =
                    v1::ReplaceUserRequest { workspace_id, id, resource, view, etag, operation_id };
                self.user_replaced(open.with(ask)).await?
            }
            Method::Patch => {
                let operations = operations(&data)?;
                let ask =
                    v1::PatchUserRequest { workspace_id, id, operations, etag, view, operation_id };
                self.user_patched(open.with(ask)).await?
            }
            Method::Delete => {
                let gone = self.removed(open, Kind::User, &id);
                let ask = v1::DeleteUserRequest { workspace_id, id, etag, operation_id };
                self.user_deleted(open.with(ask)).await?;
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
                self.group_created(open.with(ask)).await?
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
                self.group_replaced(open.with(ask)).await?
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
                self.group_patched(open.with(ask)).await?
            }
            Method::Delete => {
                let gone = self.removed(open, Kind::Group, &id);
                let ask = v1::DeleteGroupRequest { workspace_id, id, etag, operation_id };
                self.group_deleted(open.with(ask)).await?;
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

/// An operation, and what it has come to.
struct Item {
    /// The refusal of one that cannot be read.
    operation: Result<Operation, Status>,
    done: Option<Result<Done, Status>>,
}

/// How far a bulk has come.
struct Bulk {
    items: Vec<Item>,
    /// Those that are to be done, or to be done again.
    open: BTreeSet<usize>,
    /// What each POST has made, by bulkId.
    ids: HashMap<String, String>,
    /// The bulkIds of POSTs that failed, or that nobody has.
    failed: HashSet<String>,
    /// How many more failures end the bulk; `None`: none do.
    patience: Option<u32>,
}

impl Bulk {
    fn read(sent: Vec<v1::BulkOperation>, patience: Option<u32>) -> Self {
        let (mut items, mut made) = (Vec::with_capacity(sent.len()), HashSet::new());
        for sent in sent {
            let operation = Operation::read(sent).and_then(|operation| {
                let names = operation.method == Method::Post && !operation.bulk_id.is_empty();
                if names && !made.insert(operation.bulk_id.clone()) {
                    return Err(no(doubled(&operation.bulk_id)));
                }
                Ok(operation)
            });
            items.push(Item { operation, done: None });
        }
        let operations = items.iter().filter_map(|item| item.operation.as_ref().ok());
        let meant = operations.flat_map(|operation| &operation.refers_to);
        let failed = meant.filter(|id| !made.contains(*id)).cloned().collect();
        let open = (0..items.len()).collect();
        Self { items, open, ids: HashMap::new(), failed, patience }
    }

    /// The operations to be done next, all at once: none of them waits for another. `None`: the end.
    fn next(&self) -> Option<Vec<usize>> {
        let most = self.patience.map_or(usize::MAX, |errors| errors as usize);
        let ready: Vec<_> = self.open.iter().copied().filter(|&at| self.is_ready(at)).collect();
        if ready.is_empty() {
            // All that is left waits for each other: one begins without what is not there yet.
            let first = self.open.iter().copied().find(|&at| self.may_begin(at));
            return first.filter(|_| most > 0).map(|at| vec![at]);
        }
        let ready: Vec<_> = ready.into_iter().take(most).collect();
        (!ready.is_empty()).then_some(ready)
    }

    /// Whether all that the operation refers to has come to something.
    fn is_ready(&self, at: usize) -> bool {
        let is_known = |id: &String| self.ids.contains_key(id) || self.failed.contains(id);
        let operation = self.items[at].operation.as_ref();
        operation.map_or(true, |operation| operation.refers_to.iter().all(is_known))
    }

    /// Whether the operation has not been done at all, and its own target is known.
    fn may_begin(&self, at: usize) -> bool {
        let Item { operation: Ok(operation), done: None } = &self.items[at] else { return false };
        reference(&operation.id).is_none_or(|id| self.ids.contains_key(id))
    }

    /// Notes what an operation came to. One that was done without all that it refers to stays open.
    fn note(&mut self, at: usize, done: Result<Done, Status>) {
        let is_whole = self.is_ready(at);
        if is_whole || done.is_err() {
            self.open.remove(&at);
        }
        let names = self.items[at].operation.as_ref().ok().filter(|o| o.method == Method::Post);
        match (&done, names) {
            (Ok(done), Some(operation)) => {
                self.ids.insert(operation.bulk_id.clone(), done.id.clone());
            }
            (Err(_), Some(operation)) if !self.ids.contains_key(&operation.bulk_id) => {
                self.failed.insert(operation.bulk_id.clone());
            }
            _ => {}
        }
        if let (Err(_), Some(patience)) = (&done, &mut self.patience) {
            *patience = patience.saturating_sub(1);
        }
        self.items[at].done = Some(done);
    }

    fn told(self) -> Vec<v1::BulkResult> {
        let told = self.items.into_iter().zip(0..).filter_map(|(item, index)| {
            Some(match item.done? {
                Ok(Done { location, version, .. }) => {
                    v1::BulkResult { index, location, version, ..v1::BulkResult::default() }
                }
                Err(status) => v1::BulkResult {
                    index,
                    reason: Reason::of(&status).unwrap_or(Reason::Unspecified).into(),
                    detail: status.message().to_owned(),
                    ..v1::BulkResult::default()
                },
            })
        });
        told.collect()
    }
}

/// A view of what a result tells: nothing is rendered for it.
fn id_alone() -> v1::View {
    v1::View {
        attributes: vec!["id".to_owned()],
        excluded_attributes: Vec::new(),
        format: v1::view::Format::ScimJson.into(),
    }
}

/// The operations of a PATCH within the bulk.
fn operations(data: &Value) -> Result<Vec<v1::PatchOperation>, Status> {
    let raw = scim::patch::read_envelope(&data.to_string()).map_err(super::fault::scim_error)?;
    let operation = |raw: scim::patch::RawOperation| v1::PatchOperation {
        op: raw.op,
        path: raw.path,
        operand: raw.value.map(|value| v1::patch_operation::Operand::ValueJson(value.to_string())),
    };
    Ok(raw.into_iter().map(operation).collect())
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(Reason::InvalidSyntax, detail)
}

fn no_path() -> Refusal {
    invalid(
        "The path of an operation is /Users or /Groups for a POST, else with the id: /Users/{id}.",
    )
}

fn unresolved(bulk_id: &str) -> Refusal {
    let shown: String = bulk_id.chars().take(scim::limits::ECHO_CHARS).collect();
    Refusal::new(
        Reason::InvalidValue,
        format!("bulkId:{shown} refers to nothing that this bulk has made."),
    )
}

fn doubled(bulk_id: &str) -> Refusal {
    let shown: String = bulk_id.chars().take(scim::limits::ECHO_CHARS).collect();
    Refusal::new(Reason::InvalidValue, format!("The bulkId {shown} is another operation's too."))
}

fn too_many() -> Refusal {
    let most = scim::limits::BULK_OPERATIONS;
    let detail = format!("The bulk holds more than {most} operations (BULK_OPERATIONS). Split it.");
    Refusal::new(Reason::TooMany, detail)
}
