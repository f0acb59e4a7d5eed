//! A service that keeps a mirror of the directory, written from what the contract says of a watch and from
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};

use directory_api::v1;
use directory_api::v1::change::Subject;
use directory_api::v1::put::Resource;
use directory_api::v1::watch_response::Item;

/// What a service has of one workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mirrored {
    pub(crate) card: Option<v1::Workspace>,
    /// State by domain.
    pub(crate) domains: BTreeMap<String, i32>,
    pub(crate) integrations: BTreeMap<String, v1::Integration>,
    pub(crate) people: BTreeMap<String, v1::User>,
    pub(crate) groups: BTreeMap<String, v1::Group>,
    /// Group and member.
    pub(crate) members: BTreeSet<(String, String)>,
}

/// What a service has of all workspaces that it watches, and where it goes on.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Mirror {
    pub(crate) copies: BTreeMap<String, Mirrored>,
    pub(crate) cursor: String,
}

impl Mirror {
    /// Does what an answer says, and keeps its cursor.
    pub(crate) fn take(&mut self, answer: v1::WatchResponse) {
        match answer.item {
            Some(Item::Put(put)) => {
                let copy = self.copies.entry(put.workspace_id).or_default();
                copy.put(put.resource.expect("a resource that this version knows"));
            }
            Some(Item::Change(change)) => {
                let copy = self.copies.entry(change.workspace_id).or_default();
                copy.change(change.subject.expect("a subject that this version knows"));
            }
            Some(Item::Heartbeat(_) | Item::SnapshotEnd(_)) | None => {}
        }
        self.cursor = answer.cursor;
    }
}

impl Mirrored {
    fn put(&mut self, resource: Resource) {
        match resource {
            Resource::Workspace(card) => self.card = Some(card),
            Resource::Domain(domain) => {
                self.domains.insert(domain.domain, domain.state);
            }
            Resource::Integration(integration) => {
                self.integrations.insert(integration.id.clone(), integration);
            }
            Resource::User(user) => self.put_user(user),
            Resource::Group(piece) => {
                if let Some(group) = piece.group {
                    self.groups.insert(piece.group_id.clone(), group);
                }
                let of = |member| (piece.group_id.clone(), member);
                self.members.extend(piece.member_ids.into_iter().map(of));
            }
        }
    }

    fn put_user(&mut self, user: v1::WatchedUser) {
        let user = user.user.expect("a person");
        self.people.insert(user.id.clone(), user);
    }

    fn change(&mut self, subject: Subject) {
        match subject {
            Subject::User(change) => {
                if let Some(user) = change.current {
                    self.put_user(user);
                } else {
                    self.people.remove(&change.user_id);
                    self.forget_member(&change.user_id);
                }
                if change.act == i32::from(v1::ResourceAct::Restored) {
                    let in_again = change.group_ids.into_iter();
                    self.members.extend(in_again.map(|group| (group, change.user_id.clone())));
                }
            }
            Subject::Group(change) => {
                let id = change.group_id;
                let is_gone = change.act == i32::from(v1::ResourceAct::Deleted);
                if is_gone {
                    self.groups.remove(&id);
                    self.members.retain(|(group, _)| *group != id);
                    self.forget_member(&id);
                }
                if let Some(group) = change.current {
                    self.groups.insert(id.clone(), group);
                }
                for member in change.members_added {
                    self.members.insert((id.clone(), member));
                }
                for member in change.members_removed {
                    self.members.remove(&(id.clone(), member));
                }
                if change.act == i32::from(v1::ResourceAct::Restored) {
                    let in_again = change.group_ids.into_iter();
                    self.members.extend(in_again.map(|group| (group, id.clone())));
                }
            }
            Subject::Domain(change) => {
                let current = change.current.expect("a claim stays");
                self.domains.insert(current.domain, current.state);
            }
            Subject::Integration(change) => {
                let current = change.current.expect("an integration stays");
                self.integrations.insert(current.id.clone(), current);
            }
            Subject::Workspace(change) => self.card = change.current,
            Subject::ApiKey(_)
            | Subject::Schema(_)
            | Subject::Identity(_)
            | Subject::Address(_) => {}
        }
    }

    fn forget_member(&mut self, id: &str) {
        self.members.retain(|(_, member)| member != id);
    }

    /// The same without versions and times: a person's move also when they join a group, which is told of the
    /// group alone.
    pub(crate) fn without_stamps(mut self) -> Self {
        self.people.values_mut().for_each(|user| user.meta = None);
        self.groups.values_mut().for_each(|group| group.meta = None);
        self
    }
}
