//! What is so on the device, as far as events told.

use crate::end::LastRun;
use crate::{Asker, Event, Rule, Step};
use model::{SnapshotId, Timestamp};
use serde::{Deserialize, Serialize};

/// The facts that conditions ask for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    pub(crate) step: Step,
    /// While the step is not [`Step::Idle`].
    pub(crate) run: Option<Run>,
    /// A run was cut short, and none was committed or canceled since.
    pub(crate) unfinished: bool,
    pub(crate) last_run: Option<LastRun>,
    /// A run is due and was held back.
    pub(crate) held_back: bool,
    pub(crate) pause: Option<Pause>,
    pub(crate) blackout_until: Option<Timestamp>,
    pub(crate) blocked_network: Option<String>,
    /// The charge below which no backup runs, while the battery is below it.
    #[serde(default)]
    pub(crate) battery_limit: Option<u8>,
    pub(crate) backup: Option<Backup>,
    pub(crate) activated: Option<Timestamp>,
    /// The first to be next.
    pub(crate) queue: Vec<Restore>,
    pub(crate) restore: Option<RunningRestore>,
}

/// A run that was asked for and has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// When the server let it begin; until then, when it was asked for.
    pub began: Timestamp,
    /// Who asked for it.
    pub by: Asker,
    /// One that was cut short is gone on with, by it or after it.
    pub resumes: bool,
    /// It is of another set than the one that the schedule is for: that it is made says nothing of that one.
    pub beside: bool,
}

/// A pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// When the user paused backup.
    pub began: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// The last backup that the server accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backup {
    /// Its snapshot.
    pub snapshot: SnapshotId,
    /// When it was accepted, by the device's clock.
    pub time: Timestamp,
    /// Files that were missed.
    pub missed: u64,
}

/// A restore that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Restore {
    pub(crate) id: u64,
    pub(crate) asked: Timestamp,
}

/// A restore that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunningRestore {
    pub(crate) restore: Restore,
    pub(crate) began: Timestamp,
}

impl Facts {
    pub(crate) const NONE: Self = Self {
        step: Step::Idle,
        run: None,
        unfinished: false,
        last_run: None,
        held_back: false,
        pause: None,
        blackout_until: None,
        blocked_network: None,
        battery_limit: None,
        backup: None,
        activated: None,
        queue: Vec::new(),
        restore: None,
    };

    /// Whether a pause, a blackout, a blocked network or a battery holds backups back.
    pub(crate) const fn is_held(&self) -> bool {
        self.pause.is_some()
            || self.blackout_until.is_some()
            || self.blocked_network.is_some()
            || self.battery_limit.is_some()
    }

    /// Whether there is a run, or one to come, that could be held back now.
    pub(crate) const fn wants_to_run(&self) -> bool {
        match self.step {
            Step::Idle => self.held_back || self.unfinished,
            step => step.can_be_held(),
        }
    }

    /// Whether the run is of another set than the one that the schedule is for.
    pub(crate) fn is_beside(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.beside)
    }

    /// Takes in what this event tells, by this rule.
    pub(crate) fn note(&mut self, event: &Event, rule: &Rule, now: Timestamp) {
        let beside = self.is_beside();
        self.end_run(event, rule, now);
        if let Some(last) = &mut self.last_run {
            last.healed |= rule.heals.contains(&last.end);
        }
        if let Some(step) = rule.to {
            self.step = step;
        }
        match event {
            Event::Activated => self.activated = Some(now),
            Event::Started | Event::StartedAfterRestart | Event::StartedAfterCrash { .. } => self.start(),
            Event::HeldBack => self.held_back = true,
            Event::RunAsked { by, beside } => {
                self.held_back &= *beside;
                self.run = Some(Run { began: now, by: *by, resumes: self.unfinished, beside: *beside });
            }
            Event::LeaseGranted => {
                if let Some(run) = &mut self.run {
                    run.began = now;
                }
                self.unfinished = true;
            }
            Event::Committed { snapshot, missed, .. } if !beside => {
                self.backup = Some(Backup { snapshot: *snapshot, time: now, missed: *missed });
            }
            Event::Paused { until } => {
                let began = self.pause.map_or(now, |pause| pause.began);
                self.pause = Some(Pause { began, until: *until });
            }
            Event::PauseEnded => self.pause = None,
            Event::BlackoutBegan { until } => self.blackout_until = Some(*until),
            Event::BlackoutEnded => self.blackout_until = None,
            Event::NetworkBlocked { network } => self.blocked_network = Some(network.clone()),
            Event::NetworkAllowed => self.blocked_network = None,
            Event::BatteryLow { limit } => self.battery_limit = Some(*limit),
            Event::PowerSuffices => self.battery_limit = None,
            Event::RestoreAsked { id } => self.queue.push(Restore { id: *id, asked: now }),
            Event::RestoreBegan { id } => {
                let place = self.queue.iter().position(|restore| restore.id == *id);
                let restore = place.map(|place| self.queue.remove(place));
                self.restore = restore.map(|restore| RunningRestore { restore, began: now });
            }
            Event::RestoreEnded { .. } | Event::RestoreFailed { .. } => self.restore = None,
            Event::RestoreCanceled { id } => {
                self.queue.retain(|restore| restore.id != *id);
                self.restore = self.restore.filter(|running| running.restore.id != *id);
            }
            _ => {}
        }
    }

    /// Notes how the run ended, when this rule ends it.
    fn end_run(&mut self, event: &Event, rule: &Rule, now: Timestamp) {
        let Some(end) = rule.ends else { return };
        let Some(run) = self.run.take() else { return };
        if run.beside && !end.leaves_unfinished() {
            // The schedule waits for its own set, as before.
            self.unfinished = run.resumes;
            return;
        }
        let before = self.last_run.as_ref().map_or(0, |last| last.failures);
        let failures = match end {
            end if end.is_failure() => before.saturating_add(1),
            end if end.leaves_unfinished() => before,
            _ => 0,
        };
        let retry_at = match event {
            Event::Busy { retry_at } => Some(*retry_at),
            _ => None,
        };
        self.last_run = Some(LastRun { ended: now, end, retry_at, failures, healed: false });
        // One that the server never let begin leaves nothing to go on with, but does not finish another either.
        self.unfinished &= end.leaves_unfinished();
    }

    /// What nobody looked after while the agent did not run is looked at anew, and a restore that ran waits again.
    fn start(&mut self) {
        self.blackout_until = None;
        self.blocked_network = None;
        self.battery_limit = None;
        if let Some(running) = self.restore.take() {
            self.queue.insert(0, running.restore);
        }
    }
}
