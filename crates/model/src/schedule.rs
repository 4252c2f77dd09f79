//! When backups are made: the rule that a policy or a user sets. When a run is due follows from it by one function,
//! [`Schedule::due`], which agent and server share.

mod due;
mod window;

pub use due::{Block, Due, Last, Outcome, Reason};
pub use window::{Weekday, Window};

use crate::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The shortest and the longest interval, in minutes: below the first a device would do little else, and beyond a year
/// nobody can call it backup.
pub const INTERVAL_MINUTES: std::ops::RangeInclusive<u32> = 5..=365 * 24 * 60;

/// When runs of a set begin and when nothing may run. Days and times are those of the device's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// From the end of a run to when the next one is due, in minutes, [`INTERVAL_MINUTES`].
    pub interval_minutes: u32,
    /// Runs begin by themselves within these alone, and then go on to their end. None: at any time.
    #[serde(default)]
    pub start_windows: Vec<Window>,
    /// Within these nothing runs: none begins, not even one that is asked for, and one that is under way waits.
    #[serde(default)]
    pub blackouts: Vec<Window>,
}

impl Default for Schedule {
    /// Every four hours, at any time: a working day has two or three, and a quiet device is asked six times a day.
    fn default() -> Self {
        Self { interval_minutes: 4 * 60, start_windows: Vec::new(), blackouts: Vec::new() }
    }
}

/// Why a schedule cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// The interval is out of [`INTERVAL_MINUTES`].
    #[error("interval_minutes is {0}; allowed are {min} to {max}", min = INTERVAL_MINUTES.start(), max = INTERVAL_MINUTES.end())]
    Interval(u32),
    /// A window names no day.
    #[error("a window in {0} has no days; leave days out for all of them")]
    NoDays(&'static str),
    /// Blackouts leave no time at which a run could begin.
    #[error("blackouts and start_windows leave no time at which a backup could begin")]
    Never,
}

impl Schedule {
    /// The interval.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.interval_minutes) * 60)
    }

    /// Whether it can be used.
    pub fn check(&self) -> Result<(), ScheduleError> {
        if !INTERVAL_MINUTES.contains(&self.interval_minutes) {
            return Err(ScheduleError::Interval(self.interval_minutes));
        }
        for (field, windows) in [("start_windows", &self.start_windows), ("blackouts", &self.blackouts)] {
            if windows.iter().any(|window| window.days.is_empty()) {
                return Err(ScheduleError::NoDays(field));
            }
        }
        // A week of no place, without a change of the clock, stands for all.
        let some_time = Timestamp::from_secs(0);
        self.first_start(some_time, &TimeZone::UTC).map(drop).ok_or(ScheduleError::Never)
    }

    /// The end of the blackout that holds at `now`, those that follow at once taken together; none outside of one.
    pub fn blackout_until(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let spans = window::spans(&self.blackouts, now, zone);
        let mut end = now;
        // Each step ends at least one of the spans.
        while let Some(later) = spans.iter().filter(|span| span.holds(end)).map(|span| span.until).max() {
            end = later;
        }
        (end != now).then_some(end)
    }

    /// The first time from `from` on at which a run may begin by itself. None where no time of a week allows it.
    fn first_start(&self, from: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let starts = window::spans(&self.start_windows, from, zone);
        let blackouts = window::spans(&self.blackouts, from, zone);
        let may_begin = |time: &Timestamp| {
            (self.start_windows.is_empty() || starts.iter().any(|span| span.holds(*time)))
                && !blackouts.iter().any(|span| span.holds(*time))
        };
        // What forbids a start ends at one of these.
        let ends = blackouts.iter().map(|span| span.until);
        let opens = starts.iter().map(|span| span.from);
        let candidates = [from].into_iter().chain(ends).chain(opens);
        let week = from..=from.after(window::WEEK);
        candidates.filter(|time| week.contains(time)).filter(may_begin).min()
    }
}

#[cfg(test)]
mod tests;
