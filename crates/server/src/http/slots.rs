//! How many requests of one device are under way, from its head to the end of the answer's body.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use model::DeviceId;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Counts the requests of each device. Cheap to clone.
#[derive(Clone)]
pub(super) struct Slots {
    counts: Arc<Mutex<HashMap<DeviceId, usize>>>,
    most: usize,
}

/// One counted request; uncounted when dropped. The handler of a request that goes on without its agent keeps it too.
pub(super) struct Slot {
    slots: Slots,
    device: DeviceId,
}

impl Slots {
    /// Each device has `most` at once.
    pub(super) fn new(most: usize) -> Self {
        Self { counts: Arc::default(), most }
    }

    /// Counts a request; `None` when the device has as many as it may.
    pub(super) fn take(&self, device: DeviceId) -> Option<Slot> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(device).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Slot { slots: self.clone(), device })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.slots.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.device);
            }
        }
    }
}

/// A body that keeps its request counted until it is sent or given up.
pub(super) struct Counted {
    pub(super) inner: Body,
    pub(super) _slot: Arc<Slot>,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_has_its_requests_and_no_more() {
        let slots = Slots::new(3);
        let (device, other) = (DeviceId::random(), DeviceId::random());
        let taken: Vec<_> = (0..3).map(|_| slots.take(device).unwrap()).collect();
        assert!(slots.take(device).is_none());
        assert!(slots.take(other).is_some());
        drop(taken);
        assert!(slots.take(device).is_some());
        assert!(slots.counts.lock().unwrap().is_empty());
    }
}
