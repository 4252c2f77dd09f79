//! A server, a user and devices in one temporary folder.

use crate::{Agent, Server};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// One installation.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    /// The server.
    pub server: Server,
}

impl Site {
    /// A running server with the user `anna`.
    pub fn new() -> Self {
        Self::with(&[], &[])
    }

    /// The same with further arguments for `init` and for `user add`.
    pub fn with(init: &[&str], user: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::init(&folder.path().join("server"), init);
        if !init.contains(&"--store") {
            // The store lies on the disk of the machine, which may be fuller than the usual reserve allows.
            server.need_no_free_disk();
        }
        Self::started(folder, server, user)
    }

    /// A running server that `init` made in the folder that it was given.
    pub fn of(init: impl FnOnce(&Path) -> Server) -> Self {
        let folder = TempDir::new().unwrap();
        let server = init(&folder.path().join("server"));
        server.need_no_free_disk();
        Self::started(folder, server, &[])
    }

    fn started(folder: TempDir, mut server: Server, user: &[&str]) -> Self {
        server.start();
        server.add_user("anna", user);
        Self { folder, server }
    }

    /// A folder of the site.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The site's own folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A device of `anna`, activated.
    pub fn device(&self, name: &str) -> Agent {
        let agent = Agent::at(&self.path(&format!("state-{name}")));
        agent.activate(&self.server.token("anna"), &["--name", name]);
        agent
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}
