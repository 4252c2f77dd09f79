//! How many requests of one device are under way, from its head to the end of the answer's body.

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use model::DeviceId;
use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// Requests of one device at once.
const REQUESTS: usize = 16;

/// Counts the requests of each device. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Slots(Arc<Mutex<HashMap<DeviceId, usize>>>);

/// One counted request; uncounted when dropped.
pub(super) struct Slot {
    slots: Slots,
    device: DeviceId,
}

impl Slots {
    /// Counts a request; `None` when the device has as many as it may.
    pub(super) fn take(&self, device: DeviceId) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(device).or_default();
        if *count >= REQUESTS {
            return None;
        }
        *count += 1;
        Some(Slot { slots: self.clone(), device })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.slots.0.lock().unwrap_or_else(PoisonError::into_inner);
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
    pub(super) _slot: Slot,
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
        let slots = Slots::default();
        let (device, other) = (DeviceId::random(), DeviceId::random());
        let taken: Vec<_> = (0..REQUESTS).map(|_| slots.take(device).unwrap()).collect();
        assert!(slots.take(device).is_none());
        assert!(slots.take(other).is_some());
        drop(taken);
        assert!(slots.take(device).is_some());
        assert!(slots.0.lock().unwrap().is_empty());
    }
}
