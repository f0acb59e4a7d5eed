//! What of a bulk is done when: which operations refer to which, and which are done together.

use std::collections::{BTreeSet, HashMap, HashSet};

use directory_api::v1;
use directory_api::v1::Reason;
use scim::bulk::{reference, references};
use serde_json::Value;
use tonic::Status;

use super::Done;
use crate::refusal::{Refusal, echo};
use crate::rules::keys;
use crate::services::fault::{no, scim_error};
use crate::store::Kind;

/// An operation, read.
pub(super) struct Operation {
    pub(super) method: Method,
    pub(super) kind: Kind,
    /// The id of the path, which may be a reference; empty for a POST.
    pub(super) id: String,
    pub(super) bulk_id: String,
    pub(super) version: Option<String>,
    pub(super) data: Value,
    pub(super) refers_to: BTreeSet<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Post,
    Put,
    Patch,
    Delete,
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
            (_, text) => scim::json::parse(text).map_err(scim_error("operations"))?,
        };
        let mut refers_to = references(&data);
        refers_to.extend(reference(id).map(str::to_owned));
        Ok(Self { method, kind, id: id.to_owned(), bulk_id, version, data, refers_to })
    }

    /// The id that the path means, once its reference is known.
    pub(super) fn target(&self, ids: &HashMap<String, String>) -> Result<String, Status> {
        match reference(&self.id) {
            Some(bulk_id) => ids.get(bulk_id).cloned().ok_or_else(|| no(unresolved(bulk_id))),
            None => Ok(self.id.clone()),
        }
    }
}

/// An operation, and what it has come to.
pub(super) struct Item {
    /// The refusal of one that cannot be read.
    pub(super) operation: Result<Operation, Status>,
    pub(super) done: Option<Result<Done, Status>>,
}

/// How far a bulk has come.
pub(super) struct Bulk {
    pub(super) items: Vec<Item>,
    /// Those that are to be done, or to be done again.
    pub(super) open: BTreeSet<usize>,
    /// What each POST has made, by bulkId.
    pub(super) ids: HashMap<String, String>,
    /// The bulkIds of POSTs that failed, or that nobody has.
    pub(super) failed: HashSet<String>,
    /// How many more failures end the bulk; `None`: none do.
    pub(super) patience: Option<u32>,
    /// What whoever was shut out meanwhile hears of all that is left. The writer may know of it before the door
    /// does.
    pub(super) shut: Option<Status>,
}

impl Bulk {
    pub(super) fn read(sent: Vec<v1::BulkOperation>, patience: Option<u32>) -> Self {
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
        Self { items, open, ids: HashMap::new(), failed, patience, shut: None }
    }

    /// The operations to be done next, all at once: none of them waits for another. `None`: the end.
    pub(super) fn next(&self) -> Option<Vec<usize>> {
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
    pub(super) fn note(&mut self, at: usize, done: Result<Done, Status>) {
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
        if self.shut.is_none()
            && let Err(status) = &done
            && Reason::of(status).is_some_and(keys::shuts_out)
        {
            self.shut = Some(status.clone());
        }
        self.items[at].done = Some(done);
    }

    /// What became of each, and its `place`: of what failed, that of what it was to change.
    pub(super) fn told(self, place: impl Fn(Kind, &str) -> String) -> Vec<v1::BulkResult> {
        let Self { items, ids, .. } = self;
        let told = items.into_iter().zip(0..).filter_map(|(item, index)| {
            Some(match item.done? {
                Ok(Done { location, version, .. }) => {
                    v1::BulkResult { index, location, version, ..v1::BulkResult::default() }
                }
                Err(status) => v1::BulkResult {
                    index,
                    location: item
                        .operation
                        .ok()
                        .and_then(|operation| Some((operation.kind, operation.target(&ids).ok()?)))
                        .filter(|(_, id)| (1..=scim::limits::ECHO_CHARS).contains(&id.len()))
                        .map(|(kind, id)| place(kind, &id))
                        .unwrap_or_default(),
                    reason: Reason::of(&status).unwrap_or(Reason::Unspecified).into(),
                    detail: status.message().to_owned(),
                    ..v1::BulkResult::default()
                },
            })
        });
        told.collect()
    }
}

fn invalid(detail: &str) -> Refusal {
    Refusal::new(Reason::InvalidSyntax, detail).at("operations")
}

fn no_path() -> Refusal {
    invalid(
        "The path of an operation is /Users or /Groups for a POST, else with the id: /Users/{id}.",
    )
}

pub(super) fn unresolved(bulk_id: &str) -> Refusal {
    let shown = echo(bulk_id);
    Refusal::new(
        Reason::InvalidValue,
        format!("bulkId:{shown} refers to nothing that this bulk has made."),
    )
    .at("operations")
}

fn doubled(bulk_id: &str) -> Refusal {
    let shown = echo(bulk_id);
    let detail = format!("The bulkId {shown} is another operation's too.");
    Refusal::new(Reason::InvalidValue, detail).at("operations")
}
