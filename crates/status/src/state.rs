//! The state, as it is kept.

use crate::end::LastRun;
use crate::facts::Facts;
use crate::{Backup, Event, Held, Pause, Run, Step, Transition, Why};
use jiff::tz::TimeZone;
use model::Timestamp;
use model::schedule::{Due, Schedule};
use notices::catalogue::AGENT_NOT_RUNNING;
use serde::{Deserialize, Deserializer, Serialize};

/// The version of what is written.
const VERSION: u32 = 1;

/// What holds on a device. It is kept as JSON; one that comes back from there says what it said before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    #[serde(deserialize_with = "known_version")]
    version: u32,
    pub(crate) facts: Facts,
    /// In the order in which they were raised.
    pub(crate) held: Vec<Held>,
    pub(crate) next_sequence: u64,
    pub(crate) next_episode: u64,
}

fn known_version<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    match u32::deserialize(from)? {
        VERSION => Ok(VERSION),
        other => Err(serde::de::Error::custom(format_args!("the state has version {other}, not {VERSION}"))),
    }
}

impl State {
    /// The state of a device that was just activated.
    pub fn new(now: Timestamp) -> Self {
        Self::begin(now, 1).0
    }

    /// The same for a device whose changes have numbers already: its own begin with this one. Gives them, too.
    pub fn begin(now: Timestamp, next_sequence: u64) -> (Self, Vec<Transition>) {
        let facts = Facts::NONE;
        let mut state =
            Self { version: VERSION, facts, held: Vec::new(), next_sequence, next_episode: next_sequence };
        // Nothing is under way that could refuse it.
        let changes = state.apply(&Event::Activated, now).unwrap_or_default();
        (state, changes)
    }

    /// The number that the next change will have.
    pub const fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Where the run is.
    pub const fn step(&self) -> Step {
        self.facts.step
    }

    /// The run that was asked for and has not ended.
    pub const fn run(&self) -> Option<&Run> {
        self.facts.run.as_ref()
    }

    /// Whether a run was cut short that will be gone on with.
    pub const fn is_unfinished(&self) -> bool {
        self.facts.unfinished
    }

    /// Whether a run that is due was held back.
    pub const fn is_held_back(&self) -> bool {
        self.facts.held_back
    }

    /// What holds backups back: a pause, else a blackout, else a blocked network, else a battery.
    pub fn what_holds(&self) -> Option<Why> {
        self.facts.what_holds()
    }

    /// The pause.
    pub const fn pause(&self) -> Option<Pause> {
        self.facts.pause
    }

    /// The end of the blackout.
    pub const fn blackout_until(&self) -> Option<Timestamp> {
        self.facts.blackout_until
    }

    /// The network on which no backup is allowed.
    pub fn blocked_network(&self) -> Option<&str> {
        self.facts.blocked_network.as_deref()
    }

    /// The charge below which no backup runs, while the battery is below it.
    pub const fn battery_limit(&self) -> Option<u8> {
        self.facts.battery_limit
    }

    /// The last backup that the server accepted.
    pub const fn last_backup(&self) -> Option<Backup> {
        self.facts.backup
    }

    /// The notices that hold, in the order in which they were raised.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Numbers of restores that wait, the next one first.
    pub fn waiting_restores(&self) -> impl Iterator<Item = u64> {
        self.facts.queue.iter().map(|restore| restore.id)
    }

    /// The number of the restore that runs.
    pub fn running_restore(&self) -> Option<u64> {
        self.facts.restore.map(|running| running.restore.id)
    }

    /// When the next run is due by this schedule, whatever else holds it back.
    pub fn due(&self, schedule: &Schedule, now: Timestamp, zone: &TimeZone) -> Due {
        schedule.due(self.facts.last_run.as_ref().map(LastRun::last), now, zone)
    }

    /// When the next run will be tried. None while one runs, and where that depends on more than time.
    pub(crate) fn next_attempt(
        &self,
        schedule: &Schedule,
        now: Timestamp,
        zone: &TimeZone,
    ) -> Option<Timestamp> {
        let facts = &self.facts;
        let nobody_tries = self.held.iter().any(|held| held.notice.code == AGENT_NOT_RUNNING.code);
        let waits = facts.blocked_network.is_some() || facts.battery_limit.is_some();
        if facts.step != Step::Idle || waits || nobody_tries {
            return None;
        }
        let due = self.due(schedule, now, zone).time(now)?;
        let free = [facts.pause.map(|pause| pause.until), facts.blackout_until];
        Some(free.into_iter().flatten().fold(due, Timestamp::max))
    }
}
