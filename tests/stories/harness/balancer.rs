//! What stands before gateways: the proxy's side of HTTP/1.1, no kinder than those in use.
//!
//! It keeps connections (the last that came back is the next that goes), sends each request to the next gateway
//! that is ready, and takes one out that refuses a connection or says on `/readyz` that it is not. A request that
//! was sent is not sent again, though HTTP has proxies repeat what is idempotent (RFC 9110 section 9.2.2): what
//! gets no answer is lost here. So Caddy does where nothing is said of retries, and nginx with what writes.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::wire::read_answer;
use super::{Answer, Ask};

/// How long a request may look for a gateway, and how long it waits before it looks again.
const LOOKING: Duration = Duration::from_secs(5);
const AGAIN: Duration = Duration::from_millis(100);
/// How long an answer may take. Nothing is measured by it: over it the call hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often each gateway is asked whether it is ready.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long one that is taken out has for what is under way there.
const LEAVING: Duration = Duration::from_secs(1);
/// The way to a gateway: what is sent passes an end of the connection that comes the other way.
const WAY: Duration = Duration::from_millis(2);

/// A proxy. Clones are the same one.
#[derive(Clone)]
pub(crate) struct Balancer(Arc<House>);

struct House {
    gateways: Arc<Vec<Gateway>>,
    turn: AtomicUsize,
    looking: JoinHandle<()>,
}

struct Gateway {
    at: SocketAddr,
    /// Whether it said so when it was asked last, and refused nobody since.
    is_ready: AtomicBool,
    /// Whether it was taken out, whatever it says.
    is_out: AtomicBool,
    kept: Mutex<Vec<TcpStream>>,
    /// Answers after which the connection was not kept.
    lasts: AtomicUsize,
}

impl Balancer {
    /// Before gateways at these addresses.
    pub(crate) fn before(gateways: &[SocketAddr]) -> Self {
        let gateway = |at: &SocketAddr| Gateway {
            at: *at,
            is_ready: AtomicBool::new(true),
            is_out: AtomicBool::new(false),
            kept: Mutex::default(),
            lasts: AtomicUsize::new(0),
        };
        let gateways: Arc<Vec<_>> = Arc::new(gateways.iter().map(gateway).collect());
        let looked_at = Arc::clone(&gateways);
        let looking = tokio::spawn(async move {
            loop {
                for gateway in looked_at.iter() {
                    let ready = Ask::new("GET", "/readyz").try_send(gateway.at).await;
                    let is_ready = ready.is_ok_and(|answer| answer.status == 200);
                    gateway.is_ready.store(is_ready, Ordering::Relaxed);
                }
                sleep(LOOK_EVERY).await;
            }
        });
        Self(Arc::new(House { gateways, turn: AtomicUsize::new(0), looking }))
    }

    /// Sends a request to a gateway, and passes on what it answers.
    ///
    /// # Errors
    /// When it was sent and not answered, or no gateway took a connection: a proxy answers 502.
    pub(crate) async fn send(&self, ask: &Ask) -> Result<Answer> {
        let deadline = Instant::now() + LOOKING;
        loop {
            let turn = self.0.turn.fetch_add(1, Ordering::Relaxed);
            for n in 0..self.0.gateways.len() {
                let gateway = &self.0.gateways[(turn + n) % self.0.gateways.len()];
                if gateway.is_out.load(Ordering::Relaxed)
                    || !gateway.is_ready.load(Ordering::Relaxed)
                {
                    continue;
                }
                match gateway.connection().await {
                    Ok(connection) => return gateway.exchange(connection, ask).await,
                    Err(_) => gateway.is_ready.store(false, Ordering::Relaxed),
                }
            }
            if Instant::now() > deadline {
                return Err(Error::new(ErrorKind::NotConnected, "no gateway is ready"));
            }
            sleep(AGAIN).await;
        }
    }

    /// Sends nothing more to a gateway, and waits until what was sent is answered; as Kubernetes does with one that is
    /// to end, which serves on meanwhile (`preStop`).
    pub(crate) async fn take_out(&self, gateway: usize) {
        self.0.gateways[gateway].is_out.store(true, Ordering::Relaxed);
        sleep(LEAVING).await;
    }

    /// Sends to it again.
    pub(crate) fn put_in(&self, gateway: usize) {
        self.0.gateways[gateway].is_out.store(false, Ordering::Relaxed);
    }

    /// How many answers said that their connection ends with them.
    pub(crate) fn lasts(&self) -> usize {
        self.0.gateways.iter().map(|gateway| gateway.lasts.load(Ordering::Relaxed)).sum()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

impl Gateway {
    /// One that was kept and is open as far as is known here, or a new one.
    async fn connection(&self) -> Result<TcpStream> {
        loop {
            let kept = self.kept.lock().expect("nobody panicked").pop();
            let Some(kept) = kept else { return TcpStream::connect(self.at).await };
            let is_open = |error: &Error| error.kind() == ErrorKind::WouldBlock;
            if kept.try_read(&mut [0]).err().as_ref().is_some_and(is_open) {
                return Ok(kept);
            }
        }
    }

    async fn exchange(&self, mut connection: TcpStream, ask: &Ask) -> Result<Answer> {
        let bytes = ask.clone().header("Connection", "keep-alive").bytes(self.at);
        sleep(WAY).await;
        connection.write_all(&bytes).await?;
        let mut bytes = Vec::new();
        let answer = loop {
            match read_answer(&bytes, false) {
                Err(cut) if cut.kind() == ErrorKind::UnexpectedEof => {}
                read => break read?,
            }
            if timeout(PATIENCE, connection.read_buf(&mut bytes)).await?? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        if answer.header("connection") == Some("close") {
            self.lasts.fetch_add(1, Ordering::Relaxed);
        } else {
            self.kept.lock().expect("nobody panicked").push(connection);
        }
        Ok(answer)
    }
}
