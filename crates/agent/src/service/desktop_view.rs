//! What a desktop is told: the status, which notices come up, and what the user can and may do.

use crate::change::categories;
use model::policy::Policy;
use notices::{Action, Category, PauseSpan};
use serde::{Deserialize, Serialize};
use status::{State, Status, Step};
use std::collections::BTreeSet;

/// What is to be seen on a desktop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DesktopView {
    /// The status.
    pub(crate) status: Status,
    /// The categories that come up.
    pub(crate) categories: BTreeSet<Category>,
    /// There is to be an icon in the tray.
    pub(crate) has_tray_icon: bool,
    /// The codes of what the service would do now if it were asked.
    pub(crate) possible: Vec<String>,
}

impl DesktopView {
    pub(super) fn new(status: Status, state: &State, policy: &Policy, may_block: bool) -> Self {
        let possible = possible(state, policy, may_block);
        Self {
            status,
            categories: categories(policy.notifications),
            has_tray_icon: policy.tray_icon,
            possible: possible.into_iter().map(|action| action.code().to_owned()).collect(),
        }
    }
}

/// What the service would do now. `may_block`: the user may keep backups off the network that the device is on.
fn possible(state: &State, policy: &Policy, may_block: bool) -> Vec<Action> {
    let (step, is_paused) = (state.step(), state.pause().is_some());
    let mut possible = Vec::new();
    let mut add = |action, is_possible: bool| {
        if is_possible {
            possible.push(action);
        }
    };
    add(Action::BackUpNow, step == Step::Idle && state.what_holds().is_none());
    add(Action::Cancel, step.can_be_held() && policy.user_may_cancel);
    for span in PauseSpan::ALL {
        add(Action::Pause(span), step != Step::Finishing && !is_paused && policy.user_may_pause);
    }
    add(Action::Resume, is_paused);
    add(Action::AddFolders, policy.user_may_add_folders);
    add(Action::DisableOnNetwork, may_block);
    possible
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use status::{Asker, Event};

    fn codes(state: &State, policy: &Policy) -> Vec<&'static str> {
        possible(state, policy, false).into_iter().map(Action::code).collect()
    }

    #[test]
    fn only_what_the_service_would_do_is_offered() {
        let (now, policy) = (Timestamp::from_secs(100), Policy::default());
        let pauses = ["pause_hour", "pause_today", "pause_next_backup"];
        let mut state = State::new(now);
        let offered = |first: &[&'static str]| [first, &["add_folders"]].concat();
        assert_eq!(codes(&state, &policy), offered(&[&["back_up_now"][..], &pauses].concat()));
        state.apply(&Event::RunAsked { by: Asker::User, beside: false }, now).unwrap();
        assert_eq!(codes(&state, &policy), offered(&[&["cancel"][..], &pauses].concat()));
        state.apply(&Event::LeaseGranted, now).unwrap();
        state.apply(&Event::AllUploaded, now).unwrap();
        assert_eq!(codes(&state, &policy), offered(&[]));

        let mut paused = State::new(now);
        paused.apply(&Event::Paused { until: Timestamp::from_secs(200) }, now).unwrap();
        assert_eq!(codes(&paused, &policy), offered(&["resume"]));
        let strict = Policy { user_may_pause: false, user_may_add_folders: false, ..Policy::default() };
        assert_eq!(codes(&State::new(now), &strict), ["back_up_now"]);
        assert!(possible(&paused, &strict, true).contains(&Action::DisableOnNetwork));
    }
}
