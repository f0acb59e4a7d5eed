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

/// Clears expired tombstones, before-images, letters and what is remembered of rates.
pub(crate) async fn clear_expired<S: Store>(services: &Services<S>) {
    let Services { door, store, clock, settings, .. } = services;
    loop {
        match clear_some(store, clock.now(), settings.tombstone_days).await {
            Ok(touched) if touched >= u64::from(AT_ONCE) => continue,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "clean-up put off");
            }
        }
        door.sweep();
        tokio::time::sleep(EVERY).await;
    }
}

/// Clears some of each kind; answers how many rows it touched.
async fn clear_some<S: Store>(store: &S, now: Micros, tombstone_days: u16) -> Answer<u64> {
    let images_before = now - i64::from(tombstone_days) * DAY;
    let touched = store.clear_expired(now, images_before, AT_ONCE).await?;
    Ok(touched + store.clear_notices(now - REMEMBERED, AT_ONCE).await?)
}
