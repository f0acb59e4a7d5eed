//! Reading from standbys: where whoever asks allows it, and what is as new as they ask for. Everything else, and
//! whatever a standby does not say, is read from the first server.
//!
//! Two things are looked at. Off the requests' way, each second, whether a standby follows: the first says where it
//! is, in which history, and the standby has to come there ([`follow`]). And in each read, in the same state of the
//! database, how far the standby has the workspace: replication brings commits in their order, so who has a revision
//! has all before it.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::error::Elapsed;
use tokio::time::{sleep, timeout};

use super::OpenError;
use super::connection::{Connections, Server};
use super::failure::fault;
use super::readers::{State, begin};
use super::statement::{Row, asked, one, params};
use crate::breaker::{Breaker, Held, Told};
use crate::ids::WorkspaceId;
use crate::store::filter_sql::Bind;
use crate::store::{Answer, Freshness, Revision, StoreError};

/// How long a standby may take until it says how new it is: so much is the most that one costs which hangs.
const BUDGET: Duration = Duration::from_millis(250);
/// How long a standby may take to come to where the first was. What is read is never older than twice that and
/// the second between two looks.
const LAG: Duration = Duration::from_secs(4);
/// How soon one that is not there yet is asked again.
const LOOK: Duration = Duration::from_millis(50);
/// How often it is told how many are read.
const TELL: Duration = Duration::from_secs(1);

/// Which workspace's state this is, and whether it is a standby's.
const STATE: &str = "SELECT pg_is_in_recovery(), (SELECT revision FROM workspace WHERE id = $1)";

/// Where the first is: the history, which names the cluster, the database in it, and the time line, and the place in
/// its log.
const PLACE: &str = "SELECT concat_ws('/', system_identifier, base.oid, left(pg_walfile_name(pg_current_wal_lsn()), 8)), \
                     pg_current_wal_lsn()::text \
                     FROM pg_control_system(), pg_database base WHERE base.datname = current_database()";

/// Whether a standby is one, in which history, and whether it has come to a place. Of the time line the receiver knows
/// at once, but says it to whoever may see it (`pg_read_all_stats`); the control file knows it from the next
/// restart point on.
const FOLLOWED: &str = "SELECT pg_is_in_recovery(), concat_ws('/', system_identifier, base.oid, \
                        lpad(upper(to_hex(coalesce((SELECT received_tli FROM pg_stat_wal_receiver), timeline_id))), 8, '0')), \
                        coalesce(pg_last_wal_replay_lsn() >= $1::text::pg_lsn, false) \
                        FROM pg_control_system(), pg_control_checkpoint(), pg_database base \
                        WHERE base.datname = current_database()";

/// The standbys that there are to be.
pub(super) struct Standbys {
    all: Vec<Arc<Standby>>,
    /// Whose turn it is.
    turn: AtomicUsize,
    /// What keeps looking after them, for as long as this is there.
    _keeping: JoinSet<()>,
}

struct Standby {
    breaker: Breaker<Connections>,
    begin: String,
    /// How long a whole read may take.
    limit: Duration,
}

impl Standbys {
    /// Looks after them from now on. `first` leads to the first server.
    pub(super) fn keep(
        servers: Vec<(String, Server)>,
        first: &Connections,
        readers: usize,
        statement_timeout: Duration,
    ) -> Result<Self, OpenError> {
        // The first may have to be asked afterwards.
        let limit = statement_timeout / 2;
        let (mut all, mut keeping) = (Vec::with_capacity(servers.len()), JoinSet::new());
        for (name, server) in servers {
            let connections = server.pool(readers)?;
            let name = format!("the PostgreSQL standby {name}");
            let breaker = Breaker::new(Told { name, instead: "the first server", up: |_| {} });
            let standby = Arc::new(Standby { breaker, begin: begin(limit), limit });
            keeping.spawn(keep(Arc::clone(&standby), connections, first.clone()));
            all.push(standby);
        }
        if !all.is_empty() {
            keeping.spawn(tell(all.clone()));
        }
        Ok(Self { all, turn: AtomicUsize::new(0), _keeping: keeping })
    }

    /// How many are read.
    #[cfg(test)]
    pub(super) fn good(&self) -> usize {
        good(&self.all)
    }

    /// The next one that is good, for a read of a workspace. `None`: the first has to be asked, and is from now on.
    pub(super) fn visit<'a>(
        &'a self,
        workspace: WorkspaceId,
        allowed: &'a Allowed,
    ) -> Option<Visit<'a>> {
        if self.all.is_empty() || !allowed.is_any() {
            return None;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.all.len();
        let (before, behind) = self.all.split_at(turn);
        let mut good = behind.iter().chain(before).map(|standby| (standby, standby.breaker.held()));
        let Some((standby, held)) = good.find_map(|(standby, held)| Some((standby, held?))) else {
            count("away");
            allowed.end();
            return None;
        };
        Some(Visit { standby, held, workspace, allowed })
    }
}

fn good(all: &[Arc<Standby>]) -> usize {
    all.iter().filter(|standby| standby.breaker.held().is_some()).count()
}

/// Tells how many are read, again and again: a store is opened before anybody counts.
async fn tell(all: Vec<Arc<Standby>>) {
    loop {
        let good = u32::try_from(good(&all)).unwrap_or(u32::MAX);
        metrics::gauge!("nestr_scim_standbys_up").set(good);
        sleep(TELL).await;
    }
}

async fn keep(standby: Arc<Standby>, connections: Connections, first: Connections) {
    let connect = || async { follow(&first, &connections).await.map(|()| connections.clone()) };
    let beat = async |of: Connections| follow(&first, &of).await.is_ok();
    standby.breaker.keep(connect, beat).await;
}

/// Why a standby is not asked.
#[derive(Debug, thiserror::Error)]
enum Astray {
    #[error("the first server does not say where it is")]
    Unled,
    #[error("it takes writes itself")]
    TakesWrites,
    #[error("it has another history than the first server")]
    Elsewhere,
    #[error("it is too far behind")]
    Behind,
    #[error(transparent)]
    Failed(#[from] StoreError),
}

/// Has the first say where it is, and waits until the standby has come there.
///
/// The place in the log alone is not enough: after a failover that lost something, who had received what was lost is
/// further than the new first, and follows nobody.
async fn follow(first: &Connections, standby: &Connections) -> Result<(), Astray> {
    let mut astray = Astray::Unled;
    let following = async {
        let (history, at) = place(first).await?;
        loop {
            astray = match whereabouts(standby, &at).await? {
                (false, ..) => return Err(Astray::TakesWrites),
                (true, same, true) if same == history => return Ok(()),
                (true, same, false) if same == history => Astray::Behind,
                (true, ..) => Astray::Elsewhere,
            };
            sleep(LOOK).await;
        }
    };
    match timeout(LAG, following).await {
        Ok(followed) => followed,
        Err(Elapsed { .. }) => Err(astray),
    }
}

/// The history of the first, and how far it is.
async fn place(first: &Connections) -> Answer<(String, String)> {
    let connection = first.get().await?;
    let found = one(&connection, PLACE, &[], |row| Ok((row.get(0)?, row.get(1)?))).await?;
    found.ok_or_else(|| fault("the first server says nothing"))
}

/// Whether a standby is one, its history, and whether it has come to a place.
async fn whereabouts(standby: &Connections, at: &str) -> Answer<(bool, String, bool)> {
    let connection = standby.get().await?;
    let read = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    let found = one(&connection, FOLLOWED, params![at], read).await?;
    found.ok_or_else(|| fault("a standby says nothing"))
}

/// What a request may read from standbys: those that have this revision of its workspace. It grows with what was
/// read, so that nothing is older that is read later; and once the first was asked, it is for all the rest.
#[derive(Clone)]
pub(super) struct Allowed(Arc<AtomicU64>);

impl Allowed {
    /// `None`: nothing.
    pub(super) fn at(freshness: Freshness) -> Option<Self> {
        let revision = match freshness {
            Freshness::Newest => return None,
            Freshness::AtLeast(revision) => revision,
            Freshness::Any => 0,
        };
        Some(Self(Arc::new(AtomicU64::new(revision))))
    }

    /// What no workspace reaches.
    const NONE: Revision = Revision::MAX;

    fn is_any(&self) -> bool {
        self.0.load(Ordering::Relaxed) != Self::NONE
    }

    fn end(&self) {
        self.0.store(Self::NONE, Ordering::Relaxed);
    }

    /// Whether a state of this revision may be read.
    fn takes(&self, revision: Revision) -> bool {
        self.0.fetch_max(revision, Ordering::Relaxed) <= revision
    }
}

/// A read that a standby is asked for.
pub(super) struct Visit<'a> {
    standby: &'a Standby,
    held: Arc<Held<Connections>>,
    workspace: WorkspaceId,
    allowed: &'a Allowed,
}

/// Why a standby has not answered.
pub(super) enum Missed {
    /// It does not have the workspace as new as it has to be.
    Behind,
    /// It took too long.
    Late,
    /// It has become the first, or another one has; or its answer is an error.
    Failed(Option<StoreError>),
}

impl From<StoreError> for Missed {
    fn from(error: StoreError) -> Self {
        Self::Failed(Some(error))
    }
}

impl Visit<'_> {
    /// One state of the standby, in which the workspace is as new as it has to be.
    pub(super) async fn state(&self) -> Result<State, Missed> {
        let opening = async {
            let state = State::of(self.held.connection.get().await?);
            let begin = async { Ok(state.command(&self.standby.begin).await?) };
            // Sent behind it without waiting, as it is not prepared.
            let binds = [Bind::Workspace(self.workspace)];
            let ask = asked(&state, STATE, &binds, |row| Ok((row.get(0)?, row.get(1)?)));
            let ((), found) = tokio::try_join!(biased; begin, ask)?;
            let found: Option<(bool, Option<Revision>)> = found.into_iter().next();
            match found {
                Some((true, Some(revision))) if self.allowed.takes(revision) => Ok(state),
                Some((true, _)) => {
                    state.end().await?;
                    Err(Missed::Behind)
                }
                Some((false, _)) | None => Err(Missed::Failed(None)),
            }
        };
        timeout(BUDGET, opening).await.unwrap_or(Err(Missed::Late))
    }

    /// What it answers, as `reading` does; `None`: the first has to be asked.
    pub(super) async fn of<T>(
        &self,
        reading: impl Future<Output = Result<T, Missed>>,
    ) -> Option<T> {
        let read = timeout(self.standby.limit, reading).await;
        let outcome = match read.unwrap_or(Err(Missed::Late)) {
            Ok(answer) => {
                self.held.succeeded();
                count("ok");
                return Some(answer);
            }
            Err(Missed::Behind) => {
                self.held.succeeded();
                "behind"
            }
            // It is there, and says so.
            Err(Missed::Failed(Some(StoreError::TooCostly))) => {
                self.held.succeeded();
                "late"
            }
            Err(Missed::Late) => {
                self.held.failed();
                "late"
            }
            Err(Missed::Failed(Some(_))) => {
                self.held.failed();
                "failed"
            }
            Err(Missed::Failed(None)) => {
                self.held.give_up();
                "failed"
            }
        };
        count(outcome);
        self.allowed.end();
        None
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("nestr_scim_standby_reads_total", "outcome" => outcome).increment(1);
}

/// Answers from a standby, where the handle allows it and one has an answer; from the first otherwise.
macro_rules! allowed {
    ($handle:expr, $first:ident, |$connection:ident| $read:expr) => {{
        let answer = match $handle.visit() {
            Some(visit) => {
                let _told = $crate::store::postgres::readers::told("store standby read");
                let reading = async {
                    let state = visit.state().await?;
                    let $connection = &*state;
                    let answer = $read.await?;
                    state.end().await?;
                    Ok(answer)
                };
                visit.of(reading).await
            }
            None => None,
        };
        match answer {
            Some(answer) => Ok(answer),
            None => $first!($handle.shared, |$connection| $read),
        }
    }};
}
pub(super) use allowed;
