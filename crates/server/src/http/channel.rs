//! What sets the connection of a control channel apart: it takes no place among those of requests, since it may be open
//! for days, and it ends when the server stops, since nothing is lost with it.

use super::peers::Counted;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use tokio::sync::watch;

/// Marks an answer as a control channel.
#[derive(Debug, Clone, Copy)]
pub(super) struct OpenChannel;

/// The place of a connection among those of the server and of its address.
pub(super) struct Place(Mutex<Option<(Arc<()>, Counted)>>);

impl Place {
    /// One of `all` connections, and one of its address.
    pub(super) const fn new(all: Arc<()>, of_peer: Counted) -> Self {
        Self(Mutex::new(Some((all, of_peer))))
    }

    /// Gives it up: the connection has become a channel, of which each device has one.
    pub(super) fn give_up(&self) {
        drop(self.0.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The body of a channel, which ends when the server stops.
pub(super) struct UntilStop {
    inner: Body,
    is_over: bool,
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl UntilStop {
    pub(super) fn new(inner: Body, mut stop: watch::Receiver<bool>) -> Self {
        let stop = async move {
            // An error means that the sender is gone, which happens at the end only.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        Self { inner, is_over: false, stop: Box::pin(stop) }
    }
}

impl HttpBody for UntilStop {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.is_over || self.stop.as_mut().poll(context).is_ready() {
            self.is_over = true;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
