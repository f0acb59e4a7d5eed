//! `WatchService`: the feed of changes, for services that keep in step with the directory.
//!
//! A stream is a place in the feed and a task that goes on from it: it reads a page, hands over one answer after
//! the other as its reader takes them, and reads the next page only then. The cursor of an answer is the place
//! behind it, so that any process can go on where another has left off.

mod place;
mod receipts;
mod streams;
mod telling;

use std::convert::Infallible;
use std::pin::Pin;
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::Reason;
use directory_api::v1::watch_response::Item;
use directory_api::v1::watch_service_server::WatchService;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::fault::no;
use super::{Services, read};
use crate::call;
use crate::clock::Micros;
use crate::ids::WorkspaceId;
use crate::refusal::Refusal;
use crate::render;
use crate::store::{Change, Store};
use place::{Place, Position, Scope, Walk};
pub(crate) use streams::Streams;
use telling::{Teller, bare, next_answer, restored_group, with_members};

/// After how long without an answer a heartbeat comes when the caller does not say.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The shortest and the longest that it may say.
const HEARTBEATS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_mins(1));
/// How long a reader may take for an answer. The listener cuts who reads nothing as soon; this is for whoever
/// comes in process.
const STALLED: Duration = Duration::from_secs(30);
/// How long at least between two looks of one stream that found nothing: a busy store wakes all of them.
const REST: Duration = Duration::from_millis(10);
/// How long to wait for a turn when all is taken by others.
const TURN: Duration = Duration::from_secs(1);

/// The next answers.
type Answers = Pin<Box<dyn Stream<Item = Result<v1::WatchResponse, Status>> + Send>>;

/// Where answers are handed over: one waits for its reader.
type Reader = mpsc::Sender<Result<v1::WatchResponse, Status>>;

#[tonic::async_trait]
impl<S: Store> WatchService for Services<S> {
    type WatchStream = Answers;

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Answers>, Status> {
        let allowed = call::stream_timeout(request.metadata());
        let ends_at = allowed.and_then(|allowed| Instant::now().checked_add(allowed));
        let (caller, ask) = self.door.stay(request)?;
        let seat = self.streams.open(caller.name()).map_err(no)?;
        let watch = Watch::begin(self.clone(), ask).await?;
        let (reader, answers) = mpsc::channel(1);
        let streams = self.streams.clone();
        tokio::spawn(async move {
            let _seat = seat;
            let status = tokio::select! {
                Err(status) = watch.run(&reader) => status,
                status = caller.turned_out() => status,
                () = streams.ended() => no(shut_down()),
                () = until(ends_at) => Status::deadline_exceeded("The watch ends at its deadline."),
                () = reader.closed() => return,
            };
            // Who reads no longer needs no telling.
            let _ = timeout(STALLED, reader.send(Err(status))).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(answers))))
    }

    async fn acknowledge(
        &self,
        request: Request<v1::AcknowledgeRequest>,
    ) -> Result<Response<v1::AcknowledgeResponse>, Status> {
        self.acknowledged(request).await
    }

    async fn revocation_status(
        &self,
        request: Request<v1::RevocationStatusRequest>,
    ) -> Result<Response<v1::RevocationStatusResponse>, Status> {
        self.revocation(request).await
    }
}

/// Whether a call was sent away for all that others ask.
fn is_shed(status: &Status) -> bool {
    matches!(Reason::of(status), Some(Reason::Overloaded | Reason::RateLimited))
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => sleep_until(end).await,
        None => std::future::pending().await,
    }
}

fn shut_down() -> Refusal {
    Refusal::new(
        Reason::Unavailable,
        "The directory is shut down. Call again with the last cursor: nothing is left out.",
    )
}

/// A stream, and where it stands.
struct Watch<S> {
    services: Services<S>,
    scope: Scope,
    place: Place,
    heartbeat: Duration,
    /// How resources are sent; `None`: not at all.
    view: Option<v1::View>,
}

impl<S: Store> Watch<S> {
    /// Reads what is asked, and finds the place.
    async fn begin(services: Services<S>, ask: v1::WatchRequest) -> Result<Self, Status> {
        let scope = read_scope(&ask).map_err(no)?;
        let start = v1::WatchStart::try_from(ask.start)
            .map_err(|_| no(read::invalid("start", "is no WatchStart")))?;
        let heartbeat = read_heartbeat(ask.heartbeat_interval.as_ref()).map_err(no)?;
        let place = match ask.cursor.as_str() {
            "" => services.start_of_watch(scope, start).await?,
            cursor => services.place(scope, cursor)?,
        };
        if ask.without_resources && matches!(place, Place::Snapshot { .. }) {
            let cause = "a snapshot is made of resources: leave one of the two out";
            return Err(no(read::invalid("without_resources", cause)));
        }
        let view = (!ask.without_resources).then(|| ask.view.unwrap_or_default());
        if let (Scope::One(id), Some(view)) = (scope, &view) {
            // A view that cannot be read is refused before anything is sent.
            Teller::new(&services, id, view).await?;
        }
        // So is a cursor that is too old.
        let (Place::Behind(position) | Place::Snapshot { begun: position, .. }) = &place;
        services.changes_behind(scope, position).await?;
        Ok(Self { services, scope, place, heartbeat, view })
    }

    /// Goes on for as long as somebody reads.
    async fn run(mut self, reader: &Reader) -> Result<Infallible, Status> {
        let mut committed = self.services.store.committed();
        // It is told as soon as everything is that there was.
        let mut beats_at = None;
        loop {
            // What is committed from here on ends the next rest.
            committed.mark_unchanged();
            let (looked_at, as_of) = (Instant::now(), self.services.clock.now());
            if self.tell(reader).await? {
                beats_at = beats_at.map(|_| Instant::now() + self.heartbeat);
                continue;
            }
            if beats_at.is_none_or(|at| at <= Instant::now()) {
                self.beat(reader, as_of).await?;
                beats_at = Some(Instant::now() + self.heartbeat);
            }
            rest(&mut committed, looked_at, beats_at).await;
        }
    }

    /// Tells what there is next; answers whether there was any.
    async fn tell(&mut self, reader: &Reader) -> Result<bool, Status> {
        match self.place.clone() {
            Place::Behind(position) => {
                let changes = self.services.changes_behind(self.scope, &position).await?;
                let is_any = !changes.is_empty();
                for (behind, workspace, change) in changes {
                    self.tell_change(reader, workspace, &change, behind).await?;
                }
                Ok(is_any)
            }
            Place::Snapshot { begun, walk } => {
                self.tell_state(reader, begun, walk).await?;
                Ok(true)
            }
        }
    }

    /// Tells a change, in as many answers as its members need. The last of them alone carries the place behind it.
    async fn tell_change(
        &mut self,
        reader: &Reader,
        workspace: WorkspaceId,
        change: &Change,
        behind: Position,
    ) -> Result<(), Status> {
        let message = match &self.view {
            Some(view) => self.teller(workspace, view).await?.change(change).await?,
            None => bare(workspace, change)?,
        };
        let Some(group) = restored_group(&message) else {
            let mut rest = Some(message);
            while let Some(answer) = next_answer(&mut rest) {
                if !answer.more {
                    self.place = Place::Behind(behind.clone());
                }
                self.send(reader, Item::Change(answer)).await?;
            }
            return Ok(());
        };
        let (mut message, mut after) = (message, None);
        loop {
            let view = self.view.clone().unwrap_or_default();
            let members = self.teller(workspace, &view).await?.members(group, after).await?;
            let answer = with_members(&mut message, &members);
            let more = answer.more;
            if !more {
                self.place = Place::Behind(behind.clone());
            }
            self.send(reader, Item::Change(answer)).await?;
            if !more {
                return Ok(());
            }
            after = members.last().copied();
        }
    }

    /// Tells the next pieces of the state. The last of them alone carries the place behind them.
    async fn tell_state(
        &mut self,
        reader: &Reader,
        begun: Position,
        walk: Walk,
    ) -> Result<(), Status> {
        let view = self.view.clone().unwrap_or_default();
        let teller = self.teller(walk.workspace, &view).await?;
        let (puts, mut next) = teller.state(&walk.stage).await?;
        drop(teller);
        if next.is_none() && self.scope == Scope::All {
            next = self.services.workspace_behind(Some(walk.workspace)).await?.map(Walk::of);
        }
        let is_whole = next.is_none();
        let behind = match next {
            Some(walk) => Place::Snapshot { begun, walk },
            None => Place::Behind(begun),
        };
        let mut items: Vec<_> = puts.into_iter().map(Item::Put).collect();
        if is_whole {
            items.push(Item::SnapshotEnd(v1::SnapshotEnd {}));
        }
        let Some(last) = items.pop() else {
            self.place = behind;
            return Ok(());
        };
        for item in items {
            self.send(reader, item).await?;
        }
        self.place = behind;
        self.send(reader, last).await
    }

    async fn beat(&self, reader: &Reader, as_of: Micros) -> Result<(), Status> {
        let as_of_time = Some(render::timestamp(as_of));
        self.send(reader, Item::Heartbeat(v1::Heartbeat { as_of_time })).await
    }

    /// Whoever tells of a workspace, when it is their turn.
    async fn teller(&self, id: WorkspaceId, view: &v1::View) -> Result<Teller<'_, S>, Status> {
        loop {
            match Teller::new(&self.services, id, view).await {
                Err(status) if is_shed(&status) => sleep(TURN).await,
                teller => return teller,
            }
        }
    }

    /// Hands an answer over with the cursor of the place where the watch stands.
    async fn send(&self, reader: &Reader, item: Item) -> Result<(), Status> {
        let cursor = self.services.cursor(self.scope, &self.place)?;
        let answer = v1::WatchResponse { cursor, item: Some(item) };
        // Who has gone is not told of it, nor is who takes nothing.
        let stalled = || Status::deadline_exceeded("The watch is not read.");
        let sent = timeout(STALLED, reader.send(Ok(answer))).await.map_err(|_| stalled())?;
        sent.map_err(|_| stalled())
    }
}

/// Waits until there may be more to tell, or a heartbeat is due.
async fn rest(committed: &mut watch::Receiver<()>, looked_at: Instant, beats_at: Option<Instant>) {
    tokio::select! {
        Ok(()) = committed.changed() => sleep_until(looked_at + REST).await,
        () = until(beats_at) => {}
    }
}

fn read_scope(ask: &v1::WatchRequest) -> Result<Scope, Refusal> {
    match (ask.workspace_id.as_str(), ask.all) {
        ("", true) => Ok(Scope::All),
        ("", false) => Err(read::invalid("workspace_id", "name one, or set all")),
        (_, true) => Err(read::invalid("all", "leave it out, or workspace_id")),
        (id, false) => id.parse().map(Scope::One).map_err(|_| crate::door::no_workspace(id)),
    }
}

fn read_heartbeat(interval: Option<&pbjson_types::Duration>) -> Result<Duration, Refusal> {
    let Some(interval) = interval else { return Ok(HEARTBEAT) };
    let (shortest, longest) = HEARTBEATS;
    let seconds = u64::try_from(interval.seconds).ok();
    let nanos = u32::try_from(interval.nanos).ok();
    let interval = seconds.zip(nanos).map(|(seconds, nanos)| {
        Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into()))
    });
    interval.filter(|interval| (shortest..=longest).contains(interval)).ok_or_else(|| {
        let cause = format!("from {} s to {} s are allowed", shortest.as_secs(), longest.as_secs());
        read::invalid("heartbeat_interval", cause)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen to fail without either bound.
    #[test]
    fn a_heartbeat_has_a_shortest_and_a_longest_interval() {
        let read =
            |seconds, nanos| read_heartbeat(Some(&pbjson_types::Duration { seconds, nanos }));
        assert_eq!(read_heartbeat(None).unwrap(), HEARTBEAT);
        assert_eq!(read(1, 0).unwrap(), Duration::from_secs(1));
        assert_eq!(read(60, 0).unwrap(), Duration::from_mins(1));
        for (seconds, nanos) in [(0, 999_999_999), (60, 1), (-1, 0), (5, -1), (i64::MAX, 0)] {
            assert_eq!(read(seconds, nanos).unwrap_err().reason, Reason::InvalidArgument);
        }
    }

    #[test]
    fn a_watch_is_of_one_or_of_all() {
        let read = |workspace_id: &str, all| {
            let workspace_id = workspace_id.to_owned();
            read_scope(&v1::WatchRequest { workspace_id, all, ..v1::WatchRequest::default() })
        };
        let id = "01890a5d-ac96-774b-bcce-b302099a8057";
        assert_eq!(read(id, false).unwrap(), Scope::One(id.parse().unwrap()));
        assert_eq!(read("", true).unwrap(), Scope::All);
        assert_eq!(read("", false).unwrap_err().reason, Reason::InvalidArgument);
        assert_eq!(read(id, true).unwrap_err().reason, Reason::InvalidArgument);
        assert_eq!(read("acme", false).unwrap_err().reason, Reason::WorkspaceNotFound);
    }
}
