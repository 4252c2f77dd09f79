//! Times of the week.

use crate::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The same hours on some days of each week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// The days on which it begins; all of them where they are left out.
    #[serde(default = "every_day")]
    pub days: Vec<Weekday>,
    /// When it begins, such as `22:00`.
    pub from: Time,
    /// When it ends; on the next day where that is not later than `from`, so that equal times mean a whole day.
    pub until: Time,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

impl Weekday {
    /// All of them, Monday first.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    fn of(date: Date) -> Self {
        Self::ALL[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())]
    }
}

fn every_day() -> Vec<Weekday> {
    Weekday::ALL.to_vec()
}

/// One occurrence of a window: from its first moment to the first one after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

impl Span {
    pub(super) fn holds(self, time: Timestamp) -> bool {
        self.from <= time && time < self.until
    }
}

/// A week and the longest change of the clock: what is not so within it is never so.
pub(super) const WEEK: Duration = Duration::from_secs((7 * 24 + 3) * 60 * 60);
/// Days after `around` that [`spans`] looks at: more than a [`WEEK`], so that nothing that holds in it is left out.
const DAYS: i32 = 8;

/// The occurrences of these windows that hold at `around` or begin within the week after it. Where the clock is changed
/// a time of day that does not exist is the one after the gap, and one that comes twice is the first.
pub(super) fn spans(windows: &[Window], around: Timestamp, zone: &TimeZone) -> Vec<Span> {
    let today = zone.to_datetime(around.to_jiff()).date();
    let dates = (-1..=DAYS).map(|day| today.saturating_add(day.days()));
    let spans = dates.flat_map(|date| {
        let today = windows.iter().filter(move |window| window.days.contains(&Weekday::of(date)));
        today.filter_map(move |window| window.on(date, zone))
    });
    spans.filter(|span| span.until > around).collect()
}

impl Window {
    /// Its occurrence that begins on this day; none where a change of the clock leaves nothing of it.
    fn on(&self, date: Date, zone: &TimeZone) -> Option<Span> {
        let last = if self.until > self.from { date } else { date.saturating_add(1.day()) };
        let time = |date: Date, time| {
            let time = zone.to_timestamp(date.to_datetime(time)).ok()?;
            Some(Timestamp::from_micros(time.as_microsecond()))
        };
        let span = Span { from: time(date, self.from)?, until: time(last, self.until)? };
        (span.from < span.until).then_some(span)
    }
}
