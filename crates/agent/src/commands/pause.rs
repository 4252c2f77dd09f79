//! `holdfast pause`: no backups for a while.

use super::{Context, Outcome};
use crate::service::{Command, PauseWish, ask_done};
use crate::state::State;
use crate::{AgentError, text, when};
use clap::Args;
use jiff::ToSpan;
use jiff::civil::Time;
use jiff::tz::TimeZone;
use model::amounts::parse_duration;
use model::{Clock, Timestamp};
use std::time::Duration;

/// A working day and what follows it: whoever pauses in the morning has the evening for the backup.
const TODAY: Duration = Duration::from_secs(12 * 60 * 60);

/// Make no backups for a while
#[derive(Debug, Args)]
#[command(
    after_help = "HOW LONG is a time such as 1h, 'today' (12 hours), 'next' (until the next backup is due), or 'until' with a time
such as 18:00 or '2026-01-31 08:00'; 7 days at most. A backup that runs stops reading and sending within two seconds,
and goes on from there. The pause ends by itself, also after a restart of the device.

Examples:
  holdfast pause 1h
  holdfast pause until 18:00"
)]
pub(crate) struct PauseArgs {
    /// For how long
    #[arg(value_name = "HOW LONG")]
    how_long: String,
    /// The time, after 'until'
    #[arg(value_name = "TIME")]
    time: Option<String>,
}

pub(crate) fn run(args: &PauseArgs, context: &Context) -> Result<Outcome, AgentError> {
    let wish = wish(&args.how_long, args.time.as_deref()).map_err(AgentError::Usage)?;
    let until = ask_done(&State::locate()?, Command::Pause(wish))?;
    let paused = serde_json::json!({ "paused_until": until });
    context.output.print(&paused, |out| match until {
        Some(until) => writeln!(out, "Backup is paused until {}.", text::time(until)),
        None => writeln!(out, "Backup is paused."),
    })?;
    Ok(Outcome::Complete)
}

fn wish(how_long: &str, time: Option<&str>) -> Result<PauseWish, String> {
    match (how_long, time) {
        ("until", Some(time)) => until(time, Clock::system().now(), &TimeZone::system()),
        ("until", None) => Err("'until' needs a time such as 18:00".into()),
        (_, Some(time)) => Err(format!("'{time}' is one word too many")),
        ("today", None) => Ok(PauseWish::Seconds(TODAY.as_secs())),
        ("next", None) => Ok(PauseWish::Next),
        (text, None) => parse_duration(text)
            .map(|duration| PauseWish::Seconds(duration.as_secs()))
            .map_err(|_| format!("'{text}' is no time such as 1h, nor 'today', 'next' or 'until TIME'")),
    }
}

/// A time of day is the next one that comes.
fn until(text: &str, now: Timestamp, zone: &TimeZone) -> Result<PauseWish, String> {
    let Ok(time) = text.parse::<Time>() else {
        return Ok(PauseWish::Until(Timestamp::from_secs(when::parse_time(text)?.secs)));
    };
    let today = zone.to_datetime(now.to_jiff()).date();
    let on = |date: jiff::civil::Date| {
        let time = zone.to_timestamp(date.to_datetime(time)).map_err(|error| error.to_string())?;
        Ok::<_, String>(Timestamp::from_micros(time.as_microsecond()))
    };
    let time = match on(today)? {
        time if time > now => time,
        _ => on(today.saturating_add(1.day()))?,
    };
    Ok(PauseWish::Until(time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_is_said_in_four_ways() {
        assert_eq!(wish("90m", None), Ok(PauseWish::Seconds(5400)));
        assert_eq!(wish("today", None), Ok(PauseWish::Seconds(12 * 3600)));
        assert_eq!(wish("next", None), Ok(PauseWish::Next));
        let until = Timestamp::from_secs(1_769_846_400);
        assert_eq!(wish("until", Some("2026-01-31T08:00:00Z")), Ok(PauseWish::Until(until)));
        for (how_long, time) in [("until", None), ("1h", Some("2h")), ("soon", None), ("until", Some("late"))]
        {
            assert!(wish(how_long, time).is_err(), "{how_long} {time:?}");
        }
    }

    #[test]
    fn a_time_of_day_is_the_next_one() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        let now: Timestamp = "2026-11-28T12:00:00Z".parse().unwrap();
        let at = |text| until(text, now, &zone);
        let time = |text: &str| Ok(PauseWish::Until(text.parse().unwrap()));
        assert_eq!(at("18:00"), time("2026-11-28T16:00:00Z"));
        assert_eq!(at("14:00"), time("2026-11-29T12:00:00Z"));
        assert_eq!(at("08:30"), time("2026-11-29T06:30:00Z"));
    }
}
