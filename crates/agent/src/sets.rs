//! Which set a backup means, and what that changes in the settings. Pure: whether a path exists is asked of the caller.
//!
//! Folders that are named make a set or find the one with exactly these folders. A set that is there is never changed
//! silently: other folders or rules for it are refused unless the user asks for the change.

use crate::state::settings::{BackupSet, Settings, StoredPath};
use crate::{AgentError, text};
use std::io;
use std::path::{Path, PathBuf};

/// The set that is meant when nothing is named.
pub(crate) const DEFAULT: &str = "default";
const NAME_MAX_CHARS: usize = 64;

/// What the command line says about the set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wish {
    /// Folders and files, absolute.
    pub(crate) paths: Vec<PathBuf>,
    /// The set's name.
    pub(crate) set: Option<String>,
    /// Rules of exclusion.
    pub(crate) exclude: Vec<String>,
    /// Stay on the file systems of the paths.
    pub(crate) one_file_system: bool,
    /// Back up caches and trash too.
    pub(crate) no_default_exclusions: bool,
    /// Store all this for a set that has others.
    pub(crate) update: bool,
}

/// The set that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Its name.
    pub(crate) name: String,
    /// Its folders and rules.
    pub(crate) set: BackupSet,
    /// Whether the settings were changed.
    pub(crate) change: Change,
}

/// What became of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing.
    None,
    /// The set is new.
    Created,
    /// The set has new folders or rules.
    Updated,
}

/// Finds the set that is meant, and makes or changes it in `settings`. A folder that is new to a set must be there for
/// `look`, which looks at a path.
pub(crate) fn choose(
    settings: &mut Settings,
    wish: &Wish,
    look: impl Fn(&Path) -> io::Result<()>,
) -> Result<Choice, AgentError> {
    let name = name(settings, wish)?;
    let (set, change) = match settings.sets.get(&name) {
        None if wish.paths.is_empty() => return Err(AgentError::SetUnknown { name, known: known(settings) }),
        None => (created(wish), Change::Created),
        Some(stored) => {
            let updated = updated(stored, wish);
            match difference(stored, &updated) {
                None => (stored.clone(), Change::None),
                Some(_) if wish.update => (updated, Change::Updated),
                Some((stored, given)) => return Err(AgentError::SetDiffers { name, stored, given }),
            }
        }
    };
    if change != Change::None {
        for path in &wish.paths {
            look(path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => AgentError::PathMissing { path: path.clone() },
                _ => AgentError::local(path, error),
            })?;
        }
        settings.sets.insert(name.clone(), set.clone());
    }
    Ok(Choice { name, set, change })
}

fn name(settings: &Settings, wish: &Wish) -> Result<String, AgentError> {
    if let Some(name) = &wish.set {
        if !settings.sets.contains_key(name) {
            check_name(name)?;
        }
        return Ok(name.clone());
    }
    if wish.paths.is_empty() {
        let mut names = settings.sets.keys();
        return match (settings.sets.contains_key(DEFAULT), names.next(), names.next()) {
            (true, ..) => Ok(DEFAULT.to_owned()),
            (false, Some(only), None) => Ok(only.clone()),
            _ => Err(AgentError::SetUnclear { known: known(settings) }),
        };
    }
    let wanted = sorted(wish.paths.clone());
    let same = settings.sets.iter().find(|(_, set)| sorted(set.paths()) == wanted);
    Ok(same.map_or_else(|| new_name(settings, &wish.paths), |(name, _)| name.clone()))
}

/// Whether a new set may have this name.
pub(crate) fn check_name(name: &str) -> Result<(), AgentError> {
    let valid = (1..=NAME_MAX_CHARS).contains(&name.chars().count()) && name.chars().all(is_name_char);
    if valid { Ok(()) } else { Err(AgentError::SetName { name: name.to_owned() }) }
}

/// A name that no set has, after the last part of the first path.
fn new_name(settings: &Settings, paths: &[PathBuf]) -> String {
    let last =
        paths.first().and_then(|path| path.file_name()).map_or("root".into(), |name| name.to_string_lossy());
    let plain = last.chars().map(|c| if is_name_char(c) { c } else { '-' });
    let base: String = plain.take(NAME_MAX_CHARS - 8).collect();
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut names = std::iter::once(base.clone()).chain(numbered);
    names.find(|name| !settings.sets.contains_key(name)).unwrap_or(base)
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || "-._@".contains(c)
}

fn known(settings: &Settings) -> Vec<String> {
    settings.sets.keys().cloned().collect()
}

fn sorted(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort_unstable();
    paths.dedup();
    paths
}

fn stored(paths: &[PathBuf]) -> Vec<StoredPath> {
    let mut all: Vec<StoredPath> = Vec::new();
    for path in paths {
        if !all.iter().any(|known| known.0 == *path) {
            all.push(StoredPath(path.clone()));
        }
    }
    all
}

fn created(wish: &Wish) -> BackupSet {
    BackupSet {
        paths: stored(&wish.paths),
        exclude: wish.exclude.clone(),
        default_exclusions: !wish.no_default_exclusions,
        one_file_system: wish.one_file_system,
    }
}

/// The set with what the command line names in place of what it has; what is not named stays.
fn updated(set: &BackupSet, wish: &Wish) -> BackupSet {
    let same_paths = wish.paths.is_empty() || sorted(set.paths()) == sorted(wish.paths.clone());
    BackupSet {
        paths: if same_paths { set.paths.clone() } else { stored(&wish.paths) },
        exclude: if wish.exclude.is_empty() { set.exclude.clone() } else { wish.exclude.clone() },
        default_exclusions: set.default_exclusions && !wish.no_default_exclusions,
        one_file_system: set.one_file_system || wish.one_file_system,
    }
}

/// What the stored set has and what was given instead, in words.
fn difference(stored: &BackupSet, given: &BackupSet) -> Option<(String, String)> {
    let folders = |set: &BackupSet| text::paths(set.paths.iter().map(|path| path.0.as_path()));
    let rules = |set: &BackupSet| match set.exclude.len() {
        0 => "no rules".to_owned(),
        _ => format!("the rules {}", set.exclude.join(", ")),
    };
    if stored.paths != given.paths {
        Some((folders(stored), folders(given)))
    } else if stored.exclude != given.exclude {
        Some((rules(stored), rules(given)))
    } else if stored.default_exclusions != given.default_exclusions {
        Some(("the default exclusions".into(), "--no-default-exclusions".into()))
    } else if stored.one_file_system != given.one_file_system {
        Some(("all file systems below its folders".into(), "--one-file-system".into()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests;
