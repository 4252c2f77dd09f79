//! What the user can do at once, where a notice or the tray offers it.

use serde::{Serialize, Serializer};

/// Something that the user can have done with one click: a button of a pop-up or an entry of the tray's menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Show what the notice is about: the files, the reasons, the times.
    Details,
    /// Choose folders for the set.
    AddFolders,
    /// Make no backup on the network that the notice names.
    DisableOnNetwork,
    /// Begin a backup without waiting until one is due.
    BackUpNow,
    /// Stop the backup that runs.
    Cancel,
    /// Pause backup.
    Pause(PauseSpan),
    /// End the pause.
    Resume,
    /// Look for files to bring back.
    Restore,
    /// Open Holdfast.
    Open,
    /// Open the settings.
    Settings,
}

/// How long a pause lasts that is chosen with one click.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PauseSpan {
    /// One hour.
    Hour,
    /// What is left of today's work: 12 hours.
    Today,
    /// Until the next backup is due.
    NextBackup,
}

impl PauseSpan {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Today, Self::NextBackup];

    /// What stands below "Pause" in a menu.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Hour => "For 1 hour",
            Self::Today => "For today",
            Self::NextBackup => "Until the next backup",
        }
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Details,
        Self::AddFolders,
        Self::DisableOnNetwork,
        Self::BackUpNow,
        Self::Cancel,
        Self::Pause(PauseSpan::Hour),
        Self::Pause(PauseSpan::Today),
        Self::Pause(PauseSpan::NextBackup),
        Self::Resume,
        Self::Restore,
        Self::Open,
        Self::Settings,
    ];

    /// Its stable name.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::AddFolders => "add_folders",
            Self::DisableOnNetwork => "disable_on_network",
            Self::BackUpNow => "back_up_now",
            Self::Cancel => "cancel",
            Self::Pause(PauseSpan::Hour) => "pause_hour",
            Self::Pause(PauseSpan::Today) => "pause_today",
            Self::Pause(PauseSpan::NextBackup) => "pause_next_backup",
            Self::Resume => "resume",
            Self::Restore => "restore",
            Self::Open => "open",
            Self::Settings => "settings",
        }
    }

    /// What the user reads on it. Spans of a pause stand below one entry: [`PauseSpan::label`].
    pub const fn label(self) -> &'static str {
        match self {
            Self::Details => "Details",
            Self::AddFolders => "Add folders",
            Self::DisableOnNetwork => "Disable on this network",
            Self::BackUpNow => "Back up now",
            Self::Cancel => "Cancel",
            Self::Pause(_) => "Pause",
            Self::Resume => "Resume",
            Self::Restore => "Restore files…",
            Self::Open => "Open",
            Self::Settings => "Settings",
        }
    }

    /// The action with this stable name.
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.code() == code)
    }
}

impl Serialize for Action {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_action_is_found_by_its_own_code() {
        let codes: BTreeSet<_> = Action::ALL.map(Action::code).into();
        assert_eq!(codes.len(), Action::ALL.len());
        for action in Action::ALL {
            assert_eq!(Action::find(action.code()), Some(action));
            assert_eq!(serde_json::to_value(action).unwrap(), action.code());
            assert!(!action.label().is_empty());
        }
        assert_eq!(Action::find("no_such_action"), None);
        for span in PauseSpan::ALL {
            assert!(Action::ALL.contains(&Action::Pause(span)), "{}", span.label());
        }
    }
}
