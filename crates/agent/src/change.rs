//! What the user changes besides backups: what comes up on the desktop, folders, networks. The service makes the change where one
//! runs, since it holds the state then; else the command does.

use crate::sets::DEFAULT;
use crate::state::State;
use crate::state::identity::Identity;
use crate::state::networks::Networks;
use crate::state::policy::policy_in_force;
use crate::state::settings::{BackupSet, Settings, StoredPath};
use crate::{AgentError, service};
use model::policy::{Notifications, Policy};
use notices::Category;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SettingsChange {
    /// Notices of a category come up on the desktop, or do not.
    Notify {
        /// The category.
        category: Category,
        /// They do.
        on: bool,
    },
    /// What comes up is what the policy says.
    NotifyAsUsual,
    /// A set has this folder, too.
    AddFolder {
        /// The folder, absolute.
        path: StoredPath,
        /// The set's name; the default set when there is none.
        set: Option<String>,
    },
    /// A set has this folder no longer.
    RemoveFolder {
        /// The folder, absolute.
        path: StoredPath,
        /// The set's name.
        set: Option<String>,
    },
    /// No backups run on a network.
    Block {
        /// Its name, or the hardware address of its router; the last one when there is none.
        network: Option<String>,
    },
    /// They run there again.
    Unblock {
        /// The same.
        network: Option<String>,
    },
}

impl SettingsChange {
    /// Makes the change, by the service or without it.
    pub(crate) fn make(&self, state: &State) -> Result<(), AgentError> {
        if service::ask_change(state, self)? {
            return Ok(());
        }
        Identity::read(state)?;
        let _lock = state.lock()?;
        self.apply(state, &policy_in_force(state).0)
    }

    /// Makes the change in the settings, as far as the policy lets the user. The caller holds the state's lock.
    pub(crate) fn apply(&self, state: &State, policy: &Policy) -> Result<(), AgentError> {
        if let Self::Block { network } | Self::Unblock { network } = self {
            let is_blocked = matches!(self, Self::Block { .. });
            return block(state, policy, network.as_deref(), is_blocked);
        }
        let mut settings = Settings::read(state)?;
        let before = settings.clone();
        match self {
            Self::Notify { category, on } => notify(&mut settings, policy, *category, *on)?,
            Self::NotifyAsUsual => settings.choices.notifications = None,
            Self::AddFolder { path, set } => add_folder(&mut settings, policy, path, set.as_deref())?,
            Self::RemoveFolder { path, set } => remove_folder(&mut settings, path, set.as_deref())?,
            Self::Block { .. } | Self::Unblock { .. } => {}
        }
        if settings == before { Ok(()) } else { settings.write(state) }
    }
}

fn notify(settings: &mut Settings, policy: &Policy, category: Category, on: bool) -> Result<(), AgentError> {
    if !policy.user_may_change_notifications {
        return Err(AgentError::NotAllowed("choose which notices come up on the desktop".into()));
    }
    if category == Category::Critical && !on && !policy.user_may_silence_critical {
        return Err(AgentError::NotAllowed("switch Critical notices off".into()));
    }
    let wanted = settings.choices.notifications.get_or_insert(policy.notifications);
    *switch(wanted, category) = on;
    Ok(())
}

const fn switch(notifications: &mut Notifications, category: Category) -> &mut bool {
    match category {
        Category::Critical => &mut notifications.critical,
        Category::High => &mut notifications.high,
        Category::Warning => &mut notifications.warning,
        Category::Informative => &mut notifications.informative,
    }
}

/// The categories that are on.
pub(crate) fn categories(mut notifications: Notifications) -> BTreeSet<Category> {
    Category::ALL.into_iter().filter(|category| *switch(&mut notifications, *category)).collect()
}

fn add_folder(
    settings: &mut Settings,
    policy: &Policy,
    path: &StoredPath,
    set: Option<&str>,
) -> Result<(), AgentError> {
    if !policy.user_may_add_folders {
        return Err(AgentError::NotAllowed("add folders".into()));
    }
    path.0.symlink_metadata().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => AgentError::PathMissing { path: path.0.clone() },
        _ => AgentError::local(&path.0, error),
    })?;
    let new = || BackupSet {
        paths: Vec::new(),
        exclude: Vec::new(),
        default_exclusions: true,
        one_file_system: false,
    };
    let name = set.unwrap_or(DEFAULT);
    crate::sets::check_name(name)?;
    let set = settings.sets.entry(name.to_owned()).or_insert_with(new);
    if !set.paths.contains(path) {
        set.paths.push(path.clone());
    }
    Ok(())
}

fn remove_folder(settings: &mut Settings, path: &StoredPath, set: Option<&str>) -> Result<(), AgentError> {
    let name = set.unwrap_or(DEFAULT);
    let known: Vec<String> = settings.sets.keys().cloned().collect();
    let unknown = || AgentError::SetUnknown { name: name.to_owned(), known };
    let set = settings.sets.get_mut(name).ok_or_else(unknown)?;
    let before = set.paths.len();
    set.paths.retain(|known| known != path);
    if set.paths.len() == before {
        return Err(AgentError::PathMissing { path: path.0.clone() });
    }
    Ok(())
}

fn block(state: &State, policy: &Policy, name: Option<&str>, is_blocked: bool) -> Result<(), AgentError> {
    let mut networks = Networks::read(state)?;
    let unknown = || AgentError::NetworkUnknown { name: name.map(str::to_owned) };
    let known = networks.find(name).ok_or_else(unknown)?;
    if is_blocked {
        service::of_users(policy).may_block(&known.network).map_err(AgentError::CannotBlock)?;
    }
    if known.is_blocked == is_blocked {
        return Ok(());
    }
    known.is_blocked = is_blocked;
    networks.write(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    fn state() -> (tempfile::TempDir, State) {
        let folder = tempfile::tempdir().unwrap();
        let state = State::at(folder.path().to_owned());
        state.prepare().unwrap();
        (folder, state)
    }

    #[test]
    fn the_user_chooses_categories_within_the_policy() {
        let (_folder, state) = state();
        let notify = |category, on, policy: &Policy| {
            let change = SettingsChange::Notify { category, on };
            change.apply(&state, policy).map_err(|error| error.code())
        };
        let usual = Policy::default();
        let on = || categories(Settings::read(&state).unwrap().choices.notifications.unwrap_or_default());
        assert_eq!(on(), [Category::Critical, Category::High, Category::Warning].into());
        notify(Category::Informative, true, &usual).unwrap();
        notify(Category::High, false, &usual).unwrap();
        assert_eq!(on(), [Category::Critical, Category::Warning, Category::Informative].into());
        assert_eq!(notify(Category::Critical, false, &usual), Err(Code::NotAllowed));
        let looser = Policy { user_may_silence_critical: true, ..Policy::default() };
        notify(Category::Critical, false, &looser).unwrap();
        assert_eq!(on(), [Category::Warning, Category::Informative].into());
        let strict = Policy { user_may_change_notifications: false, ..Policy::default() };
        assert_eq!(notify(Category::High, true, &strict), Err(Code::NotAllowed));
        SettingsChange::NotifyAsUsual.apply(&state, &usual).unwrap();
        assert_eq!(Settings::read(&state).unwrap(), Settings::default());
    }

    #[test]
    fn folders_come_and_go() {
        let (folder, state) = state();
        let policy = Policy::default();
        let path = StoredPath(folder.path().to_owned());
        let add = |path: &StoredPath, set: Option<&str>| {
            let change = SettingsChange::AddFolder { path: path.clone(), set: set.map(str::to_owned) };
            change.apply(&state, &policy).map_err(|error| error.code())
        };
        let remove = |path: &StoredPath, set: Option<&str>| {
            let change = SettingsChange::RemoveFolder { path: path.clone(), set: set.map(str::to_owned) };
            change.apply(&state, &policy).map_err(|error| error.code())
        };
        let paths = |set: &str| Settings::read(&state).unwrap().sets[set].paths.clone();
        add(&path, None).unwrap();
        add(&path, None).unwrap();
        assert_eq!(paths("default"), std::slice::from_ref(&path));
        let missing = StoredPath(folder.path().join("nowhere"));
        assert_eq!(add(&missing, None), Err(Code::PathMissing));
        assert_eq!(add(&path, Some("a/b")), Err(Code::NameInvalid));
        assert_eq!(remove(&missing, None), Err(Code::PathMissing));
        assert_eq!(remove(&path, Some("work")), Err(Code::SetUnknown));
        remove(&path, None).unwrap();
        assert_eq!(paths("default"), []);
        let closed = Policy { user_may_add_folders: false, ..Policy::default() };
        let change = SettingsChange::AddFolder { path, set: None };
        assert_eq!(change.apply(&state, &closed).unwrap_err().code(), Code::NotAllowed);
    }
}
