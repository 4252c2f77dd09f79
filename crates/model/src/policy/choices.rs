//! What a user may choose, within what the policy allows.

use super::{Notifications, Origin, Origins, Policy};
use serde::{Deserialize, Serialize};

/// What the user of a device wants; none for what the policy says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UserChoices {
    /// The interval of the schedule, in minutes.
    pub interval_minutes: Option<u32>,
    /// At most this many KiB a second; 0 for any number.
    pub bandwidth_ceiling_kib: Option<u32>,
    /// Which categories of notices come up.
    pub notifications: Option<Notifications>,
}

impl Policy {
    /// The policy with what the user wants, as far as it is allowed. A wish beyond a bound becomes the bound, so that a
    /// later policy with other bounds finds the wish as it was.
    #[must_use]
    pub fn with_choices(mut self, mut origins: Origins, choices: &UserChoices) -> (Self, Origins) {
        if let Some(minutes) = choices.interval_minutes
            && self.user_may_change_interval
        {
            // Where an administrator has crossed the bounds, the longer one counts.
            let most = self.user_interval_max_minutes.max(self.user_interval_min_minutes);
            self.schedule.interval_minutes = minutes.clamp(self.user_interval_min_minutes, most);
            origins.schedule = Origin::User;
        }
        if let Some(wanted) = choices.bandwidth_ceiling_kib {
            let ceiling = lower_ceiling(self.bandwidth_ceiling_kib, wanted);
            if ceiling != self.bandwidth_ceiling_kib {
                self.bandwidth_ceiling_kib = ceiling;
                origins.bandwidth_ceiling_kib = Origin::User;
            }
        }
        if let Some(wanted) = choices.notifications
            && self.user_may_change_notifications
        {
            let critical =
                if self.user_may_silence_critical { wanted.critical } else { self.notifications.critical };
            self.notifications = Notifications { critical, ..wanted };
            origins.notifications = Origin::User;
        }
        (self, origins)
    }
}

/// The lower of two ceilings, of which 0 is none.
const fn lower_ceiling(policy: u32, user: u32) -> u32 {
    match (policy, user) {
        (0, other) | (other, 0) => other,
        (policy, user) if user < policy => user,
        (policy, _) => policy,
    }
}
