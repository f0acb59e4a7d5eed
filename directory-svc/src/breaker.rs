//! A connection while it is good, and nothing while it is not: then nobody waits for it.
//!
//! Who asks takes what is held and says how it went. After a few failures in a row the connection is let
//! go, and another is made off the requests' way, after a pause that grows: no request is the one that
//! tries whether it works again.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

/// After how many failures in a row a connection is let go.
const FAILURES: u32 = 5;
/// How long to wait before the second try; it doubles up to the longest, a little by lot.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How often a connection is asked for a sign of life.
const BEAT: Duration = Duration::from_secs(1);

/// What holds a connection while it is good.
pub(crate) struct Breaker<C> {
    held: ArcSwapOption<Held<C>>,
    told: Told,
}

/// How it is told of.
pub(crate) struct Told {
    /// What the connection leads to.
    pub(crate) name: String,
    /// Who is asked while it is away.
    pub(crate) instead: &'static str,
    /// Is told whether it is there, at the beginning and at each change.
    pub(crate) up: fn(bool),
}

/// A connection, and how it has done.
#[derive(Debug)]
pub(crate) struct Held<C> {
    /// The connection.
    pub(crate) connection: C,
    /// Since when it is held.
    pub(crate) since: Instant,
    failures: AtomicU32,
    broken: Notify,
}

impl<C> Held<C> {
    fn new(connection: C) -> Self {
        let (failures, broken) = (AtomicU32::new(0), Notify::new());
        Self { connection, since: Instant::now(), failures, broken }
    }

    /// It answered.
    pub(crate) fn succeeded(&self) {
        // One that was given up stays so.
        let _ = self.failures.try_update(Ordering::Relaxed, Ordering::Relaxed, |failures| {
            (failures < FAILURES).then_some(0)
        });
    }

    /// It did not, or not in time.
    pub(crate) fn failed(&self) {
        let failed = self.failures.try_update(Ordering::Relaxed, Ordering::Relaxed, |failures| {
            (failures < FAILURES).then_some(failures + 1)
        });
        if failed == Ok(FAILURES - 1) {
            self.broken.notify_one();
        }
    }

    /// It is of no more use.
    pub(crate) fn give_up(&self) {
        self.failures.store(FAILURES, Ordering::Relaxed);
        self.broken.notify_one();
    }

    fn is_good(&self) -> bool {
        self.failures.load(Ordering::Relaxed) < FAILURES
    }
}

impl<C: Clone> Breaker<C> {
    /// One that holds nothing yet.
    pub(crate) fn new(told: Told) -> Self {
        Self { held: ArcSwapOption::empty(), told }
    }

    /// The connection, while it is good.
    pub(crate) fn held(&self) -> Option<Arc<Held<C>>> {
        self.held.load_full().filter(|held| held.is_good())
    }

    /// Makes connections and keeps them, for as long as it is polled. One whose `beat` fails is let go
    /// at once.
    pub(crate) async fn keep<E: Display, F, B>(
        &self,
        connect: impl Fn() -> F + Send + Sync,
        beat: impl Fn(C) -> B + Send + Sync,
    ) where
        F: Future<Output = Result<C, E>> + Send,
        B: Future<Output = bool> + Send,
    {
        let (mut pauses, mut is_told) = (pauses(), false);
        let Told { name, instead, up } = &self.told;
        up(false);
        loop {
            match connect().await {
                Ok(connection) => {
                    let held = Arc::new(Held::new(connection));
                    self.held.store(Some(Arc::clone(&held)));
                    up(true);
                    tracing::info!("{name} is there");
                    watch(&held, &beat).await;
                    self.held.store(None);
                    up(false);
                    tracing::warn!("{name} does not answer: {instead} is asked instead");
                    is_told = true;
                    if held.since.elapsed() > LONGEST_PAUSE {
                        pauses = self::pauses();
                    }
                }
                Err(cause) => {
                    if !is_told {
                        tracing::warn!("{name} is not there, {instead} is asked instead: {cause}");
                    }
                    is_told = true;
                }
            }
            sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }
}

/// Waits until a connection is of no more use.
async fn watch<C: Clone, B: Future<Output = bool>>(held: &Held<C>, beat: &impl Fn(C) -> B) {
    while held.is_good() {
        tokio::select! {
            () = held.broken.notified() => {}
            () = sleep(BEAT) => {
                if !beat(held.connection.clone()).await {
                    held.give_up();
                }
            }
        }
    }
}

fn pauses() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(SHORTEST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use std::future::ready;
    use std::sync::Mutex;

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// A server that is there or not, and the times at which it was tried.
    #[derive(Default)]
    struct Server {
        is_there: Mutex<bool>,
        is_alive: Mutex<bool>,
        tries: Mutex<Vec<Instant>>,
    }

    fn kept(is_there: bool) -> (Arc<Breaker<()>>, Arc<Server>, JoinHandle<()>) {
        let told = Told { name: "The server".to_owned(), instead: "another", up: |_| {} };
        let (breaker, server) = (Arc::new(Breaker::new(told)), Arc::new(Server::default()));
        (*server.is_there.lock().unwrap(), *server.is_alive.lock().unwrap()) = (is_there, true);
        let (at, of) = (Arc::clone(&server), Arc::clone(&breaker));
        let keeping = tokio::spawn(async move {
            let connect = || {
                at.tries.lock().unwrap().push(Instant::now());
                ready(at.is_there.lock().unwrap().then_some(()).ok_or("away"))
            };
            of.keep(connect, |()| ready(*at.is_alive.lock().unwrap())).await;
        });
        (breaker, server, keeping)
    }

    /// Seen to fail with a breaker that counts failures and lets nothing go.
    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_let_a_connection_go_and_others_do_not() {
        let (breaker, server, _keeping) = kept(true);
        yield_now().await;
        let held = breaker.held().unwrap();
        for _ in 0..20 {
            (1..FAILURES).for_each(|_| held.failed());
            held.succeeded();
        }
        assert!(breaker.held().is_some());

        (0..FAILURES).for_each(|_| held.failed());
        assert!(breaker.held().is_none(), "at once, before anybody has looked");
        held.succeeded();
        assert!(breaker.held().is_none(), "a late answer brings nothing back");
        sleep(SHORTEST_PAUSE * 2).await;
        assert!(!Arc::ptr_eq(&breaker.held().unwrap(), &held), "another one");
        assert_eq!(server.tries.lock().unwrap().len(), 2);
    }

    /// Seen to fail with pauses that do not grow, and with ones that have no end.
    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_away_is_tried_more_and_more_rarely() {
        let (breaker, server, _keeping) = kept(false);
        sleep(Duration::from_mins(1)).await;
        let tries = server.tries.lock().unwrap().clone();
        assert!((8..=20).contains(&tries.len()), "{}", tries.len());
        // With what is added by lot.
        let gap = |pair: &[Instant]| pair[1] - pair[0];
        assert!(tries.windows(2).map(gap).all(|gap| gap <= LONGEST_PAUSE * 2));

        *server.is_there.lock().unwrap() = true;
        sleep(LONGEST_PAUSE * 2).await;
        assert!(breaker.held().is_some());
    }

    /// Nobody has to ask for a dead connection to be noticed. Seen to fail without the beat.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_gives_no_sign_of_life_is_let_go() {
        let (breaker, server, _keeping) = kept(true);
        yield_now().await;
        *server.is_there.lock().unwrap() = false;
        *server.is_alive.lock().unwrap() = false;
        sleep(BEAT * 2).await;
        assert!(breaker.held().is_none());
    }
}
