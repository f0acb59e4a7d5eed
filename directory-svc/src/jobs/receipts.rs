//! How long the end of an access waits for the services that have to know of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::clock::{MINUTE, Micros};
use crate::services::Services;
use crate::store::{Consumer, Standing, Store};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(30);
/// From how long on operators are told.
const LATE: Micros = 5 * MINUTE;

/// What was told of services already.
#[derive(Default)]
struct Told {
    /// Of which callers there is a measure.
    measured: BTreeSet<String>,
    /// Who is known to be late.
    late: BTreeSet<Consumer>,
}

/// Measures what is waited for, and tells in the log of each service that is late, once until it is not.
pub(crate) async fn follow_receipts<S: Store>(services: &Services<S>) {
    let mut told = Told::default();
    loop {
        match services.store.consumers().await {
            Ok(standings) => told.tell(standings, services.clock.now()),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "receipts not looked at");
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Told {
    fn tell(&mut self, standings: Vec<Standing>, now: Micros) {
        let longest = longest(&standings, now);
        // Nobody waits for who is gone.
        let gone = self.measured.iter().filter(|caller| !longest.contains_key(*caller));
        let gone = gone.map(|caller| (caller.clone(), 0)).collect::<Vec<_>>();
        self.measured = longest.keys().cloned().collect();
        for (caller, waited) in longest.into_iter().chain(gone) {
            metrics::gauge!("nestr_scim_revocation_unacknowledged_seconds", "caller" => caller)
                .set(Duration::from_micros(waited.unsigned_abs()).as_secs_f64());
        }
        let late = late(standings, now);
        for consumer in late.difference(&self.late) {
            let Consumer { workspace, caller, name } = consumer;
            let workspace = workspace.map_or_else(|| "all".to_owned(), |id| id.to_string());
            tracing::error!(
                caller,
                consumer = name,
                workspace,
                "a service has not acknowledged for five minutes that somebody's access has ended"
            );
        }
        self.late = late;
    }
}

/// How long each caller is waited for, by the longest of its consumers.
fn longest(standings: &[Standing], now: Micros) -> BTreeMap<String, Micros> {
    let mut longest = BTreeMap::new();
    for standing in standings {
        let waited = standing.waiting_since.map_or(0, |since| (now - since).max(0));
        let of = longest.entry(standing.consumer.caller.clone()).or_insert(0);
        *of = waited.max(*of);
    }
    longest
}

/// Who is late.
fn late(standings: Vec<Standing>, now: Micros) -> BTreeSet<Consumer> {
    let is_late =
        |standing: &Standing| standing.waiting_since.is_some_and(|since| now - since >= LATE);
    standings.into_iter().filter(is_late).map(|standing| standing.consumer).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Micros = 1_700_000_000_000_000;

    /// Seen to fail with a bound of more, and with the shortest of a caller's.
    #[test]
    fn a_service_is_late_after_five_minutes() {
        let standing = |name: &str, waiting_since| Standing {
            consumer: Consumer {
                workspace: None,
                caller: "sessions".to_owned(),
                name: name.to_owned(),
            },
            seen_at: NOW,
            waiting_since,
        };
        let standings = [
            standing("done", None),
            standing("late", Some(NOW - LATE)),
            standing("soon", Some(NOW - LATE + 1)),
            standing("ahead", Some(NOW + MINUTE)),
        ];
        assert_eq!(longest(&standings, NOW), [("sessions".to_owned(), LATE)].into());
        let late: Vec<_> = late(standings.into(), NOW).into_iter().map(|who| who.name).collect();
        assert_eq!(late, ["late"]);
    }
}
