//! The DNS is asked about claims by itself: those that wait, and those that were verified by it.

use std::time::Duration;

use futures_util::future::join_all;

use crate::ids::WorkspaceId;
use crate::services::Services;
use crate::services::domain::check::TAKEN;
use crate::store::Store;

/// How often is looked for what is due.
const EVERY: Duration = Duration::from_secs(5);
/// How many claims are asked about at a time.
const AT_ONCE: u32 = 16;

/// Asks about the claims of which it is time, for as long as it is polled.
pub(crate) async fn check_domains<S: Store>(services: &Services<S>) {
    loop {
        if !check_due(services).await {
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Asks about claims of which it is time now; answers whether there may be more of them. What is cut short is
/// free for another try a moment later.
pub(crate) async fn check_due<S: Store>(services: &Services<S>) -> bool {
    let now = services.clock.now();
    let due = match services.store.take_due_checks(now, now + TAKEN, AT_ONCE).await {
        Ok(due) => due,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "questions to the DNS put off");
            return false;
        }
    };
    let may_be_more = due.len() >= AT_ONCE as usize;
    join_all(due.into_iter().map(|(id, name)| check_one(services, id, name))).await;
    may_be_more
}

async fn check_one<S: Store>(services: &Services<S>, id: WorkspaceId, name: String) {
    let checked = async {
        let workspace = services.door.let_in(id).await?;
        services.check_due(&workspace, name).await
    };
    if let Err(status) = checked.await {
        tracing::warn!(workspace = %id, code = ?status.code(), "a question to the DNS put off");
    }
}
