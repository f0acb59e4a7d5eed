//! One directory: the channels to its address, and whether calls go there.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint, Uri};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// How many channels are kept to a directory. It takes 100 calls at a time on each, so that no workspace
/// that waits for its turn there holds them all.
const CHANNELS: usize = 8;
/// How long making a connection may take before it is tried again, or elsewhere.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a silent connection is asked for a sign of life, and how long that may take: a directory
/// whose machine is gone says nothing.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a directory that was lost is left alone before it is asked whether it is back; it doubles up to
/// the longest.
const SHORTEST_REST: Duration = Duration::from_millis(100);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// How long it may take to say so.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);

/// A directory at one address.
pub(super) struct Replica {
    pub(super) at: SocketAddr,
    channels: Vec<Channel>,
    turn: AtomicUsize,
    is_out: AtomicBool,
}

impl Replica {
    /// The directory of this endpoint at one of its host's addresses. Nothing is connected yet: the first
    /// call on a channel does that, and every later one that finds the connection lost.
    pub(super) fn new(endpoint: &Endpoint, at: SocketAddr) -> Self {
        let endpoint = endpoint
            .clone()
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true);
        // TLS goes by the endpoint's name, the socket by the address.
        let connect = move |_: Uri| async move {
            let stream = TcpStream::connect(at).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(TokioIo::new(stream))
        };
        let channel = |_| endpoint.connect_with_connector_lazy(tower::service_fn(connect));
        let channels = (0..CHANNELS).map(channel).collect();
        Self { at, channels, turn: AtomicUsize::new(0), is_out: AtomicBool::new(false) }
    }

    /// The channel whose turn it is.
    pub(super) fn channel(&self) -> Channel {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        self.channels[turn % CHANNELS].clone()
    }

    /// Whether it was lost and has given no sign of life since.
    pub(super) fn is_out(&self) -> bool {
        self.is_out.load(Ordering::Relaxed)
    }

    /// Notes that a call lost it. Others go elsewhere until it says that it serves, which it is asked for
    /// as long as anybody but this knows it.
    pub(super) fn lost(self: &Arc<Self>) {
        if self.is_out.swap(true, Ordering::Relaxed) {
            return;
        }
        tracing::warn!(at = %self.at, "a directory was lost");
        metrics::counter!("nestr_scim_directories_lost_total").increment(1);
        let (replica, channel) = (Arc::downgrade(self), self.channel());
        tokio::spawn(async move {
            let mut rests = ExponentialBuilder::default()
                .with_min_delay(SHORTEST_REST)
                .with_max_delay(LONGEST_REST)
                .without_max_times()
                .with_jitter()
                .build();
            loop {
                sleep(rests.next().unwrap_or(LONGEST_REST)).await;
                let is_back = is_alive(channel.clone()).await;
                let Some(replica) = replica.upgrade() else { return };
                if is_back {
                    replica.is_out.store(false, Ordering::Relaxed);
                    tracing::info!(at = %replica.at, "a directory is back");
                    return;
                }
            }
        });
    }
}

/// Whether a directory answers. What it says of its services is for its callers to see.
async fn is_alive(channel: Channel) -> bool {
    let mut health = HealthClient::new(channel);
    let answer = health.check(HealthCheckRequest::default());
    matches!(timeout(PROBE_TIMEOUT, answer).await, Ok(Ok(_)))
}
