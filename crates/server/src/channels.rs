//! The control channels that devices have open. A channel carries nothing of its own: whoever changes what concerns a
//! device wakes its channel, which looks what holds now. So nothing is queued, and nothing is lost with a connection.

use model::DeviceId;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// All that are open. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Channels(Arc<Mutex<HashMap<DeviceId, Arc<Bell>>>>);

/// What wakes a channel.
#[derive(Debug, Default)]
struct Bell {
    rings: Notify,
    /// Another channel of the device has taken its place.
    is_replaced: AtomicBool,
}

/// An open channel; dropping it closes it.
#[derive(Debug)]
pub struct Channel {
    channels: Channels,
    device: DeviceId,
    bell: Arc<Bell>,
}

impl Channels {
    fn all(&self) -> MutexGuard<'_, HashMap<DeviceId, Arc<Bell>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens the channel of a device in place of the one that it had, whose connection may be lost without anybody
    /// knowing; `None` when there are `most` of other devices.
    pub fn open(&self, device: DeviceId, most: usize) -> Option<Channel> {
        let bell = Arc::new(Bell::default());
        let mut all = self.all();
        let count = all.len();
        match all.entry(device) {
            Entry::Occupied(mut place) => {
                let older = place.insert(bell.clone());
                older.is_replaced.store(true, Ordering::Relaxed);
                older.rings.notify_one();
            }
            Entry::Vacant(_) if count >= most => return None,
            Entry::Vacant(place) => drop(place.insert(bell.clone())),
        }
        Some(Channel { channels: self.clone(), device, bell })
    }

    /// Something that concerns this device has changed.
    pub fn wake(&self, device: DeviceId) {
        if let Some(bell) = self.all().get(&device) {
            bell.rings.notify_one();
        }
    }

    /// Something that concerns many has changed.
    pub fn wake_all(&self) {
        self.all().values().for_each(|bell| bell.rings.notify_one());
    }

    /// Whether the device has one.
    pub fn is_open(&self, device: DeviceId) -> bool {
        self.all().contains_key(&device)
    }
}

impl Channel {
    /// Waits until something may have changed. One that changed since the last wait ends the wait at once.
    pub async fn woken(&self) {
        self.bell.rings.notified().await;
    }

    /// Whether another channel of the device has taken the place of this one.
    pub fn is_replaced(&self) -> bool {
        self.bell.is_replaced.load(Ordering::Relaxed)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let mut all = self.channels.all();
        if all.get(&self.device).is_some_and(|bell| Arc::ptr_eq(bell, &self.bell)) {
            all.remove(&self.device);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[test]
    fn a_wake_is_kept_until_somebody_waits_and_many_are_one() {
        let channels = Channels::default();
        let (device, other) = (DeviceId::random(), DeviceId::random());
        let channel = channels.open(device, 9).unwrap();
        assert!(channel.woken().now_or_never().is_none());
        channels.wake(other);
        assert!(channel.woken().now_or_never().is_none());
        channels.wake(device);
        channels.wake_all();
        assert!(channel.woken().now_or_never().is_some());
        assert!(channel.woken().now_or_never().is_none());
    }

    #[test]
    fn a_device_has_one_and_the_newer_takes_the_place() {
        let channels = Channels::default();
        let device = DeviceId::random();
        let older = channels.open(device, 1).unwrap();
        assert!(channels.open(DeviceId::random(), 1).is_none(), "the bound is for others");
        let newer = channels.open(device, 1).unwrap();
        assert!(older.woken().now_or_never().is_some() && older.is_replaced() && !newer.is_replaced());
        drop(older);
        assert!(channels.is_open(device));
        drop(newer);
        assert!(!channels.is_open(device) && channels.all().is_empty());
    }
}
