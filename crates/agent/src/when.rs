//! Points in time as people type them: a day, a day and an hour, or how long ago.

use format::entry::FileTime;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::Clock;
use model::amounts::parse_duration;

/// Reads a time: `2026-01-31` (its first second here), `2026-01-31 08:00`, RFC 3339, or an age such as `7d`.
pub(crate) fn parse_time(text: &str) -> Result<FileTime, String> {
    if let Ok(age) = parse_duration(text) {
        return Ok(file_time(Clock::system().now().before(age).to_jiff()));
    }
    parse_in(text, &TimeZone::system())
}

fn parse_in(text: &str, zone: &TimeZone) -> Result<FileTime, String> {
    let wrong = |_| format!("'{text}' is no time such as 2026-01-31, '2026-01-31 08:00' or 7d");
    // Only one with a zone of its own is read by this.
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(file_time(time));
    }
    let local: DateTime = text.parse().map_err(wrong)?;
    Ok(file_time(zone.to_timestamp(local).map_err(wrong)?))
}

fn file_time(time: jiff::Timestamp) -> FileTime {
    // jiff rounds towards 1970, entries downwards.
    let nanos = i64::from(time.subsec_nanosecond());
    FileTime {
        secs: time.as_second() - i64::from(nanos < 0),
        nanos: u32::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_this_place_unless_they_say_another() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let secs = |text: &str| parse_in(text, &zone).map(|time| time.secs);
        assert_eq!(secs("2026-01-31"), Ok(1_769_810_400));
        assert_eq!(secs("2026-01-31 08:00"), Ok(1_769_810_400 + 8 * 3600));
        assert_eq!(secs("2026-01-31T08:00:01"), Ok(1_769_810_401 + 8 * 3600));
        assert_eq!(secs("2026-01-31T08:00:00Z"), Ok(1_769_810_400 + 10 * 3600));
        assert_eq!(secs("2026-01-31T08:00:00+01:00"), Ok(1_769_810_400 + 9 * 3600));
        for wrong in ["", "yesterday", "2026-13-01", "08:00", "7 days"] {
            assert!(parse_time(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_age_is_counted_back_from_now() {
        let now = Clock::system().now().as_secs();
        let found = parse_time("7d").unwrap().secs;
        assert!((now - 604_800..now - 604_700).contains(&found), "{found}");
    }

    #[test]
    fn fractions_before_1970_are_rounded_down() {
        let time = jiff::Timestamp::new(-1, -500_000_000).unwrap();
        assert_eq!(file_time(time), FileTime { secs: -2, nanos: 500_000_000 });
    }
}
