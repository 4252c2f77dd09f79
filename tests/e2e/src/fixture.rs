//! The fixture vaults in `testdata/`: a server's object store as a version of Holdfast left it, the keys to it, and
//! what must come out of it. Every later version must read every one of them.

pub mod listing;
pub mod make;
pub mod trees;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The file that describes a fixture.
pub const DESCRIPTION: &str = "fixture.json";
/// The object store, a folder.
pub const STORE: &str = "store";
/// The organisation's recovery file. A test key.
pub const ORGANISATION: &str = "organisation-recovery.txt";
/// The recovery file of the private vault. A test key.
pub const PRIVATE: &str = "private-recovery.txt";
/// The listings of what snapshots hold, a folder.
pub const LISTINGS: &str = "trees";

/// What a fixture holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The format version.
    pub format: u8,
    /// The version of the programs that made it.
    pub made_by: String,
    /// The server's time when it was finished, in seconds since 1970. Deleted snapshots can be brought back then.
    pub now: i64,
    /// The users with their vaults, by name.
    pub users: BTreeMap<String, User>,
    /// Every snapshot that was made, oldest first.
    pub snapshots: Vec<Snapshot>,
}

/// A user with a vault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The vault's id.
    pub vault: String,
    /// Its custody, `managed` or `private`.
    pub custody: String,
    /// The names of the user's devices.
    pub devices: Vec<String>,
}

/// A snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its id.
    pub id: String,
    /// Whose vault it is in.
    pub user: String,
    /// The device that made it.
    pub device: String,
    /// The one folder that it holds, an absolute path.
    pub root: String,
    /// What became of it.
    pub state: State,
    /// The file in `trees/` that lists what lies in its folder; none when it was removed.
    pub listing: Option<String>,
}

/// What became of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is there.
    Live,
    /// Deleted, and its time to be brought back is not over at [`Description::now`].
    Deleted,
    /// Deleted, and cleaned up.
    Removed,
}

/// A fixture's folder.
#[derive(Debug, Clone)]
pub struct Fixture {
    folder: PathBuf,
    /// What it holds.
    pub description: Description,
}

impl Fixture {
    /// All fixtures of this repository, oldest format first; there is one at least.
    pub fn all() -> Vec<Self> {
        let folders = std::fs::read_dir(testdata()).unwrap().map(|entry| entry.unwrap());
        let mut found: Vec<_> = folders
            .filter(|entry| entry.file_name().to_str().is_some_and(|name| name.starts_with("vault-v")))
            .map(|entry| Self::open(&entry.path()))
            .collect();
        assert!(!found.is_empty(), "{} holds no fixture", testdata().display());
        found.sort_by_key(|fixture| fixture.description.format);
        found
    }

    /// The fixture in this folder.
    pub fn open(folder: &Path) -> Self {
        let text = std::fs::read_to_string(folder.join(DESCRIPTION)).unwrap();
        Self { folder: folder.to_owned(), description: serde_json::from_str(&text).unwrap() }
    }

    /// A file or folder of it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The snapshots of a user in this state.
    pub fn snapshots(&self, user: &str, state: State) -> impl Iterator<Item = &Snapshot> {
        self.description
            .snapshots
            .iter()
            .filter(move |snapshot| snapshot.user == user && snapshot.state == state)
    }

    /// The text that lists what a snapshot's folder holds.
    pub fn listing(&self, snapshot: &Snapshot) -> String {
        let name = snapshot.listing.as_ref().expect("a snapshot that was not removed has a listing");
        std::fs::read_to_string(self.path(LISTINGS).join(name)).unwrap()
    }

    /// Copies the object store into a folder that does not exist, with the modes that a server gives it: git keeps
    /// neither them nor empty folders.
    pub fn copy_store(&self, to: &Path) {
        copy_private(&self.path(STORE), to);
    }
}

/// The folder of all fixtures.
pub fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata")
}

/// Copies a folder of files and folders; all of it for its owner alone.
fn copy_private(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, PermissionsExt::from_mode(0o700)).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_private(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
            std::fs::set_permissions(&target, PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
}
