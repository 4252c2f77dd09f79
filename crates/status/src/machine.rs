//! Applying an event.

use crate::facts::Facts;
use crate::{
    Change, Does, Event, Held, Refusal, Rule, STANDING, Source, Standing, State, Transition, When, Why,
};
use model::Timestamp;
use notices::{Clearing, Notice, Role, Value, Values};
use std::collections::BTreeMap;
use std::time::Duration;

/// From which part of the quota on, in a hundred, the user is told, and told again.
const MARKS: [u8; 2] = [80, 95];
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A notice that shall hold.
struct Wanted {
    notice: &'static Notice,
    values: Values,
    details: BTreeMap<String, String>,
}

impl State {
    /// Takes in an event, and gives what it changed in the notices that hold. A refused one changes nothing.
    pub fn apply(&mut self, event: &Event, now: Timestamp) -> Result<Vec<Transition>, Refusal> {
        let (kind, step) = (event.kind(), self.facts.step);
        let refuse = |why| Refusal { event: kind, step, why };
        let rule = Rule::find(kind, step).ok_or_else(|| refuse(Why::out_of_step(kind, step)))?;
        if let Some(why) = rule.needs.and_then(|need| need.refuses(event, &self.facts)) {
            return Err(refuse(why));
        }
        let beside = self.facts.is_beside();
        self.facts.note(event, rule, now);

        let occasion = Occasion { event, now, facts: &self.facts, beside };
        let effects: Vec<&Does> = rule
            .effects
            .iter()
            .filter(|effect| occasion.meets(effect.when, &self.held))
            .map(|effect| &effect.does)
            .collect();
        let cleared: Vec<Clearing> = effects
            .iter()
            .filter_map(|does| if let Does::Clear(clearing) = does { Some(*clearing) } else { None })
            .collect();
        let mut wanted = Vec::new();
        for does in &effects {
            if let Does::Raise(notice, sources) = does {
                let instances = occasion.instances(sources);
                let details = event.details();
                wanted.extend(instances.map(|values| Wanted { notice, values, details: details.clone() }));
            }
        }
        let (told, wanted): (Vec<_>, Vec<_>) =
            wanted.into_iter().partition(|wanted| wanted.notice.role == Role::Event);

        let mut news = Vec::new();
        let goes = |held: &Held| !Standing::is(held.notice) && cleared.contains(&held.notice.clears);
        self.change(goes, wanted, now, &mut news);
        let standing = self.standing(event, now);
        self.change(|held| Standing::is(held.notice), standing, now, &mut news);
        for told in told {
            let episode = self.next_episode();
            let held =
                Held { notice: told.notice, values: told.values, since: now, episode, details: told.details };
            news.push((Change::Told, held));
        }
        Ok(news.into_iter().map(|(change, held)| self.transition(change, held, now)).collect())
    }

    /// The notices that hold because of what is so now.
    fn standing(&self, event: &Event, now: Timestamp) -> Vec<Wanted> {
        let occasion = Occasion { event, now, facts: &self.facts, beside: false };
        let raised: Vec<Held> = self.held.iter().filter(|held| !Standing::is(held.notice)).cloned().collect();
        let rows = STANDING.iter().filter(|row| row.holds.is_so(&self.facts, &raised));
        rows.flat_map(|row| {
            let instances = occasion.instances(row.values);
            instances.map(|values| Wanted { notice: row.notice, values, details: BTreeMap::new() })
        })
        .collect()
    }

    /// Takes away what `goes`, and brings what is wanted. What does both goes on.
    fn change(
        &mut self,
        goes: impl Fn(&Held) -> bool,
        wanted: Vec<Wanted>,
        now: Timestamp,
        news: &mut Vec<(Change, Held)>,
    ) {
        let stays = |held: &Held| {
            !goes(held) || wanted.iter().any(|wanted| held.is_about(wanted.notice, &wanted.values))
        };
        let (held, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut self.held).into_iter().partition(stays);
        self.held = held;
        news.extend(gone.into_iter().map(|held| (Change::Cleared, held)));
        for Wanted { notice, values, details } in wanted {
            let same = self.held.iter_mut().find(|held| held.is_about(notice, &values));
            if let Some(held) = same {
                // A standing notice has no details of its own to lose.
                if held.values != values || held.details != details {
                    (held.values, held.details) = (values, details);
                    news.push((Change::Changed, held.clone()));
                }
            } else {
                let episode = self.next_episode();
                let held = Held { notice, values, since: now, episode, details };
                news.push((Change::Raised, held.clone()));
                self.held.push(held);
            }
        }
    }

    fn next_episode(&mut self) -> u64 {
        let episode = self.next_episode;
        self.next_episode += 1;
        episode
    }

    fn transition(&mut self, change: Change, held: Held, now: Timestamp) -> Transition {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let Held { notice, values, episode, details, .. } = held;
        Transition { sequence, time: now, change, code: notice.code.into(), values, episode, details }
    }
}

/// What conditions and values are looked up in: the event, and what is so after it.
struct Occasion<'o> {
    event: &'o Event,
    now: Timestamp,
    facts: &'o Facts,
    /// The run, which may have ended with the event, is of another set than the one that the schedule is for.
    beside: bool,
}

impl Occasion<'_> {
    fn meets(&self, when: When, held: &[Held]) -> bool {
        let missed = match self.event {
            Event::Committed { missed, .. } | Event::RestoreEnded { missed, .. } => *missed,
            _ => 0,
        };
        let [much, nearly_all] = MARKS;
        let used = if let Event::QuotaUsed { percent } = self.event { *percent } else { 0 };
        match when {
            When::Always => true,
            When::OfSchedule => !self.beside,
            When::Missed => missed > 0,
            When::NothingMissed => missed == 0,
            When::Denied => self.denied() > 0,
            When::DaysReached => {
                matches!(self.event, Event::DaysCounted { limit } if self.days() >= (*limit).max(1))
            }
            When::MuchUsed => (much..nearly_all).contains(&used),
            When::NearlyAllUsed => used >= nearly_all,
            When::ByUser => {
                matches!(self.event, Event::Canceled { by: crate::Canceler::User, .. })
            }
            When::ByAdministrator => {
                matches!(self.event, Event::Canceled { by: crate::Canceler::Administrator, .. })
            }
            When::NotInterrupted => {
                let code = notices::catalogue::BACKUP_INTERRUPTED_SERVER_UNREACHABLE.code;
                held.iter().all(|held| held.notice.code != code)
            }
        }
    }

    /// The values of each notice that a row stands for: one, but for a source that names several.
    fn instances(&self, sources: &'static [(&'static str, Source)]) -> impl Iterator<Item = Values> {
        let count = match sources.iter().any(|(_, source)| *source == Source::EachMissingFolder) {
            true => self.event.missing_folders().len(),
            false => 1,
        };
        let values = move |index| {
            let pairs = sources
                .iter()
                .filter_map(|(name, source)| Some(((*name).into(), self.value(*source, index)?)));
            pairs.collect::<Values>()
        };
        (0..count).map(values)
    }

    fn value(&self, source: Source, index: usize) -> Option<Value> {
        let facts = self.facts;
        let network = || match self.event {
            Event::NewNetwork { network } => Some(network),
            _ => facts.blocked_network.as_ref(),
        };
        Some(match source {
            Source::RunBegan => Value::TimeOfDay(facts.run.as_ref()?.began),
            Source::PauseBegan => Value::TimeOfDay(facts.pause?.began),
            Source::BlackoutEnds => Value::TimeOfDay(facts.blackout_until?),
            Source::Network => Value::Text(network()?.clone()),
            Source::BatteryLimit => Value::Percent(facts.battery_limit?),
            Source::EachMissingFolder => Value::Text(self.event.missing_folders().get(index)?.clone()),
            Source::Denied => Value::Count(self.denied()),
            Source::Days => Value::Days(self.days()),
            Source::Used => match self.event {
                Event::QuotaUsed { percent } => Value::Percent(*percent),
                _ => return None,
            },
            Source::RestoreAsked => Value::TimeOfDay(facts.queue.first()?.asked),
            Source::RestoreBegan => Value::TimeOfDay(facts.restore?.began),
        })
    }

    fn denied(&self) -> u64 {
        if let Event::Committed { denied, .. } = self.event { *denied } else { 0 }
    }

    /// Whole days since the last backup, or since activation where there was none.
    fn days(&self) -> u32 {
        let backup = self.facts.backup.map(|backup| backup.time);
        let reference = backup.or(self.facts.activated).unwrap_or(self.now);
        u32::try_from(self.now.since(reference).as_secs() / DAY.as_secs()).unwrap_or(u32::MAX)
    }
}
