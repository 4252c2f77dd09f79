//! A request on its way: its body in pieces, and a watch that ends it when nothing moves any more.

use crate::traffic::Counters;
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Small enough that progress shows on a slow line, large enough to cost nothing on a fast one.
const PIECE: usize = 64 << 10;

/// What is known of a request on its way.
#[derive(Debug)]
pub(crate) struct Progress {
    last: Mutex<Instant>,
    abandoned: AtomicBool,
}

impl Progress {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { last: Mutex::new(Instant::now()), abandoned: AtomicBool::new(false) })
    }

    fn note(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn last(&self) -> Instant {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody waits for the answer any more: what is left of the body stays here.
    pub(crate) fn abandon(&self) {
        self.abandoned.store(true, Ordering::Relaxed);
    }
}

/// A request's body: slices of shared bytes, without a copy.
pub(crate) struct MeteredBody {
    rest: Bytes,
    progress: Arc<Progress>,
    counters: Arc<Counters>,
}

impl MeteredBody {
    pub(crate) const fn new(bytes: Bytes, progress: Arc<Progress>, counters: Arc<Counters>) -> Self {
        Self { rest: bytes, progress, counters }
    }
}

impl Body for MeteredBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.progress.abandoned.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(io::Error::other("the answer came before the end of the body"))));
        }
        let length = PIECE.min(self.rest.len());
        let piece = self.rest.split_to(length);
        self.progress.note();
        self.counters.sent(length);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

/// Runs `future` as long as there was progress within `idle`; `None` when there was not.
pub(crate) async fn watched<F: Future>(future: F, progress: &Progress, idle: Duration) -> Option<F::Output> {
    let mut future = pin!(future);
    loop {
        let deadline = progress.last() + idle;
        tokio::select! {
            biased;
            output = &mut future => return Some(output),
            () = tokio::time::sleep_until(deadline) => {
                if progress.last() + idle <= Instant::now() {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(180);

    #[tokio::test(start_paused = true)]
    async fn a_body_is_cut_without_copies() {
        let bytes = Bytes::from((0..200_000u32).map(|n| n as u8).collect::<Vec<_>>());
        let counters = Arc::new(Counters::default());
        let mut body = MeteredBody::new(bytes.clone(), Progress::new(), counters.clone());
        assert_eq!(body.size_hint().exact(), Some(200_000));
        let mut whole = Vec::new();
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let piece = frame.unwrap().into_data().unwrap();
            assert_eq!(piece.as_ptr(), bytes[whole.len()..].as_ptr());
            whole.extend_from_slice(&piece);
        }
        assert_eq!(whole, bytes);
        assert_eq!(counters.read().sent_bytes, 200_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_body_ends() {
        let progress = Progress::new();
        let mut body = MeteredBody::new(Bytes::from_static(b"x"), progress.clone(), Arc::default());
        progress.abandon();
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert!(frame.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn only_silence_ends_a_transfer() {
        let progress = Progress::new();
        let slow = async {
            for _ in 0..100 {
                tokio::time::sleep(IDLE - Duration::from_secs(1)).await;
                progress.note();
            }
            7
        };
        assert_eq!(watched(slow, &progress, IDLE).await, Some(7));
        let start = Instant::now();
        assert_eq!(watched(std::future::pending::<()>(), &progress, IDLE).await, None);
        assert_eq!(start.elapsed(), IDLE);
    }
}
