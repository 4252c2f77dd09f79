//! Ordinary users made for a test, and agents that run as one, without capabilities. Making them needs root.

use crate::command::{Outcome, program};
use crate::{Agent, Site};
use std::ffi::OsString;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// The tools that add and remove users wait for each other by whole seconds; here they take turns.
static TURN: Mutex<()> = Mutex::new(());
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A user that exists until this is dropped.
#[derive(Debug)]
pub struct OrdinaryUser {
    name: String,
    uid: u32,
    gid: u32,
}

impl OrdinaryUser {
    /// Adds a user with a group of the same name.
    pub fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("hf-test-{}-{number}", std::process::id());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let mut add = Command::new("useradd");
        Outcome::of(add.args(["--no-create-home", "--user-group", "--home-dir", "/nonexistent", &name])).ok();
        drop(turn);
        let id = |flag: &str| {
            let outcome = Outcome::of(Command::new("id").args([flag, &name])).ok();
            outcome.stdout.trim().parse().unwrap()
        };
        Self { uid: id("-u"), gid: id("-g"), name }
    }

    /// The user's number.
    pub const fn uid(&self) -> u32 {
        self.uid
    }

    /// The number of the user's own group.
    pub const fn gid(&self) -> u32 {
        self.gid
    }

    /// The words in front of a command that is to run as this user, without capabilities and without a way to them.
    pub fn launcher(&self) -> Vec<OsString> {
        let words = ["setpriv", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "--no-new-privs"];
        let ids = [format!("--reuid={}", self.uid), format!("--regid={}", self.gid)];
        words.iter().map(OsString::from).chain(ids.iter().map(OsString::from)).collect()
    }

    /// Makes the user the owner of a folder or file.
    pub fn own(&self, path: &Path) {
        chown(path, Some(self.uid), Some(self.gid)).unwrap();
    }

    /// An activated device of `anna` whose agent runs as this user. The site's folder is opened for it.
    pub fn device(&self, site: &Site, name: &str) -> Agent {
        std::fs::set_permissions(site.folder(), std::fs::Permissions::from_mode(0o755)).unwrap();
        // The program may lie where only root can go. Another process makes the copy: a file that this one had open for
        // writing could not be started while any other thread is between fork and exec.
        let copy = site.path("holdfast");
        if !copy.exists() {
            Outcome::of(Command::new("cp").arg(program("holdfast")).arg(&copy)).ok();
        }
        let state = site.path(&format!("state-{name}"));
        std::fs::create_dir(&state).unwrap();
        self.own(&state);
        let mut agent = Agent::at(&state);
        let mut launcher = self.launcher();
        launcher.push(copy.into());
        agent.launch_with(launcher);
        agent.activate(&site.server.token("anna"), &["--name", name]);
        agent
    }
}

impl Default for OrdinaryUser {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for OrdinaryUser {
    fn drop(&mut self) {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = Command::new("userdel").arg(&self.name).output();
        drop(turn);
    }
}
