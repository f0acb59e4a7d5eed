//! Connections that grow old under whoever watches.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use directory_api::v1;
use directory_api::v1::change::Subject;
use directory_api::v1::watch_response::Item;
use directory_api::v1::watch_service_client::WatchServiceClient;
use directory_api::v1::{Reason, WatchStart};
use listener::{Listener, ListenerConfig, Patience};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::Status;
use tonic::transport::{Channel, Endpoint};

use crate::harness::{House, Replica, by_operator, unique};

/// Longer than anything takes that comes at all.
const PATIENCE: Duration = Duration::from_secs(30);
/// How old a connection becomes here, and how long a watch on it may go on then.
const AGE: Duration = Duration::from_millis(200);
/// How often the watch is cut.
const CUTS: usize = 5;

/// Serves a directory whose connections become no older than that.
async fn serve(replica: &Replica) -> (SocketAddr, DropGuard) {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (at, stop) = (socket.local_addr().expect("an address"), CancellationToken::new());
    let limits = ListenerConfig { max_connections: 16, max_connections_per_address: 0 };
    let patience = Patience { age: AGE, age_grace: AGE, ..Patience::default() };
    let listener = Listener::new("grpc", socket, limits).with_patience(patience);
    tokio::spawn(listener.serve(replica.router(), stop.clone()));
    (at, stop.drop_guard())
}

/// A service that follows a workspace from its first change on, by one channel.
struct Follower {
    channel: Channel,
    workspace_id: String,
    cursor: String,
    /// The last revision that was told.
    revision: u64,
    /// Who was told of as made.
    people: Vec<String>,
}

impl Follower {
    /// Goes on from the last cursor until this person is told of, or to the end of the stream, which is answered.
    async fn follow(&mut self, until: Option<&String>) -> Option<Status> {
        let ask = v1::WatchRequest {
            workspace_id: self.workspace_id.clone(),
            cursor: self.cursor.clone(),
            start: WatchStart::Earliest.into(),
            ..v1::WatchRequest::default()
        };
        let mut watches = WatchServiceClient::new(self.channel.clone());
        let mut feed = match watches.watch(by_operator(ask)).await {
            Ok(feed) => feed.into_inner(),
            Err(lost) => return Some(lost),
        };
        loop {
            let answer = match timeout(PATIENCE, feed.message()).await.expect("an answer in time") {
                Ok(answer) => answer.expect("a watch ends with an error"),
                Err(lost) => return Some(lost),
            };
            self.cursor = answer.cursor;
            let Some(Item::Change(change)) = answer.item else { continue };
            assert_eq!(change.revision, self.revision + 1, "a gap, or twice in one watch");
            self.revision = change.revision;
            if let Some(Subject::User(user)) = change.subject {
                let is_last = until == Some(&user.user_id);
                self.people.push(user.user_id);
                if is_last {
                    return None;
                }
            }
        }
    }
}

/// People are made without a pause while the connection of who follows is cut again and again. By the cursor of
/// the last answer the watch goes on behind it, on another connection that the channel makes by itself: nothing
/// is missing, and nothing comes twice whose cursor was kept. Seen to fail without the cursor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_whose_connection_grows_old_goes_on_from_its_cursor() {
    let house = House::new();
    let replica = Arc::new(house.replica_alone().await);
    let workspace_id = replica.workspace().await;
    let (at, _serving) = serve(&replica).await;
    let over = Arc::new(AtomicBool::new(false));
    let making = {
        let (replica, workspace_id, over) =
            (Arc::clone(&replica), workspace_id.clone(), Arc::clone(&over));
        tokio::spawn(async move {
            let mut made = Vec::new();
            while !over.load(Ordering::Relaxed) {
                made.push(replica.person(&workspace_id, &unique()).await);
                sleep(Duration::from_millis(5)).await;
            }
            made
        })
    };
    let channel = Endpoint::from_shared(format!("http://{at}")).expect("a URL").connect_lazy();
    let (cursor, people) = (String::new(), Vec::new());
    let mut follower = Follower { channel, workspace_id, cursor, revision: 0, people };
    for _ in 0..CUTS {
        let end = follower.follow(None).await.expect("an end");
        assert_eq!(Reason::of(&end), None, "the connection ends, and not the watch: {end}");
    }
    over.store(true, Ordering::Relaxed);
    let made = making.await.expect("people");
    while follower.people.last() != made.last() {
        follower.follow(made.last()).await;
    }
    assert_eq!(follower.people, made);
    assert!(made.len() > 20, "{}", made.len());
}
