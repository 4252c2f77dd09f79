//! What the server says of the user's quota, as events of the status.

use api::runs::QuotaAnswer;
use status::Event;

/// What the server said last.
#[derive(Debug, Default)]
pub(super) struct Quota {
    room: Option<u64>,
}

impl Quota {
    /// What this answer tells. `is_used_up`: a backup was refused for the quota, and none was accepted since.
    pub(super) fn events(&mut self, answer: QuotaAnswer, is_used_up: bool) -> Vec<Event> {
        let room = room(answer);
        // How much the refused backup needs is not known: more room than before is worth a try.
        let more = self.room.replace(room).map_or(room == u64::MAX, |before| room > before);
        let raised = (is_used_up && more).then_some(Event::QuotaRaised);
        raised.into_iter().chain([Event::QuotaUsed { percent: percent(answer) }]).collect()
    }
}

/// What may still be backed up, in bytes.
const fn room(QuotaAnswer { used_bytes, limit_bytes }: QuotaAnswer) -> u64 {
    match limit_bytes {
        0 => u64::MAX,
        limit => limit.saturating_sub(used_bytes),
    }
}

/// The part that is used, rounded down: what is below a mark stays below it.
fn percent(QuotaAnswer { used_bytes, limit_bytes }: QuotaAnswer) -> u8 {
    let hundredths = u128::from(used_bytes) * 100;
    hundredths.checked_div(limit_bytes.into()).map_or(0, |percent| percent.min(100) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(used_bytes: u64, limit_bytes: u64) -> QuotaAnswer {
        QuotaAnswer { used_bytes, limit_bytes }
    }

    #[test]
    fn a_part_is_rounded_down_and_never_more_than_all() {
        for (used, limit, expected) in
            [(0, 0, 0), (9, 0, 0), (799, 1000, 79), (800, 1000, 80), (5, 4, 100), (u64::MAX, u64::MAX, 100)]
        {
            assert_eq!(percent(answer(used, limit)), expected, "{used} of {limit}");
        }
    }

    #[test]
    fn more_room_than_before_is_worth_a_try() {
        let mut quota = Quota::default();
        let mut raised = |used, limit, is_used_up| {
            quota.events(answer(used, limit), is_used_up).contains(&Event::QuotaRaised)
        };
        assert!(!raised(8, 10, true), "nothing is known of before");
        assert!(!raised(8, 10, true));
        assert!(!raised(9, 10, true));
        assert!(raised(9, 12, true));
        assert!(raised(8, 12, true), "something was deleted");
        assert!(!raised(0, 0, false));
        assert!(Quota::default().events(answer(8, 0), true).contains(&Event::QuotaRaised));
    }
}
