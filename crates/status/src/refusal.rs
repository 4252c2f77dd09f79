//! Why an event was refused.

use crate::facts::Facts;
use crate::{Event, Kind, Need, Step};
use model::Timestamp;
use serde::{Deserialize, Serialize};

/// An event that cannot happen as things are. The state is as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{why}")]
pub struct Refusal {
    /// The event.
    pub event: Kind,
    /// Where the run is.
    pub step: Step,
    /// Why it cannot happen.
    pub why: Why,
}

/// Why an event cannot happen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Why {
    /// There is no run.
    #[error("no backup is running")]
    NothingRuns,
    /// A run is under way.
    #[error("a backup is running already")]
    RunUnderWay,
    /// The run waits to be accepted.
    #[error("the backup is finishing, and can be neither paused nor canceled any more")]
    Finishing,
    /// It does not follow the step of the run.
    #[error("that does not follow the step in which the backup is")]
    OutOfOrder,
    /// Backup is paused.
    #[error("backup is paused")]
    Paused {
        /// Until then.
        until: Timestamp,
    },
    /// There is a blackout window.
    #[error("the administrator wants no backups at this time")]
    Blackout {
        /// Until then.
        until: Timestamp,
    },
    /// No backup is allowed on this network.
    #[error("backup is disabled on this network")]
    NetworkBlocked {
        /// What people call it.
        network: String,
    },
    /// The battery is too empty.
    #[error("the device runs on battery, which is below {limit} %")]
    BatteryLow {
        /// The charge below which no backup runs.
        limit: u8,
    },
    /// Nothing holds backups back.
    #[error("nothing holds backups back")]
    NothingHolds,
    /// There is no pause.
    #[error("backup is not paused")]
    NotPaused,
    /// There is no blackout.
    #[error("there is no blackout window now")]
    NoBlackout,
    /// The network is not blocked.
    #[error("the network is not blocked")]
    NetworkNotBlocked,
    /// The battery is not too empty.
    #[error("the battery holds nothing back")]
    BatteryNotLow,
    /// There is a restore with this number.
    #[error("there is a restore with this number")]
    RestoreKnown,
    /// There is none with this number that could do this.
    #[error("no such restore is waiting or running")]
    RestoreUnknown,
    /// Another restore runs.
    #[error("another restore is running")]
    RestoreUnderWay,
}

impl Why {
    /// No rule names this step.
    pub(crate) const fn out_of_step(event: Kind, step: Step) -> Self {
        match (event, step) {
            (Kind::RunAsked | Kind::HeldBack, _) => Self::RunUnderWay,
            (Kind::Canceled | Kind::Paused | Kind::Cut, Step::Finishing) => Self::Finishing,
            (_, Step::Idle) => Self::NothingRuns,
            _ => Self::OutOfOrder,
        }
    }
}

impl Need {
    /// Why this event cannot happen while things are so; none when it can.
    pub(crate) fn refuses(self, event: &Event, facts: &Facts) -> Option<Why> {
        let waits = |id: u64| facts.queue.iter().any(|restore| restore.id == id);
        let runs = |id: u64| facts.restore.is_some_and(|running| running.restore.id == id);
        let id = match event {
            Event::RestoreAsked { id }
            | Event::RestoreBegan { id }
            | Event::RestoreEnded { id, .. }
            | Event::RestoreFailed { id, .. }
            | Event::RestoreCanceled { id } => *id,
            _ => 0,
        };
        match self {
            Self::NothingHolds => facts.what_holds(),
            Self::SomethingHolds => (!facts.is_held()).then_some(Why::NothingHolds),
            Self::Paused => facts.pause.is_none().then_some(Why::NotPaused),
            Self::Blackout => facts.blackout_until.is_none().then_some(Why::NoBlackout),
            Self::NetworkBlocked => facts.blocked_network.is_none().then_some(Why::NetworkNotBlocked),
            Self::BatteryLow => facts.battery_limit.is_none().then_some(Why::BatteryNotLow),
            Self::NewRestore => (waits(id) || runs(id)).then_some(Why::RestoreKnown),
            Self::RestoreNext if !waits(id) => Some(Why::RestoreUnknown),
            Self::RestoreNext => facts.restore.is_some().then_some(Why::RestoreUnderWay),
            Self::RestoreRuns => (!runs(id)).then_some(Why::RestoreUnknown),
            Self::RestoreKnown => (!waits(id) && !runs(id)).then_some(Why::RestoreUnknown),
        }
    }
}

impl Facts {
    /// What holds backups back.
    pub(crate) fn what_holds(&self) -> Option<Why> {
        let pause = self.pause.map(|pause| Why::Paused { until: pause.until });
        let blackout = || self.blackout_until.map(|until| Why::Blackout { until });
        let network = || self.blocked_network.clone().map(|network| Why::NetworkBlocked { network });
        let battery = || self.battery_limit.map(|limit| Why::BatteryLow { limit });
        pause.or_else(blackout).or_else(network).or_else(battery)
    }
}
