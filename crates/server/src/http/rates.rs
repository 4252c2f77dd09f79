//! How often one address may fail to authenticate or to activate: a bucket of tokens for each.

use super::peers;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Failures that one address may have at once, and within [`REFILL`].
const FAILURES: u32 = 20;
const REFILL: Duration = Duration::from_secs(60);
/// Above this number of addresses, those that have a full bucket again are forgotten.
const TIDY_AT: usize = 10_000;

/// Counts failures by address (by /64 with IPv6). The time is handed in.
#[derive(Default)]
pub(super) struct Failures(Mutex<HashMap<IpAddr, Bucket>>);

#[derive(Clone, Copy)]
struct Bucket {
    /// Failures that are still allowed.
    left: f64,
    at: Instant,
}

impl Bucket {
    fn refilled(self, now: Instant) -> Self {
        let seconds = now.saturating_duration_since(self.at).as_secs_f64();
        let left = self.left + seconds * f64::from(FAILURES) / REFILL.as_secs_f64();
        Self { left: left.min(f64::from(FAILURES)), at: now }
    }
}

impl Failures {
    /// Counts a failure. When there were too many it gives the seconds after which one more is allowed.
    pub(super) fn count(&self, peer: IpAddr, now: Instant) -> Result<(), u64> {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= TIDY_AT {
            buckets.retain(|_, bucket| bucket.refilled(now).left < f64::from(FAILURES));
        }
        let full = Bucket { left: f64::from(FAILURES), at: now };
        let bucket = buckets.entry(peers::key(peer)).or_insert(full);
        *bucket = bucket.refilled(now);
        if bucket.left >= 1.0 {
            bucket.left -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - bucket.left) * REFILL.as_secs_f64() / f64::from(FAILURES);
        Err(wait.ceil().max(1.0) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_bounded_for_each_address_and_forgiven_with_time() {
        let failures = Failures::default();
        let peer: IpAddr = "192.0.2.7".parse().unwrap();
        let other: IpAddr = "192.0.2.8".parse().unwrap();
        let now = Instant::now();
        for _ in 0..FAILURES {
            assert_eq!(failures.count(peer, now), Ok(()));
        }
        assert_eq!(failures.count(peer, now), Err(3));
        assert_eq!(failures.count(other, now), Ok(()));
        assert_eq!(failures.count(peer, now + Duration::from_secs(3)), Ok(()));
        assert_eq!(failures.count(peer, now + Duration::from_secs(3)), Err(3));
        for _ in 0..FAILURES {
            assert_eq!(failures.count(peer, now + Duration::from_secs(600)), Ok(()));
        }
        assert!(failures.count(peer, now + Duration::from_secs(600)).is_err());
    }

    #[test]
    fn memory_is_bounded() {
        let failures = Failures::default();
        let now = Instant::now();
        for number in 0..TIDY_AT as u32 {
            let peer = IpAddr::from(number.to_be_bytes());
            assert!(failures.count(peer, now).is_ok());
        }
        let later = now + Duration::from_secs(60);
        assert!(failures.count("192.0.2.7".parse().unwrap(), later).is_ok());
        assert_eq!(failures.0.lock().unwrap().len(), 1);
    }
}
