//! The loop that takes connections, and its end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caps::{Caps, Ticket};
use crate::connection::{Terms, protocols};
use crate::{ListenerConfig, Patience, Peer, Tls, peer};

/// How long accepting rests after it failed, for want of file descriptors, say.
const REST: Duration = Duration::from_millis(100);

/// A bound socket, and how it is served.
#[derive(Debug)]
pub struct Listener {
    name: &'static str,
    socket: TcpListener,
    caps: Caps,
    patience: Patience,
    tls: Option<Arc<Tls>>,
}

impl Listener {
    /// A listener on `socket`, in plain text. `name` stands in metrics and logs.
    #[must_use]
    pub fn new(name: &'static str, socket: TcpListener, config: ListenerConfig) -> Self {
        let (caps, patience) = (Caps::new(config), Patience::default());
        Self { name, socket, caps, patience, tls: None }
    }

    /// The listener with TLS, if there is any.
    #[must_use]
    pub fn with_tls(self, tls: Option<Arc<Tls>>) -> Self {
        Self { tls, ..self }
    }

    /// The listener with other limits of time.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Serves `router` until `stop`. What is under way then is answered whole within
    /// [`Patience::drain`], and what waits to be taken is still taken; then nobody listens, and what
    /// is left is cut.
    pub async fn serve(self, router: Router, stop: CancellationToken) {
        let Self { name, socket, caps, patience, tls } = self;
        let terms = Terms {
            listener: name,
            router,
            patience,
            protocols: protocols(),
            stop: stop.clone(),
            cut: CancellationToken::new(),
        };
        let connections = TaskTracker::new();
        let take = |(stream, address): (TcpStream, SocketAddr)| match caps.ticket(address.ip()) {
            Ok(ticket) => {
                let connection = connection(stream, address, terms.clone(), tls.clone(), ticket);
                connections.spawn(connection);
            }
            Err(over) => {
                let labels = [("listener", name), ("cause", over.name())];
                metrics::counter!("nestr_scim_connections_refused_total", &labels).increment(1);
            }
        };
        loop {
            let accepted = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => take(accepted),
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, name, "accept failed");
                    tokio::time::sleep(REST).await;
                }
            }
        }
        // Who has come already was told that somebody listens.
        while let Ok(Ok(accepted)) = timeout(Duration::ZERO, socket.accept()).await {
            take(accepted);
        }
        drop(socket);
        connections.close();
        if timeout(patience.drain, connections.wait()).await.is_err() {
            let (left, seconds) = (connections.len(), patience.drain.as_secs());
            tracing::warn!(name, left, "connections that did not end in {seconds} s are cut");
            terms.cut.cancel();
            connections.wait().await;
        }
    }
}

async fn connection(
    stream: TcpStream,
    address: SocketAddr,
    terms: Terms,
    tls: Option<Arc<Tls>>,
    _ticket: Ticket,
) {
    let accepted = Instant::now();
    let open = metrics::gauge!("nestr_scim_connections", "listener" => terms.listener);
    open.increment(1.0);
    // An answer is one segment or a few: sent at once, not held back for more.
    let _ = stream.set_nodelay(true);
    match tls {
        None => {
            let peer = Peer { address, names: Arc::default() };
            terms.serve(stream, peer, accepted).await;
        }
        Some(tls) => {
            let shaking = timeout_at(accepted + terms.patience.head, tls.accept(stream));
            let cut = terms.cut.clone();
            let shaken = tokio::select! {
                shaken = shaking => shaken.ok(),
                () = cut.cancelled() => None,
            };
            match shaken {
                Some(Ok(stream)) => {
                    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
                    let shown: Vec<_> = shown.iter().map(|one| one.clone().into_owned()).collect();
                    let names = shown.first().map(peer::names).unwrap_or_default();
                    let (every, stop) = (terms.patience.certificate, terms.stop.child_token());
                    let terms = Terms { stop: stop.clone(), ..terms };
                    let mut serving = pin!(terms.serve(stream, Peer { address, names }, accepted));
                    tokio::select! {
                        () = &mut serving => {}
                        // What is under way is answered, and the client has to come anew.
                        () = tls.outlives(&shown, every), if !shown.is_empty() => {
                            stop.cancel();
                            serving.await;
                        }
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "no TLS");
                }
                None => {
                    let labels = [("listener", terms.listener), ("cause", "head")];
                    metrics::counter!("nestr_scim_connections_cut_total", &labels).increment(1);
                }
            }
        }
    }
    open.decrement(1.0);
}
