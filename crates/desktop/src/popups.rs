//! Which notices come up on the desktop, and which are taken away again. Pure: it is told the time, and shows nothing.
//!
//! The decision looks at all that holds, not at what changed: whoever misses a change, or begins anew after a crash,
//! comes to the same result from what holds now and what was shown before.

use crate::Held;
use model::Timestamp;
use notices::{Category, Role, Values, priority};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long a notice that asks for action is not shown again. One that lasts is shown again after it.
const QUIET: Duration = Duration::from_hours(24);

/// How many pop-ups of one notice come up while it holds several times, as with many folders on one lost disk. The
/// status shows them all.
const MOST_OF_ONE: usize = 3;

/// What was shown, to be kept across restarts. An empty one only means that what holds is shown once more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    shown: Vec<Shown>,
}

/// A pop-up that came up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Shown {
    code: String,
    values: Values,
    episode: u64,
    at: Timestamp,
    /// Where it stands or stood; none when that daemon is no more.
    place: Option<Place>,
    /// It was neither taken away nor closed.
    is_there: bool,
}

/// A notification that a notification daemon shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// Names one life of one daemon: its numbers mean nothing to the next one.
    pub(crate) daemon: String,
    /// The daemon's number for it.
    pub(crate) id: u32,
}

/// The notice that a click was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Its code.
    pub code: String,
    /// Its values, as they were shown.
    pub values: Values,
    /// Its episode.
    pub episode: u64,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plan<'h> {
    /// What stands there and no longer holds.
    pub(crate) withdraw: Vec<Place>,
    /// What comes up, the most important last, where desktops have the newest on top.
    pub(crate) show: Vec<&'h Held>,
    /// When to plan again though nothing has changed.
    pub(crate) next: Option<Timestamp>,
}

impl Memory {
    /// Compares what holds with what was shown. Nothing counts as shown before [`Memory::note_shown`].
    pub(crate) fn plan<'h>(&self, holding: &'h [Held], on: &BTreeSet<Category>, now: Timestamp) -> Plan<'h> {
        let comes_up = |held: &&Held| {
            matches!(held.notice.role, Role::State | Role::Overlay) && on.contains(&held.notice.category)
        };
        let holding: Vec<&'h Held> = holding.iter().filter(comes_up).collect();
        let is_over =
            |shown: &&Shown| !shown.is_event() && !holding.iter().any(|held| shown.is_episode_of(held));
        let withdraw = self.shown.iter().filter(is_over).filter_map(Shown::stands_at).cloned().collect();

        let (mut due, quiet): (Vec<&Held>, Vec<&Held>) =
            holding.iter().copied().partition(|held| self.is_due(held, now));
        let mut of_one: BTreeMap<&str, usize> = BTreeMap::new();
        for held in &quiet {
            *of_one.entry(held.notice.code).or_default() += 1;
        }
        due.retain(|held| {
            let count = of_one.entry(held.notice.code).or_default();
            *count += 1;
            *count <= MOST_OF_ONE
        });
        due.sort_by_key(|held| std::cmp::Reverse(priority::rank(held.notice)));
        Plan { withdraw, show: due, next: quiet.iter().filter_map(|held| self.due_again(held)).min() }
    }

    /// Whether an event comes up that is over when it was told. Not twice, should it be told twice.
    pub(crate) fn is_wanted(&self, event: &Held, on: &BTreeSet<Category>) -> bool {
        on.contains(&event.notice.category) && !self.shown.iter().any(|shown| shown.is_episode_of(event))
    }

    /// Notes that it came up.
    pub(crate) fn note_shown(&mut self, held: &Held, place: Place, now: Timestamp) {
        self.shown.retain(|shown| !shown.is_episode_of(held));
        self.shown.push(Shown {
            code: held.notice.code.to_owned(),
            values: held.values.clone(),
            episode: held.episode,
            at: now,
            place: Some(place),
            is_there: true,
        });
    }

    /// Notes that it is no longer there: it was taken away, or the user closed it. Answers whether that was news.
    pub(crate) fn note_gone(&mut self, place: &Place) -> bool {
        let mut there = self.shown.iter_mut().filter(|shown| shown.stands_at() == Some(place));
        there.next().is_some_and(|shown| std::mem::take(&mut shown.is_there))
    }

    /// Notes that all are gone but those of this daemon. Answers whether that was news.
    pub(crate) fn keep_places_of(&mut self, daemon: &str) -> bool {
        let mut changed = false;
        for shown in &mut self.shown {
            if shown.place.take_if(|place| place.daemon != daemon).is_some() {
                shown.is_there = false;
                changed = true;
            }
        }
        changed
    }

    /// Where an earlier pop-up of this episode still stands, to be replaced.
    pub(crate) fn place_of(&self, held: &Held) -> Option<&Place> {
        self.shown.iter().find(|shown| shown.is_episode_of(held))?.stands_at()
    }

    /// What was shown there last, also when it is closed by now: some daemons tell of a click after that.
    pub(crate) fn find(&self, place: &Place) -> Option<About> {
        let shown = self.shown.iter().rev().find(|shown| shown.place.as_ref() == Some(place))?;
        Some(About { code: shown.code.clone(), values: shown.values.clone(), episode: shown.episode })
    }

    /// Drops what no later decision asks for, and what a clock that went wrong for a while would keep for years.
    /// Answers whether anything changed.
    pub(crate) fn tidy(&mut self, holding: &[Held], now: Timestamp) -> bool {
        let before = self.shown.len();
        let holds = |shown: &Shown| holding.iter().any(|held| shown.is_episode_of(held));
        self.shown.retain(|shown| {
            holds(shown) || now.since(shown.at) < QUIET || (shown.is_there && !shown.is_event())
        });
        let mut changed = self.shown.len() != before;
        for shown in self.shown.iter_mut().filter(|shown| shown.at > now) {
            shown.at = now;
            changed = true;
        }
        changed
    }

    fn is_due(&self, held: &Held, now: Timestamp) -> bool {
        if is_repeated(held) {
            self.due_again(held).is_none_or(|due| due <= now)
        } else {
            !self.shown.iter().any(|shown| shown.is_episode_of(held))
        }
    }

    /// When something that asks for action, and was shown, may come up again.
    fn due_again(&self, held: &Held) -> Option<Timestamp> {
        let said_it = |shown: &&Shown| shown.is_episode_of(held) || shown.says_the_same_as(held);
        let last = self.shown.iter().filter(said_it).map(|shown| shown.at).max();
        last.filter(|_| is_repeated(held)).map(|at| at.after(QUIET))
    }
}

impl Shown {
    fn stands_at(&self) -> Option<&Place> {
        self.place.as_ref().filter(|_| self.is_there)
    }

    fn is_episode_of(&self, held: &Held) -> bool {
        self.episode == held.episode && self.code == held.notice.code
    }

    fn says_the_same_as(&self, held: &Held) -> bool {
        self.code == held.notice.code && self.values == held.values
    }

    /// Of a code that is no longer in the catalogue nothing is known but that it holds no more.
    fn is_event(&self) -> bool {
        notices::catalogue::find(&self.code).is_some_and(|notice| notice.role == Role::Event)
    }
}

/// What asks for action comes up again while it lasts; the rest is told once in an episode.
fn is_repeated(held: &Held) -> bool {
    matches!(held.notice.category, Category::Critical | Category::High)
}

#[cfg(test)]
mod tests;
