//! Who waited for a domain is signed in once it is verified.

use std::time::Duration;

use futures_util::future::join_all;
use uuid::Uuid;

use crate::services::Services;
use crate::services::domain::waiting::TAKEN;
use crate::store::{Store, Waiting};

/// How often is looked for domains whose people wait.
const EVERY: Duration = Duration::from_secs(5);
/// How many domains a step is done for at a time.
const AT_ONCE: u32 = 4;

/// Signs in who waited for a domain that is verified, for as long as it is polled.
pub(crate) async fn sign_in_the_waiting<S: Store>(services: &Services<S>) {
    loop {
        if !sign_in_some(services).await {
            tokio::time::sleep(EVERY).await;
        }
    }
}

/// Does a step for some domains, each behind the others that wait; answers whether there may be more to do.
/// What is cut short is free for another try a moment later.
pub(crate) async fn sign_in_some<S: Store>(services: &Services<S>) -> bool {
    let (taker, now) = (services.clock.new_id(), services.clock.now());
    let domains = match services.store.take_waiting(taker, now, now + TAKEN, AT_ONCE).await {
        Ok(domains) => domains,
        Err(error) => {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(error, "the sign-in of people who waited for a domain put off");
            return false;
        }
    };
    let may_be_more = !domains.is_empty();
    join_all(domains.into_iter().map(|waiting| step(services, taker, waiting))).await;
    may_be_more
}

async fn step<S: Store>(services: &Services<S>, taker: Uuid, waiting: Waiting) {
    let workspace_id = waiting.workspace_id;
    let done = async {
        let workspace = services.door.let_in(workspace_id).await?;
        services.sign_in_some(&workspace, taker, waiting).await
    };
    if let Err(status) = done.await {
        let code = status.code();
        tracing::warn!(workspace = %workspace_id, ?code, "the sign-in of people who waited for a domain put off");
    }
}
