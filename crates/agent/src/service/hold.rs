//! How long a pause lasts.

use super::protocol::PauseWish;
use crate::AgentError;
use model::Timestamp;
use model::schedule::{Due, Schedule};
use std::time::Duration;

/// The longest pause. Who wants no backups for longer takes the folders out of the set.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// When a pause ends that begins now.
pub(super) fn end_of(
    wish: PauseWish,
    due: Due,
    schedule: &Schedule,
    now: Timestamp,
) -> Result<Timestamp, AgentError> {
    let until = match (wish, due) {
        (PauseWish::Seconds(seconds), _) => now.after(Duration::from_secs(seconds)),
        (PauseWish::Until(time), _) => time,
        (PauseWish::Next, Due::At { time, .. }) => time,
        // One that is due is left out.
        (PauseWish::Next, _) => now.after(schedule.interval()),
    };
    if until <= now {
        return Err(AgentError::Usage("that time has passed".into()));
    }
    if until.since(now) > LONGEST {
        let days = LONGEST.as_secs() / (24 * 60 * 60);
        return Err(AgentError::Usage(format!("a pause lasts {days} days at most")));
    }
    Ok(until)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;
    use model::schedule::Reason;

    #[test]
    fn pauses_have_an_end_that_lies_ahead_and_not_too_far() {
        let now = Timestamp::from_secs(1_000_000);
        let schedule = Schedule::default();
        let waits = Due::At { time: Timestamp::from_secs(1_000_600), reason: Reason::Interval };
        let due = Due::Now { reason: Reason::First, since: now };
        let end = |wish, due| end_of(wish, due, &schedule, now).map(|end| end.since(now).as_secs());
        assert_eq!(end(PauseWish::Seconds(3600), due).unwrap(), 3600);
        assert_eq!(end(PauseWish::Next, waits).unwrap(), 600);
        assert_eq!(end(PauseWish::Next, due).unwrap(), 4 * 3600);
        assert_eq!(end(PauseWish::Until(Timestamp::from_secs(1_000_001)), due).unwrap(), 1);
        for wish in [PauseWish::Seconds(0), PauseWish::Until(now), PauseWish::Seconds(8 * 86_400)] {
            assert_eq!(end(wish, due).unwrap_err().code(), Code::Usage, "{wish:?}");
        }
    }
}
