//! What is told of keys that are refused: each refusal counts, and the log hears of a key and a cause once a
//! minute. Never the key, nor where it came from.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::clock::{MINUTE, Micros};
use crate::ids::{ApiKeyId, WorkspaceId};
use crate::store::{ApiKey, RefusedFor, Word as _};

/// When the log heard last of a key and a cause. Only keys that exist are in it.
#[derive(Default)]
pub(super) struct Refusals(Mutex<HashMap<(ApiKeyId, RefusedFor), Micros>>);

impl Refusals {
    /// Counts a refusal of a known key, and tells the log of it unless it heard of the same within a minute.
    pub(super) fn tell(
        &self,
        workspace: WorkspaceId,
        key: &ApiKey,
        cause: RefusedFor,
        now: Micros,
    ) {
        count(cause.word());
        if self.is_due(key.id, cause, now) {
            tracing::info!(
                cause = cause.word(),
                key_id = %key.id,
                integration_id = %key.integration_id,
                workspace_id = %workspace,
                "an API key was refused"
            );
        }
    }

    fn is_due(&self, key: ApiKeyId, cause: RefusedFor, now: Micros) -> bool {
        let mut told = self.told();
        let last = told.get(&(key, cause));
        let is_due = last.is_none_or(|last| now.abs_diff(*last) >= MINUTE.unsigned_abs());
        if is_due {
            told.insert((key, cause), now);
        }
        is_due
    }

    /// Forgets what the log was told before this time.
    pub(super) fn forget(&self, before: Micros) {
        self.told().retain(|_, told| *told >= before);
    }

    fn told(&self) -> MutexGuard<'_, HashMap<(ApiKeyId, RefusedFor), Micros>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a key that nobody knows.
pub(super) fn count_unknown() {
    count("unknown");
}

fn count(cause: &'static str) {
    metrics::counter!("nestr_scim_keys_refused_total", "cause" => cause).increment(1);
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    /// Seen to fail with each told, and with one cause told for all.
    #[test]
    fn the_log_hears_of_a_key_and_a_cause_once_a_minute() {
        let (refusals, begin) = (Refusals::default(), 1_000 * MINUTE);
        let key = |n| ApiKeyId::new(Uuid::from_u128(n));
        assert!(refusals.is_due(key(1), RefusedFor::Paused, begin));
        assert!(!refusals.is_due(key(1), RefusedFor::Paused, begin + MINUTE - 1));
        assert!(refusals.is_due(key(1), RefusedFor::Revoked, begin + 1), "another cause");
        assert!(refusals.is_due(key(2), RefusedFor::Paused, begin + 1), "another key");
        assert!(refusals.is_due(key(1), RefusedFor::Paused, begin + MINUTE));
        assert!(refusals.is_due(key(1), RefusedFor::Paused, begin - MINUTE), "a clock set back");
        refusals.forget(begin);
        assert_eq!(refusals.told().len(), 2);
    }
}
