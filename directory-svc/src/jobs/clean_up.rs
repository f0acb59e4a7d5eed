//! What has expired is cleared.

use std::time::Duration;

use crate::clock::DAY;
use crate::services::Services;
use crate::store::Store;

/// How often expired rows are cleared.
const EVERY: Duration = Duration::from_hours(1);
/// How many rows of a kind one transaction clears, so that writers wait little.
const AT_ONCE: u32 = 500;

/// Clears expired tombstones, before-images and what is remembered of rates, for as long as it is polled.
pub(crate) async fn clear_expired<S: Store>(services: &Services<S>) {
    let Services { door, store, clock, settings, .. } = services;
    loop {
        let now = clock.now();
        let images_before = now - i64::from(settings.tombstone_days) * DAY;
        match store.clear_expired(now, images_before, AT_ONCE).await {
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
