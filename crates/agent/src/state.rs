//! The agent's folder: `identity/` (keys, never disposable), `settings/` (the user's choices), `cache/` (may vanish at
//! any time) and `restores/` (restores under way). Where it is, its modes, and the lock for runs.

pub mod cache;
pub mod checked;
pub mod counter;
pub mod event_log;
pub mod identity;
pub mod networks;
pub mod orders;
pub mod pending;
pub mod policy;
pub mod restores;
mod secrets;
pub mod settings;
pub mod status;
pub mod told;

use crate::AgentError;
use platform::{Lock, durable};
use std::io;
use std::path::{Path, PathBuf};

/// Nobody but the owner.
const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// The agent's state folder.
#[derive(Debug, Clone)]
pub struct State {
    root: PathBuf,
}

impl State {
    /// The folder that `HOLDFAST_STATE` names, else the usual one of this user.
    pub fn locate() -> Result<Self, AgentError> {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        if let Some(named) = variable("HOLDFAST_STATE") {
            let root = std::path::absolute(&named).map_err(|error| AgentError::local(&named, error))?;
            return Ok(Self { root });
        }
        if platform::process::effective_uid().is_ok_and(|uid| uid == 0)
            && let Ok(base) = platform::host::system_state_folder()
        {
            return Ok(Self { root: base.join("holdfast") });
        }
        let base = variable("XDG_STATE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| Some(variable("HOME")?.join(".local/state")))
            .ok_or(AgentError::NoStateFolder)?;
        Ok(Self { root: base.join("holdfast") })
    }

    /// The state in this folder.
    pub const fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Keys, secret and pins.
    pub fn identity_folder(&self) -> PathBuf {
        self.root.join("identity")
    }

    /// The user's choices.
    pub fn settings_folder(&self) -> PathBuf {
        self.root.join("settings")
    }

    /// What can be made anew.
    pub fn cache_folder(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Restores under way.
    pub fn restores_folder(&self) -> PathBuf {
        self.root.join("restores")
    }

    /// Where the service listens.
    pub fn socket(&self) -> PathBuf {
        self.root.join("socket")
    }

    /// Makes the folder and its parts.
    pub fn prepare(&self) -> Result<(), AgentError> {
        for folder in
            [self.identity_folder(), self.settings_folder(), self.cache_folder(), self.restores_folder()]
        {
            durable::create_dir_all(&folder, FOLDER_MODE)
                .map_err(|error| AgentError::state(&folder, error))?;
        }
        Ok(())
    }

    /// The lock that one run at a time holds; makes the folder when it is missing.
    pub fn lock(&self) -> Result<Lock, AgentError> {
        self.prepare()?;
        let path = self.root.join("lock");
        let lock = Lock::try_exclusive(&path).map_err(|error| AgentError::state(&path, error))?;
        // Only under the lock is anything written here, so leftovers belong to killed processes. The mark of a copied
        // state is the exception: that it could not be written is warned of, and the server says the same next time.
        for folder in [self.identity_folder(), self.settings_folder()] {
            let cleaned = platform::Dir::open_root(&folder).and_then(|dir| dir.remove_leftovers());
            cleaned.map_err(|error| AgentError::state(&folder, error))?;
        }
        Ok(lock)
    }
}

/// The file's bytes; `None` when there is none. Files of the state are small: more than `limit` bytes is the error that
/// the caller makes of the reason.
fn read(
    path: &Path,
    limit: u64,
    damaged: impl FnOnce(String) -> AgentError,
) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, AgentError> {
    use io::Read;
    let failed = |error: io::Error| {
        let errno = error.raw_os_error().unwrap_or(0);
        AgentError::state(path, platform::Error::Os { op: "read file", errno })
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(8 << 10));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        return Err(damaged("it is too long".into()));
    }
    Ok(Some(bytes))
}

/// Removes the file, durably. One that is not there is fine.
fn remove(path: &Path) -> Result<(), AgentError> {
    let removed = platform::Dir::open_parent_of(path).and_then(|(dir, name)| {
        dir.remove_file(&name)?;
        dir.sync()
    });
    match removed {
        Err(error) if !error.is_not_found() => Err(AgentError::state(path, error)),
        _ => Ok(()),
    }
}
