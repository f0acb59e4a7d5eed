//! A gateway before several directories on one store: they come and go, and nobody who asks it notices.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use gateway::{ClientConfig, GatewayConfig, Names, Random, Remote};
use listener::{Listener, ListenerConfig};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Endpoint;

use crate::harness::{Ask, GATEWAY, House, Key, Replica, is_long, unique};

const LIMITS: ListenerConfig =
    ListenerConfig { max_connections: 1_000, max_connections_per_address: 0 };

/// A directory that is served. What runs for it runs on threads of its own, so that it can end at once.
struct Served {
    runtime: Option<Runtime>,
    serving: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Served {
    async fn at(address: SocketAddr, replica: &Replica) -> Self {
        let mut runtime = tokio::runtime::Builder::new_multi_thread();
        let runtime = runtime.worker_threads(1).enable_all().build().expect("threads");
        let (stop, router) = (CancellationToken::new(), replica.router());
        let (told, bound) = tokio::sync::oneshot::channel();
        let until = stop.clone();
        let serving = runtime.spawn(async move {
            let socket = TcpListener::bind(address).await.expect("the address is free again");
            told.send(()).expect("somebody waits");
            Listener::new("grpc", socket, LIMITS).serve(router, until).await;
        });
        bound.await.expect("it listens");
        Self { runtime: Some(runtime), serving, stop }
    }

    /// Lets what is under way be answered, as SIGTERM does.
    async fn ends(mut self) {
        self.stop.cancel();
        (&mut self.serving).await.expect("no panic");
    }
}

impl Drop for Served {
    /// Cuts everything where it is, as SIGKILL does.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// A gateway before directories at these addresses.
async fn gateway_before(directories: &[SocketAddr]) -> (SocketAddr, DropGuard) {
    let endpoint = |at: &SocketAddr| Endpoint::from_shared(format!("http://{at}")).expect("a URL");
    let endpoints = directories.iter().map(endpoint).collect();
    let remote = Remote::new(endpoints, Names::system(), Some(GATEWAY)).expect("a credential");
    let config = GatewayConfig {
        request_timeout: Duration::from_secs(30),
        body_limit: 1024 * 1024,
        clients: ClientConfig::default(),
    };
    let router = gateway::router(remote, config, Random::system());
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let (at, stop) = (socket.local_addr().expect("an address"), CancellationToken::new());
    tokio::spawn(Listener::new("http", socket, LIMITS).serve(router, stop.clone()));
    (at, stop.drop_guard())
}

/// Addresses that are free, for directories that come back to theirs.
async fn addresses(count: usize) -> Vec<SocketAddr> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        sockets.push(TcpListener::bind("127.0.0.1:0").await.expect("a port"));
    }
    sockets.iter().map(|socket| socket.local_addr().expect("an address")).collect()
}

/// An identity provider at a gateway.
#[derive(Clone)]
struct Idp {
    at: SocketAddr,
    key: Key,
}

impl Idp {
    fn ask(&self, method: &str, endpoint: &str) -> Ask {
        let path = format!("/scim/v2/{}{endpoint}", self.key.workspace_id);
        Ask::new(method, path).bearer(&self.key.text)
    }

    /// Makes people, changes each and looks at them, until it is over; each answer is the one that was to
    /// be. Answers how many there were.
    async fn provisions(self, over: Arc<AtomicBool>) -> usize {
        let mut answers = 0;
        while !over.load(Ordering::Relaxed) {
            let name = unique();
            let body = json!({"userName": name}).to_string();
            let made = self.ask("POST", "/Users").scim(body).send(self.at).await.is(201);
            let path = format!("/Users/{}", made.text("/id"));
            let value = json!({"title": "x"});
            let body = json!({"Operations": [{"op": "replace", "value": value}]}).to_string();
            self.ask("PATCH", &path).scim(body).send(self.at).await.is(200);
            assert_eq!(self.ask("GET", &path).send(self.at).await.is(200).text("/title"), "x");
            answers += 3;
        }
        answers
    }
}

/// Each of three is ended and comes back, as a new version is rolled out, and each is killed and comes back,
/// as machines are. Seen to fail with a call that is sent once, and with one that is always sent to the same
/// directory.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_costs_no_request() {
    let house = House::new();
    let replica = house.replica_alone().await;
    let workspace_id = replica.workspace().await;
    let key = replica.key(&workspace_id).await;
    let places = addresses(3).await;
    let mut served = Vec::new();
    for at in &places {
        served.push(Some(Served::at(*at, &house.replica_alone().await).await));
    }
    let (at, _gateway) = gateway_before(&places).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut load = JoinSet::new();
    for _ in 0..6 {
        load.spawn(Idp { at, key: key.clone() }.provisions(Arc::clone(&over)));
    }
    for round in 0..if is_long() { 20 } else { 2 } {
        for (place, served) in places.iter().zip(&mut served) {
            sleep(Duration::from_millis(200)).await;
            let running = served.take().expect("it runs");
            if round % 2 == 0 {
                running.ends().await;
            } else {
                drop(running);
            }
            sleep(Duration::from_millis(200)).await;
            *served = Some(Served::at(*place, &house.replica_alone().await).await);
        }
    }
    over.store(true, Ordering::Relaxed);
    let answers: usize = load.join_all().await.into_iter().sum();
    println!("{answers} answers");
    assert!(answers > 100, "only {answers}");
}

/// A machine that is gone says nothing: it takes calls, and no answer comes. What was sent to it is asked
/// for elsewhere once it has given no sign of life for 8 s, and meanwhile the others answer. Seen to fail
/// without the signs of life.
#[tokio::test]
async fn a_directory_that_falls_silent_costs_time_and_no_request() {
    let house = House::new();
    let replica = house.replica_alone().await;
    let workspace_id = replica.workspace().await;
    let key = replica.key(&workspace_id).await;
    // Connections wait here for ever to be accepted.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = addresses(1).await[0];
    let _served = Served::at(place, &replica).await;
    let (at, _gateway) = gateway_before(&[silent.local_addr().unwrap(), place]).await;
    let idp = Idp { at, key };
    let began = Instant::now();
    let mut asking = JoinSet::new();
    for _ in 0..8 {
        let ask = idp.ask("POST", "/Users").scim(json!({"userName": unique()}).to_string());
        asking.spawn(async move { ask.send(at).await.is(201) });
    }
    asking.join_all().await;
    // What was 8 s and not the 30 s that a request has.
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    let began = Instant::now();
    for _ in 0..20 {
        idp.ask("GET", "/Users?count=0").send(at).await.is(200);
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
