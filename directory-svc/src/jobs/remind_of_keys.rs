//! Reminders of API keys that are about to end.

use std::time::Duration;

use crate::clock::Micros;
use crate::rules::notices::{REMINDERS, reminder};
use crate::services::Services;
use crate::store::{Answer, NoticeStore, Store};

/// How often keys are looked through.
const EVERY: Duration = Duration::from_hours(1);
/// How many keys are looked at a time.
const AT_ONCE: u32 = 500;

/// Has letters kept about keys that are about to end, each once.
pub(crate) async fn remind_of_keys<S: Store>(services: &Services<S>) {
    loop {
        if let Err(error) = remind(&services.store, services.clock.now()).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "reminders put off");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn remind<S: NoticeStore>(store: &S, now: Micros) -> Answer<()> {
    let until = now + REMINDERS[REMINDERS.len() - 1];
    let mut after = None;
    loop {
        let ending = store.ending_keys(now, until, after, AT_ONCE).await?;
        let Some(last) = ending.last() else { return Ok(()) };
        after = Some(last.place());
        let due = ending.iter().filter_map(|key| Some((key.workspace_id, reminder(key, now)?)));
        store.keep_notices(due.collect()).await?;
    }
}
