//! Keys that were looked up a moment ago, so that a warm request asks no store and makes no hop.
//!
//! Only keys that exist are kept: made-up ones cannot fill it, and a fresh one is never hidden. Behind
//! what this process remembers lies what the directories on one store share in a Redis, where there is
//! one, and behind both the store. Why nobody is let in by it who was shut out stands in
//! docs/decisions/0026-what-is-remembered-of-keys.md.

mod floors;
mod record;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::error::Unspecified;
use moka::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use self::floors::{Floors, UNKNOWN};
use crate::clock::{Clock, MINUTE, Micros};
use crate::failpoint::{self, Point};
use crate::ids::WorkspaceId;
use crate::secret::ClusterSecret;
use crate::shared::{Name, Seal, Shared, Topic, unbelieved};
use crate::store::{Answer, KeyGrant, KeyHash, Revision, WorkspaceStore};

/// How long a look-up in the store is believed, wherever it is remembered and by whatever way it came.
const LIFE: Duration = Duration::from_secs(5);
/// How long Redis keeps one. Where clocks differ this bounds what it adds, so that the two stay below the
/// ten seconds after which a change holds whatever happens.
const LIFE_IN_REDIS: Duration = Duration::from_secs(4);
/// How many keys are remembered, of all workspaces.
const CAPACITY: u64 = 100_000;
/// How many look-ups may be on their way to Redis. What is more is not shared.
const FILLS: usize = 64;

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> KeyHash {
    KeyHash(Sha256::digest(secret.as_bytes()).into())
}

/// What was found for a key.
#[derive(Debug)]
pub(super) struct Entry {
    grant: Option<KeyGrant>,
    generation: u64,
    until: Instant,
    use_noted_at: AtomicI64,
}

impl Entry {
    fn new(grant: Option<KeyGrant>, generation: u64, until: Instant) -> Self {
        let noted = grant.as_ref().and_then(|grant| grant.key.last_used_at).unwrap_or(0);
        Self { grant, generation, until, use_noted_at: AtomicI64::new(noted) }
    }

    pub(super) fn grant(&self) -> Option<&KeyGrant> {
        self.grant.as_ref()
    }

    /// Whether the use of the key at `now` is to be written: at most once a minute.
    pub(super) fn is_use_to_be_noted(&self, now: Micros) -> bool {
        let noted = self.use_noted_at.load(Ordering::Relaxed);
        now.abs_diff(noted) >= MINUTE.unsigned_abs()
            && self
                .use_noted_at
                .compare_exchange(noted, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// Looked-up keys, by workspace and hash.
pub(super) struct KeyCache {
    entries: Cache<(WorkspaceId, KeyHash), Arc<Entry>>,
    /// Begins anew when changes may have been missed: what was filled before is not believed.
    generation: AtomicU64,
    floors: Floors,
    clock: Clock,
    shared: Option<SharedKeys>,
}

/// The part that lies in Redis.
struct SharedKeys {
    redis: Shared,
    keys: Seal,
    notices: Seal,
    fills: Arc<Semaphore>,
}

impl KeyCache {
    /// With a Redis behind it, where there is one; `secret` seals what lies there.
    ///
    /// # Errors
    /// When no keys can be made of the secret.
    pub(super) fn new(
        clock: Clock,
        secret: &ClusterSecret,
        redis: Option<Shared>,
    ) -> Result<Self, Unspecified> {
        let shared = |redis| -> Result<_, Unspecified> {
            Ok(SharedKeys {
                redis,
                keys: Seal::new(secret, "shared keys", clock.clone())?,
                notices: Seal::new(secret, "notices", clock.clone())?,
                fills: Arc::new(Semaphore::new(FILLS)),
            })
        };
        let shared = redis.map(shared).transpose()?;
        let entries = Cache::builder().max_capacity(CAPACITY).time_to_live(LIFE).build();
        let (generation, floors) = (AtomicU64::new(0), Floors::default());
        Ok(Self { entries, generation, floors, clock, shared })
    }

    /// What the key opens. A fill carries the generation that was current before its look-up, and the
    /// revision that the look-up shows: one of an earlier generation, or from below the workspace's
    /// floor, is never believed, so that it cannot hide a revocation.
    pub(super) async fn get<W: WorkspaceStore>(
        &self,
        workspace: &W,
        id: WorkspaceId,
        hash: KeyHash,
    ) -> Answer<Arc<Entry>> {
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(entry) = self.entries.get(&(id, hash))
            && entry.generation == generation
            && Instant::now() < entry.until
            && self.believes(id, &entry)
        {
            count("hit");
            return Ok(entry);
        }
        if let Some(entry) = self.get_shared(id, hash, generation).await {
            count("shared");
            return Ok(self.remember(id, hash, entry));
        }
        count("miss");
        let (asked, asked_at) = (Instant::now(), self.clock.now());
        let grant = workspace.key_grant(hash).await?;
        self.share(id, hash, grant.as_ref(), asked_at);
        Ok(self.remember(id, hash, Entry::new(grant, generation, asked + LIFE)))
    }

    /// Keeps what was found, if it is a key.
    fn remember(&self, id: WorkspaceId, hash: KeyHash, entry: Entry) -> Arc<Entry> {
        let entry = Arc::new(entry);
        failpoint::pass(Point::BeforeKeyFill);
        if entry.grant.is_some() {
            self.entries.insert((id, hash), Arc::clone(&entry));
        }
        failpoint::pass(Point::AfterKeyFill);
        entry
    }

    fn believes(&self, id: WorkspaceId, entry: &Entry) -> bool {
        entry.grant.as_ref().is_some_and(|grant| self.floors.allow(id, grant.revision))
    }

    /// What another directory looked up. Only who has heard every notice for as long as that may have
    /// been ago believes it.
    async fn get_shared(&self, id: WorkspaceId, hash: KeyHash, generation: u64) -> Option<Entry> {
        let shared = self.shared.as_ref()?;
        if !shared.redis.has_heard_for(LIFE) {
            return None;
        }
        let sealed = shared.redis.get(&shared.name(id, hash)).await?;
        let (found, now) = (Instant::now(), self.clock.now());
        let opened = record::opened(&shared.keys, (id, hash), &sealed, now);
        let (grant, left) = opened.unwrap_or_else(|record::NotOurs| {
            unbelieved("key");
            None
        })?;
        let entry = Entry::new(Some(grant), generation, found + left);
        self.believes(id, &entry).then_some(entry)
    }

    /// Lets other directories have what was looked up at `asked_at`. Nobody waits for it.
    fn share(&self, id: WorkspaceId, hash: KeyHash, grant: Option<&KeyGrant>, asked_at: Micros) {
        let (Some(shared), Some(grant)) = (&self.shared, grant) else { return };
        let Ok(place) = Arc::clone(&shared.fills).try_acquire_owned() else { return };
        let until = asked_at.saturating_add(i64::try_from(LIFE.as_micros()).unwrap_or(0));
        let Some(sealed) = record::sealed(&shared.keys, (id, hash), grant, until) else { return };
        let (redis, name) = (shared.redis.clone(), shared.name(id, hash));
        tokio::spawn(async move {
            failpoint::pass(Point::BeforeSharedFill);
            redis.set(&name, &sealed, LIFE_IN_REDIS).await;
            failpoint::pass(Point::AfterSharedFill);
            drop(place);
        });
    }

    /// Begins a change of what keys of a workspace open; ended, it holds here and is on its way to
    /// everywhere.
    pub(super) fn begin_change(self: &Arc<Self>, workspace: WorkspaceId) -> KeyChange {
        KeyChange { keys: Arc::clone(self), workspace, is_ended: false }
    }

    /// Has nothing believed here that was looked up before `revision`.
    fn forget_below(&self, workspace: WorkspaceId, revision: Revision) {
        failpoint::pass(Point::BeforeForgetting);
        self.floors.raise(workspace, revision);
        failpoint::pass(Point::AfterForgetting);
    }

    /// Has the other directories do the same.
    async fn publish(&self, workspace: WorkspaceId, revision: Revision) {
        let Some(shared) = &self.shared else { return };
        failpoint::pass(Point::BeforePublishing);
        let notice = [&workspace.uuid().as_bytes()[..], &revision.to_be_bytes()].concat();
        if let Ok(sealed) = shared.notices.seal(&[], notice) {
            shared.redis.publish(Topic::Keys, &shared.group(workspace), &sealed).await;
        }
        failpoint::pass(Point::AfterPublishing);
    }

    /// Notices are heard from now on, and some may not have been: nothing is believed that is remembered.
    pub(super) fn begin_anew(&self) {
        self.generation.fetch_add(1, Ordering::AcqRel);
    }

    /// Does what another directory did, which changed what keys open.
    pub(super) fn hear(&self, notice: &[u8]) {
        match self.shared.as_ref().and_then(|shared| shared.notice(notice)) {
            Some((workspace, revision)) => self.floors.raise(workspace, revision),
            None => unbelieved("notice"),
        }
    }
}

impl SharedKeys {
    /// The name of a key in Redis: it tells neither the key, nor its hash, nor the workspace.
    fn name(&self, id: WorkspaceId, hash: KeyHash) -> Name {
        self.redis.name("key", &self.group(id), &self.keys.name(&record::about(id, hash)))
    }

    /// The name of all that is shared of a workspace. Notices go the way of the keys that they are about:
    /// whoever can ask for those hears them.
    fn group(&self, id: WorkspaceId) -> String {
        self.keys.name(id.uuid().as_bytes())
    }

    /// What a notice says: a workspace, and the revision of the change of its keys.
    fn notice(&self, sealed: &[u8]) -> Option<(WorkspaceId, Revision)> {
        let notice = self.notices.open(&[], sealed)?;
        let (workspace, revision) = notice.split_first_chunk()?;
        let workspace = WorkspaceId::new(Uuid::from_bytes(*workspace));
        Some((workspace, Revision::from_be_bytes(revision.try_into().ok()?)))
    }
}

/// A change of what keys of a workspace open, under way. Dropped before its end, it is one of unknown
/// revision: its write may be kept all the same.
pub(crate) struct KeyChange {
    keys: Arc<KeyCache>,
    workspace: WorkspaceId,
    is_ended: bool,
}

impl KeyChange {
    /// Has the change hold, whether or not it was written: here at once; elsewhere within a second, and
    /// within ten where Redis does not pass it on. It waits no longer than a moment for Redis.
    pub(crate) async fn end<W: WorkspaceStore>(mut self, workspace: &W) {
        let card = workspace.card().await;
        let revision = card.ok().flatten().map_or(UNKNOWN, |card| card.revision);
        self.keys.forget_below(self.workspace, revision);
        self.is_ended = true;
        self.keys.publish(self.workspace, revision).await;
    }
}

impl Drop for KeyChange {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        let (keys, workspace) = (Arc::clone(&self.keys), self.workspace);
        keys.forget_below(workspace, UNKNOWN);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { keys.publish(workspace, UNKNOWN).await });
        }
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("nestr_scim_key_cache_total", "outcome" => outcome).increment(1);
}
