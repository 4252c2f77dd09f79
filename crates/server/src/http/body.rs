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
        has_cause::<Self>(error)
    }
}

/// A request's body came too slowly for too long: `request_timeout`, found as [`BodyIdle`] is.
#[derive(Debug, thiserror::Error)]
#[error("{received_bytes} bytes of the body came in {} seconds", waited.as_secs())]
pub struct BodySlow {
    /// What came.
    pub received_bytes: u64,
    /// How long the server has waited for it.
    pub waited: Duration,
}

impl BodySlow {
    /// Whether `error` or a source of it is this.
    pub fn is_cause_of(error: &(dyn Error + 'static)) -> bool {
        has_cause::<Self>(error)
    }
}

fn has_cause<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if error.is::<E>() {
            return true;
        }
        next = error.source();
    }
    false
}

/// How long a body may keep the server waiting.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Time without a byte.
    pub(super) idle: Duration,
    /// Time in all, beside that which the rate allows for what came.
    pub(super) grace: Duration,
    /// Bytes a second.
    pub(super) rate: u64,
}

/// What a body has used up of the patience. Only the time counts in which the server waits: while it works on what
/// came the peer cannot send.
struct Waiting {
    patience: Patience,
    received_bytes: u64,
    waited: Duration,
    since: Option<Instant>,
}

impl Waiting {
    const fn new(patience: Patience) -> Self {
        Self { patience, received_bytes: 0, waited: Duration::ZERO, since: None }
    }

    /// What may be waited for the next byte.
    fn left(&self) -> Duration {
        let earned = Duration::from_secs(self.received_bytes / self.patience.rate.max(1));
        self.patience.idle.min((self.patience.grace + earned).saturating_sub(self.waited))
    }

    fn received(&mut self, bytes: u64) {
        self.received_bytes += bytes;
        self.stopped();
    }

    fn stopped(&mut self) {
        self.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
    }

    /// The error of a time that is over.
    fn error(&mut self) -> Box<dyn Error + Send + Sync> {
        let Patience { idle, .. } = self.patience;
        let is_idle = self.since.is_some_and(|since| since.elapsed() >= idle);
        self.stopped();
        let Self { received_bytes, waited, .. } = *self;
        if is_idle { BodyIdle { idle }.into() } else { BodySlow { received_bytes, waited }.into() }
    }
}

/// What a refused request may still send, so that its peer comes to read the refusal.
const LEFTOVER_MAX: u64 = 64 << 20;
const LEFTOVER_IDLE: Duration = Duration::from_secs(10);

/// A request's body with a limit on the time without a byte, and on the time in all by what came.
///
/// One that is dropped before its end is read to its end on the side: a peer that is still sending when the socket
/// closes gets a reset, and would never see why it was refused.
pub(super) struct IncomingBody<B: HttpBody<Data = Bytes> + Unpin + Send + 'static> {
    inner: Option<B>,
    waiting: Waiting,
    timer: Pin<Box<Sleep>>,
    finish: bool,
}

impl<B: HttpBody<Data = Bytes> + Unpin + Send + 'static> IncomingBody<B> {
    /// `finish`: read what is left when it is dropped (HTTP/2 has a signal of its own for that).
    pub(super) fn new(inner: B, patience: Patience, finish: bool) -> Self {
        let timer = Box::pin(tokio::time::sleep(patience.idle));
        Self { inner: Some(inner), waiting: Waiting::new(patience), timer, finish }
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
                this.waiting.received(frame.data_ref().map_or(0, Buf::remaining) as u64);
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
            Poll::Pending => {
                if this.waiting.since.is_none() {
                    let now = Instant::now();
                    this.waiting.since = Some(now);
                    this.timer.as_mut().reset(now + this.waiting.left());
                }
                match this.timer.as_mut().poll(context) {
                    Poll::Ready(()) => {
                        this.inner = None;
                        Poll::Ready(Some(Err(this.waiting.error())))
                    }
                    Poll::Pending => Poll::Pending,
                }
            }
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
            runtime.spawn(read_leftover(inner, self.waiting.patience));
        }
    }
}

async fn read_leftover<B: HttpBody<Data = Bytes> + Unpin>(mut body: B, patience: Patience) {
    let mut waiting = Waiting::new(Patience { idle: LEFTOVER_IDLE, ..patience });
    while waiting.received_bytes <= LEFTOVER_MAX {
        waiting.since = Some(Instant::now());
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Ok(Some(Ok(frame))) = tokio::time::timeout(waiting.left(), next).await else { return };
        waiting.received(frame.data_ref().map_or(0, Buf::remaining) as u64);
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
