//! The status as it is read.

use crate::{Backup, Held, Pause, Run, State, Step};
use jiff::tz::TimeZone;
use model::schedule::Schedule;
use model::{Moment, Timestamp};
use notices::{Category, Icon, Platform, Rendered, Role, Values, priority};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where and when a status is read.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'r> {
    /// Now.
    pub now: Timestamp,
    /// The time of the place.
    pub zone: &'r TimeZone,
    /// The platform of the device.
    pub platform: Platform,
    /// The schedule by which its backups are made.
    pub schedule: &'r Schedule,
}

/// What there is to say of a device. Names in its texts are as they are: who shows them must escape them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The status line. None for a device that was never activated.
    pub line: Option<Shown>,
    /// What stands beside it, the first first.
    pub overlays: Vec<Shown>,
    /// The lines below it, the first first.
    pub details: Vec<Shown>,
    /// What holds as well, and would be the line if those before it did not hold.
    pub others: Vec<Shown>,
    /// Where the run is.
    pub step: Step,
    /// The run.
    pub run: Option<Run>,
    /// The pause.
    pub pause: Option<Pause>,
    /// When the next run will be tried. None while one runs, and where that depends on more than time.
    pub next_attempt: Option<Timestamp>,
    /// The last backup that the server accepted.
    pub last_backup: Option<Backup>,
}

/// A notice as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    /// The stable code.
    pub code: String,
    /// The headline.
    pub status: String,
    /// What it leaves open, or `-`.
    pub sub_status: String,
    /// How much it matters.
    pub category: Category,
    /// The sign beside it.
    pub icon: Icon,
    /// The values that its texts were filled in with.
    pub values: Values,
    /// Since when it holds.
    pub since: Timestamp,
    /// The number of the episode.
    pub episode: u64,
    /// What there is to say besides.
    pub details: BTreeMap<String, String>,
    /// What Holdfast does next.
    pub next: String,
    /// What the user can do.
    pub action: String,
}

impl State {
    /// What there is to say now.
    pub fn status(&self, reader: Reader<'_>) -> Status {
        let shown = |held: &&Held| held.shown(reader);
        let of_role = |role: Role| {
            let mut held: Vec<&Held> = self.held.iter().filter(|held| held.notice.role == role).collect();
            // Equal ranks stay in the order in which they were raised.
            held.sort_by_key(|held| priority::rank(held.notice));
            held
        };
        let states = of_role(Role::State);
        let line = states.first();
        // A line of its own below a headline with the same words, and only there.
        let status = line.map(|line| line.notice.status);
        let is_below = |held: &&&Held| Some(held.notice.status) == status;
        Status {
            line: line.map(shown),
            overlays: of_role(Role::Overlay).iter().map(shown).collect(),
            details: of_role(Role::Detail).iter().filter(is_below).map(shown).collect(),
            others: states.iter().skip(1).map(shown).collect(),
            step: self.facts.step,
            run: self.facts.run.clone(),
            pause: self.facts.pause,
            next_attempt: self.next_attempt(reader.schedule, reader.now, reader.zone),
            last_backup: self.facts.backup,
        }
    }
}

impl Held {
    fn shown(&self, reader: Reader<'_>) -> Shown {
        let Self { notice, values, since, episode, details } = self;
        let moment = |time| Moment::of(time, reader.now, reader.zone);
        let texts = notice.render(values, notices::Reader { platform: reader.platform, moment: &moment });
        // The tables give every notice its values, which tests see to; should one lack them, its text is better
        // than none.
        let raw = || Rendered {
            status: notice.status.into(),
            sub_status: notice.sub_status_on(reader.platform).into(),
        };
        let Rendered { status, sub_status } = texts.unwrap_or_else(|_| raw());
        Shown {
            code: notice.code.into(),
            status,
            sub_status,
            category: notice.category,
            icon: notice.icon,
            values: values.clone(),
            since: *since,
            episode: *episode,
            details: details.clone(),
            next: notice.next.into(),
            action: notice.action.into(),
        }
    }
}
