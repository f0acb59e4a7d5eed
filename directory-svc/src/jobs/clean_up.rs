//! The end of what is kept for a time.

use std::time::Duration;

use crate::clock::{DAY, Micros};
use crate::rules::notices::REMEMBERED;
use crate::services::Services;
use crate::store::{Answer, Store};

/// How often expired rows are cleared.
const EVERY: Duration = Duration::from_hours(1);
/// How many rows of a kind one transaction clears, so that writers wait little.
const AT_ONCE: u32 = 500;
/// How long the store's writer has for others between two passes of which the first left something over.
/// An hour of them clears 18 million rows of a kind.
const AIR: Duration = Duration::from_millis(100);

/// Clears expired tombstones, changes, before-images, letters and what is remembered of rates.
pub(crate) async fn clear_expired<S: Store>(services: &Services<S>) {
    let Services { door, store, clock, settings, .. } = services;
    loop {
        let pass = clear_some(store, clock.now(), settings.tombstone_days).await;
        let touched = pass.unwrap_or_else(|error| {
            tracing::warn!(error = &error as &dyn std::error::Error, "clean-up put off");
            0
        });
        door.sweep();
        tokio::time::sleep(rest(touched)).await;
    }
}

/// How long to rest after a pass that touched so many rows.
fn rest(touched: u64) -> Duration {
    let is_more_left = touched >= u64::from(AT_ONCE);
    if is_more_left { AIR } else { EVERY }
}

/// Clears some of each kind; answers how many rows it touched.
async fn clear_some<S: Store>(store: &S, now: Micros, tombstone_days: u16) -> Answer<u64> {
    let kept_from = now - i64::from(tombstone_days) * DAY;
    let touched = store.clear_changes(kept_from, AT_ONCE).await?
        + store.clear_expired(now, kept_from, AT_ONCE).await?;
    store.clear_receipts(kept_from).await?;
    Ok(touched + store.clear_notices(now - REMEMBERED, AT_ONCE).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail with one pass right behind the other.
    #[test]
    fn writers_have_air_between_two_passes() {
        assert_eq!(rest(0), EVERY);
        assert_eq!(rest(u64::from(AT_ONCE) - 1), EVERY);
        assert_eq!(rest(u64::from(AT_ONCE)), AIR);
        assert_eq!(rest(4 * u64::from(AT_ONCE)), AIR);
    }
}
