//! The user's choices: backup sets with their folders and rules, in a TOML file that people may edit.
//! Which set a command means is decided in `sets.rs`, not here.

use super::{FILE_MODE, State, read};
use crate::AgentError;
use model::policy::UserChoices;
use platform::durable;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Component, PathBuf};

const VERSION: u32 = 1;
const LIMIT_BYTES: u64 = 16 << 20;
const HEAD: &str = "# Backup sets and choices of this machine, read at the start of each run.
# You may edit this file; a command that changes it writes it anew, without comments.
";

/// All choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    version: u32,
    /// Sets by their names.
    #[serde(default)]
    pub sets: BTreeMap<String, BackupSet>,
    /// What the user wants within the policy.
    #[serde(default, skip_serializing_if = "is_default")]
    pub choices: UserChoices,
}

/// Named folders and rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupSet {
    /// Folders and files, absolute.
    pub paths: Vec<StoredPath>,
    /// Rules of exclusion in the syntax of gitignore, after the default ones.
    #[serde(default)]
    pub exclude: Vec<String>,
    /// Leave out caches and trash.
    #[serde(default = "yes")]
    pub default_exclusions: bool,
    /// Stay on the file systems of the paths.
    #[serde(default)]
    pub one_file_system: bool,
}

fn is_default(choices: &UserChoices) -> bool {
    *choices == UserChoices::default()
}

const fn yes() -> bool {
    true
}

impl BackupSet {
    /// The folders as paths, in their order.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.paths.iter().map(|path| path.0.clone()).collect()
    }
}

/// A path: text where it is UTF-8, else `{ base64 = "…" }`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "PathForm", into = "PathForm")]
pub struct StoredPath(pub PathBuf);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum PathForm {
    Text(String),
    Bytes { base64: api::Blob },
}

impl From<PathForm> for StoredPath {
    fn from(form: PathForm) -> Self {
        Self(match form {
            PathForm::Text(text) => text.into(),
            PathForm::Bytes { base64 } => platform::path::from_vec(base64.0),
        })
    }
}

impl From<StoredPath> for PathForm {
    fn from(path: StoredPath) -> Self {
        match path.0.into_os_string().into_string() {
            Ok(text) => Self::Text(text),
            Err(other) => Self::Bytes { base64: api::Blob(platform::path::bytes(&other).to_vec()) },
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { version: VERSION, sets: BTreeMap::new(), choices: UserChoices::default() }
    }
}

impl Settings {
    /// The settings of this state; none yet are empty ones.
    pub fn read(state: &State) -> Result<Self, AgentError> {
        let path = path(state);
        let invalid = |reason: String| AgentError::SettingsInvalid { path: path.clone(), reason };
        let Some(bytes) = read(&path, LIMIT_BYTES, invalid)? else { return Ok(Self::default()) };
        let text = std::str::from_utf8(&bytes).map_err(|error| invalid(error.to_string()))?;
        let settings: Self = toml::from_str(text).map_err(|error| invalid(error.to_string()))?;
        if settings.version > VERSION {
            return Err(AgentError::StateFileNewer { path });
        }
        for (name, set) in &settings.sets {
            if let Some(relative) = set.paths.iter().find(|path| !path.0.is_absolute()) {
                let shown = relative.0.display();
                return Err(invalid(format!("the path '{shown}' of the set '{name}' is not absolute")));
            }
            let goes_back = |path: &&StoredPath| path.0.components().any(|part| part == Component::ParentDir);
            if let Some(path) = set.paths.iter().find(goes_back) {
                let shown = path.0.display();
                return Err(invalid(format!(
                    "the path '{shown}' of the set '{name}' goes back by '..'; write where it leads to"
                )));
            }
        }
        Ok(settings)
    }

    /// Stores the settings, durably. The caller holds the state's lock.
    pub fn write(&self, state: &State) -> Result<(), AgentError> {
        let path = path(state);
        let text = toml::to_string_pretty(self).map_err(|error| AgentError::Defect(error.to_string()))?;
        durable::write_file(&path, format!("{HEAD}{text}").as_bytes(), FILE_MODE)
            .map_err(|error| AgentError::state(&path, error))
    }
}

fn path(state: &State) -> PathBuf {
    state.settings_folder().join("settings.toml")
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
    fn sets_come_back_with_any_name_of_a_path() {
        let (_folder, state) = state();
        assert_eq!(Settings::read(&state).unwrap(), Settings::default());
        let odd = platform::path::from_vec(b"/a\xff\"\n".to_vec());
        let set = BackupSet {
            paths: ["/home/ada/Documents".into(), odd].map(StoredPath).into(),
            exclude: vec!["*.iso".into(), "!keep.iso".into()],
            default_exclusions: false,
            one_file_system: true,
        };
        let mut settings = Settings::default();
        settings.sets.insert("Documents".into(), set);
        settings.write(&state).unwrap();
        assert_eq!(Settings::read(&state).unwrap(), settings);
    }

    #[test]
    fn a_file_written_by_hand_is_read_and_its_mistakes_are_named() {
        let (_folder, state) = state();
        let write = |text: &str| std::fs::write(path(&state), text).unwrap();
        write("version = 1\n[sets.default]\npaths = [\"/etc\"]\n");
        let set = Settings::read(&state).unwrap().sets["default"].clone();
        assert!(set.default_exclusions && !set.one_file_system && set.exclude.is_empty());

        for (text, word) in [
            ("version = 1\n[sets.default\n", "line 2"),
            ("version = 1\n[sets.default]\npaths = [\"/etc\"]\nexlude = []\n", "exlude"),
            ("version = 1\n[sets.x]\npaths = [\"etc\"]\n", "absolute"),
            ("version = 1\n[sets.x]\npaths = [\"/srv/../etc\"]\n", "'..'"),
            ("", "version"),
        ] {
            write(text);
            let error = Settings::read(&state).unwrap_err();
            assert_eq!(error.code(), Code::SettingsInvalid, "{text}");
            assert!(error.to_string().contains(word), "{error}");
        }
        std::fs::File::create(path(&state)).unwrap().set_len(LIMIT_BYTES + 1).unwrap();
        let error = Settings::read(&state).unwrap_err();
        assert!(error.code() == Code::SettingsInvalid && error.to_string().contains("too long"), "{error}");
        write("version = 2\n");
        assert_eq!(Settings::read(&state).unwrap_err().code(), Code::FormatTooNew);
    }
}
