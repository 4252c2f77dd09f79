//! Why a command of the agent stopped, and the words for it: what happened, where, and what to do next.

use crate::text;
use engine::EngineError;
use engine::remote::RemoteError;
use model::{Code, SnapshotId};
use platform::fuse::MountError;
use std::io;
use std::path::{Path, PathBuf};

/// What stopped a command.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AgentError {
    /// The command line asks for something that makes no sense.
    #[error("{0}")]
    Usage(String),
    /// A signal ended the command.
    #[error("stopped by a signal")]
    Interrupted,
    /// There is no identity.
    #[error("this machine is not activated: there is no identity in {}", state.display())]
    NotActivated {
        /// The state folder.
        state: PathBuf,
    },
    /// There is an identity already.
    #[error("this machine is already activated as '{device}' of {user} at {server}")]
    AlreadyActivated {
        /// The device's name.
        device: String,
        /// The user's name.
        user: String,
        /// The server's first address.
        server: String,
    },
    /// A file of the state, other than the settings, is not what was written.
    #[error("{} is damaged: {reason}", path.display())]
    StateFileDamaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// A file of the state was written by a newer agent.
    #[error("{} was written by a newer version of Holdfast", path.display())]
    StateFileNewer {
        /// The file.
        path: PathBuf,
    },
    /// The settings cannot be read.
    #[error("{} cannot be read: {reason}", path.display())]
    SettingsInvalid {
        /// The file.
        path: PathBuf,
        /// Line and reason.
        reason: String,
    },
    /// Neither `HOLDFAST_STATE` nor a home folder says where the state is.
    #[error("there is no place for the agent's state: neither HOLDFAST_STATE nor HOME is set")]
    NoStateFolder,
    /// The state folder or a file in it failed.
    #[error("{}: {source}", path.display())]
    State {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: platform::Error,
    },
    /// Another local file failed.
    #[error("{}: {source}", path.display())]
    Local {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Standard input or output failed.
    #[error("{stream}: {source}")]
    Stream {
        /// `standard input` or `standard output`.
        stream: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// Whoever read standard output is gone. Nothing is said about it.
    #[error("nobody reads the output any more")]
    OutputClosed,
    /// The text is no token.
    #[error(transparent)]
    Token(api::Error),
    /// A private vault needs its recovery file for a further device.
    #[error("this vault is private: its key is not with the server, and this machine does not have it yet")]
    RecoveryNeeded,
    /// The recovery file is not the right one, or there is none for this vault.
    #[error("{}: {reason}", path.display())]
    RecoveryWrong {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: &'static str,
    },
    /// The recovery file would be written over another file.
    #[error("{} exists; a recovery file is never written over another file", path.display())]
    RecoveryExists {
        /// The file.
        path: PathBuf,
    },
    /// The server's answers contradict each other or the format.
    #[error("the server's answer makes no sense: {what}")]
    Answer {
        /// What is wrong.
        what: String,
    },
    /// No set has this name.
    #[error("there is no set '{name}'{}", text::list_known("sets", known))]
    SetUnknown {
        /// The name asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// `backup` without a set and without a path, and nothing says what to take.
    #[error("it is not clear what to back up{}", text::list_known("sets", known))]
    SetUnclear {
        /// The names that exist.
        known: Vec<String>,
    },
    /// The set has other paths or rules than those given.
    #[error("the set '{name}' has {stored} and not {given}")]
    SetDiffers {
        /// The set.
        name: String,
        /// What is stored, in words.
        stored: String,
        /// What was given, in words.
        given: String,
    },
    /// Not a name for a set.
    #[error("'{name}' is no name for a set")]
    SetName {
        /// The name.
        name: String,
    },
    /// A path to back up does not exist.
    #[error("{} does not exist", path.display())]
    PathMissing {
        /// The path.
        path: PathBuf,
    },
    /// No snapshot fits.
    #[error("there is no {what}")]
    NoSnapshot {
        /// What was looked for, in words.
        what: String,
    },
    /// Several snapshots fit a short id.
    #[error("'{prefix}' fits several snapshots: {}", matches.join(", "))]
    SnapshotAmbiguous {
        /// The short id.
        prefix: String,
        /// Those that fit, shortened as far as they differ.
        matches: Vec<String>,
    },
    /// Another restore into the same place runs.
    #[error("the same restore already runs{}", holder.map_or(String::new(), |pid| format!(" as process {pid}")))]
    RestoreRuns {
        /// Its process.
        holder: Option<u32>,
    },
    /// What is in the way may be what an earlier restore, of another snapshot, has left.
    #[error(
        "{} is in the way, and an earlier restore of snapshot {snapshot} into this target was cut short",
        text::escaped_path(first)
    )]
    RestoreOfAnother {
        /// The snapshot.
        snapshot: SnapshotId,
        /// A name that is taken.
        first: PathBuf,
    },
    /// The labels of a snapshot cannot be opened.
    #[error("the labels of snapshot {snapshot} cannot be read: {source}")]
    Labels {
        /// The snapshot.
        snapshot: SnapshotId,
        /// What is wrong with them.
        source: format::Error,
    },
    /// A folder cannot be mounted on.
    #[error("{} cannot be mounted on: {reason}", text::escaped_path(path))]
    MountPoint {
        /// The folder.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
    /// A mount whose program has ended lies on a folder.
    #[error("an earlier mount that has ended is left over at {}", text::escaped_path(path))]
    MountStale {
        /// The folder.
        path: PathBuf,
    },
    /// Mounting failed.
    #[error("{}: {source}", text::escaped_path(path))]
    Mount {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: platform::fuse::MountError,
    },
    /// The server refused or could not be reached.
    #[error("{}", remote_words(.0))]
    Remote(#[from] RemoteError),
    /// Backup, restore or verification stopped.
    #[error(transparent)]
    Engine(EngineError),
    /// None of the folders of a set is there.
    #[error("none of the folders to back up is there")]
    NothingThere,
    /// The policy does not let the user do it.
    #[error("the administrator does not let users {0}")]
    NotAllowed(String),
    /// The user may not keep backups off this network.
    #[error(transparent)]
    CannotBlock(surroundings::CannotBlock),
    /// The device was on no such network.
    #[error("{}", match name {
        Some(name) => format!("this device was on no network '{name}'"),
        None => "this device was on no network that leads to the server".to_owned(),
    })]
    NetworkUnknown {
        /// The name that was given.
        name: Option<String>,
    },
    /// No service runs on this state.
    #[error("the agent does not run on this device")]
    AgentNotRunning,
    /// The service does not answer as it should.
    #[error("the agent does not answer: {source}")]
    ServiceSilent {
        /// What broke.
        source: io::Error,
    },
    /// The service did not do what it was asked.
    #[error("{message}")]
    Service {
        /// The stable code.
        code: Code,
        /// Why, in the service's words.
        message: String,
    },
    /// Something that cannot happen.
    #[error("{0}")]
    Defect(String),
}

impl From<EngineError> for AgentError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Remote(error) => Self::Remote(error),
            EngineError::Stopped => Self::Interrupted,
            EngineError::Output { source } => Self::output(source),
            other => Self::Engine(other),
        }
    }
}

impl AgentError {
    /// The state folder or a file in it failed.
    pub(crate) fn state(path: &Path, source: platform::Error) -> Self {
        Self::State { path: path.to_owned(), source }
    }

    /// Standard output failed; that nobody reads it is no failure.
    pub(crate) fn output(source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::Stream { stream: "standard output", source },
        }
    }

    /// Another local file failed.
    pub(crate) fn local(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Local { path: path.to_owned(), source: source.into() }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Usage(_) | Self::SnapshotAmbiguous { .. } | Self::SetDiffers { .. } => Code::Usage,
            Self::Interrupted => Code::Interrupted,
            Self::NotActivated { .. } => Code::NotActivated,
            Self::AlreadyActivated { .. } => Code::AlreadyActivated,
            Self::StateFileDamaged { .. } => Code::IdentityDamaged,
            Self::StateFileNewer { .. } => Code::FormatTooNew,
            Self::SettingsInvalid { .. } => Code::SettingsInvalid,
            Self::NoStateFolder => Code::StateDenied,
            Self::State { source, .. } => state_code(source),
            Self::Local { source, .. } | Self::Stream { source, .. } => local_code(source),
            Self::OutputClosed => Code::LocalFailed,
            Self::Token(error) => error.code(),
            Self::RecoveryNeeded => Code::KeyMissing,
            Self::RecoveryWrong { .. } => Code::RecoveryWrong,
            Self::RecoveryExists { .. } => Code::TargetExists,
            Self::Answer { .. } => Code::ResponseInvalid,
            Self::SetUnknown { .. } => Code::SetUnknown,
            Self::SetUnclear { .. } => Code::SetEmpty,
            Self::SetName { .. } => Code::NameInvalid,
            Self::PathMissing { .. } => Code::PathMissing,
            Self::NoSnapshot { .. } => Code::SnapshotUnknown,
            Self::RestoreRuns { .. } => Code::StateLocked,
            Self::RestoreOfAnother { .. } => Code::TargetExists,
            Self::Labels { source, .. } => match source {
                format::Error::TooNew { .. } => Code::FormatTooNew,
                format::Error::KeyMissing { .. } => Code::KeyMissing,
                _ => Code::DataDamaged,
            },
            Self::MountPoint { .. } => Code::MountPointUnfit,
            Self::MountStale { .. } => Code::MountStale,
            Self::Mount { source: MountError::Refused { .. }, .. } => Code::MountRefused,
            Self::Mount { .. } => Code::MountUnavailable,
            Self::Remote(error) => error.code,
            Self::Engine(error) => error.code(),
            Self::NothingThere => Code::SetEmpty,
            Self::NotAllowed(_) | Self::CannotBlock(_) => Code::NotAllowed,
            Self::NetworkUnknown { .. } => Code::NetworkUnknown,
            Self::AgentNotRunning => Code::AgentNotRunning,
            Self::ServiceSilent { .. } => Code::AgentSilent,
            Self::Service { code, .. } => *code,
            Self::Defect(_) => Code::Internal,
        }
    }

    /// What to do next, one sentence: the code's advice, or a better one where the case is known.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::SetUnclear { known } if !known.is_empty() => {
                "Name a set with --set NAME, or a folder: holdfast backup PATH."
            }
            Self::SetDiffers { .. } => {
                "Give --update-set to store this, or --set NAME to make another set of it."
            }
            Self::SnapshotAmbiguous { .. } => "Give more digits of the id.",
            Self::NoStateFolder => "Set HOLDFAST_STATE to a folder for the agent's state.",
            Self::RecoveryExists { .. } => "Choose another place: holdfast activate --recovery-file FILE.",
            Self::RestoreOfAnother { .. } => {
                "To go on with it name that snapshot; else choose an empty folder, or a rule with --conflict."
            }
            Self::Labels { .. } if self.code() == Code::DataDamaged => {
                "Write them anew: holdfast tag SNAPSHOT --replace LABEL."
            }
            Self::Engine(EngineError::NeverRead { .. }) => {
                "See why: holdfast why PATH, or holdfast findings SNAPSHOT."
            }
            Self::NoSnapshot { .. } => "See what there is: holdfast snapshots --all.",
            other => other.code().advice(),
        }
    }
}

fn state_code(error: &platform::Error) -> Code {
    match error {
        platform::Error::Locked { .. } => Code::StateLocked,
        error if error.is_full() => Code::DiskFull,
        error if error.is_denied() || error.kind() == io::ErrorKind::ReadOnlyFilesystem => Code::StateDenied,
        _ => Code::LocalFailed,
    }
}

fn local_code(error: &io::Error) -> Code {
    match error.kind() {
        io::ErrorKind::NotFound => Code::PathMissing,
        io::ErrorKind::AlreadyExists => Code::TargetExists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::DiskFull,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Code::LocalDenied,
        _ => Code::LocalFailed,
    }
}

/// The meaning of the code in front of what the server or the network said, since that alone may say little.
fn remote_words(error: &RemoteError) -> String {
    let meaning = error.code.meaning().trim_end_matches('.');
    let mut words = text::lower_first(meaning);
    if error.detail.starts_with(&words) {
        words.clone_from(&error.detail);
    } else if !words.starts_with(&error.detail) {
        words = format!("{words}: {}", error.detail);
    }
    if let Some(seconds) = error.retry_after_seconds {
        words = format!("{words} (try again in {seconds} s)");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(code: Code, detail: &str, retry_after_seconds: Option<u64>) -> AgentError {
        let detail = detail.to_owned();
        RemoteError { retry_after_seconds, ..RemoteError::new(code, detail) }.into()
    }

    #[test]
    fn what_the_server_said_follows_what_it_means() {
        let error = remote(Code::ServerUnreachable, "backup.example.org: connection refused", None);
        assert_eq!(error.to_string(), "no connection: backup.example.org: connection refused");
        let error = remote(Code::DataDamaged, "stored data is damaged; the log says which", None);
        assert_eq!(error.to_string(), "stored data is damaged; the log says which");
        let error = remote(Code::TokenUsed, "the token served another device", None);
        assert_eq!(error.to_string(), "the token served another device already");
        let error = remote(Code::ServerBusy, "", Some(40));
        assert_eq!(
            error.to_string(),
            "the server has as many running backups as it allows, and others come first (try again in 40 s)"
        );
        assert_eq!(error.code().exit_status(), model::code::exit::BUSY);
    }

    #[test]
    fn a_file_that_was_never_read_is_not_looked_for_elsewhere() {
        let error = AgentError::from(EngineError::NeverRead { path: "/a".into() });
        assert_eq!(error.code(), Code::PathMissing);
        assert!(error.advice().contains("holdfast why"), "{}", error.advice());
    }

    #[test]
    fn failures_of_the_state_folder_have_codes_of_their_own() {
        let code =
            |errno| AgentError::state(Path::new("/s"), platform::Error::Os { op: "open", errno }).code();
        // EACCES, ENOSPC, EROFS, EIO
        assert_eq!(
            [13, 28, 30, 5].map(code),
            [Code::StateDenied, Code::DiskFull, Code::StateDenied, Code::LocalFailed]
        );
        let locked = platform::Error::Locked { path: "/s/lock".into(), holder: Some(77) };
        let error = AgentError::state(Path::new("/s"), locked);
        assert_eq!(error.code(), Code::StateLocked);
        assert!(error.to_string().contains("process 77"), "{error}");
    }

    #[test]
    fn only_labels_that_are_damaged_are_to_be_written_anew() {
        let told = |source| {
            let error = AgentError::Labels { snapshot: SnapshotId::random(), source };
            (error.code(), error.advice().contains("--replace"))
        };
        let damaged = format::Error::Mismatch { what: "labels", check: "hash" };
        assert_eq!(told(damaged), (Code::DataDamaged, true));
        assert_eq!(told(format::Error::TooNew { what: "labels" }), (Code::FormatTooNew, false));
        assert_eq!(told(format::Error::KeyMissing { generation: 2 }), (Code::KeyMissing, false));
    }

    #[test]
    fn a_stop_inside_the_engine_is_an_interruption() {
        assert_eq!(AgentError::from(EngineError::Stopped).code(), Code::Interrupted);
        assert_eq!(AgentError::from(EngineError::EmptySet).code(), Code::SetEmpty);
    }
}
