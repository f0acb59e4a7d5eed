//! The directory in another process: a few channels, the gateway's credential where it has one, and another
//! try when the directory was not there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use backon::{BackoffBuilder, ExponentialBuilder};
use http_body_util::{BodyExt, Collected, Full};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, StdError};
use tonic::transport::{Channel, Endpoint};
use tracing::Instrument;

/// How many channels are kept. A directory takes 100 calls at a time on each, so that no workspace
/// that waits for its turn there holds them all.
const CHANNELS: usize = 8;
/// How long making a connection may take before it is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a silent connection is asked for a sign of life, and how long that may take: a directory
/// whose machine is gone says nothing.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long to wait before the second try; it doubles up to the longest.
const SHORTEST_WAIT: Duration = Duration::from_millis(20);
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long a call may take that says nothing of its deadline.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(2);

/// The header of a gRPC call's deadline, and the most that its eight digits hold.
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const MOST_MILLISECONDS: u64 = 99_999_999;

/// Until when a call has to be answered. It travels as an extension of the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(pub(crate) Instant);

/// Channels to a directory in another process. Clones share them.
///
/// A call that finds no directory, or loses it, is sent again until its deadline: a read changes
/// nothing, and a write carries an operation id by which the directory knows it again. What the
/// directory itself answers is final. A call runs to its end even when its client has gone: a
/// cancelled one resets its stream, and a directory ends a connection, with all other calls on it, on
/// which too many were reset.
#[derive(Clone)]
pub struct Remote {
    channels: Arc<ArcSwap<[Channel; CHANNELS]>>,
    next: Arc<AtomicUsize>,
    bearer: Option<HeaderValue>,
}

/// The credential is not one that a header can carry: it is not visible ASCII, or empty.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a credential is visible ASCII, without blanks")]
pub struct NotACredential;

impl Remote {
    /// Channels to the directory at `endpoint`, presenting `credential`, if there is one; without it the
    /// directory knows the gateway by the certificate that it shows there. Nothing is connected yet: the first
    /// call does that, and every later one that finds the connection lost.
    ///
    /// # Errors
    /// When the credential cannot be sent.
    pub fn new(endpoint: &Endpoint, credential: Option<&str>) -> Result<Self, NotACredential> {
        let bearer = credential.map(bearer).transpose()?;
        let channels = Arc::new(ArcSwap::from_pointee(channels(endpoint)));
        Ok(Self { channels, next: Arc::default(), bearer })
    }

    /// Goes by this endpoint from the next call on, as when it shows another certificate.
    pub fn go_by(&self, endpoint: &Endpoint) {
        self.channels.store(Arc::new(channels(endpoint)));
    }

    /// The channel whose turn it is.
    fn channel(&self) -> Channel {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.channels.load()[turn % CHANNELS].clone()
    }

    async fn answer(self, mut request: Request<Body>) -> Result<Answer, StdError> {
        let deadline = request.extensions_mut().remove::<Deadline>();
        let deadline = deadline.map_or_else(|| Instant::now() + DEFAULT_PATIENCE, |d| d.0);
        if let Some(bearer) = &self.bearer {
            request.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        }
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(SHORTEST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .without_max_times()
            .with_jitter()
            .build();
        loop {
            let mut request =
                Request::from_parts(head.clone(), Body::new(Full::from(body.clone())));
            request.headers_mut().insert(GRPC_TIMEOUT, time_left(deadline));
            let answer = timeout_at(deadline, whole_answer(self.channel(), request)).await;
            let lost = match answer {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(lost)) => lost,
                Err(_) => {
                    return Err(Status::deadline_exceeded("the directory did not answer").into());
                }
            };
            let wait = waits.next().unwrap_or(LONGEST_WAIT);
            if Instant::now() + wait >= deadline {
                tracing::warn!(error = &*lost, "the directory cannot be reached");
                return Err(Status::unavailable("the directory cannot be reached").into());
            }
            tracing::debug!(error = &*lost, "directory lost, trying again");
            sleep(wait).await;
        }
    }
}

fn channels(endpoint: &Endpoint) -> [Channel; CHANNELS] {
    let endpoint = endpoint
        .clone()
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    std::array::from_fn(|_| endpoint.connect_lazy())
}

fn bearer(credential: &str) -> Result<HeaderValue, NotACredential> {
    if credential.is_empty() || !credential.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(NotACredential);
    }
    let bearer = HeaderValue::try_from(format!("Bearer {credential}"));
    let mut bearer = bearer.map_err(|_| NotACredential)?;
    bearer.set_sensitive(true);
    Ok(bearer)
}

/// The time that is left, as gRPC writes it.
fn time_left(deadline: Instant) -> HeaderValue {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    let left = u64::try_from(left).unwrap_or(u64::MAX).clamp(1, MOST_MILLISECONDS);
    HeaderValue::try_from(format!("{left}m")).expect("digits and a letter")
}

/// An answer that is here whole, its trailers among it.
type Answer = Response<Collected<Bytes>>;

async fn whole_answer(mut channel: Channel, request: Request<Body>) -> Result<Answer, StdError> {
    std::future::poll_fn(|context| channel.poll_ready(context)).await?;
    let (head, body) = channel.call(request).await?.into_parts();
    Ok(Response::from_parts(head, body.collect().await?))
}

impl Service<Request<Body>> for Remote {
    type Response = Answer;
    type Error = StdError;
    type Future = BoxFuture<Answer, StdError>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let call = tokio::spawn(self.clone().answer(request).in_current_span());
        Box::pin(async move { call.await? })
    }
}
