//! Bodies under watch: of a request, how fast it comes; of an answer, whether it is taken.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Patience;
use crate::activity::Activity;

/// The largest piece of an answer that is handed over at once. What a client does not take then stays
/// here, where it is seen, and not in a buffer of HTTP/2.
const PIECE: usize = 32 * 1024;

pin_project! {
    /// A request's body, which has to come at a pace.
    pub(crate) struct Paced<B> {
        #[pin]
        body: B,
        patience: Patience,
        listener: &'static str,
        began: Option<Instant>,
        bytes: u64,
        alarm: Option<Pin<Box<Sleep>>>,
    }
}

impl<B> Paced<B> {
    pub(crate) fn new(body: B, patience: Patience, listener: &'static str) -> Self {
        Self { body, patience, listener, began: None, bytes: 0, alarm: None }
    }
}

impl<B: HttpBody<Data = Bytes, Error: Into<axum::BoxError>>> HttpBody for Paced<B> {
    type Data = Bytes;
    type Error = axum::BoxError;

    /// An error of kind [`io::ErrorKind::TimedOut`] when the body is too slow.
    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let this = self.project();
        let began = *this.began.get_or_insert_with(Instant::now);
        if let Poll::Ready(frame) = this.body.poll_frame(context) {
            if let Some(Ok(frame)) = &frame {
                *this.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let earned = *this.bytes / u64::from(this.patience.body_rate.max(1));
        let earned = this.patience.body_grace + Duration::from_secs(earned);
        let end = began + earned.min(this.patience.body);
        let alarm = this.alarm.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if alarm.deadline() != end {
            alarm.as_mut().reset(end);
        }
        ready!(alarm.as_mut().poll(context));
        let labels = [("listener", *this.listener), ("cause", "body")];
        metrics::counter!("nestr_scim_connections_cut_total", &labels).increment(1);
        let too_slow = io::Error::new(io::ErrorKind::TimedOut, "the body comes too slowly");
        Poll::Ready(Some(Err(too_slow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Counts as an answer under way until it is dropped.
pub(crate) struct UnderWay {
    activity: Arc<Activity>,
    answer: u64,
}

impl UnderWay {
    pub(crate) fn new(activity: Arc<Activity>, answer: u64) -> Self {
        Self { activity, answer }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.activity.ended(self.answer);
    }
}

pin_project! {
    /// An answer's body, handed over in pieces as the client takes them.
    pub(crate) struct Taken<B> {
        #[pin]
        body: B,
        rest: Bytes,
        under_way: UnderWay,
    }
}

impl<B> Taken<B> {
    pub(crate) fn new(body: B, under_way: UnderWay) -> Self {
        Self { body, rest: Bytes::new(), under_way }
    }
}

impl<B: HttpBody<Data = Bytes>> HttpBody for Taken<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = self.project();
        let UnderWay { activity, answer } = this.under_way;
        activity.asked(*answer);
        if this.rest.is_empty() {
            match ready!(this.body.poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => *this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE));
        activity.handed(*answer);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}
