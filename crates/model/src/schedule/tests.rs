//! The schedule by example, and against a model that looks at every minute.

use super::*;
use jiff::civil::Time;
use proptest::prelude::*;

const HOUR: i64 = 3600;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn window(days: &[Weekday], from: &str, until: &str) -> Window {
    Window { days: days.to_vec(), from: from.parse().unwrap(), until: until.parse().unwrap() }
}

fn last(ended: &str, outcome: Outcome) -> Option<Last> {
    Some(Last { ended: at(ended), outcome })
}

/// Central Europe: summer time begins on the last Sunday of March and ends on that of October.
fn berlin() -> TimeZone {
    TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
}

#[test]
fn each_outcome_has_its_wait() {
    let schedule = Schedule::default();
    let ended = "2026-11-24T10:00:00Z";
    let cases = [
        (Outcome::Complete, "14:00", Reason::Interval),
        (Outcome::Canceled, "14:00", Reason::Interval),
        (Outcome::Blocked, "14:00", Reason::Interval),
        (Outcome::Failed { in_a_row: 1 }, "10:10", Reason::Retry),
        (Outcome::Failed { in_a_row: 2 }, "10:30", Reason::Retry),
        (Outcome::Failed { in_a_row: 3 }, "11:00", Reason::Retry),
        (Outcome::Failed { in_a_row: 4 }, "14:00", Reason::Interval),
        (Outcome::Failed { in_a_row: u32::MAX }, "14:00", Reason::Interval),
        (Outcome::Busy { retry_at: at("2026-11-24T10:07:00Z") }, "10:07", Reason::ServerNamed),
        (Outcome::TurnedAway, "10:30", Reason::TurnedAway),
    ];
    let now = at("2026-11-24T10:05:00Z");
    for (outcome, due, reason) in cases {
        let time = at(&format!("2026-11-24T{due}:00Z"));
        let found = schedule.due(last(ended, outcome), now, &TimeZone::UTC);
        assert_eq!(found, Due::At { time, reason }, "{outcome:?}");
        // From then on it is due, also when the device slept meanwhile.
        for late in [0, 30 * 24 * HOUR] {
            let woken = time.after(Duration::from_secs(late.unsigned_abs()));
            let found = schedule.due(last(ended, outcome), woken, &TimeZone::UTC);
            assert_eq!(found, Due::Now { reason, since: time }, "{outcome:?}");
        }
    }
    let found = schedule.due(last(ended, Outcome::Resumable), now, &TimeZone::UTC);
    assert_eq!(found, Due::Now { reason: Reason::Resume, since: at(ended) });
    assert_eq!(schedule.due(None, now, &TimeZone::UTC), Due::Now { reason: Reason::First, since: now });
}

#[test]
fn a_retry_waits_no_longer_than_the_interval() {
    let schedule = Schedule { interval_minutes: 15, ..Schedule::default() };
    let ended = "2026-11-24T10:00:00Z";
    let time = |outcome| schedule.due(last(ended, outcome), at(ended), &TimeZone::UTC).time(at(ended));
    let quarter = Some(at("2026-11-24T10:15:00Z"));
    assert_eq!(time(Outcome::Failed { in_a_row: 2 }), quarter);
    assert_eq!(time(Outcome::TurnedAway), quarter);
    assert_eq!(time(Outcome::Failed { in_a_row: 1 }), Some(at("2026-11-24T10:10:00Z")));
}

#[test]
fn a_clock_that_was_set_back_ends_no_backups() {
    let schedule = Schedule::default();
    let year_ahead = last("2027-11-24T10:00:00Z", Outcome::Complete);
    let now = at("2026-11-24T10:00:00Z");
    let found = schedule.due(year_ahead, now, &TimeZone::UTC);
    assert_eq!(found, Due::Now { reason: Reason::ClockSetBack, since: now });
    // A few minutes are no reason to run again.
    let minutes_ahead = last("2026-11-24T10:05:00Z", Outcome::Complete);
    let found = schedule.due(minutes_ahead, now, &TimeZone::UTC);
    assert_eq!(found, Due::At { time: at("2026-11-24T14:05:00Z"), reason: Reason::Interval });
}

#[test]
fn runs_begin_in_their_windows_and_never_in_a_blackout() {
    use Weekday::{Friday, Monday, Tuesday};
    let schedule = Schedule {
        interval_minutes: 60,
        // Over midnight, and on two days.
        start_windows: vec![window(&[Monday, Friday], "22:00", "06:00")],
        blackouts: vec![window(&[Tuesday], "00:00", "02:00"), window(&[Tuesday], "02:00", "03:00")],
    };
    schedule.check().unwrap();
    let ended = "2026-11-23T20:10:00Z";
    let due = |now| schedule.due(last(ended, Outcome::Complete), at(now), &TimeZone::UTC);
    let block = |until, by| Due::Blocked { until: Some(at(until)), by };
    // It is Monday.
    assert_eq!(
        due("2026-11-23T20:20:00Z"),
        Due::At { time: at("2026-11-23T22:00:00Z"), reason: Reason::Interval }
    );
    assert_eq!(due("2026-11-23T21:30:00Z"), block("2026-11-23T22:00:00Z", Block::StartWindow));
    let since = at("2026-11-23T21:10:00Z");
    assert_eq!(due("2026-11-23T22:00:00Z"), Due::Now { reason: Reason::Interval, since });
    assert_eq!(due("2026-11-24T00:00:00Z"), block("2026-11-24T03:00:00Z", Block::Blackout));
    assert_eq!(due("2026-11-24T05:59:59Z"), Due::Now { reason: Reason::Interval, since });
    assert_eq!(due("2026-11-24T06:00:00Z"), block("2026-11-27T22:00:00Z", Block::StartWindow));
}

#[test]
fn blackouts_that_follow_each_other_are_one() {
    use Weekday::{Saturday, Sunday};
    let blackouts = vec![window(&[Saturday, Sunday], "00:00", "00:00")];
    let schedule = Schedule { blackouts, ..Schedule::default() };
    let until = |now| schedule.blackout_until(at(now), &berlin());
    assert_eq!(until("2026-11-27T22:59:59Z"), None);
    assert_eq!(until("2026-11-27T23:00:00Z"), Some(at("2026-11-29T23:00:00Z")));
    assert_eq!(until("2026-11-29T23:00:00Z"), None);
}

#[test]
fn windows_are_times_of_the_place_also_when_its_clock_is_changed() {
    let schedule =
        Schedule { blackouts: vec![window(&Weekday::ALL, "01:30", "02:30")], ..Schedule::default() };
    let until = |now| schedule.blackout_until(at(now), &berlin()).map(|time| time.to_string());
    // On the last Sunday of March, the half hour after 02:00 does not exist and becomes the one after 03:00.
    assert_eq!(until("2026-03-29T00:45:00Z"), Some("2026-03-29T01:30:00Z".into()));
    // On that of October, the window ends when it is 02:30 for the first time.
    assert_eq!(until("2026-10-24T23:45:00Z"), Some("2026-10-25T00:30:00Z".into()));
    assert_eq!(until("2026-10-25T00:45:00Z"), None);
}

#[test]
fn a_schedule_that_cannot_be_used_is_refused() {
    let fits = |schedule: Schedule| schedule.check();
    assert_eq!(fits(Schedule::default()), Ok(()));
    for interval_minutes in [0, 4, 365 * 24 * 60 + 1] {
        let schedule = Schedule { interval_minutes, ..Schedule::default() };
        assert_eq!(fits(schedule), Err(ScheduleError::Interval(interval_minutes)));
    }
    let whole_week =
        Schedule { blackouts: vec![window(&Weekday::ALL, "08:00", "08:00")], ..Schedule::default() };
    let now = at("2026-11-24T10:00:00Z");
    assert_eq!(
        whole_week.due(None, now, &TimeZone::UTC),
        Due::Blocked { until: None, by: Block::Blackout },
        "that one got through must not end the agent"
    );
    assert_eq!(fits(whole_week), Err(ScheduleError::Never));
    let hidden = Schedule {
        start_windows: vec![window(&[Weekday::Monday], "08:00", "10:00")],
        blackouts: vec![window(&[Weekday::Sunday, Weekday::Monday], "22:00", "12:00")],
        ..Schedule::default()
    };
    assert_eq!(fits(hidden), Err(ScheduleError::Never));
    let no_days = Schedule { blackouts: vec![window(&[], "08:00", "09:00")], ..Schedule::default() };
    assert_eq!(fits(no_days), Err(ScheduleError::NoDays("blackouts")));
}

#[test]
fn it_is_written_as_people_would_write_it() {
    let text = r#"{"interval_minutes": 60,
        "start_windows": [{"from": "22:00", "until": "06:00"}],
        "blackouts": [{"days": ["saturday"], "from": "08:00", "until": "08:30"}]}"#;
    let schedule: Schedule = serde_json::from_str(text).unwrap();
    let expected = Schedule {
        interval_minutes: 60,
        start_windows: vec![window(&Weekday::ALL, "22:00", "06:00")],
        blackouts: vec![window(&[Weekday::Saturday], "08:00", "08:30")],
    };
    assert_eq!(schedule, expected);
    let again: Schedule = serde_json::from_value(serde_json::to_value(&expected).unwrap()).unwrap();
    assert_eq!(again, expected);
    assert!(serde_json::from_str::<Schedule>(r#"{"interval_minutes": 60, "blackout": []}"#).is_err());
}

fn some_window() -> impl Strategy<Value = Window> {
    let time = (0i8..24, 0i8..60).prop_map(|(hour, minute)| Time::new(hour, minute, 0, 0).unwrap());
    (proptest::sample::subsequence(Weekday::ALL.to_vec(), 1..=7), time.clone(), time)
        .prop_map(|(days, from, until)| Window { days, from, until })
}

fn some_schedule() -> impl Strategy<Value = Schedule> {
    let windows = || proptest::collection::vec(some_window(), 0..3);
    (5u32..3000, windows(), windows()).prop_map(|(interval_minutes, start_windows, blackouts)| Schedule {
        interval_minutes,
        start_windows,
        blackouts,
    })
}

fn some_outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        Just(Outcome::Complete),
        Just(Outcome::Canceled),
        Just(Outcome::Blocked),
        Just(Outcome::TurnedAway),
        Just(Outcome::Resumable),
        (1u32..6).prop_map(|in_a_row| Outcome::Failed { in_a_row }),
        (0i64..9000).prop_map(|minute| Outcome::Busy { retry_at: minute_after_start(minute) }),
    ]
}

/// Two days before the clock of [`berlin`] is set forward in 2026.
const START_SECS: i64 = 1_774_569_600;

fn minute_after_start(minute: i64) -> Timestamp {
    Timestamp::from_secs(START_SECS + minute * 60)
}

/// The model: whether the windows hold in this minute, by counting minutes since a Monday at midnight.
fn holds(windows: &[Window], time: Timestamp) -> bool {
    const DAY: i64 = 24 * 60;
    // 1970-01-05 was a Monday.
    let minute = (time.as_secs() - 4 * 86_400).div_euclid(60);
    let of_day = |time: Time| i64::from(time.hour()) * 60 + i64::from(time.minute());
    windows.iter().any(|window| {
        let (from, until) = (of_day(window.from), of_day(window.until));
        let length = if until > from { until - from } else { until + DAY - from };
        window.days.iter().any(|day| {
            let begins = Weekday::ALL.iter().position(|other| other == day).unwrap() as i64 * DAY + from;
            (minute - begins).rem_euclid(7 * DAY) < length
        })
    })
}

fn may_begin(schedule: &Schedule, time: Timestamp) -> bool {
    (schedule.start_windows.is_empty() || holds(&schedule.start_windows, time))
        && !holds(&schedule.blackouts, time)
}

proptest! {
    #[test]
    fn a_run_begins_at_the_first_minute_that_allows_it(
        schedule in some_schedule(), outcome in some_outcome(), ended in 0i64..20_000, now in 0i64..20_000,
    ) {
        let (ended, now) = (minute_after_start(ended), minute_after_start(now));
        let last = Last { ended, outcome };
        let due = schedule.due(Some(last), now, &TimeZone::UTC);
        // Without windows the same run would be due then.
        let free = Schedule { start_windows: vec![], blackouts: vec![], ..schedule.clone() };
        let time = free.due(Some(last), now, &TimeZone::UTC).time(now).unwrap();
        let week = (0..=7 * 24 * 60).map(|minute| Timestamp::from_secs(time.as_secs() + minute * 60));
        let first = week.into_iter().find(|time| may_begin(&schedule, *time));
        match due {
            Due::Now { .. } => prop_assert_eq!(first, Some(now)),
            Due::At { time: at, .. } => prop_assert_eq!(at, first.unwrap_or(time)),
            Due::Blocked { until, by } => {
                prop_assert_eq!(until, first);
                prop_assert_eq!(by == Block::Blackout, holds(&schedule.blackouts, now));
            }
        }
        prop_assert_eq!(schedule.blackout_until(now, &TimeZone::UTC).is_some(), holds(&schedule.blackouts, now));
        prop_assert_eq!(schedule.check().is_ok(), first.is_some());
    }

    #[test]
    fn what_was_told_comes_true(
        schedule in some_schedule(), outcome in some_outcome(), ended in 0i64..20_000, now in 0i64..20_000,
    ) {
        // A clock that was set back is about to catch up with the end of the last run, which changes the answer.
        prop_assume!(schedule.check().is_ok() && ended <= now);
        let (ended, now, zone) = (minute_after_start(ended), minute_after_start(now), berlin());
        let last = Some(Last { ended, outcome });
        let time = schedule.due(last, now, &zone).time(now).unwrap();
        let due = schedule.due(last, time, &zone);
        prop_assert!(matches!(due, Due::Now { .. }), "{:?} at {:?}", due, time);
        // Nobody waits for more than the longest wait twice and one week of windows.
        let longest = schedule.interval().max(Duration::from_secs(9000 * 60));
        prop_assert!(time.since(now) <= 2 * longest + Duration::from_secs(8 * 86_400));
    }

    #[test]
    fn no_time_is_too_far_away(schedule in some_schedule(), now: i64, ended: i64, zone in -12i8..=14) {
        let last = Last { ended: Timestamp::from_micros(ended), outcome: Outcome::Complete };
        let zone = TimeZone::fixed(jiff::tz::offset(zone));
        schedule.due(Some(last), Timestamp::from_micros(now), &zone);
        schedule.blackout_until(Timestamp::from_micros(now), &zone);
    }
}
