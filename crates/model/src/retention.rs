//! Which snapshots a retention rule keeps. Pure: times come from the server's clock, never from the agent's.

use crate::{SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How many snapshots to keep. Each number counts periods that have a snapshot; 0 keeps none by that rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The newest N.
    pub keep_last: u32,
    /// The newest of each of the last N hours that have one.
    pub hourly: u32,
    /// The newest of each of the last N days (UTC) that have one.
    pub daily: u32,
    /// The newest of each of the last N weeks (Monday to Sunday, UTC) that have one.
    pub weekly: u32,
    /// The newest of each of the last N months (UTC) that have one.
    pub monthly: u32,
}

impl Default for Retention {
    /// A day of hours, a month of days, a quarter of weeks, two years of months.
    fn default() -> Self {
        Self { keep_last: 10, hourly: 24, daily: 30, weekly: 13, monthly: 24 }
    }
}

/// One snapshot of one set of one device, as far as retention needs to know it.
#[derive(Debug, Clone, Copy)]
pub struct Candidate {
    /// Its id.
    pub id: SnapshotId,
    /// When the server acknowledged it.
    pub time: Timestamp,
    /// The server's sequence number, which says what is newer: a clock may have been set back.
    pub sequence: u64,
    /// False for a checkpoint, which retention never keeps or counts.
    pub complete: bool,
}

impl Retention {
    /// The complete snapshots of one set that this rule removes. The newest complete one always stays.
    pub fn removed(&self, set: &[Candidate]) -> Vec<SnapshotId> {
        let mut newest_first: Vec<&Candidate> = set.iter().filter(|candidate| candidate.complete).collect();
        newest_first.sort_by_key(|candidate| std::cmp::Reverse((candidate.sequence, candidate.time)));
        let mut kept: HashSet<SnapshotId> = HashSet::new();
        kept.extend(newest_first.iter().take(self.keep_last.max(1) as usize).map(|candidate| candidate.id));
        let periods: [(u32, Period); 4] =
            [(self.hourly, hour), (self.daily, day), (self.weekly, week), (self.monthly, month)];
        for (count, period) in periods {
            let mut seen = HashSet::new();
            for candidate in &newest_first {
                let number = period(candidate.time);
                if seen.contains(&number) {
                    continue;
                }
                if seen.len() == count as usize {
                    break;
                }
                seen.insert(number);
                kept.insert(candidate.id);
            }
        }
        newest_first.iter().map(|candidate| candidate.id).filter(|id| !kept.contains(id)).collect()
    }
}

/// The number of the period that a time falls into.
type Period = fn(Timestamp) -> i64;

fn hour(time: Timestamp) -> i64 {
    time.as_secs().div_euclid(3600)
}

fn day(time: Timestamp) -> i64 {
    time.as_secs().div_euclid(86_400)
}

/// 1970-01-01 was a Thursday, so weeks that start on Monday are days shifted by three.
fn week(time: Timestamp) -> i64 {
    (day(time) + 3).div_euclid(7)
}

fn month(time: Timestamp) -> i64 {
    let date = jiff::tz::TimeZone::UTC.to_datetime(time.to_jiff()).date();
    i64::from(date.year()) * 12 + i64::from(date.month())
}

#[cfg(test)]
mod tests;
