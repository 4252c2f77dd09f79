//! Speed and time left. The time left is told only when it can be trusted: after ten seconds with data, the total
//! known, and several estimates in a row that agree. Pure: times come with the samples.

use super::sample::Sample;
use engine::progress::Phase;
use std::collections::VecDeque;
use std::time::Duration;

/// The speed is that of this time.
const WINDOW: Duration = Duration::from_secs(10);
/// No estimate before this much time with data.
const LEAST: Duration = Duration::from_secs(10);
/// Estimates of this time must agree.
const AGREEMENT: Duration = Duration::from_secs(4);
/// Largest difference of their ends, as a share of the time left.
const TOLERANCE: f64 = 0.2;

/// Remembers the last samples of a run.
#[derive(Debug, Default)]
pub(super) struct Estimator {
    window: VecDeque<Sample>,
    /// When the first byte was done.
    data_since: Option<Duration>,
    /// Estimated ends of the run, with the times when they were made.
    ends: VecDeque<(Duration, Duration)>,
}

impl Estimator {
    /// Takes the next sample; times ascend.
    pub(super) fn add(&mut self, sample: &Sample) {
        if sample.phase != Phase::Working {
            return;
        }
        if self.data_since.is_none() && sample.done_bytes > 0 {
            self.data_since = Some(sample.at);
        }
        self.window.push_back(*sample);
        while self.window.get(1).is_some_and(|second| second.at + WINDOW <= sample.at) {
            self.window.pop_front();
        }
        match self.end(sample) {
            Some(end) => self.ends.push_back((sample.at, end)),
            None => self.ends.clear(),
        }
        while self.ends.get(1).is_some_and(|(at, _)| *at + AGREEMENT <= sample.at) {
            self.ends.pop_front();
        }
    }

    /// Bytes done per second of late; `None` before there is a second to speak of.
    pub(super) fn bytes_per_second(&self) -> Option<u64> {
        let (first, last) = (self.window.front()?, self.window.back()?);
        let seconds = (last.at - first.at).as_secs_f64();
        (seconds >= 1.0).then(|| ((last.done_bytes.saturating_sub(first.done_bytes)) as f64 / seconds) as u64)
    }

    /// Time left at `sample`, when it can be trusted.
    pub(super) fn left(&self, sample: &Sample) -> Option<Duration> {
        let with_data = sample.at.checked_sub(self.data_since?)?;
        let (oldest, newest) = (self.ends.front()?, self.ends.back()?);
        if sample.phase != Phase::Working || with_data < LEAST || newest.0 < oldest.0 + AGREEMENT {
            return None;
        }
        let left = newest.1.saturating_sub(sample.at);
        let earliest = self.ends.iter().map(|(_, end)| *end).min()?;
        let latest = self.ends.iter().map(|(_, end)| *end).max()?;
        let agree = (latest - earliest).as_secs_f64() <= TOLERANCE * left.as_secs_f64().max(5.0);
        agree.then_some(left)
    }

    /// When the run would end at the speed of late.
    fn end(&self, sample: &Sample) -> Option<Duration> {
        let total = sample.total()?;
        let first = self.window.front()?;
        let seconds = (sample.at - first.at).as_secs_f64();
        let speed = sample.done().saturating_sub(first.done()) as f64 / seconds;
        let left = (total - sample.done()) as f64 / speed;
        // Without speed there is no end; beyond a year there is no use in one.
        (left.is_finite() && left < 31e6).then(|| sample.at + Duration::from_secs_f64(left))
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::tests::WORKING;
    use super::*;

    /// Feeds a sample each half second with this many bytes a second until `seconds`; gives the last one.
    fn run(estimator: &mut Estimator, seconds: f64, total: u64, speed: impl Fn(f64) -> f64) -> Sample {
        let (mut done, mut at, mut last) = (0.0, 0.0, WORKING);
        while at <= seconds {
            last = Sample {
                at: Duration::from_secs_f64(at),
                total_bytes: total,
                done_bytes: done as u64,
                ..WORKING
            };
            estimator.add(&last);
            done += speed(at) * 0.5;
            at += 0.5;
        }
        last
    }

    #[test]
    fn a_steady_run_has_an_end() {
        let mut estimator = Estimator::default();
        let early = run(&mut estimator, 8.0, 100_000_000, |_| 1_000_000.0);
        assert_eq!(estimator.left(&early), None, "too early");
        let mut estimator = Estimator::default();
        let later = run(&mut estimator, 30.0, 100_000_000, |_| 1_000_000.0);
        let left = estimator.left(&later).unwrap().as_secs();
        assert!((69..=71).contains(&left), "{left}");
        assert_eq!(estimator.bytes_per_second(), Some(1_000_000));
    }

    #[test]
    fn an_unsteady_run_has_none() {
        let mut estimator = Estimator::default();
        let last =
            run(
                &mut estimator,
                20.0,
                10_000_000_000,
                |at| if at < 16.0 { 50_000_000.0 } else { 1_000_000.0 },
            );
        assert_eq!(estimator.left(&last), None);
    }

    #[test]
    fn without_total_or_speed_nothing_is_promised() {
        let mut estimator = Estimator::default();
        let last = run(&mut estimator, 30.0, 1_000, |_| 0.0);
        assert_eq!(estimator.left(&last), None);
        assert_eq!(estimator.bytes_per_second(), Some(0));
        let mut estimator = Estimator::default();
        for second in 0..40 {
            let at = Duration::from_secs(second);
            let sample = Sample { at, total_is_known: false, done_bytes: second * 1000, ..WORKING };
            estimator.add(&sample);
            assert_eq!(estimator.left(&sample), None);
        }
    }
}
