//! The steps of the state machine, by lot: few people, few names, so that they meet.

use proptest::prelude::*;
use scim::fold::fold;
use serde_json::json;

use super::{
    DomainState, Draft, IntegrationState, LoginEmail, NOW, Passage, draft, integration_id, provided,
};
use crate::clock::Micros;

/// Workspaces that are written to in turn: what happens in one says nothing in the other, but for who
/// has a domain verified.
pub(super) const WORKSPACES: usize = 2;
pub(super) const USER_NAMES: [&str; 5] = ["ada", "ADA", "bob", "eve", "Straße"];
pub(super) const ADDRESSES: [&str; 3] = ["ada@acme.com", "ADA@acme.com", "ada@evil.example"];
const NAMED: [&str; 3] = ["active", "title", "userName"];
pub(super) const EXTERNAL_IDS: [&str; 2] = ["E-1", "e-1"];
pub(super) const DOMAINS: [&str; 2] = ["acme.com", "evil.example"];
pub(super) const INTEGRATIONS: u128 = 2;

/// A person as a step wants them.
#[derive(Clone, Debug)]
pub(super) struct Person {
    user_name: usize,
    login: Option<usize>,
    email: Option<usize>,
    active: Option<bool>,
    title: u8,
    binding: Option<(u128, Option<usize>)>,
    /// How many of [`NAMED`] the integration of the binding has said something of.
    provided: usize,
    is_protected: bool,
    passage: Ways,
}

/// What a step says about the ways in.
#[derive(Clone, Debug)]
pub(super) struct Ways {
    enters: bool,
    readmits: Option<usize>,
    bars: Option<usize>,
    is_firm: bool,
    has_left: Option<bool>,
}

impl Ways {
    /// The passage of somebody who signs in by `login`.
    pub(super) fn passage(&self, login: Option<&LoginEmail>) -> Passage {
        Passage {
            enters_by: login.filter(|_| self.enters).cloned(),
            readmits: self.readmits.iter().map(|&address| fold(ADDRESSES[address])).collect(),
            bars: self.bars.iter().map(|&address| fold(ADDRESSES[address])).collect(),
            is_firm: self.is_firm,
            has_left: self.has_left,
        }
    }
}

impl Person {
    pub(super) fn draft(&self) -> Draft {
        let mut document = json!({ "userName": USER_NAMES[self.user_name] });
        if self.title > 0 {
            document["title"] = json!(format!("Title {}", self.title));
        }
        if let Some(active) = self.active {
            document["active"] = json!(active);
        }
        if let Some(email) = self.email {
            document["emails"] = json!([{ "value": ADDRESSES[email] }]);
        }
        let mut wanted = draft(&document);
        if let Some(address) = self.login {
            wanted = wanted.signed_in_by(ADDRESSES[address]);
        }
        wanted.passage = self.passage.passage(wanted.login_email.as_ref());
        wanted.is_protected = self.is_protected;
        match self.binding {
            None => wanted,
            Some((integration, external_id)) => {
                let external_id = external_id.map(|n| EXTERNAL_IDS[n]);
                wanted.provided = provided(&NAMED[..self.provided]);
                wanted.bound_to(integration_id(integration), external_id)
            }
        }
    }
}

/// What is done. A `usize` is one of those who were ever made, by their number.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    Create(Person),
    Adopt(usize, Person),
    Change(usize, Person),
    /// To what stands.
    Keep(usize),
    Remove(usize, Micros, Ways),
    Restore(usize, Person),
    Domain(usize, DomainState),
    Switch(u128, IntegrationState),
    AddKey(u128),
    RevokeKey(usize),
    NoteUse(usize, Micros),
    Clear(Micros, Micros),
}

/// What a step has to do with an earlier one, so many before.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    /// Nothing.
    Own,
    /// It takes its name for something else.
    Of(usize),
    /// It is the same once more.
    Again(usize),
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) workspace: usize,
    pub(super) name: Name,
    pub(super) author: Option<u128>,
    pub(super) at: Micros,
    /// The rules say no.
    pub(super) is_refused: bool,
    pub(super) deed: Deed,
}

fn ways() -> impl Strategy<Value = Ways> {
    let (bars, readmits) = (
        prop::option::weighted(0.3, 0..ADDRESSES.len()),
        prop::option::weighted(0.3, 0..ADDRESSES.len()),
    );
    let has_left = prop::option::weighted(0.4, any::<bool>());
    (any::<bool>(), readmits, bars, any::<bool>(), has_left).prop_map(
        |(enters, readmits, bars, is_firm, has_left)| Ways {
            enters,
            readmits,
            bars,
            is_firm,
            has_left,
        },
    )
}

fn person() -> impl Strategy<Value = Person> {
    let binding = (1..=INTEGRATIONS, prop::option::of(0..EXTERNAL_IDS.len()));
    (
        0..USER_NAMES.len(),
        prop::option::of(0..ADDRESSES.len()),
        prop::option::of(0..ADDRESSES.len()),
        prop::option::of(any::<bool>()),
        0..3_u8,
        prop::option::of(binding),
        0..=NAMED.len(),
        prop::bool::weighted(0.2),
        ways(),
    )
        .prop_map(
            |(user_name, login, email, active, title, binding, provided, is_protected, passage)| {
                Person {
                    user_name,
                    login,
                    email,
                    active,
                    title,
                    binding,
                    provided,
                    is_protected,
                    passage,
                }
            },
        )
}

fn deed() -> impl Strategy<Value = Deed> {
    let state = prop::sample::select(vec![
        DomainState::Pending,
        DomainState::Verified,
        DomainState::Rejected,
    ]);
    let switch = prop::sample::select(vec![
        IntegrationState::On,
        IntegrationState::Paused,
        IntegrationState::Off,
    ]);
    let (whom, key, later) = (|| 0..12_usize, || 0..4_usize, || 0..50_i64);
    prop_oneof![
        6 => person().prop_map(Deed::Create),
        2 => (whom(), person()).prop_map(|(whom, person)| Deed::Adopt(whom, person)),
        5 => (whom(), person()).prop_map(|(whom, person)| Deed::Change(whom, person)),
        2 => whom().prop_map(Deed::Keep),
        4 => (whom(), later(), ways()).prop_map(|(whom, expiry, ways)| Deed::Remove(whom, expiry, ways)),
        4 => (whom(), person()).prop_map(|(whom, person)| Deed::Restore(whom, person)),
        3 => (0..DOMAINS.len(), state).prop_map(|(name, state)| Deed::Domain(name, state)),
        3 => (1..=INTEGRATIONS, switch).prop_map(|(id, state)| Deed::Switch(id, state)),
        3 => (1..=INTEGRATIONS).prop_map(Deed::AddKey),
        2 => key().prop_map(Deed::RevokeKey),
        2 => (key(), later()).prop_map(|(key, at)| Deed::NoteUse(key, at)),
        1 => (later(), later()).prop_map(|(now, images)| Deed::Clear(now, images)),
    ]
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let name = prop_oneof![
        8 => Just(Name::Own),
        1 => (1..6_usize).prop_map(Name::Of),
        2 => (1..9_usize).prop_map(Name::Again),
    ];
    (
        0..WORKSPACES,
        name,
        prop::option::of(1..=INTEGRATIONS),
        0..50_i64,
        prop::bool::weighted(0.08),
        deed(),
    )
        .prop_map(|(workspace, name, author, at, is_refused, deed)| Step {
            workspace,
            name,
            author,
            at: NOW + at,
            is_refused,
            deed,
        })
}
