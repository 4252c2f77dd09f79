//! Bodies of requests that must keep coming, and bodies of answers whose progress is noted.

use super::activity::Answering;
use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes};
use hyper::body::{Frame, SizeHint};
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// No byte of a request's body came for the time allowed: `request_timeout`. Handlers find it among the sources of
/// the error that the body gives them.
#[derive(Debug, thiserror::Error)]
#[error("no byte of the body came for {} seconds", idle.as_secs())]
pub struct BodyIdle {
    /// The time allowed.
    pub idle: Duration,
}

impl BodyIdle {
    /// Whether `error` or a source of it is this.
    pub fn is_cause_of(error: &(dyn Error + 'static)) -> bool {
        let mut next = Some(error);
        while let Some(error) = next {
            if error.is::<Self>() {
                return true;
            }
            next = error.source();
        }
        false
    }
}

/// What a refused request may still send, so that its peer comes to read the refusal.
const LEFTOVER_MAX: u64 = 64 << 20;
const LEFTOVER_IDLE: Duration = Duration::from_secs(10);

/// A request's body with a limit on the time without a byte.
///
/// One that is dropped before its end is read to its end on the side: a peer that is still sending when the socket
/// closes gets a reset, and would never see why it was refused.
pub(super) struct IncomingBody<B: HttpBody<Data = Bytes> + Unpin + Send + 'static> {
    inner: Option<B>,
    idle: Duration,
    timer: Pin<Box<Sleep>>,
    finish: bool,
}

impl<B: HttpBody<Data = Bytes> + Unpin + Send + 'static> IncomingBody<B> {
    /// `finish`: read what is left when it is dropped (HTTP/2 has a signal of its own for that).
    pub(super) fn new(inner: B, idle: Duration, finish: bool) -> Self {
        Self { inner: Some(inner), idle, timer: Box::pin(tokio::time::sleep(idle)), finish }
    }
}

impl<B> HttpBody for IncomingBody<B>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Error + Send + Sync + 'static,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        match Pin::new(inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let next = Instant::now() + this.idle;
                this.timer.as_mut().reset(next);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.inner = None;
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.inner = None;
                Poll::Ready(None)
            }
            Poll::Pending => match this.timer.as_mut().poll(context) {
                Poll::Ready(()) => {
                    this.inner = None;
                    Poll::Ready(Some(Err(BodyIdle { idle: this.idle }.into())))
                }
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl<B: HttpBody<Data = Bytes> + Unpin + Send + 'static> Drop for IncomingBody<B> {
    fn drop(&mut self) {
        let Some(inner) = self.inner.take().filter(|inner| self.finish && !inner.is_end_stream()) else {
            return;
        };
        // Without a runtime the server has ended, and the connection with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(read_leftover(inner));
        }
    }
}

async fn read_leftover<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let mut left = LEFTOVER_MAX;
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Ok(Some(Ok(frame))) = tokio::time::timeout(LEFTOVER_IDLE, next).await else { return };
        let taken = frame.data_ref().map_or(0, Buf::remaining) as u64;
        let Some(rest) = left.checked_sub(taken) else { return };
        left = rest;
    }
}

/// An answer's body that notes when the peer takes a part of it.
pub(super) struct OutgoingBody {
    pub(super) inner: Body,
    pub(super) answering: Answering,
}

impl HttpBody for OutgoingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if polled.is_ready() {
            self.answering.progress();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests;
