//! Where a user or a device stands, which changes lead from where to where, and what keeps a device from working.
//! Pure: no database, no clock.

use crate::words::words;
use model::{Code, Timestamp};
use std::time::Duration;

words! {
    /// Where a user or a device stands.
    State {
        /// It may work.
        Active = "active",
        /// An administrator has taken it out of use until it is enabled again.
        Disabled = "disabled",
        /// An administrator has deleted it; for [`UNDO`] it can be brought back.
        Deleted = "deleted",
        /// The device has ended itself. Only a replacement goes on with it. No user is deactivated.
        Deactivated = "deactivated",
        /// The time to bring it back is over. Final, and in no list.
        Removed = "removed",
    }
}

/// How long what was deleted can be brought back.
pub const UNDO: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// A change of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// An administrator takes it out of use.
    Disable,
    /// An administrator lets it work again.
    Enable,
    /// An administrator deletes it.
    Delete,
    /// An administrator brings it back to where it stood before it was deleted.
    Undelete,
    /// The device ends itself.
    Deactivate,
    /// Another machine goes on as this device.
    Replace,
    /// It goes for good.
    Remove,
}

/// A state, since when it holds, and what it was before it was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The state.
    pub state: State,
    /// When it came to be.
    pub since: Timestamp,
    /// While it is deleted: where it goes back to.
    pub before: Option<State>,
}

impl Standing {
    /// That of a new user or device.
    pub const fn active(since: Timestamp) -> Self {
        Self::of(State::Active, since)
    }

    /// In this state, with nothing to go back to.
    pub const fn of(state: State, since: Timestamp) -> Self {
        Self { state, since, before: None }
    }

    /// Until when it can be brought back, while it is deleted.
    pub fn undo_until(&self) -> Option<Timestamp> {
        (self.state == State::Deleted).then(|| self.since.after(UNDO))
    }

    /// Whether it is deleted and can no longer be brought back.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.undo_until().is_some_and(|until| until <= now)
    }

    /// Where a change leads. One that was made before changes nothing, so that it may be asked for again. The error is
    /// the state in which the change is not possible.
    pub fn changed(self, change: Change, now: Timestamp) -> Result<Self, State> {
        use State::{Active, Deactivated, Deleted, Disabled, Removed};
        if self.is_overdue(now) && change != Change::Remove {
            return Err(Removed);
        }
        let state = match (change, self.state) {
            (Change::Remove, _) => Removed,
            (_, Removed) => return Err(Removed),
            (Change::Delete, _) => Deleted,
            (Change::Undelete, Deleted) => self.before.unwrap_or(Disabled),
            (Change::Undelete, state) => state,
            (_, Deleted) => return Err(Deleted),
            (Change::Replace, _) => Active,
            (Change::Deactivate, Active | Deactivated) => Deactivated,
            (Change::Deactivate, Disabled) => return Err(Disabled),
            (Change::Disable | Change::Enable, Deactivated) => return Err(Deactivated),
            (Change::Disable, Active | Disabled) => Disabled,
            (Change::Enable, Active | Disabled) => Active,
        };
        if state == self.state {
            return Ok(self);
        }
        Ok(Self { state, since: now, before: (state == Deleted).then_some(self.state) })
    }
}

/// Why a device may not work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Bar {
    /// Its user is disabled.
    #[error("the account is disabled")]
    AccountDisabled,
    /// It is disabled itself.
    #[error("this device is disabled")]
    DeviceDisabled,
    /// It was deleted, or its user was.
    #[error("this device was deleted")]
    DeviceDeleted,
    /// Another machine goes on as this device.
    #[error("another machine has replaced this device")]
    DeviceReplaced,
    /// It was deactivated.
    #[error("this device was deactivated")]
    DeviceDeactivated,
}

impl Bar {
    /// What keeps a device in this state, of a user in that state, from working. What is harder to undo is told first.
    pub const fn of(device: State, user: State) -> Option<Self> {
        match (device, user) {
            (State::Deactivated, _) => Some(Self::DeviceDeactivated),
            (State::Deleted | State::Removed, _) | (_, State::Deleted | State::Removed) => {
                Some(Self::DeviceDeleted)
            }
            (_, State::Disabled | State::Deactivated) => Some(Self::AccountDisabled),
            (State::Disabled, State::Active) => Some(Self::DeviceDisabled),
            (State::Active, State::Active) => None,
        }
    }

    /// The stable code.
    pub const fn code(self) -> Code {
        match self {
            Self::AccountDisabled => Code::AccountDisabled,
            Self::DeviceDisabled => Code::DeviceDisabled,
            Self::DeviceDeleted => Code::DeviceDeleted,
            Self::DeviceReplaced => Code::DeviceReplaced,
            Self::DeviceDeactivated => Code::DeviceDeactivated,
        }
    }
}

#[cfg(test)]
mod tests;
