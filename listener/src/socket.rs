//! A socket whose reading and writing is noted.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::activity::Activity;

pin_project! {
    /// The stream of a connection.
    pub(crate) struct Noted<S> {
        #[pin]
        stream: S,
        activity: Arc<Activity>,
    }
}

impl<S> Noted<S> {
    pub(crate) fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: AsyncRead> AsyncRead for Noted<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let (this, before) = (self.project(), buffer.filled().len());
        let read = this.stream.poll_read(context, buffer);
        if read.is_ready() && buffer.filled().len() > before {
            this.activity.read();
        }
        read
    }
}

/// Notes what became of a write.
fn note<T>(activity: &Activity, written: Poll<T>) -> Poll<T> {
    if written.is_ready() {
        activity.written();
    } else {
        activity.blocked();
    }
    written
}

impl<S: AsyncWrite> AsyncWrite for Noted<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let this = self.project();
        note(this.activity, this.stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.project();
        note(this.activity, this.stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let this = self.project();
        note(this.activity, this.stream.poll_shutdown(context))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let this = self.project();
        note(this.activity, this.stream.poll_write_vectored(context, pieces))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
