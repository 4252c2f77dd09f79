//! A request on its way: its body in pieces, and a watch that ends it when nothing moves any more.

use crate::traffic::Counters;
use bytes::Bytes;
use engine::Gate;
use hyper::body::{Body, Frame, SizeHint};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

/// Small enough that progress shows on a slow line, large enough to cost nothing on a fast one.
const PIECE: usize = 64 << 10;
/// How often a transfer that is held looks whether the gate is open again.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How often one that waits for the network looks whether its run was stopped.
const STOP_LOOK_EVERY: Duration = Duration::from_millis(500);

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
    gate: Gate,
    /// The wait for the gate.
    hold: Option<Pin<Box<Sleep>>>,
    began: bool,
}

impl MeteredBody {
    pub(crate) const fn new(
        bytes: Bytes,
        progress: Arc<Progress>,
        counters: Arc<Counters>,
        gate: Gate,
    ) -> Self {
        Self { rest: bytes, progress, counters, gate, hold: None, began: false }
    }

    /// Waits at the gate. Being held is no silence of the network.
    fn poll_gate(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.gate.is_closed() {
            let hold = self.hold.get_or_insert_with(|| Box::pin(tokio::time::sleep(LOOK_EVERY)));
            std::task::ready!(hold.as_mut().poll(context));
            self.hold = None;
            self.progress.note();
        }
        Poll::Ready(())
    }
}

impl Body for MeteredBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        if self.progress.abandoned.load(Ordering::Relaxed) {
            return Poll::Ready(Some(Err(io::Error::other("the answer came before the end of the body"))));
        }
        std::task::ready!(self.poll_gate(context));
        if self.began && self.gate.is_stopped() {
            return Poll::Ready(Some(Err(io::Error::other("the run was stopped"))));
        }
        self.began = true;
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

/// Waits until the gate is open.
pub(crate) async fn opened(gate: &Gate) {
    while gate.is_closed() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Why a transfer was given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GivenUp {
    /// Nothing moved for too long.
    Silence,
    /// The run that it belongs to was stopped meanwhile.
    Stopped,
}

/// Runs `future` as long as there was progress within `idle`, and its run was not stopped since it began.
pub(crate) async fn watched<F: Future>(
    future: F,
    progress: &Progress,
    idle: Duration,
    gate: &Gate,
) -> Result<F::Output, GivenUp> {
    let mut future = pin!(future);
    // What is sent after the stop, such as the end of the lease, is meant to be sent.
    let can_stop = !gate.is_stopped();
    loop {
        let look = progress.last() + idle;
        let look = if can_stop { look.min(Instant::now() + STOP_LOOK_EVERY) } else { look };
        tokio::select! {
            biased;
            output = &mut future => return Ok(output),
            () = tokio::time::sleep_until(look) => {
                if can_stop && gate.is_stopped() {
                    return Err(GivenUp::Stopped);
                }
                if progress.last() + idle <= Instant::now() {
                    return Err(GivenUp::Silence);
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
        let mut body = MeteredBody::new(bytes.clone(), Progress::new(), counters.clone(), Gate::default());
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
        let mut body =
            MeteredBody::new(Bytes::from_static(b"x"), progress.clone(), Arc::default(), Gate::default());
        progress.abandon();
        let frame = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert!(frame.unwrap().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_held_body_sends_nothing_until_it_goes_on() {
        let (gate, progress) = (Gate::default(), Progress::new());
        let bytes = Bytes::from(vec![7; 3 * PIECE]);
        let mut body = MeteredBody::new(bytes, progress.clone(), Arc::default(), gate.clone());
        let mut next = async || std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        assert!(next().await.unwrap().is_ok());
        gate.close();
        let held = tokio::time::timeout(2 * IDLE, next()).await;
        assert!(held.is_err(), "a piece passed the closed gate");
        assert!(progress.last() + IDLE > Instant::now(), "a hold is no silence");
        gate.open();
        assert!(next().await.unwrap().is_ok());
        gate.close();
        gate.stop();
        assert!(next().await.unwrap().is_err(), "a run that is stopped sends no more of it");
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
        let gate = Gate::default();
        assert_eq!(watched(slow, &progress, IDLE, &gate).await, Ok(7));
        let start = Instant::now();
        let silent = watched(std::future::pending::<()>(), &progress, IDLE, &gate).await;
        assert_eq!((silent, start.elapsed()), (Err(GivenUp::Silence), IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_ends_what_began_before_it() {
        let (progress, gate) = (Progress::new(), Gate::default());
        let stop = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            gate.stop();
        };
        let start = Instant::now();
        let waiting = watched(std::future::pending::<()>(), &progress, IDLE, &gate);
        let (ended, ()) = tokio::join!(waiting, stop);
        assert_eq!(ended, Err(GivenUp::Stopped));
        assert!(start.elapsed() < Duration::from_secs(2));
        let after = watched(tokio::time::sleep(Duration::from_secs(9)), &progress, IDLE, &gate).await;
        assert_eq!(after, Ok(()));
    }
}
