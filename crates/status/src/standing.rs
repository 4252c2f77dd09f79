//! Notices that hold as long as something is so.

use crate::facts::Facts;
use crate::held::Held;
use crate::{Source, Step};
use notices::catalogue::*;
use notices::{Notice, Role, priority};

/// A notice that holds exactly as long as its condition.
#[derive(Debug)]
pub struct Standing {
    /// The notice.
    pub notice: &'static Notice,
    /// The condition.
    pub holds: Holds,
    /// Where the values of its parameters come from.
    pub values: &'static [(&'static str, Source)],
}

/// What is so as long as a notice holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// The run is in this step, and nothing holds it back.
    InStep(Step),
    /// A run that was cut short waits for the server, or will be asked for, and nothing is in the way.
    Resuming,
    /// The user paused backup.
    Paused,
    /// A blackout holds back a run, or one to come.
    Blackout,
    /// A blocked network holds back a run, or one to come.
    NetworkBlocked,
    /// A battery that is too empty holds back a run, or one to come.
    BatteryLow,
    /// A restore waits.
    RestoreWaits,
    /// A restore runs.
    RestoreRuns,
}

/// Every notice of this kind.
pub static STANDING: &[Standing] = &[
    Standing { notice: &BACKUP_RESUMING, holds: Holds::Resuming, values: &[] },
    Standing {
        notice: &BACKUP_INITIALIZING,
        holds: Holds::InStep(Step::Initializing),
        values: &[("started", Source::RunBegan)],
    },
    Standing {
        notice: &BACKUP_IN_PROGRESS,
        holds: Holds::InStep(Step::InProgress),
        values: &[("started", Source::RunBegan)],
    },
    Standing { notice: &BACKUP_FINISHING, holds: Holds::InStep(Step::Finishing), values: &[] },
    Standing { notice: &BACKUP_PAUSED, holds: Holds::Paused, values: &[("paused", Source::PauseBegan)] },
    Standing {
        notice: &BACKUP_PAUSED_BLACKOUT,
        holds: Holds::Blackout,
        values: &[("until", Source::BlackoutEnds)],
    },
    Standing {
        notice: &BACKUP_INTERRUPTED_NETWORK_DISABLED,
        holds: Holds::NetworkBlocked,
        values: &[("network", Source::Network)],
    },
    Standing {
        notice: &BACKUP_PAUSED_BATTERY,
        holds: Holds::BatteryLow,
        values: &[("limit", Source::BatteryLimit)],
    },
    Standing {
        notice: &RESTORE_QUEUED,
        holds: Holds::RestoreWaits,
        values: &[("requested", Source::RestoreAsked)],
    },
    Standing {
        notice: &RESTORE_IN_PROGRESS,
        holds: Holds::RestoreRuns,
        values: &[("started", Source::RestoreBegan)],
    },
];

impl Standing {
    /// Whether this notice holds as long as a condition, rather than from one event to another.
    pub fn is(notice: &Notice) -> bool {
        STANDING.iter().any(|standing| standing.notice.code == notice.code)
    }
}

impl Holds {
    /// Whether it is so, while these notices hold that events raised.
    pub(crate) fn is_so(self, facts: &Facts, raised: &[Held]) -> bool {
        match self {
            Self::InStep(step) => facts.step == step && !(step.can_be_held() && facts.is_held()),
            Self::Resuming => is_resuming(facts, raised),
            Self::Paused => facts.pause.is_some(),
            Self::Blackout => facts.blackout_until.is_some() && facts.wants_to_run(),
            Self::NetworkBlocked => facts.blocked_network.is_some() && facts.wants_to_run(),
            Self::BatteryLow => facts.battery_limit.is_some() && facts.wants_to_run(),
            Self::RestoreWaits => !facts.queue.is_empty(),
            Self::RestoreRuns => facts.restore.is_some(),
        }
    }
}

fn is_resuming(facts: &Facts, raised: &[Held]) -> bool {
    if facts.is_held() {
        return false;
    }
    match facts.step {
        Step::Waiting => facts.run.as_ref().is_some_and(|run| run.resumes),
        Step::Idle => {
            // The reasons why the last run failed come before what waits and how earlier work ended.
            let in_the_way = |notice: &Notice| {
                notice.role == Role::State && priority::rank(notice) < priority::rank(&RESTORE_QUEUED)
            };
            facts.unfinished && !raised.iter().any(|held| in_the_way(held.notice))
        }
        _ => false,
    }
}
