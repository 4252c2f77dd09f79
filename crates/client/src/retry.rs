//! Repeating what failed for a passing reason: when, how often, and after which pause.

use engine::remote::RemoteError;
use model::Code;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// How often a call is tried. The pause doubles from `first` to `longest`; a random half of it is taken off, so that
/// agents that lost the server together do not come back together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts without progress, the first included.
    pub attempts: u32,
    /// Pause before the first repeat.
    pub first: Duration,
    /// Longest pause.
    pub longest: Duration,
}

impl RetryPolicy {
    /// For a person who waits: about three seconds.
    pub const fn brief() -> Self {
        Self { attempts: 3, first: Duration::from_millis(500), longest: Duration::from_secs(2) }
    }

    /// For a run: about two minutes, enough for a server's restart.
    pub const fn patient() -> Self {
        Self { attempts: 10, first: Duration::from_millis(500), longest: Duration::from_secs(30) }
    }

    /// For programs that read through us and know no patience of their own: about a quarter of a minute, enough for a
    /// server's quick restart.
    pub const fn waiting() -> Self {
        Self { attempts: 8, first: Duration::from_millis(500), longest: Duration::from_secs(5) }
    }

    /// One attempt.
    pub const fn never() -> Self {
        Self { attempts: 1, first: Duration::ZERO, longest: Duration::ZERO }
    }
}

/// Waits for a pause. Answers false when the caller wants no repeat any more, for instance after a cancellation.
#[derive(Clone)]
pub struct Sleep(Arc<dyn Fn(Duration) -> bool + Send + Sync>);

impl Sleep {
    /// Waits by this function.
    pub fn new(sleep: impl Fn(Duration) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(sleep))
    }

    /// Puts the thread to sleep.
    pub fn thread() -> Self {
        Self::new(|pause| {
            std::thread::sleep(pause);
            true
        })
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sleep")
    }
}

/// When the server asks for more patience than this, the caller decides.
const LONGEST_RETRY_AFTER_SECONDS: u64 = 60;
/// A defect of the server seldom goes away, and a pack is large.
const INTERNAL_ATTEMPTS: u32 = 3;

/// The attempts of one call.
pub(crate) struct Attempts {
    without_progress: u32,
}

impl Attempts {
    /// The call got further than before: patience starts anew.
    pub(crate) const fn progress(&mut self) {
        self.without_progress = 0;
    }
}

/// Calls `attempt` until it succeeds, fails for good, or patience ends; gives the last answer.
pub(crate) fn repeat<T>(
    policy: RetryPolicy,
    sleep: &Sleep,
    mut attempt: impl FnMut(&mut Attempts) -> Result<T, RemoteError>,
) -> Result<T, RemoteError> {
    let mut attempts = Attempts { without_progress: 0 };
    loop {
        let error = match attempt(&mut attempts) {
            Ok(value) => return Ok(value),
            Err(error) => error,
        };
        attempts.without_progress += 1;
        let most = match error.code {
            Code::ServerUnreachable | Code::RequestTimeout | Code::RateLimited => policy.attempts,
            Code::Internal => policy.attempts.min(INTERNAL_ATTEMPTS),
            _ => 0,
        };
        let asked = error.retry_after_seconds.unwrap_or(0);
        if attempts.without_progress >= most || asked > LONGEST_RETRY_AFTER_SECONDS {
            return Err(error);
        }
        let pause = pause(policy, attempts.without_progress, random_unit()).max(Duration::from_secs(asked));
        tracing::info!(code = %error.code, detail = error.detail, ?pause, "the server is asked again");
        if !sleep.0(pause) {
            return Err(error);
        }
    }
}

/// The pause before repeat `number`, from 1. `random` is in [0, 1).
fn pause(policy: RetryPolicy, number: u32, random: f64) -> Duration {
    let doubled = policy.first.saturating_mul(1u32.checked_shl(number - 1).unwrap_or(u32::MAX));
    doubled.min(policy.longest).mul_f64(1.0 - random / 2.0)
}

fn random_unit() -> f64 {
    f64::from(u32::from_le_bytes(model::ids::random_bytes())) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn error(code: Code, retry_after_seconds: Option<u64>) -> RemoteError {
        RemoteError { retry_after_seconds, ..RemoteError::new(code, "") }
    }

    fn recorder() -> (Sleep, Arc<Mutex<Vec<Duration>>>) {
        let pauses = Arc::new(Mutex::new(Vec::new()));
        let record = pauses.clone();
        let sleep = Sleep::new(move |pause| {
            record.lock().unwrap().push(pause);
            true
        });
        (sleep, pauses)
    }

    #[test]
    fn patience_ends() {
        let (sleep, pauses) = recorder();
        let mut calls = 0;
        let result = repeat::<()>(RetryPolicy::patient(), &sleep, |_| {
            calls += 1;
            Err(error(Code::ServerUnreachable, None))
        });
        assert_eq!(result.unwrap_err().code, Code::ServerUnreachable);
        assert_eq!(calls, 10);
        let pauses = pauses.lock().unwrap();
        assert_eq!(pauses.len(), 9);
        for (number, pause) in pauses.iter().enumerate() {
            let full = Duration::from_millis(500 << number).min(Duration::from_secs(30));
            assert!(full / 2 <= *pause && *pause <= full, "{number}: {pause:?}");
        }
    }

    #[test]
    fn progress_renews_it() {
        let (sleep, _) = recorder();
        let mut left = 50;
        let result = repeat(RetryPolicy::brief(), &sleep, |attempts| {
            if left == 0 {
                return Ok(());
            }
            left -= 1;
            attempts.progress();
            Err(error(Code::ServerUnreachable, None))
        });
        assert!(result.is_ok());
    }

    #[test]
    fn refusals_are_not_repeated() {
        for code in Code::ALL {
            let (sleep, pauses) = recorder();
            let mut calls = 0;
            let result = repeat::<()>(RetryPolicy::patient(), &sleep, |_| {
                calls += 1;
                Err(error(*code, None))
            });
            assert_eq!(result.unwrap_err().code, *code);
            let expected = match code {
                Code::ServerUnreachable | Code::RequestTimeout | Code::RateLimited => 10,
                Code::Internal => 3,
                _ => 1,
            };
            assert_eq!(calls, expected, "{code}");
            assert_eq!(pauses.lock().unwrap().len(), expected - 1);
        }
    }

    #[test]
    fn the_server_may_ask_for_more_time() {
        let (sleep, pauses) = recorder();
        let mut answers = vec![Ok(7), Err(error(Code::RateLimited, Some(20)))];
        assert_eq!(repeat(RetryPolicy::brief(), &sleep, |_| answers.pop().unwrap()).unwrap(), 7);
        assert_eq!(*pauses.lock().unwrap(), [Duration::from_secs(20)]);

        let (sleep, pauses) = recorder();
        let result = repeat::<()>(RetryPolicy::brief(), &sleep, |_| Err(error(Code::RateLimited, Some(61))));
        assert!(result.is_err());
        assert!(pauses.lock().unwrap().is_empty());
    }

    #[test]
    fn a_cancelled_wait_ends_the_call() {
        let mut calls = 0;
        let result = repeat::<()>(RetryPolicy::patient(), &Sleep::new(|_| false), |_| {
            calls += 1;
            Err(error(Code::ServerUnreachable, None))
        });
        assert!(result.is_err());
        assert_eq!(calls, 1);
    }

    #[test]
    fn pauses_stay_within_their_bounds() {
        let policy = RetryPolicy::patient();
        for number in 1..100 {
            assert!(pause(policy, number, 0.0) <= policy.longest);
            assert!(pause(policy, number, 0.999) >= policy.first / 2);
        }
    }
}
