//! One connection, from its first byte to its end.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Request, Response, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::activity::{Activity, Protocol, Verdict};
use crate::body::{Paced, Taken, UnderWay};
use crate::socket::Noted;
use crate::{Patience, Peer};

/// Requests at a time on one connection of HTTP/2.
const STREAMS: u32 = 100;
/// Bytes of a request's headers in HTTP/2.
const HTTP2_HEADERS: u32 = 16 * 1024;
/// Bytes of a request's head in HTTP/1, its target among them: a filter of 8 KiB may come with every
/// byte percent-encoded.
const HTTP1_HEAD: usize = 64 * 1024;
/// Bytes of an answer that HTTP/2 holds for a client which does not take them.
const SEND_BUFFER: usize = 64 * 1024;
/// Streams that a client opened and reset before they were served; beyond it the connection ends
/// (CVE-2023-44487).
const PENDING_RESETS: usize = 20;
/// Streams that had to be reset for what the client did; beyond it the connection ends.
const ERROR_RESETS: usize = 1_024;
/// How often a client of HTTP/2 is asked for a sign of life, and how long it may take to give one.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection of HTTP/1 may take, once the process is asked to end, to say what it wants. Who keeps
/// one may be sending a request on it: it is answered, and the answer says that it is the last.
const LAST_WORD: Duration = Duration::from_secs(1);

/// How connections are spoken on.
pub(crate) fn protocols() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Later heads are awaited by the clock of `activity`, which knows an idle client from a slow one.
        .header_read_timeout(None)
        .max_buf_size(HTTP1_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HTTP2_HEADERS)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(ERROR_RESETS)
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT);
    builder
}

/// What every connection of a listener goes by.
#[derive(Clone)]
pub(crate) struct Terms {
    pub(crate) listener: &'static str,
    pub(crate) router: Router,
    pub(crate) patience: Patience,
    pub(crate) protocols: Builder<TokioExecutor>,
    /// The process is asked to end: take nothing more.
    pub(crate) stop: CancellationToken,
    /// It ends: whatever is under way.
    pub(crate) cut: CancellationToken,
}

impl Terms {
    /// Serves one connection to its end.
    pub(crate) async fn serve<S>(self, stream: S, peer: Peer, accepted: Instant)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::new(self.patience, accepted));
        let port = peer.address.port();
        let exchanges = Exchanges {
            router: self.router,
            patience: self.patience,
            listener: self.listener,
            peer,
            activity: Arc::clone(&activity),
            stop: self.stop.clone(),
        };
        let stream = TokioIo::new(Noted::new(stream, Arc::clone(&activity)));
        let mut connection = pin!(self.protocols.serve_connection(stream, exchanges));
        let mut stopping = pin!(last_word(&self.stop, &activity));
        let mut cut = pin!(self.cut.cancelled());
        let mut alarm = pin!(sleep_until(accepted + self.patience.head));
        let mut age = pin!(sleep_until(accepted + age_of(self.patience, port)));
        let mut is_old = false;
        let mut is_closing = false;
        let ended = poll_fn(|context| {
            if let Poll::Ready(ended) = connection.as_mut().poll(context) {
                return Poll::Ready(Ok(ended));
            }
            if cut.as_mut().poll(context).is_ready() {
                return Poll::Ready(Err("drain"));
            }
            if !is_closing && stopping.as_mut().poll(context).is_ready() {
                is_closing = true;
                connection.as_mut().graceful_shutdown();
                context.waker().wake_by_ref();
            }
            while age.as_mut().poll(context).is_ready() {
                let now = Instant::now();
                if is_old {
                    return Poll::Ready(Err("age"));
                } else if activity.is_http2() {
                    is_old = true;
                    if !is_closing {
                        is_closing = true;
                        connection.as_mut().graceful_shutdown();
                        context.waker().wake_by_ref();
                    }
                    age.as_mut().reset(now + self.patience.age_grace);
                } else {
                    age.as_mut().reset(now + self.patience.age);
                }
            }
            while alarm.as_mut().poll(context).is_ready() {
                let now = Instant::now();
                match activity.verdict(now) {
                    Verdict::LookAgain(at) => alarm.as_mut().reset(at),
                    Verdict::Cut(cause) => return Poll::Ready(Err(cause)),
                    Verdict::Close if is_closing => return Poll::Ready(Err("idle")),
                    Verdict::Close => {
                        is_closing = true;
                        connection.as_mut().graceful_shutdown();
                        context.waker().wake_by_ref();
                        alarm.as_mut().reset(now + LAST_WORD);
                    }
                }
            }
            Poll::Pending
        });
        match ended.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(error = &*error, "connection ended"),
            Err(cause) => {
                let labels = [("listener", self.listener), ("cause", cause)];
                metrics::counter!("nestr_scim_connections_cut_total", &labels).increment(1);
                tracing::debug!(cause, "connection cut");
            }
        }
    }
}

/// How old a connection becomes: up to an eighth more than it has to, by its client's port, so that those
/// that came together do not all go together.
fn age_of(patience: Patience, port: u16) -> Duration {
    patience.age + patience.age * u32::from(port % 64) / 512
}

/// Ends once the process is asked to end, and the client can be told so without losing a request: at once on
/// HTTP/2, which has a word for it, and else when it had the time to send one.
async fn last_word(stop: &CancellationToken, activity: &Activity) {
    stop.cancelled().await;
    let end = Instant::now() + LAST_WORD;
    while !activity.is_http2() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The requests of one connection, on their way to the router.
struct Exchanges {
    router: Router,
    patience: Patience,
    listener: &'static str,
    peer: Peer,
    activity: Arc<Activity>,
    stop: CancellationToken,
}

impl hyper::service::Service<Request<Incoming>> for Exchanges {
    type Response = Response<Taken<Body>>;
    type Error = Infallible;
    type Future =
        std::pin::Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let protocol = match request.version() {
            Version::HTTP_2 => Protocol::Http2,
            _ => Protocol::Http1,
        };
        let answer = self.activity.taken(protocol);
        let under_way = UnderWay::new(Arc::clone(&self.activity), answer);
        let (patience, listener) = (self.patience, self.listener);
        let mut request = request.map(|body| Body::new(Paced::new(body, patience, listener)));
        request.extensions_mut().insert(ConnectInfo::<SocketAddr>(self.peer.address));
        request.extensions_mut().insert(self.peer.clone());
        let (answer, stop) = (self.router.clone().call(request), self.stop.clone());
        Box::pin(async move {
            let mut answer = answer.await?;
            if protocol == Protocol::Http1 && stop.is_cancelled() {
                answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| Taken::new(body, under_way)))
        })
    }
}
