//! What a row of the table can say.

use crate::{End, Kind, Step};
use notices::{Clearing, Notice};

/// What follows from an event in some steps of a run. An event for which no rule names the present step cannot happen
/// there, and is refused.
#[derive(Debug)]
pub struct Rule {
    /// The event.
    pub event: Kind,
    /// The steps in which it can happen.
    pub steps: &'static [Step],
    /// What must be so besides.
    pub needs: Option<Need>,
    /// The step that it leads to; none where the run stays where it is.
    pub to: Option<Step>,
    /// How a run that it ends has ended.
    pub ends: Option<End>,
    /// A last run that ended so is gone on with at once: what was in its way is gone.
    pub heals: &'static [End],
    /// What it clears and raises, in this order. A notice that is cleared and raised by the same event goes on.
    pub effects: &'static [Effect],
}

/// What must be so for an event to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// No pause, blackout, blocked network or low battery.
    NothingHolds,
    /// One of them.
    SomethingHolds,
    /// A pause.
    Paused,
    /// A blackout.
    Blackout,
    /// A blocked network.
    NetworkBlocked,
    /// A battery that is too empty.
    BatteryLow,
    /// No restore with this number.
    NewRestore,
    /// The restore waits, and no other one runs.
    RestoreNext,
    /// The restore runs.
    RestoreRuns,
    /// The restore waits or runs.
    RestoreKnown,
}

/// One thing that follows from an event.
#[derive(Debug)]
pub struct Effect {
    /// The condition.
    pub when: When,
    /// What follows.
    pub does: Does,
}

/// What follows from an event.
#[derive(Debug)]
pub enum Does {
    /// This happened, and the notices end that it clears.
    Clear(Clearing),
    /// The notice holds from now on, with these values for its parameters.
    Raise(&'static Notice, &'static [(&'static str, Source)]),
}

/// On what it depends whether something follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// On nothing.
    Always,
    /// The run is of the set that the schedule is for.
    OfSchedule,
    /// Files were missed.
    Missed,
    /// None was.
    NothingMissed,
    /// The system did not let the agent read some.
    Denied,
    /// The limit of days is reached.
    DaysReached,
    /// From 80 to 94 in a hundred are used.
    MuchUsed,
    /// 95 in a hundred or more are used.
    NearlyAllUsed,
    /// The user stopped the run.
    ByUser,
    /// The administrator stopped it.
    ByAdministrator,
    /// No notice says already that the connection broke during a backup.
    NotInterrupted,
}

/// Where the value of a parameter comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// When the run began.
    RunBegan,
    /// When the pause began.
    PauseBegan,
    /// When the blackout ends.
    BlackoutEnds,
    /// The network that is blocked, or on which a backup began.
    Network,
    /// The charge below which no backup runs.
    BatteryLimit,
    /// Each folder that is missing, for a notice of its own.
    EachMissingFolder,
    /// Files that could not be read.
    Denied,
    /// Days since the last backup.
    Days,
    /// The part of the quota that is used.
    Used,
    /// When the next restore was asked for.
    RestoreAsked,
    /// When the restore began.
    RestoreBegan,
}

impl Effect {
    pub(crate) const fn clear(clearing: Clearing) -> Self {
        Self { when: When::Always, does: Does::Clear(clearing) }
    }

    pub(crate) const fn raise(notice: &'static Notice, values: &'static [(&'static str, Source)]) -> Self {
        Self { when: When::Always, does: Does::Raise(notice, values) }
    }

    pub(crate) const fn when(self, when: When) -> Self {
        Self { when, does: self.does }
    }
}
