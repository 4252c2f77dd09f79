//! A machine for the tests: a state folder of its own, and the program run on it.

use agent::state::State;
use agent::state::identity::{Identity, PinnedServer, PinnedVault};
use format::keys::Keyring;
use format::record::FormatRecord;
use model::{Code, Custody, DeviceId, ServerId, Timestamp, UserId, VaultId};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with the agent's state in it, readable by every user so that tests may run the program as another one.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Machine {
    pub(crate) fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        Self { folder }
    }

    /// A machine that is a device of the server at this address, which need not exist.
    pub(crate) fn activated(url: &str) -> Self {
        let machine = Self::new();
        let state = State::at(machine.state());
        state.prepare().unwrap();
        let vault = VaultId::random();
        let identity = Identity {
            device: DeviceId::random(),
            device_name: "laptop".into(),
            user: "ada".into(),
            secret: api::Secret::random(),
            key_pair: format::wrap::Identity::generate(),
            server: PinnedServer { id: ServerId::random(), urls: vec![url.into()], authority: None },
            vault: PinnedVault {
                keyring: Keyring::create(vault, Custody::Managed),
                format: FormatRecord::new(vault, UserId::random(), Custody::Managed, Timestamp::from_secs(0)),
            },
            token: api::Secret::random().hash(),
        };
        identity.write(&state).unwrap();
        machine
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// The program on this state, in this folder, with nothing else in its environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command.args(args).current_dir(self.path()).env_clear().env("HOLDFAST_STATE", self.state());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args).output().unwrap())
    }
}

impl Ended {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It ended with this code: by its status, and by what it says to people. Nothing went to standard output.
    #[track_caller]
    pub(crate) fn is_error(&self, code: Code) -> &Self {
        assert_eq!(self.status, i32::from(code.exit_status()), "{self:?}");
        assert!(self.stderr.starts_with("error: ") && self.stderr.contains(&format!("[{code}]")), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        self
    }

    /// It ended with this code, and standard output holds the one document that says so.
    #[track_caller]
    pub(crate) fn is_json_error(&self, code: Code) -> &Self {
        assert_eq!(self.status, i32::from(code.exit_status()), "{self:?}");
        let document: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(document.as_object().unwrap().len(), 1, "{self:?}");
        let error = document["error"].as_object().unwrap();
        assert_eq!(error["code"], code.as_str());
        assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{self:?}");
        assert!(error["advice"].as_str().is_some_and(|text| text.ends_with('.')), "{self:?}");
        assert_eq!(error.len(), 3, "{self:?}");
        assert!(self.stderr.contains("error: "), "people are told, too: {self:?}");
        self
    }

    #[track_caller]
    pub(crate) fn says(&self, words: &str) -> &Self {
        assert!(self.stderr.contains(words), "'{words}' is missing: {self:?}");
        self
    }
}
