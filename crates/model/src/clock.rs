//! The one clock. Programs take their time from here, so that tests can move it.

use crate::Timestamp;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// A source of the present time; cheap to clone.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// The operating system's clock. Under the cargo feature `test-hooks` the file named by
    /// `HOLDFAST_TEST_CLOCK` may hold a number of seconds that is added to it.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.as_micros()))))
    }

    /// The present time.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(micros) => Timestamp::from_micros(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system clock stays as it is.
    pub fn advance(&self, by: std::time::Duration) {
        if let Source::Manual(micros) = &self.0 {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

fn system_now() -> Timestamp {
    let now = jiff::Timestamp::now().as_microsecond();
    Timestamp::from_micros(now + test_offset_micros())
}

#[cfg(not(feature = "test-hooks"))]
const fn test_offset_micros() -> i64 {
    0
}

#[cfg(feature = "test-hooks")]
fn test_offset_micros() -> i64 {
    let Some(path) = std::env::var_os("HOLDFAST_TEST_CLOCK") else { return 0 };
    let seconds = std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.unwrap_or(0) * 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(Timestamp::from_secs(100));
        let other = clock.clone();
        assert_eq!(clock.now(), Timestamp::from_secs(100));
        clock.advance(Duration::from_secs(5));
        assert_eq!(other.now(), Timestamp::from_secs(105));
    }
}
