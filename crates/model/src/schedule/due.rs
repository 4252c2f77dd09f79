//! When the next run is due.

use super::Schedule;
use crate::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Waits after the first, second and third failure in a row, in minutes. From the fourth on the interval is waited for.
const BACKOFF_MINUTES: [u64; 3] = [10, 30, 60];
/// How long a device that the server turned away waits at most before it asks whether it is taken back.
const TURNED_AWAY: Duration = Duration::from_secs(30 * 60);

/// The last run of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// When it ended, by the clock of whoever asks.
    pub ended: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
}

/// How a run ended, as far as the next one depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// Its snapshot was committed.
    Complete,
    /// Somebody stopped it.
    Canceled,
    /// What is in the way goes only when somebody acts, such as a quota: trying sooner than usual would not help.
    Blocked,
    /// Something went wrong that may go by itself.
    Failed {
        /// Runs that failed since one did not, this one counted.
        in_a_row: u32,
    },
    /// The server had no room for it.
    Busy {
        /// When to come back.
        retry_at: Timestamp,
    },
    /// The server takes nothing from this device, until an administrator changes that.
    TurnedAway,
    /// It was cut short by what is over now, such as a restart of the device or a lost connection.
    Resumable,
}

/// When a run is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It may begin.
    Now {
        /// Why.
        reason: Reason,
        /// Since when; long ago where the device slept or was off.
        since: Timestamp,
    },
    /// Later.
    At {
        /// When it may begin.
        time: Timestamp,
        /// What it waits for.
        reason: Reason,
    },
    /// It is due, and may not begin now.
    Blocked {
        /// When it may; none for a schedule that never lets one begin, which [`Schedule::check`] refuses.
        until: Option<Timestamp>,
        /// What forbids it.
        by: Block,
    },
}

/// Why a run is due when it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// There was none before.
    First,
    /// The interval after the last one.
    Interval,
    /// Another try after a failure.
    Retry,
    /// The server named the time.
    ServerNamed,
    /// Asking whether the device is taken back.
    TurnedAway,
    /// Going on with one that was cut short.
    Resume,
    /// The last one ended later than the present time allows: the clock was set back, and waiting would have no end.
    ClockSetBack,
}

/// What forbids a run that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Block {
    /// A window in which nothing runs.
    Blackout,
    /// Runs begin in other hours.
    StartWindow,
}

impl Due {
    /// When the run may begin: `now` where it may at once.
    pub const fn time(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Now { .. } => Some(now),
            Self::At { time, .. } => Some(time),
            Self::Blocked { until, .. } => until,
        }
    }
}

impl Outcome {
    /// From the end of the run to when the next one is due, and why then.
    fn wait(self, ended: Timestamp, interval: Duration) -> (Duration, Reason) {
        match self {
            Self::Complete | Self::Canceled | Self::Blocked => (interval, Reason::Interval),
            Self::Failed { in_a_row } => {
                let step = in_a_row.saturating_sub(1) as usize;
                match BACKOFF_MINUTES.get(step).map(|minutes| Duration::from_secs(minutes * 60)) {
                    Some(wait) if wait < interval => (wait, Reason::Retry),
                    _ => (interval, Reason::Interval),
                }
            }
            Self::Busy { retry_at } => (retry_at.since(ended), Reason::ServerNamed),
            Self::TurnedAway => (TURNED_AWAY.min(interval), Reason::TurnedAway),
            Self::Resumable => (Duration::ZERO, Reason::Resume),
        }
    }
}

impl Schedule {
    /// When the next run after `last` is due, asked at `now` at a place with this time.
    ///
    /// A run that is due stays due: after sleep it is caught up with once, whatever number was missed. A clock that was
    /// set back makes nobody wait for more than twice the usual time.
    pub fn due(&self, last: Option<Last>, now: Timestamp, zone: &TimeZone) -> Due {
        let (time, reason) = match last {
            None => (now, Reason::First),
            Some(last) => {
                let (wait, reason) = last.outcome.wait(last.ended, self.interval());
                if last.ended.since(now) > wait {
                    (now, Reason::ClockSetBack)
                } else {
                    (last.ended.after(wait), reason)
                }
            }
        };
        if time > now {
            // A schedule that never lets one begin is told as such when the time has come.
            let time = self.first_start(time, zone).unwrap_or(time);
            return Due::At { time, reason };
        }
        let until = self.first_start(now, zone);
        if until == Some(now) {
            return Due::Now { reason, since: time };
        }
        let in_blackout = self.blackout_until(now, zone).is_some();
        Due::Blocked { until, by: if in_blackout { Block::Blackout } else { Block::StartWindow } }
    }
}
