//! A point in time as people say it: a day, named from today where it has a name, and a time of day.

use crate::Timestamp;
use jiff::ToSpan;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

/// A time as it is said at some place on some day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The day.
    pub day: Day,
    /// The time of day.
    pub time: Time,
}

/// A day, as it is called today.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Day {
    /// The day before today.
    Yesterday,
    /// Today.
    Today,
    /// The day after today.
    Tomorrow,
    /// Any other day.
    Date(Date),
}

impl Moment {
    /// `time` as it is said at `now` in `zone`.
    pub fn of(time: Timestamp, now: Timestamp, zone: &TimeZone) -> Self {
        let local = time.to_jiff().to_zoned_datetime(zone.clone());
        let today = now.to_jiff().to_zoned_datetime(zone.clone()).date();
        let date = local.date();
        // Days of the calendar, not spans of 24 hours: those differ when the clock is changed.
        let day = match date {
            date if date == today => Day::Today,
            date if date == today.saturating_sub(1.day()) => Day::Yesterday,
            date if date == today.saturating_add(1.day()) => Day::Tomorrow,
            date => Day::Date(date),
        };
        Self { day, time: local.time() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(time: &str, now: &str, zone: &TimeZone) -> (Day, String) {
        let moment = Moment::of(time.parse().unwrap(), now.parse().unwrap(), zone);
        (moment.day, moment.time.strftime("%H:%M").to_string())
    }

    #[test]
    fn days_are_those_of_the_place() {
        let now = "2026-11-28T23:30:00Z";
        let zone = |hours| TimeZone::fixed(jiff::tz::offset(hours));
        assert_eq!(said("2026-11-28T22:10:00Z", now, &zone(0)), (Day::Today, "22:10".into()));
        assert_eq!(said("2026-11-28T22:10:00Z", now, &zone(1)), (Day::Yesterday, "23:10".into()));
        assert_eq!(said("2026-11-30T06:00:00Z", now, &zone(1)), (Day::Tomorrow, "07:00".into()));
        let date = Day::Date(jiff::civil::date(2026, 11, 24));
        assert_eq!(said("2026-11-24T06:00:00Z", now, &zone(0)), (date, "06:00".into()));
    }

    #[test]
    fn a_change_of_the_clock_moves_no_day() {
        // Summer time ends on 25 October: that day has 25 hours.
        let posix = "CET-1CEST,M3.5.0,M10.5.0/3";
        let zone = TimeZone::posix(posix).unwrap();
        let now = "2026-10-25T22:30:00Z";
        assert_eq!(said("2026-10-24T22:10:00Z", now, &zone), (Day::Today, "00:10".into()));
        assert_eq!(said("2026-10-24T21:50:00Z", now, &zone), (Day::Yesterday, "23:50".into()));
    }
}
