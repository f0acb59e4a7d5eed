//! Directories in other processes: channels to each, the gateway's credential where it has one, and another
//! try when one was not there. `names` says where they are, `replica` is one of them, `replicas` whose turn
//! it is.

mod names;
mod replica;
mod replicas;

use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, Request, Response, header};
use backon::{BackoffBuilder, ExponentialBuilder};
use directory_api::{Method, Repeats};
use http_body_util::{BodyExt, Collected, Full};
use tokio::time::{Instant, sleep, timeout_at};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, StdError};
use tonic::transport::{Channel, Endpoint};
use tracing::Instrument;

pub use names::Names;
use replicas::Replicas;

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

/// The directories in other processes. Clones share the channels to them.
///
/// Calls go to each in its turn. One that finds no directory, or loses it, is sent to the next at once,
/// and again to all until its deadline: a read changes nothing, and a write carries an operation id by
/// which a directory knows it again. What a directory itself answers is final. A call runs to its end
/// even when its client has gone: a cancelled one resets its stream, and a directory ends a connection,
/// with all other calls on it, on which too many were reset.
#[derive(Clone)]
pub struct Remote {
    replicas: Replicas,
    bearer: Option<HeaderValue>,
}

/// The credential is not one that a header can carry: it is not visible ASCII, or empty.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a credential is visible ASCII, without blanks")]
pub struct NotACredential;

impl Remote {
    /// Channels to every directory at `endpoints`, whose hosts are looked up by `names` for as long as
    /// this lives, presenting `credential`, if there is one; without it a directory knows the gateway by the
    /// certificate that it shows there. Has to be called within a runtime. Nothing is connected yet.
    ///
    /// # Errors
    /// When the credential cannot be sent.
    pub fn new(
        endpoints: Vec<Endpoint>,
        names: Names,
        credential: Option<&str>,
    ) -> Result<Self, NotACredential> {
        let bearer = credential.map(bearer).transpose()?;
        Ok(Self { replicas: Replicas::follow(endpoints, names), bearer })
    }

    /// Goes by these endpoints to the same directories from the next call on, as when a gateway shows them
    /// another certificate.
    pub fn go_by(&self, endpoints: Vec<Endpoint>) {
        self.replicas.go_by(endpoints);
    }

    async fn answer(mut self, mut request: Request<Body>) -> Result<Answer, StdError> {
        let deadline = request.extensions_mut().remove::<Deadline>();
        let deadline = deadline.map_or_else(|| Instant::now() + DEFAULT_PATIENCE, |d| d.0);
        if let Some(bearer) = &self.bearer {
            request.headers_mut().insert(header::AUTHORIZATION, bearer.clone());
        }
        let (head, body) = request.into_parts();
        // What the gateway writes, it gives a name.
        let repeats =
            Method::of(head.uri.path()).map_or(Repeats::ByItself, |method| method.repeats);
        let body = body.collect().await?.to_bytes();
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(SHORTEST_WAIT)
            .with_max_delay(LONGEST_WAIT)
            .without_max_times()
            .with_jitter()
            .build();
        let late = |_| Status::deadline_exceeded("the directory did not answer");
        let mut tried = Vec::new();
        loop {
            let Some(replica) =
                timeout_at(deadline, self.replicas.next(&tried)).await.map_err(late)?
            else {
                // Each was tried: all of them may be on their way back.
                tried.clear();
                let wait = waits.next().unwrap_or(LONGEST_WAIT);
                if Instant::now() + wait >= deadline {
                    tracing::warn!("no directory can be reached");
                    return Err(Status::unavailable("no directory can be reached").into());
                }
                sleep(wait).await;
                continue;
            };
            let mut request =
                Request::from_parts(head.clone(), Body::new(Full::from(body.clone())));
            request.headers_mut().insert(GRPC_TIMEOUT, time_left(deadline));
            let answer = timeout_at(deadline, whole_answer(replica.channel(), request)).await;
            let lost = match answer.map_err(late)? {
                Ok(answer) => return Ok(answer),
                Err(lost) => lost,
            };
            tracing::debug!(error = &*lost, at = %replica.at, "directory lost, trying again");
            self.replicas.lost(&replica);
            if repeats == Repeats::Never {
                return Err(Status::unavailable("the directory was lost").into());
            }
            tried.push(replica.at);
        }
    }
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
