//! A client that asks at random, and writes down what it asked and what it was told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::patch_operation::Operand;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngExt};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;
use tonic_types::StatusExt;

use super::record::{Act, Call, Id, Revision, State, Told};
use crate::harness::{Nestr, unique};

/// How many people, and how many groups, there are about: few, so that clients meet.
const ABOUT: usize = 6;
/// How long a call may take before its client gives it up.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a client rests that was told nothing.
const REST: Duration = Duration::from_millis(20);

/// What the clients share.
#[derive(Clone)]
pub(super) struct World {
    nestr: Nestr,
    workspace_id: String,
    began: Instant,
    over: Arc<AtomicBool>,
    known: Arc<Mutex<BTreeMap<Id, Known>>>,
}

/// What is known of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    kind: Kind,
    is_about: bool,
}

/// Persons or groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Person,
    Group,
}

impl World {
    pub(super) fn new(nestr: &Nestr, workspace_id: &str) -> Self {
        Self {
            nestr: nestr.clone(),
            workspace_id: workspace_id.to_owned(),
            began: Instant::now(),
            over: Arc::default(),
            known: Arc::default(),
        }
    }

    /// From now on nobody begins another call.
    pub(super) fn ends(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Asks until it is over; answers all that was asked.
    pub(super) async fn client(self, mut rng: StdRng) -> Vec<Call> {
        let mut calls = Vec::new();
        while !self.over.load(Ordering::Relaxed) {
            let (kind, id, act) = self.draw(&mut rng);
            // Some of them sit out whatever comes; others give up, or hang up in the middle.
            let is_stubborn = rng.random_ratio(1, 2);
            let hangs_up = rng.random_ratio(1, 20).then(|| rng.random_range(0..20));
            let call = self.call(kind, id, act, is_stubborn, hangs_up).await;
            if call.told == Told::Nothing {
                sleep(REST).await;
            }
            self.learn(kind, &call);
            calls.push(call);
        }
        calls
    }

    /// Looks at everybody who was ever known, once nobody writes any more.
    pub(super) async fn looks_at_all(&self) -> Vec<Call> {
        let known = self.known().clone();
        let mut looks = Vec::new();
        for (id, Known { kind, .. }) in known {
            looks.push(self.call(kind, id, Act::Get, true, None).await);
        }
        looks
    }

    /// What to ask next.
    fn draw(&self, rng: &mut impl Rng) -> (Kind, Id, Act) {
        let kind = if rng.random_ratio(1, 2) { Kind::Person } else { Kind::Group };
        let about = self.about(kind);
        let mark = unique();
        let Some(id) = about.choose(rng).cloned().filter(|_| about.len() >= ABOUT) else {
            return (kind, Id::new(), Act::Create(mark));
        };
        let person = self.about(Kind::Person).choose(rng).cloned();
        let act = match (rng.random_range(0..20), kind, person) {
            (0, ..) => Act::Delete,
            (1..=2, ..) => Act::Replace(mark),
            (3..=8, Kind::Group, Some(person)) if rng.random_ratio(1, 2) => Act::Join(person),
            (3..=8, Kind::Group, Some(person)) => Act::Leave(person),
            (3..=10, ..) => Act::Patch(mark),
            _ => Act::Get,
        };
        (kind, id, act)
    }

    /// Notes who has come and who has gone.
    fn learn(&self, kind: Kind, call: &Call) {
        let is_about = match (&call.act, &call.told) {
            (Act::Create(_), Told::Stands(..)) => true,
            (Act::Delete, _) | (_, Told::Absent) => false,
            _ => return,
        };
        self.known().insert(call.id.clone(), Known { kind, is_about });
    }

    /// The people, or the groups, that are about.
    fn about(&self, kind: Kind) -> Vec<Id> {
        let known = self.known();
        let about = known.iter().filter(|(_, known)| known.kind == kind && known.is_about);
        about.map(|(id, _)| id.clone()).collect()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<Id, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one call: a stubborn client sends it until it is told something, under one name.
    async fn call(
        &self,
        kind: Kind,
        id: Id,
        act: Act,
        is_stubborn: bool,
        hangs_up: Option<u64>,
    ) -> Call {
        let operation = if act == Act::Get { String::new() } else { unique() };
        let mut call =
            Call { id, act, operation, began: self.now(), ended: 0, told: Told::Nothing };
        let mut patience = hangs_up.map_or(PATIENCE, Duration::from_millis);
        loop {
            let answer = match timeout(patience, self.send(kind, &call)).await {
                Ok(Ok((id, told))) => {
                    call.id = id;
                    Some(told)
                }
                Ok(Err(status)) => refused(&status),
                Err(_) => None,
            };
            match answer {
                Some(Told::Nothing) => return Call { ended: u64::MAX, ..call },
                Some(told) => return Call { ended: self.now(), told, ..call },
                None if !is_stubborn => return Call { ended: u64::MAX, ..call },
                None => {
                    patience = PATIENCE;
                    sleep(REST).await;
                }
            }
        }
    }

    /// Microseconds since the beginning.
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).expect("not for that long")
    }

    /// Sends a call once; answers whom it was about, and what was told.
    async fn send(&self, kind: Kind, call: &Call) -> Result<(Id, Told), Status> {
        match kind {
            Kind::Person => self.send_of_person(call).await,
            Kind::Group => self.send_of_group(call).await,
        }
    }

    async fn send_of_person(&self, call: &Call) -> Result<(Id, Told), Status> {
        let (workspace_id, id) = (self.workspace_id.clone(), call.id.clone());
        let operation_id = call.operation.clone();
        let mut users = self.nestr.operator().users();
        let whole = |mark: &str| json!({"userName": mark, "title": mark}).to_string();
        let answer = match &call.act {
            Act::Create(mark) => {
                let resource = Some(v1::create_user_request::Resource::ScimJson(whole(mark)));
                let ask =
                    v1::CreateUserRequest { workspace_id, resource, operation_id, view: None };
                users.create_user(ask).await?
            }
            Act::Replace(mark) => {
                let resource = Some(v1::replace_user_request::Resource::ScimJson(whole(mark)));
                let ask = v1::ReplaceUserRequest {
                    workspace_id,
                    id,
                    resource,
                    operation_id,
                    ..v1::ReplaceUserRequest::default()
                };
                users.replace_user(ask).await?
            }
            Act::Patch(mark) => {
                let operations = vec![operation("replace", "title", &json!(mark))];
                let ask = v1::PatchUserRequest {
                    workspace_id,
                    id,
                    operations,
                    operation_id,
                    ..v1::PatchUserRequest::default()
                };
                users.patch_user(ask).await?
            }
            Act::Delete => {
                let ask = v1::DeleteUserRequest {
                    workspace_id,
                    id,
                    operation_id,
                    ..v1::DeleteUserRequest::default()
                };
                users.delete_user(ask).await?;
                return Ok((call.id.clone(), Told::Removed));
            }
            Act::Get => {
                users
                    .get_user(v1::GetUserRequest {
                        workspace_id,
                        id,
                        ..v1::GetUserRequest::default()
                    })
                    .await?
            }
            Act::Join(_) | Act::Leave(_) => unreachable!("nobody joins a person"),
        };
        let user = answer.into_inner();
        let state = State { mark: user.title, members: BTreeSet::new() };
        Ok((user.id, Told::Stands(revision(user.meta), state)))
    }

    async fn send_of_group(&self, call: &Call) -> Result<(Id, Told), Status> {
        let (workspace_id, id) = (self.workspace_id.clone(), call.id.clone());
        let (operation_id, view) = (call.operation.clone(), Some(as_json()));
        let mut groups = self.nestr.operator().groups();
        let whole = |mark: &str| json!({"displayName": mark}).to_string();
        let operation = match &call.act {
            Act::Create(mark) => {
                let resource = Some(v1::create_group_request::Resource::ScimJson(whole(mark)));
                let ask = v1::CreateGroupRequest { workspace_id, resource, operation_id, view };
                return Ok(of_group(groups.create_group(ask).await?.into_inner()));
            }
            Act::Replace(mark) => {
                let resource = Some(v1::replace_group_request::Resource::ScimJson(whole(mark)));
                let ask = v1::ReplaceGroupRequest {
                    workspace_id,
                    id,
                    resource,
                    operation_id,
                    view,
                    ..v1::ReplaceGroupRequest::default()
                };
                return Ok(of_group(groups.replace_group(ask).await?.into_inner()));
            }
            Act::Delete => {
                let ask = v1::DeleteGroupRequest {
                    workspace_id,
                    id,
                    operation_id,
                    ..v1::DeleteGroupRequest::default()
                };
                groups.delete_group(ask).await?;
                return Ok((call.id.clone(), Told::Removed));
            }
            Act::Get => {
                let ask = v1::GetGroupRequest { workspace_id, id, view, consistency: None };
                return Ok(of_group(groups.get_group(ask).await?.into_inner()));
            }
            Act::Patch(mark) => operation("replace", "displayName", &json!(mark)),
            Act::Join(person) => operation("add", "members", &json!([{"value": person}])),
            Act::Leave(person) => operation("remove", "members", &json!([{"value": person}])),
        };
        let operations = vec![operation];
        let ask = v1::PatchGroupRequest {
            workspace_id,
            id,
            operations,
            operation_id,
            view,
            ..v1::PatchGroupRequest::default()
        };
        Ok(of_group(groups.patch_group(ask).await?.into_inner()))
    }
}

fn operation(op: &str, path: &str, value: &Value) -> v1::PatchOperation {
    let operand = Some(Operand::ValueJson(value.to_string()));
    v1::PatchOperation { op: op.to_owned(), path: Some(path.to_owned()), operand }
}

/// A typed group has no members; its JSON has.
fn as_json() -> v1::View {
    v1::View { format: v1::view::Format::ScimJson.into(), ..v1::View::default() }
}

fn of_group(group: v1::Group) -> (Id, Told) {
    let document: Value = serde_json::from_str(&group.scim_json).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let members = document["members"].as_array().into_iter().flatten();
    let members = members.map(|member| text(&member["value"])).collect();
    let state = State { mark: text(&document["displayName"]), members };
    (group.id, Told::Stands(revision(group.meta), state))
}

/// The revision of a version, `W/"7"`.
pub(super) fn revision(meta: Option<v1::Meta>) -> Revision {
    let version = meta.expect("who is told of has a version").version;
    let number = version.trim_start_matches("W/").trim_matches('"').parse();
    number.unwrap_or_else(|_| panic!("{version} is no version of ours"))
}

/// What a refusal tells; `None` when the call may be sent again.
fn refused(status: &Status) -> Option<Told> {
    match Reason::of(status) {
        Some(Reason::UserNotFound | Reason::GroupNotFound) => Some(Told::Absent),
        Some(Reason::Unavailable | Reason::Overloaded | Reason::RateLimited) => None,
        // It was done, and what it was done to is removed.
        Some(Reason::InvalidArgument) if status.message().starts_with("operation_id") => {
            Some(Told::Nothing)
        }
        // The directory has gone, and said nothing.
        None if status.get_details_request_info().is_none() => None,
        _ => panic!("a wrong answer: {status:?}"),
    }
}
