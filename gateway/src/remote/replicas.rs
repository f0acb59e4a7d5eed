//! All directories that there are at the moment, and whose turn it is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tonic::transport::{Endpoint, Uri};

use super::Names;
use super::replica::Replica;

/// How long names are believed; when a directory is lost, they are looked up at once, as another may have
/// come in its place, but never sooner than after the pause.
const LOOK_UP_EVERY: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(500);

/// The directories of the moment. Clones share them.
#[derive(Clone)]
pub(super) struct Replicas {
    known: watch::Receiver<Known>,
    tell: watch::Sender<Known>,
    turn: Arc<AtomicUsize>,
    lost: Arc<Notify>,
}

impl Replicas {
    /// The directories at these endpoints, whose names are looked up for as long as anybody holds this.
    pub(super) fn follow(endpoints: Vec<Endpoint>, names: Names) -> Self {
        let (tell, known) = watch::channel(Known::new(endpoints));
        let lost = Arc::new(Notify::new());
        tokio::spawn(look_up(names, tell.clone(), Arc::clone(&lost)));
        Self { known, tell, turn: Arc::default(), lost }
    }

    /// Goes to the same directories by these endpoints, in the order of those before, from now on. Calls that
    /// are under way end on the connections that they have.
    pub(super) fn go_by(&self, endpoints: Vec<Endpoint>) {
        self.tell.send_modify(|known| known.go_by(endpoints));
    }

    /// The one whose turn it is among those that were not `tried`; of them, those that were lost come
    /// last. `None` when each was tried.
    pub(super) async fn next(&mut self, tried: &[SocketAddr]) -> Option<Arc<Replica>> {
        let known = match self.known.wait_for(|known| !known.all.is_empty()).await {
            Ok(known) => Arc::clone(&known.all),
            Err(_) => return None,
        };
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let from_turn = || (0..known.len()).map(|n| &known[turn.wrapping_add(n) % known.len()]);
        let fresh = || from_turn().filter(|replica| !tried.contains(&replica.at));
        fresh().find(|replica| !replica.is_out()).or_else(|| fresh().next()).cloned()
    }

    /// Notes that a call lost this one.
    pub(super) fn lost(&self, replica: &Arc<Replica>) {
        replica.lost();
        self.lost.notify_one();
    }
}

/// What is known of the directories.
struct Known {
    named: Vec<Named>,
    /// Those of every endpoint.
    all: Arc<[Arc<Replica>]>,
}

/// The directories at the addresses of one endpoint's host.
struct Named {
    endpoint: Endpoint,
    replicas: Vec<Arc<Replica>>,
}

impl Known {
    /// Endpoints whose names nobody has looked up yet.
    fn new(endpoints: Vec<Endpoint>) -> Self {
        let named = |endpoint| Named { endpoint, replicas: Vec::new() };
        Self { named: endpoints.into_iter().map(named).collect(), all: Arc::default() }
    }

    /// Takes what was found of each endpoint: who is still there keeps its channels. One of which nothing was
    /// found keeps the addresses that it had. Answers whether anything is new.
    fn found(&mut self, found: &[Vec<SocketAddr>]) -> bool {
        for (Named { endpoint, replicas }, addresses) in self.named.iter_mut().zip(found) {
            if addresses.is_empty() {
                continue;
            }
            let replica = |at: &SocketAddr| {
                let known = replicas.iter().find(|replica| replica.at == *at).cloned();
                known.unwrap_or_else(|| Arc::new(Replica::new(endpoint, *at)))
            };
            *replicas = addresses.iter().map(replica).collect();
        }
        let before = std::mem::take(&mut self.all);
        self.gather();
        let at = |replica: &Arc<Replica>| replica.at;
        let is_new = !before.iter().map(at).eq(self.all.iter().map(at));
        if is_new {
            let addresses: Vec<_> = self.all.iter().map(at).collect();
            tracing::info!(?addresses, "directories");
        }
        is_new
    }

    /// New channels to the same addresses.
    fn go_by(&mut self, endpoints: Vec<Endpoint>) {
        for (named, endpoint) in self.named.iter_mut().zip(endpoints) {
            let again = |replica: &Arc<Replica>| Arc::new(Replica::new(&endpoint, replica.at));
            named.replicas = named.replicas.iter().map(again).collect();
            named.endpoint = endpoint;
        }
        self.gather();
    }

    fn gather(&mut self) {
        self.all = self.named.iter().flat_map(|named| &named.replicas).cloned().collect();
    }
}

/// Looks names up again and again.
async fn look_up(names: Names, tell: watch::Sender<Known>, lost: Arc<Notify>) {
    let uris =
        |known: &Known| known.named.iter().map(|named| named.endpoint.uri().clone()).collect();
    let uris: Vec<Uri> = uris(&tell.borrow());
    loop {
        let mut found = Vec::new();
        for uri in &uris {
            let (host, port) = place(uri);
            let addresses = names.addresses(host, port).await;
            match &addresses {
                Ok(addresses) if !addresses.is_empty() => {}
                Ok(_) => tracing::warn!(host, "the directory's name has no address"),
                Err(error) => {
                    let error = error as &dyn std::error::Error;
                    tracing::warn!(error, host, "the directory's name cannot be looked up");
                }
            }
            found.push(addresses.unwrap_or_default());
        }
        tell.send_if_modified(|known| known.found(&found));
        tokio::select! {
            _ = timeout(LOOK_UP_EVERY, lost.notified()) => {}
            () = tell.closed() => return,
        }
        sleep(PAUSE).await;
    }
}

/// Host and port of a directory's URL.
fn place(uri: &Uri) -> (&str, u16) {
    let usual = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(usual))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn at(number: u8) -> SocketAddr {
        ([127, 0, 0, number], 50_051).into()
    }

    /// Directories by a name whose addresses a test sets.
    fn named() -> (Replicas, Arc<Mutex<Vec<SocketAddr>>>) {
        let addresses = Arc::new(Mutex::new(vec![at(3), at(1), at(2), at(1)]));
        let known = Arc::clone(&addresses);
        let names = Names::from_fn(move |host, port| {
            assert_eq!((&*host, port), ("directory.example", 50_051));
            let known = known.lock().unwrap().clone();
            Box::pin(async move { Ok(known) })
        });
        let endpoint = Endpoint::from_static("http://directory.example:50051");
        (Replicas::follow(vec![endpoint], names), addresses)
    }

    async fn turns(replicas: &mut Replicas, count: usize) -> Vec<SocketAddr> {
        let mut turns = Vec::new();
        for _ in 0..count {
            turns.push(replicas.next(&[]).await.expect("a directory").at);
        }
        turns
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_its_turn_and_is_tried_once() {
        let (mut replicas, _) = named();
        assert_eq!(turns(&mut replicas, 4).await, [at(1), at(2), at(3), at(1)]);
        let mut tried = Vec::new();
        while let Some(replica) = replicas.next(&tried).await {
            tried.push(replica.at);
        }
        tried.sort_unstable();
        assert_eq!(tried, [at(1), at(2), at(3)]);
    }

    /// Seen to fail with a lost one given its turn as ever.
    #[tokio::test(start_paused = true)]
    async fn who_was_lost_comes_last_until_it_answers() {
        let (mut replicas, _) = named();
        let lost = replicas.next(&[]).await.expect("a directory");
        replicas.lost(&lost);
        let others = turns(&mut replicas, 6).await;
        assert!(!others.contains(&lost.at), "{others:?}");
        let at_last = replicas.next(&[at(2), at(3)]).await.expect("a directory");
        assert_eq!(at_last.at, lost.at, "rather a lost one than none");
    }

    /// Seen to fail with names that are looked up once.
    #[tokio::test(start_paused = true)]
    async fn names_are_followed() {
        let (mut replicas, addresses) = named();
        let before = replicas.next(&[]).await.expect("a directory");
        *addresses.lock().unwrap() = vec![at(1), at(4)];
        sleep(LOOK_UP_EVERY * 5).await;
        let mut now = turns(&mut replicas, 2).await;
        now.sort_unstable();
        assert_eq!(now, [at(1), at(4)]);
        let kept = replicas.next(&[at(4)]).await.expect("a directory");
        assert!(Arc::ptr_eq(&before, &kept), "its connections stay");
        // A DNS that knows nothing for a while takes nobody away.
        addresses.lock().unwrap().clear();
        sleep(LOOK_UP_EVERY * 5).await;
        assert_eq!(turns(&mut replicas, 2).await.len(), 2);
    }
    /// Seen to fail with endpoints that nobody goes by.
    #[tokio::test(start_paused = true)]
    async fn another_certificate_is_shown_from_the_next_call_on() {
        let (mut replicas, _) = named();
        let before = replicas.next(&[at(2), at(3)]).await.expect("a directory");
        let renewed = Endpoint::from_static("http://directory.example:50051");
        replicas.go_by(vec![renewed]);
        let now = replicas.next(&[at(2), at(3)]).await.expect("a directory");
        assert_eq!(before.at, now.at);
        assert!(!Arc::ptr_eq(&before, &now), "it has channels of its own");
        // Looking names up brings the old ones not back.
        sleep(LOOK_UP_EVERY * 5).await;
        let later = replicas.next(&[at(2), at(3)]).await.expect("a directory");
        assert!(Arc::ptr_eq(&now, &later));
    }
}
