//! The delivery of letters: from the outbox to whoever sends them.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;

use crate::clock::{Clock, MINUTE, Micros};
use crate::failpoint::{self, Point};
use crate::mail::{Letter, Mailer, Post, SENDING, Unsent};
use crate::rules::notices::again_at;
use crate::services::Services;
use crate::store::{Answer, Notice, Occasion, Outbox, Settled, Store, TakenNotice, WorkspaceStore};

/// How many letters are on their way at a time.
const AT_ONCE: u32 = 4;
/// How long a letter is nobody else's; longer than sending it takes.
const LEASE: Micros = 2 * MINUTE;
/// The longest and the shortest rest. Letters that are kept end it.
const REST: (Duration, Duration) = (Duration::from_mins(1), Duration::from_secs(1));

const _: () = assert!(SENDING.as_micros() < LEASE.unsigned_abs() as u128);

/// Sends what is owed as soon as it is due, until `stop`: then what is on its way is sent, and no more is
/// begun.
pub(crate) async fn deliver_notices<S: Store>(
    services: &Services<S>,
    mailer: &Mailer,
    stop: impl Future<Output = ()>,
) {
    let mut stop = pin!(stop);
    let mut kept = services.store.notices_kept();
    while stop.as_mut().now_or_never().is_none() {
        // What is kept from here on ends the next rest.
        kept.mark_unchanged();
        let rest = match deliver_some(services, mailer).await {
            Ok(outbox) if !outbox.taken.is_empty() => continue,
            Ok(outbox) => rest(&services.clock, outbox.next_at),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "letters put off");
                REST.0
            }
        };
        tokio::select! {
            () = stop.as_mut() => return,
            _ = kept.changed() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// How long nothing is due.
fn rest(clock: &Clock, next_at: Option<Micros>) -> Duration {
    let (longest, shortest) = REST;
    let left = next_at.map(|at| u64::try_from(at - clock.now()).unwrap_or_default());
    left.map_or(longest, |left| Duration::from_micros(left).clamp(shortest, longest))
}

async fn deliver_some<S: Store>(services: &Services<S>, mailer: &Mailer) -> Answer<Outbox> {
    let now = services.clock.now();
    let outbox = services.store.take_due_notices(now, now + LEASE, AT_ONCE).await?;
    metrics::gauge!("nestr_scim_notices_waiting")
        .set(u32::try_from(outbox.waiting).unwrap_or(u32::MAX));
    let letters = outbox.taken.iter().map(|taken| deliver(services, mailer, taken));
    join_all(letters).await.into_iter().collect::<Answer<()>>()?;
    Ok(outbox)
}

async fn deliver<S: Store>(
    services: &Services<S>,
    mailer: &Mailer,
    taken: &TakenNotice,
) -> Answer<()> {
    let TakenNotice { workspace_id, notice, attempts } = taken;
    let card = services.store.workspace(*workspace_id).card().await?;
    let name = card.map(|card| card.display_name).unwrap_or_default();
    let letter = Letter::about(&notice.occasion, &name, &services.links.scim(*workspace_id));
    let named = (*workspace_id, notice.key.as_str());
    let post = Post::new(&letter, mailer.from(), &notice.recipient, named, notice.created_at);
    let sent = match post {
        Ok(post) => {
            failpoint::pass(Point::BeforeMail);
            let sent = mailer.send(&post).await;
            failpoint::pass(Point::AfterMail);
            sent
        }
        Err(unfit) => Err(unfit),
    };
    let settled = settled(notice, *attempts, services.clock.now(), sent);
    tell(taken, &settled);
    services.store.settle_notice(*workspace_id, notice.key.clone(), *attempts, settled).await
}

/// What becomes of a notice whose letter went so.
fn settled(notice: &Notice, attempts: u32, now: Micros, sent: Result<(), Unsent>) -> Settled {
    match sent {
        Ok(()) => Settled::Sent(now),
        Err(Unsent::Refused(why)) => Settled::GaveUp(now, why),
        Err(Unsent::NotNow(why)) => match again_at(notice.created_at, attempts, now) {
            Some(at) => Settled::Again(at, why),
            None => Settled::GaveUp(now, why),
        },
    }
}

/// In the log and in the numbers: whose letter, about what, and no address.
fn tell(taken: &TakenNotice, settled: &Settled) {
    let TakenNotice { workspace_id, notice, attempts } = taken;
    let about = about(&notice.occasion);
    let outcome = match settled {
        Settled::Sent(_) => {
            tracing::info!(%workspace_id, about, attempts, "a letter was sent");
            "sent"
        }
        Settled::Again(_, why) => {
            tracing::error!(%workspace_id, about, attempts, why, "a letter was not sent; it is tried again");
            "failed"
        }
        Settled::GaveUp(_, why) => {
            tracing::error!(%workspace_id, about, attempts, why, "a letter was given up: tell them otherwise");
            "gave_up"
        }
    };
    metrics::counter!("nestr_scim_notices_total", "outcome" => outcome).increment(1);
}

const fn about(occasion: &Occasion) -> &'static str {
    match occasion {
        Occasion::DomainVerified { .. } => "domain verified",
        Occasion::DomainRejected { .. } => "domain rejected",
        Occasion::DomainRevoked { .. } => "domain revoked",
        Occasion::DomainProofMissing { .. } => "proof of a domain missing",
        Occasion::UserProtected { .. } => "protected person kept",
        Occasion::ApiKeyExpiring { .. } => "API key about to end",
    }
}
