//! Keys that were looked up a moment ago, so that a warm request asks no store.
//!
//! Only keys that exist are kept: made-up ones cannot fill it, and a fresh one is never hidden.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use sha2::{Digest, Sha256};

use crate::clock::{MINUTE, Micros};
use crate::failpoint::{self, Point};
use crate::ids::WorkspaceId;
use crate::store::{Answer, KeyGrant, KeyHash, WorkspaceStore};

/// How long a key is believed without asking again.
const TIME_TO_LIVE: Duration = Duration::from_secs(5);
/// How many keys are remembered, of all workspaces.
const CAPACITY: u64 = 100_000;

/// What is kept of a secret.
pub(crate) fn hash(secret: &str) -> KeyHash {
    KeyHash(Sha256::digest(secret.as_bytes()).into())
}

/// What was found for a key.
#[derive(Debug)]
pub(super) struct Entry {
    grant: Option<KeyGrant>,
    generation: u64,
    use_noted_at: AtomicI64,
}

impl Entry {
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
    generation: AtomicU64,
}

impl Default for KeyCache {
    fn default() -> Self {
        let entries = Cache::builder().max_capacity(CAPACITY).time_to_live(TIME_TO_LIVE).build();
        Self { entries, generation: AtomicU64::new(0) }
    }
}

impl KeyCache {
    /// What the key opens. A fill carries the generation that was current before its look-up, and
    /// one of an earlier generation is never believed: it cannot hide a revocation.
    pub(super) async fn get<W: WorkspaceStore>(
        &self,
        workspace: &W,
        id: WorkspaceId,
        hash: KeyHash,
    ) -> Answer<Arc<Entry>> {
        let generation = self.generation.load(Ordering::Acquire);
        if let Some(entry) = self.entries.get(&(id, hash))
            && entry.generation == generation
        {
            metrics::counter!("nestr_scim_key_cache_total", "outcome" => "hit").increment(1);
            return Ok(entry);
        }
        metrics::counter!("nestr_scim_key_cache_total", "outcome" => "miss").increment(1);
        let grant = workspace.key_grant(hash).await?;
        let is_known = grant.is_some();
        let noted = grant.as_ref().and_then(|grant| grant.key.last_used_at).unwrap_or(0);
        let use_noted_at = AtomicI64::new(noted);
        let entry = Arc::new(Entry { grant, generation, use_noted_at });
        failpoint::pass(Point::BeforeKeyFill);
        if is_known {
            self.entries.insert((id, hash), Arc::clone(&entry));
        }
        failpoint::pass(Point::AfterKeyFill);
        Ok(entry)
    }

    /// Begins a new generation: what was filled before is not believed any more.
    pub(super) fn forget(&self) {
        failpoint::pass(Point::BeforeForgetting);
        self.generation.fetch_add(1, Ordering::AcqRel);
        failpoint::pass(Point::AfterForgetting);
    }
}
