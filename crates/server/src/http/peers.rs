//! How many connections each peer has open, or activations under way.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts for each peer. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One that is counted; uncounted when dropped.
pub(super) struct Counted {
    peers: Peers,
    key: IpAddr,
}

impl Peers {
    /// Counts one of `peer`; `None` when it has `limit` already.
    pub(super) fn count(&self, peer: IpAddr, limit: usize) -> Option<Counted> {
        let key = key(peer);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Counted { peers: self.clone(), key })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

/// An IPv6 host chooses freely among the addresses of its /64, so these count as one.
pub(super) fn key(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_when_its_connection_ends() {
        let peers = Peers::default();
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        let first = peers.count(peer, 2).unwrap();
        let _second = peers.count(peer, 2).unwrap();
        assert!(peers.count(peer, 2).is_none());
        assert!(peers.count("192.0.2.8".parse().unwrap(), 2).is_some());
        drop(first);
        assert!(peers.count(peer, 2).is_some());
        assert_eq!(peers.0.lock().unwrap().len(), 1);
    }

    #[test]
    fn addresses_of_one_host_count_together() {
        let key = |text: &str| super::key(text.parse().unwrap());
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:1:2:3"));
        assert_ne!(key("2001:db8:0:1::1"), key("2001:db8::1"));
        assert_eq!(key("::ffff:192.0.2.7"), key("192.0.2.7"));
    }
}
