//! A workspace in memory: what every store is to do, in the fewest words. No engine, no index.

use std::collections::BTreeMap;

use super::{
    Admission, Author, Domain, DomainState, Draft, Integration, IntegrationState, LoginEmail, Met,
    Names, OperationId, Passage, Provided, User, Write,
};
use crate::clock::Micros;
use crate::ids::{ApiKeyId, MemberId, UserId};
use crate::store::{
    ApiKey, Change, ChangeKind, KeyGrant, KeyHash, Revision, StoreError, Tombstone, Unique,
};

/// Why a write did not come about.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum No {
    Refused,
    Taken(Unique, MemberId),
    Barred(UserId),
    Reused,
    /// It was decided about somebody who is not here.
    Fault,
}

impl From<StoreError> for No {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(_) => Self::Refused,
            StoreError::Taken { unique, holder } => Self::Taken(unique, holder),
            StoreError::Barred { user_id } => Self::Barred(user_id),
            StoreError::OperationReused => Self::Reused,
            StoreError::Fault(_) => Self::Fault,
            other => panic!("{other}"),
        }
    }
}

/// A living person, and the names by which they are found.
#[derive(Clone, Debug)]
pub(super) struct Living {
    pub(super) user: User,
    pub(super) user_name: String,
    pub(super) email: Option<String>,
}

impl Living {
    pub(super) fn login(&self) -> Option<&str> {
        self.user.login_email.as_ref().map(|login| login.key.as_str())
    }

    /// What would leave them as they are.
    pub(super) fn draft(&self) -> Draft {
        let resource = scim::Schemas::standard().user().restore(&self.user.document).unwrap();
        let (login_email, binding) = (self.user.login_email.clone(), self.user.binding.clone());
        let (is_guest, passage) = (false, Passage::default());
        let (provided, is_protected) = (self.user.provided.clone(), self.user.is_protected);
        Draft {
            resource,
            login_email,
            binding,
            provided,
            is_protected,
            predecessor: None,
            is_guest,
            passage,
        }
    }

    pub(super) fn has_access(&self) -> bool {
        self.user.active && self.user.login_email.is_some()
    }
}

/// What a change record is to say, but for its JSON.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    pub(super) revision: Revision,
    operation: OperationId,
    author: Author,
    at: Micros,
    kind: ChangeKind,
    subject: String,
    has_image: bool,
}

impl From<&Change> for Record {
    fn from(change: &Change) -> Self {
        Self {
            revision: change.revision,
            operation: change.operation.clone(),
            author: change.author.clone(),
            at: change.at,
            kind: change.kind,
            subject: change.subject.clone(),
            has_image: change.before.is_some(),
        }
    }
}

/// The state of one workspace.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) living: BTreeMap<UserId, Living>,
    pub(super) removed: BTreeMap<UserId, Tombstone<User>>,
    /// Who had the address, and whether it is barred firmly.
    pub(super) barred: BTreeMap<String, (UserId, bool)>,
    pub(super) domains: BTreeMap<String, Domain>,
    /// In the order of their making, as are keys and changes.
    pub(super) integrations: Vec<Integration>,
    pub(super) keys: Vec<(ApiKey, KeyHash)>,
    pub(super) changes: Vec<Record>,
}

impl Model {
    pub(super) fn revision(&self) -> Revision {
        self.changes.len() as Revision
    }

    /// The subject of the earlier write of this name.
    fn repeated(
        &self,
        write: &Write,
        kinds: &[ChangeKind],
        subject: Option<&str>,
    ) -> Result<Option<String>, No> {
        match self.changes.iter().find(|change| change.operation == write.operation) {
            None => Ok(None),
            Some(earlier)
                if kinds.contains(&earlier.kind)
                    && subject.is_none_or(|s| s == earlier.subject) =>
            {
                Ok(Some(earlier.subject.clone()))
            }
            Some(_) => Err(No::Reused),
        }
    }

    fn record(&mut self, write: &Write, kind: ChangeKind, subject: &str, has_image: bool) {
        self.changes.push(Record {
            revision: self.revision() + 1,
            operation: write.operation.clone(),
            author: write.author.clone(),
            at: write.at,
            kind,
            subject: subject.to_owned(),
            has_image,
        });
    }

    fn standing(&self, id: UserId) -> Result<User, No> {
        self.living.get(&id).map(|living| living.user.clone()).ok_or(No::Reused)
    }

    fn holder(&self, is: impl Fn(&Living) -> bool) -> Option<&User> {
        self.living.values().find(|living| is(living)).map(|living| &living.user)
    }

    /// Who is met under these names; `None` when it is not asked for, as the write was done before.
    pub(super) fn meets(&self, write: &Write, names: &Names) -> Option<Met> {
        if self.changes.iter().any(|change| change.operation == write.operation) {
            return None;
        }
        let login = names.login_email.as_ref().map(|login| login.key.as_str());
        let resembles = |tombstone: &&Tombstone<User>| {
            let (user, integration) = (&tombstone.was, write.author.integration());
            let bound = user.binding.as_ref().filter(|b| Some(b.integration_id) == integration);
            let external_id = bound.and_then(|bound| bound.external_id.as_ref());
            external_id.is_some()
                && external_id == names.external_id.as_ref()
                && login.is_some()
                && user.login_email.as_ref().map(|login| login.key.as_str()) == login
        };
        let latest = self.removed.values().filter(resembles);
        Some(Met {
            by_user_name: self.holder(|l| l.user_name == names.user_name).cloned(),
            by_login_email: login.and_then(|key| self.holder(|l| l.login() == Some(key))).cloned(),
            resembling: latest.max_by_key(|t| (t.deleted_at, t.was.seq)).map(|t| t.was.id),
        })
    }

    /// The person of this draft, unless somebody else has a name of theirs.
    fn person(&self, mut user: User, draft: &Draft) -> Result<Living, No> {
        user.document = draft.resource.to_json();
        user.active = draft.resource.is_active();
        (user.login_email, user.binding) = (draft.login_email.clone(), draft.binding.clone());
        (user.provided, user.is_protected) = (draft.provided.clone(), draft.is_protected);
        let email = draft.resource.attribute("emails");
        let email = email.and_then(|emails| emails[0]["value"].as_str());
        let person = Living {
            user_name: scim::fold::fold(draft.resource.user_name().unwrap()),
            email: email.map(scim::fold::fold),
            user,
        };
        let other = |living: &Living| living.user.id != person.user.id;
        let named = |living: &Living| other(living) && living.user_name == person.user_name;
        let signed_in = |living: &Living| {
            other(living) && living.login().is_some() && living.login() == person.login()
        };
        if let Some(holder) = self.holder(named) {
            return Err(No::Taken(Unique::UserName, holder.id.into()));
        }
        match self.holder(signed_in) {
            Some(holder) => Err(No::Taken(Unique::LoginEmail, holder.id.into())),
            None => Ok(person),
        }
    }

    /// The addresses that are barred after a write about this person, unless it lets them in where it may not.
    fn passed(
        &self,
        id: UserId,
        passage: &Passage,
        is_bound: bool,
    ) -> Result<BTreeMap<String, (UserId, bool)>, No> {
        let mut barred = self.barred.clone();
        if let Some(LoginEmail { key, .. }) = &passage.enters_by {
            if let Some((who, true)) = barred.remove(key) {
                return Err(No::Barred(who));
            }
            let other = |living: &Living| {
                living.user.id != id
                    && (living.email.as_ref() == Some(key) || living.user_name == *key)
            };
            if let Some(holder) = self.holder(other).filter(|_| !is_bound) {
                return Err(No::Taken(Unique::LoginEmail, holder.id.into()));
            }
        }
        for key in &passage.readmits {
            barred.remove(key);
        }
        for key in &passage.bars {
            let firmly = passage.is_firm && !barred.get(key).is_some_and(|(_, is_firm)| *is_firm);
            if firmly || !barred.contains_key(key) {
                barred.insert(key.clone(), (id, passage.is_firm));
            }
        }
        Ok(barred)
    }

    fn bring_in(&mut self, write: &Write, user: User, draft: &Draft) -> Result<User, No> {
        let barred = self.passed(user.id, &draft.passage, draft.binding.is_some())?;
        let is_new = user.seq == 0;
        let revision = self.revision() + 1;
        let seq = if is_new { revision } else { user.seq };
        let has_left = draft.passage.has_left.unwrap_or_default();
        let user = User { revision, seq, modified_at: write.at, has_left, ..user };
        let person = self.person(user, draft)?;
        let user = person.user.clone();
        let kind = if is_new { ChangeKind::UserCreated } else { ChangeKind::UserRestored };
        self.record(write, kind, &user.id.to_string(), false);
        self.removed.remove(&user.id);
        self.living.insert(user.id, person);
        self.barred = barred;
        Ok(user)
    }

    fn update(&mut self, write: &Write, id: UserId, draft: &Draft) -> Result<User, No> {
        let before = self.living.get(&id).ok_or(No::Fault)?.user.clone();
        let barred = self.passed(id, &draft.passage, draft.binding.is_some())?;
        let has_left = draft.passage.has_left.unwrap_or(before.has_left);
        let (revision, modified_at) = (self.revision() + 1, write.at);
        let user = User { has_left, revision, modified_at, ..before.clone() };
        let person = self.person(user, draft);
        let is_same = before.document == draft.resource.to_json()
            && before.login_email == draft.login_email
            && before.binding == draft.binding
            && before.is_protected == draft.is_protected;
        if is_same {
            self.barred = barred;
            let standing = self.living.get_mut(&id).ok_or(No::Fault)?;
            standing.user.has_left = has_left;
            standing.user.provided = draft.provided.clone();
            return Ok(standing.user.clone());
        }
        let person = person?;
        self.barred = barred;
        let is_adopted = before.binding.is_none() && person.user.binding.is_some();
        let kind = if is_adopted { ChangeKind::UserAdopted } else { ChangeKind::UserUpdated };
        self.record(write, kind, &id.to_string(), true);
        let user = person.user.clone();
        self.living.insert(id, person);
        Ok(user)
    }

    /// `None` of what is decided is a refusal, here and below.
    pub(super) fn create(
        &mut self,
        write: &Write,
        id: UserId,
        decided: Option<&Admission>,
    ) -> Result<User, No> {
        let kinds = [ChangeKind::UserCreated, ChangeKind::UserAdopted];
        if let Some(made) = self.repeated(write, &kinds, None)? {
            return self.standing(made.parse().unwrap());
        }
        match decided.ok_or(No::Refused)? {
            Admission::Create(draft) => {
                let user = User {
                    id,
                    document: String::new(),
                    login_email: None,
                    active: true,
                    has_left: false,
                    binding: None,
                    provided: Provided::default(),
                    is_protected: false,
                    revision: 0,
                    seq: 0,
                    created_at: write.at,
                    modified_at: write.at,
                };
                self.bring_in(write, user, draft)
            }
            Admission::Adopt(id, draft) => self.update(write, *id, draft),
        }
    }

    pub(super) fn change(
        &mut self,
        write: &Write,
        id: UserId,
        decided: Option<&Draft>,
    ) -> Result<User, No> {
        let kinds = [ChangeKind::UserUpdated, ChangeKind::UserAdopted];
        if self.repeated(write, &kinds, Some(&id.to_string()))?.is_some() {
            return self.standing(id);
        }
        self.update(write, id, decided.ok_or(No::Refused)?)
    }

    pub(super) fn remove(
        &mut self,
        write: &Write,
        id: UserId,
        expires_at: Micros,
        decided: Option<&Passage>,
    ) -> Result<Revision, No> {
        let subject = id.to_string();
        if self.repeated(write, &[ChangeKind::UserDeleted], Some(&subject))?.is_some() {
            let earlier = self.changes.iter().find(|done| done.operation == write.operation);
            return Ok(earlier.ok_or(No::Fault)?.revision);
        }
        let passage = decided.ok_or(No::Refused)?;
        if !self.living.contains_key(&id) {
            return Err(No::Fault);
        }
        self.barred = self.passed(id, passage, false)?;
        let user = self.living.remove(&id).ok_or(No::Fault)?.user;
        let user = User { is_protected: false, ..user };
        self.removed.insert(id, Tombstone { was: user, deleted_at: write.at, expires_at });
        self.record(write, ChangeKind::UserDeleted, &subject, true);
        Ok(self.revision())
    }

    pub(super) fn restore(
        &mut self,
        write: &Write,
        id: UserId,
        decided: Option<&Draft>,
    ) -> Result<User, No> {
        if self.repeated(write, &[ChangeKind::UserRestored], Some(&id.to_string()))?.is_some() {
            return self.standing(id);
        }
        let draft = decided.ok_or(No::Refused)?;
        let user = self.removed.get(&id).ok_or(No::Fault)?.was.clone();
        self.bring_in(write, user, draft)
    }

    pub(super) fn change_domain(
        &mut self,
        write: &Write,
        name: &str,
        decided: Option<Domain>,
    ) -> Result<Domain, No> {
        if self.repeated(write, &[ChangeKind::DomainChanged], Some(name))?.is_some() {
            return self.domains.get(name).cloned().ok_or(No::Reused);
        }
        let (domain, standing) = (decided.ok_or(No::Refused)?, self.domains.get(name));
        if standing != Some(&domain) {
            let has_image = standing.is_some();
            self.domains.insert(name.to_owned(), domain.clone());
            self.record(write, ChangeKind::DomainChanged, name, has_image);
        }
        Ok(domain)
    }

    pub(super) fn has_verified(&self, name: &str) -> bool {
        self.domains.get(name).is_some_and(|domain| domain.state == DomainState::Verified)
    }

    pub(super) fn change_integration(
        &mut self,
        write: &Write,
        decided: Integration,
        is_refused: bool,
    ) -> Result<Integration, No> {
        let (id, subject) = (decided.id, decided.id.to_string());
        let at = self.integrations.iter().position(|integration| integration.id == id);
        if self.repeated(write, &[ChangeKind::IntegrationChanged], Some(&subject))?.is_some() {
            return at.map(|at| self.integrations[at].clone()).ok_or(No::Reused);
        }
        if is_refused {
            return Err(No::Refused);
        }
        match at {
            Some(at) if self.integrations[at] == decided => return Ok(decided),
            Some(at) => self.integrations[at] = decided.clone(),
            None => self.integrations.push(decided.clone()),
        }
        if decided.state == IntegrationState::Off {
            for living in self.living.values_mut() {
                let ended = living.user.binding.take_if(|binding| binding.integration_id == id);
                if ended.is_some() {
                    living.user.provided = Provided::default();
                }
            }
        }
        self.record(write, ChangeKind::IntegrationChanged, &subject, at.is_some());
        Ok(decided)
    }

    pub(super) fn add_key(&mut self, write: &Write, key: ApiKey, hash: KeyHash) -> Result<(), No> {
        let subject = key.id.to_string();
        if self.repeated(write, &[ChangeKind::ApiKeyChanged], Some(&subject))?.is_none() {
            self.keys.push((key, hash));
            self.record(write, ChangeKind::ApiKeyChanged, &subject, false);
        }
        Ok(())
    }

    pub(super) fn revoke_key(&mut self, write: &Write, id: ApiKeyId) -> Result<Option<ApiKey>, No> {
        let subject = id.to_string();
        let repeated = self.repeated(write, &[ChangeKind::ApiKeyChanged], Some(&subject))?;
        let Some(at) = self.keys.iter().position(|(key, _)| key.id == id) else { return Ok(None) };
        if self.keys[at].0.revoked_at.is_none() {
            if repeated.is_some() {
                return Err(No::Reused);
            }
            self.keys[at].0.revoked_at = Some(write.at);
            self.record(write, ChangeKind::ApiKeyChanged, &subject, true);
        }
        Ok(Some(self.keys[at].0.clone()))
    }

    pub(super) fn note_use(&mut self, id: ApiKeyId, at: Micros) {
        if let Some((key, _)) = self.keys.iter_mut().find(|(key, _)| key.id == id) {
            key.last_used_at = key.last_used_at.max(Some(at));
        }
    }

    pub(super) fn grant(&self, key: &ApiKey) -> Option<KeyGrant> {
        let of = self.integrations.iter().find(|of| of.id == key.integration_id)?;
        let revision = self.revision();
        Some(KeyGrant { key: key.clone(), state: of.state, suspension: None, revision })
    }

    /// Clears what has expired; answers how much it was.
    pub(super) fn clear(&mut self, now: Micros, images_before: Micros) -> usize {
        let before = self.removed.len();
        self.removed.retain(|_, tombstone| tombstone.expires_at > now);
        let mut cleared = before - self.removed.len();
        for change in &mut self.changes {
            if change.has_image && change.at < images_before {
                change.has_image = false;
                cleared += 1;
            }
        }
        cleared
    }

    /// Those who are living, in the order of their making.
    pub(super) fn in_order(&self, is: impl Fn(&Living) -> bool) -> Vec<User> {
        let mut people: Vec<_> =
            self.living.values().filter(|l| is(l)).map(|l| l.user.clone()).collect();
        people.sort_by_key(|user| user.seq);
        people
    }
}
