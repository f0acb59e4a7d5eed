//! What integrations were seen to do is written.

use std::time::Duration;

use crate::services::Services;
use crate::store::Store;

/// How often.
const EVERY: Duration = Duration::from_mins(1);

/// Writes what integrations were seen to do, for as long as it is polled.
pub(crate) async fn keep_status<S: Store>(services: &Services<S>) {
    loop {
        tokio::time::sleep(EVERY).await;
        services.door.write_visits().await;
    }
}
