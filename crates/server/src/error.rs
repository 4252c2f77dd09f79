//! Everything that the server can refuse or fail at, and the stable code of each.
//! Texts here name what was tried and on what; what to do next is the code's advice.

use crate::tls::TlsError;
use model::Code;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database refused or failed.
    #[error(transparent)]
    Meta(#[from] meta::Error),
    /// The object store failed.
    #[error(transparent)]
    Store(#[from] blobs::Error),
    /// A vault refused or failed.
    #[error(transparent)]
    Vault(#[from] vault::Error),
    /// Bytes break the format.
    #[error(transparent)]
    Format(#[from] format::Error),
    /// A certificate failed.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A request breaks the protocol.
    #[error(transparent)]
    Protocol(#[from] api::Error),
    /// A file or folder of the server failed.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        source: platform::Error,
    },
    /// The folder holds no server.
    #[error("{} holds no server", path.display())]
    DataMissing {
        /// The data folder.
        path: PathBuf,
    },
    /// The folder is not free for a new server.
    #[error("{} {problem}", path.display())]
    DataExists {
        /// The data folder.
        path: PathBuf,
        /// What is there.
        problem: String,
    },
    /// Another process works on the data folder.
    #[error("{} is in use by {}", path.display(), holder.map_or("another process".into(), |pid| format!("process {pid}")))]
    DataLocked {
        /// The data folder.
        path: PathBuf,
        /// Which process, when it is known.
        holder: Option<u32>,
    },
    /// A file of the data folder holds something else than it should.
    #[error("{}: {problem}", path.display())]
    DataDamaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: &'static str,
    },
    /// A file of `backup` that was to be read is damaged, or is none.
    #[error("{}: {problem}", path.display())]
    BackupDamaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: &'static str,
    },
    /// The recovery file opens nothing here.
    #[error("{}: {problem}", path.display())]
    RecoveryWrong {
        /// The recovery file.
        path: PathBuf,
        /// What does not fit.
        problem: &'static str,
    },
    /// The address to listen on cannot be used.
    #[error("cannot listen on {address}: {source}")]
    ListenFailed {
        /// The address.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
    /// The connection to the running server broke.
    #[error("the running server ended the connection: {source}")]
    Control {
        /// The system's answer.
        source: io::Error,
    },
    /// Refused by the server itself.
    #[error("{detail}")]
    Refused {
        /// The code.
        code: Code,
        /// What was refused and why; no secrets, paths or names of files.
        detail: String,
    },
    /// As many of something as are allowed.
    #[error("{detail}")]
    Busy {
        /// The code.
        code: Code,
        /// What there is too much of.
        detail: String,
        /// When to ask again, in seconds.
        retry_after_seconds: u64,
    },
    /// A thread of ours ended by a panic, or could not run any more.
    #[error("a part of the server broke: {problem}")]
    Broken {
        /// What is known of it.
        problem: String,
    },
    /// The work was stopped half-way on request.
    #[error("stopped before the end")]
    Stopped,
}

impl Error {
    /// A refusal of the server itself.
    pub fn refused(code: Code, detail: impl Into<String>) -> Self {
        Self::Refused { code, detail: detail.into() }
    }

    /// The stable code that front ends show.
    pub fn code(&self) -> Code {
        match self {
            Self::Meta(error) => error.code(),
            Self::Store(error) | Self::Vault(vault::Error::Store(error)) => store_code(error),
            // What a vault asks of the database it passes through unread.
            Self::Vault(vault::Error::Registry(source)) => {
                source.downcast_ref::<meta::Error>().map_or(Code::Internal, meta::Error::code)
            }
            Self::Vault(error) => error.code(),
            Self::Format(format::Error::TooNew { .. }) => Code::FormatTooNew,
            Self::Format(_) => Code::DataDamaged,
            Self::Tls(error) => error.code(),
            Self::Protocol(error) => error.code(),
            Self::File { source, .. } => file_code(source),
            Self::DataMissing { .. } => Code::DataMissing,
            Self::DataExists { .. } => Code::DataExists,
            Self::DataLocked { .. } => Code::DataLocked,
            Self::DataDamaged { .. } | Self::BackupDamaged { .. } => Code::DatabaseDamaged,
            Self::RecoveryWrong { .. } => Code::RecoveryWrong,
            Self::ListenFailed { .. } => Code::ListenFailed,
            Self::Control { .. } => Code::DataLocked,
            Self::Refused { code, .. } | Self::Busy { code, .. } => *code,
            Self::Broken { .. } => Code::Internal,
            Self::Stopped => Code::Interrupted,
        }
    }
}

impl Error {
    /// What to do next, one sentence: the code's advice, or a better one for whoever is at the server.
    pub fn advice(&self) -> &'static str {
        match (self, self.code()) {
            (Self::BackupDamaged { .. }, _) => {
                "Take another file of holdfast-server backup, or recover without --backup."
            }
            (Self::Control { .. }, _) => "See the server's log, then run the command again.",
            // Refusals of a running server come as their codes alone.
            (_, Code::RequestInvalid) => {
                "Use the program of the version that runs, or restart the server with this one."
            }
            (_, Code::ServerBusy) => "Run the command again later.",
            (_, Code::SnapshotUnknown) => "List what exists: holdfast-server snapshot list --deleted.",
            (_, code) => code.advice(),
        }
    }
}

/// The code of a failing file.
pub fn file_code(error: &platform::Error) -> Code {
    match error {
        error if error.is_full() => Code::DiskFull,
        error if error.is_denied() => Code::LocalDenied,
        error if error.is_not_found() => Code::PathMissing,
        _ => Code::LocalFailed,
    }
}

fn store_code(error: &blobs::Error) -> Code {
    use blobs::{Error as Store, ErrorKind as Kind};
    match error {
        Store::NoStore { .. } | Store::WrongStore { .. } => Code::StoreMissing,
        Store::BadMarker { problem: blobs::MarkerProblem::Version { .. }, .. } => Code::FormatTooNew,
        Store::BadMarker { .. } => Code::StoreMissing,
        Store::Locked { .. } => Code::DataLocked,
        Store::StoreExists { .. } | Store::NotEmpty { .. } => Code::DataExists,
        other => match other.kind() {
            Kind::Full => Code::StorageFull,
            Kind::Denied => Code::LocalDenied,
            Kind::Corrupt => Code::DataDamaged,
            Kind::NotFound => Code::DataDamaged,
            Kind::Transient | Kind::Unsupported | Kind::AlreadyExists | Kind::Other => Code::LocalFailed,
            _ => Code::LocalFailed,
        },
    }
}

/// Runs work that must come to its end although whoever asked for it may go away.
pub async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => Err(Error::Broken { problem: error.to_string() }),
    }
}

/// Runs blocking work on a thread that may block.
pub async fn blocking<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    E: Send + 'static,
    Error: From<E>,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(Error::Broken { problem: error.to_string() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_at_the_server_is_advised_what_to_do_there() {
        for code in Code::ALL {
            let advice = Error::refused(*code, "").advice();
            assert!(advice.ends_with('.') && !advice.contains("holdfast snapshots"), "{code}: {advice}");
        }
        let broke = Error::Control { source: io::ErrorKind::UnexpectedEof.into() };
        assert_ne!(broke.advice(), broke.code().advice());
    }

    #[test]
    fn what_the_database_refuses_of_a_cleanup_is_told() {
        let error = Error::Vault(vault::Error::Registry(Box::new(meta::Error::DiskFull)));
        assert_eq!(error.code(), Code::StorageFull);
        assert!(error.to_string().contains(&meta::Error::DiskFull.to_string()), "{error}");
    }
}
