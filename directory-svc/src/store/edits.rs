//! What edits do to the members of a group, whatever keeps the rows.

use std::collections::BTreeMap;

use directory_api::v1::Reason;
use scim::filter::Bound;
use serde_json::{Map, Value, json};

use super::{Kind, Member};
use crate::ids::{GroupId, MemberId};
use crate::refusal::Refusal;

/// What the edits of one write came to.
#[derive(Debug, Default)]
pub(super) struct Delta {
    /// Who joined.
    pub(super) added: Vec<Member>,
    /// Who left.
    pub(super) removed: Vec<Member>,
    /// How many were to join and do not exist.
    pub(super) skipped: usize,
}

impl Delta {
    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// Whom the edits so far have moved.
#[derive(Debug, Default)]
pub(super) struct Moves {
    moved: BTreeMap<MemberId, Moved>,
    /// How many were to join and do not exist.
    pub(super) skipped: usize,
}

#[derive(Debug)]
struct Moved {
    kind: Kind,
    was_member: bool,
    is_member: bool,
}

impl Moves {
    /// That somebody joined or left, who did the opposite before or was so from the beginning.
    pub(super) fn note(&mut self, Member { id, kind }: Member, is_member: bool) {
        let first = Moved { kind, was_member: !is_member, is_member };
        self.moved.entry(id).or_insert(first).is_member = is_member;
    }

    /// What they came to: who left and joined again has not moved.
    pub(super) fn into_delta(self) -> Delta {
        let mut delta = Delta { skipped: self.skipped, ..Delta::default() };
        for (id, Moved { kind, was_member, is_member }) in self.moved {
            match (was_member, is_member) {
                (false, true) => delta.added.push(Member { id, kind }),
                (true, false) => delta.removed.push(Member { id, kind }),
                _ => {}
            }
        }
        delta
    }
}

/// Those of the members whom a filter of the schema meets.
pub(super) fn met(members: Vec<Member>, filter: &Bound) -> Vec<Member> {
    members.into_iter().filter(|member| filter.matches(&as_value(*member))).collect()
}

/// That there are members, and that each of them is as `expected`.
///
/// # Errors
/// `NO_TARGET` and `MUTABILITY`.
pub(super) fn expect(members: &[Member], expected: &Map<String, Value>) -> Result<(), Refusal> {
    if members.is_empty() {
        let detail = "No member matches the filter of the path. Add the member instead.";
        return Err(Refusal::new(Reason::NoTarget, detail).at("members"));
    }
    if members.iter().all(|member| has(*member, expected)) {
        return Ok(());
    }
    let detail =
        "What is said of a member is immutable. Remove the member and add another instead.";
    Err(Refusal::new(Reason::Mutability, detail).at("members"))
}

/// The member as a filter of the schema sees it. Where it is on the web no store knows.
fn as_value(Member { id, kind }: Member) -> Value {
    json!({"value": id.to_string(), "type": kind.name()})
}

fn has(member: Member, expected: &Map<String, Value>) -> bool {
    let stands = as_value(member);
    expected.iter().filter_map(|(name, value)| Some((stands.get(name)?.as_str()?, value))).all(
        |(stands, value)| value.as_str().is_some_and(|value| value.eq_ignore_ascii_case(stands)),
    )
}

/// The groups that somebody left, as they are kept with the tombstone: a JSON array of ids.
pub(super) fn rejoin_list(groups: &[GroupId]) -> String {
    json!(groups.iter().map(ToString::to_string).collect::<Vec<_>>()).to_string()
}

/// The groups of such a list.
pub(super) fn rejoined(list: &str) -> Vec<GroupId> {
    let ids: Vec<String> = serde_json::from_str(list).unwrap_or_default();
    ids.iter().filter_map(|id| id.parse().ok()).collect()
}
