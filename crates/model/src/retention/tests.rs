//! Rules of retention, by example and by property.

use super::*;
use proptest::prelude::*;

fn candidate(number: u8, secs: i64, complete: bool) -> Candidate {
    let time = Timestamp::from_secs(secs);
    Candidate { id: SnapshotId::from_bytes([number; 16]), time, sequence: u64::from(number), complete }
}

const NONE: Retention = Retention { keep_last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0 };

#[test]
fn the_newest_complete_one_stays_whatever_the_rule() {
    let set = [candidate(1, 0, true), candidate(2, 10, true), candidate(3, 20, false)];
    assert_eq!(NONE.removed(&set), vec![candidate(1, 0, true).id]);
}

#[test]
fn a_checkpoint_is_neither_removed_nor_counted() {
    let rule = Retention { keep_last: 1, ..NONE };
    let set = [candidate(1, 0, true), candidate(2, 10, false)];
    assert!(rule.removed(&set).is_empty());
}

/// A server whose clock was a year ahead for a day.
#[test]
fn a_clock_that_was_set_back_removes_nothing_new() {
    const YEAR: i64 = 365 * 86_400;
    let rule = Retention { keep_last: 2, hourly: 2, ..NONE };
    let set = [
        candidate(1, YEAR, true),
        candidate(2, YEAR + 3600, true),
        candidate(3, YEAR + 7200, true),
        candidate(4, 0, true),
        candidate(5, 7200, true),
    ];
    let removed: HashSet<_> = rule.removed(&set).into_iter().collect();
    assert_eq!(removed, [1, 2, 3].map(|number| candidate(number, 0, true).id).into());
}

#[test]
fn daily_keeps_the_newest_of_each_day() {
    let rule = Retention { daily: 2, ..NONE };
    let at = |day: i64, hour: i64| day * 86_400 + hour * 3600;
    let set = [
        candidate(1, at(1, 1), true),
        candidate(2, at(5, 1), true),
        candidate(3, at(5, 9), true),
        candidate(4, at(9, 1), true),
    ];
    let removed = rule.removed(&set);
    assert_eq!(removed, vec![candidate(2, 0, true).id, candidate(1, 0, true).id]);
}

#[test]
fn weeks_start_on_monday_and_months_follow_the_calendar() {
    let secs = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!(week(secs("2026-11-22T23:59:59Z")) + 1, week(secs("2026-11-23T00:00:00Z")));
    assert_eq!(month(secs("2026-10-31T23:59:59Z")) + 1, month(secs("2026-11-01T00:00:00Z")));
    assert_eq!(day(Timestamp::from_secs(-1)), -1);
}

proptest! {
    #[test]
    fn a_larger_number_never_removes_more(
        times in prop::collection::vec(0i64..40_000_000, 1..40),
        rule in (0u32..4, 0u32..6, 0u32..6, 0u32..6, 0u32..6),
        which in 0usize..5,
    ) {
        let set: Vec<_> = times.iter().enumerate().map(|(i, secs)| candidate(i as u8, *secs, true)).collect();
        let small = Retention { keep_last: rule.0, hourly: rule.1, daily: rule.2, weekly: rule.3, monthly: rule.4 };
        let mut large = small;
        match which {
            0 => large.keep_last += 1,
            1 => large.hourly += 1,
            2 => large.daily += 1,
            3 => large.weekly += 1,
            _ => large.monthly += 1,
        }
        let fewer: HashSet<_> = large.removed(&set).into_iter().collect();
        let more: HashSet<_> = small.removed(&set).into_iter().collect();
        prop_assert!(fewer.is_subset(&more));
        prop_assert!(more.len() < set.len());
    }
}
