//! Whatever is written in whatever order: the store and a simple model of it agree after each step.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex, PoisonError};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::Value;

use super::model::{Living, Model, No, Record};
use super::steps::{
    ADDRESSES, DOMAINS, Deed, EXTERNAL_IDS, INTEGRATIONS, Name, Step, USER_NAMES, WORKSPACES, step,
};
use super::{
    Admission, Answer, Author, Decision, Domain, DomainState, Draft, Engine, Integration,
    JoiningStore, Met, NOW, Names, OperationId, Policy, Store, User, WorkspaceStore, Write,
    accounts, claim, ids, integration_id, login, no, query, user_id, workspace,
};
use crate::ids::{ApiKeyId, IntegrationId, UserId, WorkspaceId};
use crate::store::{ApiKey, IntegrationState, KeyHash, Scope};

/// Seen to fail with: the rollback of the loser of a name left out; a revision taken for what changes
/// nothing; bindings kept when an integration is off; `seq` given anew at a restore; the e-mail rows of
/// the removed kept; a repeated removal or restore done again; a repeated change that adopted not known
/// again; a domain of one's own taken for another's; the latest use of a key forgotten; a firm bar made a soft
/// one; an address let in that is another's; a person let in who has left.
pub(super) async fn agree_with_a_model_after_every_step<E>(engine: E)
where
    E: Engine + Send + 'static,
{
    let (cases, seed) = if is_long() { (1_000, seed()) } else { (E::WALKS, seed()) };
    println!("seed {seed}, {cases} cases");
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let runtime = tokio::runtime::Handle::current();
    let told = move || {
        let steps = prop::collection::vec(step(), 1..120);
        let walked = TestRunner::new(config).run(&steps, |steps| {
            runtime.block_on(walk(&engine, &steps));
            Ok(())
        });
        walked.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
    };
    tokio::task::spawn_blocking(told).await.unwrap();
}

/// Whether `./test --long` asked for the long form.
#[expect(clippy::disallowed_methods, reason = "a switch of the tests, not of the product")]
fn is_long() -> bool {
    std::env::var_os("NESTR_TEST_LONG").is_some_and(|value| value == "1")
}

#[expect(clippy::disallowed_methods, reason = "a test that draws prints what it drew")]
fn seed() -> u64 {
    rand::random()
}

/// Does the steps in a new store and in the models of its workspaces, and compares after each.
async fn walk<E: Engine>(engine: &E, steps: &[Step]) {
    let engine = engine.another().await;
    let mut walk = Walk {
        store: engine.store().clone(),
        workspaces: Vec::new(),
        models: vec![Model::default(); WORKSPACES],
        made: vec![Vec::new(); WORKSPACES],
        keys: vec![Vec::new(); WORKSPACES],
        done: Vec::new(),
    };
    for n in 1..=WORKSPACES {
        walk.workspaces.push(workspace(engine.store(), n as u128).await);
    }
    for (number, step) in steps.iter().enumerate() {
        let n = walk.take(number, step).await;
        walk.compare(n).await;
    }
    for n in 0..WORKSPACES {
        walk.compare(n).await;
    }
    walk.compare_across().await;
}

/// A store and what it is to be.
struct Walk<S: Store> {
    store: S,
    workspaces: Vec<S::Workspace>,
    models: Vec<Model>,
    /// The ids that creations brought, whatever became of them.
    made: Vec<Vec<u128>>,
    /// And those of keys.
    keys: Vec<Vec<u128>>,
    done: Vec<Done>,
}

/// A step that was done.
#[derive(Clone)]
struct Done {
    step: Step,
    /// The number in its name.
    operation: usize,
    /// Whom it was about.
    whom: u128,
}

/// What `decide` saw, for a look from outside.
type Saw<T> = Arc<Mutex<Option<T>>>;

fn seen<T>(saw: &Saw<T>) -> Option<T> {
    saw.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// That store and model say the same.
fn agree<T: Debug + PartialEq>(answer: Answer<T>, expected: &Result<T, No>) {
    assert_eq!(&answer.map_err(No::from), expected);
}

impl<S: Store> Walk<S> {
    /// Whom a step is about: one of those who were made, somebody new, or nobody.
    fn whom(&mut self, number: usize, step: &Step) -> u128 {
        let (made, keys) = (&mut self.made[step.workspace], &mut self.keys[step.workspace]);
        let one = |made: &[u128], which: usize| match made.len() {
            0 => 999,
            count => made[which % count],
        };
        let fresh = number as u128 + 1;
        match step.deed {
            Deed::Create(_) => made.push(fresh),
            Deed::AddKey(_) => keys.push(fresh),
            Deed::Adopt(whom, _)
            | Deed::Change(whom, _)
            | Deed::Keep(whom)
            | Deed::Remove(whom, ..)
            | Deed::Restore(whom, _) => return one(made, whom),
            Deed::RevokeKey(which) | Deed::NoteUse(which, _) => return one(keys, which),
            Deed::Domain(..) | Deed::Switch(..) | Deed::Clear(..) => {}
        }
        fresh
    }

    /// What a step comes to after those that were done; noted as done.
    fn resolved(&mut self, number: usize, step: &Step) -> Done {
        let before = |back: usize| number.checked_sub(back).map(|at| self.done[at].clone());
        let (again, operation) = match step.name {
            Name::Own => (None, None),
            Name::Of(back) => (None, before(back).map(|done| done.operation)),
            Name::Again(back) => (before(back), None),
        };
        let done = again.unwrap_or_else(|| Done {
            step: step.clone(),
            operation: operation.unwrap_or(number),
            whom: self.whom(number, step),
        });
        self.done.push(done.clone());
        done
    }

    /// On whose word a step is taken. An integration that is switched off does not get in: a service takes it.
    fn write(&self, n: usize, step: &Step, operation: usize) -> Write {
        let is_in = |id: &IntegrationId| {
            let all = &self.models[n].integrations;
            all.iter().all(|one| one.id != *id || one.state == IntegrationState::On)
        };
        let author = step.author.map(integration_id).filter(is_in);
        Write {
            operation: OperationId(format!("step {operation}")),
            author: author.map_or_else(|| Author::Service("test".to_owned()), Author::Integration),
            at: step.at,
        }
    }

    /// Takes a step; answers in which workspace.
    async fn take(&mut self, number: usize, step: &Step) -> usize {
        let Done { step, operation, whom } = self.resolved(number, step);
        let n = step.workspace;
        let write = self.write(n, &step, operation);
        let is_refused = step.is_refused;
        let here = self.workspaces[n].clone();
        match &step.deed {
            Deed::Create(person) => {
                let admission = Admission::Create(person.draft());
                self.create(n, write, user_id(whom), admission, is_refused).await;
            }
            Deed::Adopt(_, person) => {
                let admission = Admission::Adopt(user_id(whom), person.draft());
                self.create(n, write, user_id(number as u128 + 1), admission, is_refused).await;
            }
            Deed::Change(_, person) => {
                let id = user_id(whom);
                self.change(n, write, id, person.draft(), is_refused).await;
            }
            Deed::Keep(_) => {
                let id = user_id(whom);
                let wanted = self.models[n].living.get(&id).map(Living::draft);
                let wanted = wanted.unwrap_or_else(|| super::named("nobody"));
                self.change(n, write, id, wanted, is_refused).await;
            }
            Deed::Remove(_, expiry, ways) => {
                let (id, expires_at) = (user_id(whom), NOW + expiry);
                let passage = ways.passage(None);
                let decided = (!is_refused).then_some(&passage);
                let expected = self.models[n].remove(&write, id, expires_at, decided);
                let decide = decides(is_refused, passage);
                let answer = here.remove_user(write, id, expires_at, move |_| decide()).await;
                agree(answer, &expected);
            }
            Deed::Restore(_, person) => {
                let (id, draft) = (user_id(whom), person.draft());
                let decided = (!is_refused).then_some(&draft);
                let expected = self.models[n].restore(&write, id, decided);
                let decide = decides(is_refused, draft.clone());
                agree(here.restore_user(write, id, move |_, _| decide()).await, &expected);
            }
            Deed::Domain(name, state) => {
                self.change_domain(n, write, DOMAINS[*name], *state, is_refused).await;
            }
            Deed::Switch(id, state) => {
                let id = integration_id(*id);
                let standing = self.models[n].integrations.iter().find(|of| of.id == id);
                let created_at = standing.map_or(write.at, |standing| standing.created_at);
                let (display_name, state) = ("Entra".to_owned(), *state);
                let wanted = Integration { id, display_name, kind: 1, state, created_at };
                let expected =
                    self.models[n].change_integration(&write, wanted.clone(), is_refused);
                let decide = decides(is_refused, wanted);
                agree(here.change_integration(write, id, move |_, _| decide()).await, &expected);
            }
            Deed::AddKey(of) => {
                let key = ApiKey {
                    id: ApiKeyId::new(super::uuid(whom)),
                    integration_id: integration_id(*of),
                    display_name: format!("Key {whom}"),
                    hint: "nscim_…abcd".to_owned(),
                    scopes: vec![Scope::Users],
                    networks: vec!["10.0.0.0/8".parse().unwrap()],
                    created_at: write.at,
                    expires_at: None,
                    revoked_at: None,
                    last_used_at: None,
                    replaced_by: None,
                };
                let hash = KeyHash([u8::try_from(whom).unwrap(); 32]);
                let expected = self.models[n].add_key(&write, key.clone(), hash);
                agree(here.add_api_key(write, key, hash, |_| Ok(())).await, &expected);
            }
            Deed::RevokeKey(_) => {
                let id = ApiKeyId::new(super::uuid(whom));
                let expected = self.models[n].revoke_key(&write, id);
                agree(here.revoke_api_key(write, id).await, &expected);
            }
            Deed::NoteUse(_, at) => {
                let id = ApiKeyId::new(super::uuid(whom));
                self.models[n].note_use(id, NOW + at);
                here.note_key_use(id, NOW + at).await.unwrap();
            }
            Deed::Clear(now, images) => {
                let (now, images_before) = (NOW + now, NOW + images);
                let expected: usize =
                    self.models.iter_mut().map(|model| model.clear(now, images_before)).sum();
                let cleared = self.store.clear_expired(now, images_before, 1_000).await.unwrap();
                assert_eq!(cleared, expected as u64);
            }
        }
        n
    }

    async fn create(
        &mut self,
        n: usize,
        write: Write,
        id: UserId,
        admission: Admission,
        is_refused: bool,
    ) {
        let (Admission::Create(draft) | Admission::Adopt(_, draft)) = &admission;
        let names = Names {
            user_name: scim::fold::fold(draft.resource.user_name().unwrap()),
            login_email: draft.login_email.clone(),
            external_id: draft.binding.as_ref().and_then(|b| b.external_id.clone()),
        };
        let model = &mut self.models[n];
        let met = model.meets(&write, &names);
        let expected = model.create(&write, id, (!is_refused).then_some(&admission));
        let saw = Saw::<Met>::default();
        let (decide, seeing) = (decides(is_refused, admission), Arc::clone(&saw));
        let decide = move |_: &Policy, met: &Met| {
            *seeing.lock().unwrap_or_else(PoisonError::into_inner) = Some(met.clone());
            decide()
        };
        agree(self.workspaces[n].create_user(write, id, names, decide).await, &expected);
        assert_eq!(seen(&saw), met);
    }

    async fn change(&mut self, n: usize, write: Write, id: UserId, draft: Draft, is_refused: bool) {
        let decided = (!is_refused).then_some(&draft);
        let expected = self.models[n].change(&write, id, decided);
        let decide = decides(is_refused, draft);
        agree(self.workspaces[n].change_user(write, id, move |_, _| decide()).await, &expected);
    }

    async fn change_domain(
        &mut self,
        n: usize,
        write: Write,
        name: &str,
        state: DomainState,
        is_refused: bool,
    ) {
        let decision = Some(Decision { at: write.at, ..super::decision("") })
            .filter(|_| state != DomainState::Pending);
        let mut wanted = Domain { decision, ..claim(name, write.at, state) };
        let standing = self.models[n].domains.get(name).cloned();
        // Whoever decides as it was decided lets it stand.
        if let Some(standing) = standing.filter(|standing| standing.state == state) {
            wanted = standing;
        }
        let elsewhere = (0..WORKSPACES).any(|m| m != n && self.models[m].has_verified(name));
        let decided = (!is_refused).then(|| wanted.clone());
        let expected = self.models[n].change_domain(&write, name, decided);
        let saw = Saw::<bool>::default();
        let (decide, seeing) = (decides(is_refused, wanted), Arc::clone(&saw));
        let decide = move |_: Option<&Domain>, elsewhere| {
            *seeing.lock().unwrap_or_else(PoisonError::into_inner) = Some(elsewhere);
            decide().map(Into::into)
        };
        agree(self.workspaces[n].change_domain(write, name.to_owned(), decide).await, &expected);
        assert!(seen(&saw).is_none_or(|told| told == elsewhere));
    }

    /// Everything that a workspace can be asked.
    async fn compare(&self, n: usize) {
        let (here, model) = (&self.workspaces[n], &self.models[n]);
        assert_eq!(super::revision(here).await, model.revision());
        let everybody = model.in_order(|_| true);
        let page = here.users(query("userName pr", None)).await.unwrap();
        assert_eq!((&page.rows, page.total), (&everybody, everybody.len() as u64));
        let mut removed: Vec<_> = model.removed.values().cloned().collect();
        removed.sort_by_key(|tombstone| tombstone.was.seq);
        assert_eq!(here.deleted_users(0, 1_000).await.unwrap(), removed);
        for id in removed.iter().map(|tombstone| tombstone.was.id) {
            assert_eq!(here.user(id).await.unwrap(), None);
        }
        self.compare_names(n).await;
        for address in ADDRESSES {
            let key = scim::fold::fold(address);
            let barred = here.barred(key.clone()).await.unwrap();
            let barred = barred.map(|barred| (barred.user_id, barred.is_firm));
            assert_eq!(barred, model.barred.get(&key).copied(), "{key}");
        }

        let domains: Vec<_> = model.domains.values().cloned().collect();
        assert_eq!(here.domains().await.unwrap(), domains);
        let verified = model.domains.keys().filter(|name| model.has_verified(name)).cloned();
        assert_eq!(here.policy().await.unwrap().verified_domains, verified.collect());
        assert_eq!(here.integrations().await.unwrap(), model.integrations);
        for of in (1..=INTEGRATIONS).map(integration_id) {
            let keys = model.keys.iter().map(|(key, _)| key);
            let keys: Vec<_> = keys.filter(|key| key.integration_id == of).cloned().collect();
            assert_eq!(here.api_keys(of).await.unwrap(), keys);
        }
        for (key, hash) in &model.keys {
            assert_eq!(here.key_grant(*hash).await.unwrap(), model.grant(key));
        }

        let changes = here.changes(0, 1_000).await.unwrap();
        let records: Vec<_> = changes.iter().map(Record::from).collect();
        assert_eq!(records, model.changes);
        // Who follows the changes knows who may sign in.
        let mut access = BTreeMap::new();
        for change in &changes {
            let detail: Value = serde_json::from_str(&change.detail).unwrap();
            if let Some(turn) = detail["access"].as_str() {
                let had = access.insert(change.subject.clone(), turn == "granted");
                assert_ne!(had.unwrap_or(false), turn == "granted", "{change:?}");
            }
        }
        let has_access = |user: &User| model.living[&user.id].has_access();
        let told =
            everybody.iter().filter(|user| access.remove(&user.id.to_string()) == Some(true));
        assert_eq!(told.count(), everybody.iter().filter(|user| has_access(user)).count());
        assert!(access.values().all(|has_access| !has_access), "{access:?}");
    }

    /// Whom a filter finds by each name that anybody may have.
    async fn compare_names(&self, n: usize) {
        let (here, model) = (&self.workspaces[n], &self.models[n]);
        let found = async |filter: String, viewer, expected: Vec<User>| {
            let page = here.users(query(&filter, viewer)).await.unwrap();
            let expected: Vec<_> = expected.iter().map(|user| user.id).collect();
            assert_eq!(ids(&page), expected, "{filter}");
        };
        for name in USER_NAMES {
            let named = |living: &Living| living.user_name == scim::fold::fold(name);
            found(format!("userName eq {name:?}"), None, model.in_order(named)).await;
        }
        for address in ADDRESSES {
            let folded = scim::fold::fold(address);
            let reached = |living: &Living| living.email.as_ref() == Some(&folded);
            found(format!("emails.value eq {address:?}"), None, model.in_order(reached)).await;
        }
        for viewer in (1..=INTEGRATIONS).map(integration_id) {
            for external_id in EXTERNAL_IDS {
                let known = |living: &Living| {
                    living.user.binding.as_ref().is_some_and(|binding| {
                        binding.integration_id == viewer
                            && binding.external_id.as_deref() == Some(external_id)
                    })
                };
                let filter = format!("externalId eq {external_id:?}");
                found(filter, Some(viewer), model.in_order(known)).await;
            }
        }
    }

    /// What is asked across workspaces.
    async fn compare_across(&self) {
        let numbered = || (1_u128..).map(|n| WorkspaceId::new(super::uuid(n))).zip(&self.models);
        for address in ADDRESSES {
            let email = login(address);
            let (_, domain) = email.key.rsplit_once('@').unwrap();
            let expected: Vec<_> = numbered()
                .filter(|(_, model)| model.has_verified(domain))
                .flat_map(|(workspace_id, model)| {
                    let people = model.in_order(|living| living.login() == Some(&email.key));
                    people.into_iter().map(move |user| (workspace_id, user.id, user.active))
                })
                .collect();
            assert_eq!(accounts(&self.store, email.clone()).await, expected);
        }
        let mut pending: Vec<_> = numbered()
            .flat_map(|(id, model)| model.domains.values().map(move |domain| (id, domain.clone())))
            .filter(|(_, domain)| domain.state == DomainState::Pending)
            .collect();
        pending.sort_by_key(|(id, domain)| (domain.claimed_at, *id, domain.name.clone()));
        let waiting = self.store.pending_domains(None, 100).await.unwrap();
        let waiting: Vec<_> =
            waiting.into_iter().map(|pending| (pending.workspace.id, pending.domain)).collect();
        assert_eq!(waiting, pending);
    }
}

/// A decision for `wanted`, or against it.
fn decides<T: Clone>(
    is_refused: bool,
    wanted: T,
) -> impl Fn() -> Result<T, crate::refusal::Refusal> {
    move || if is_refused { Err(no()) } else { Ok(wanted.clone()) }
}
