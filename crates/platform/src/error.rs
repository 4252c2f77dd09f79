//! The crate's error: which operation failed and the operating system's number for why.
//! Wording for people is the front ends' business.

use std::io;
use std::path::PathBuf;

/// What every function of this crate answers.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused; `errno` is its number.
    #[error("{op}: {}", io::Error::from_raw_os_error(*errno))]
    Os {
        /// The operation, in the verbs of this crate.
        op: &'static str,
        /// The error number.
        errno: i32,
    },
    /// This operating system or kernel cannot do it.
    #[error("{op}: not supported on this system")]
    Unsupported {
        /// The operation, in the verbs of this crate.
        op: &'static str,
    },
    /// A name that is empty, `.`, `..`, or holds a slash or a zero byte.
    #[error("{op}: not the name of an entry in one folder")]
    BadName {
        /// The operation, in the verbs of this crate.
        op: &'static str,
    },
    /// Another process holds the lock.
    #[error("{} is locked by {}", path.display(), holder.map_or("another process".into(), |pid| format!("process {pid}")))]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that most likely holds it.
        holder: Option<u32>,
    },
}

impl Error {
    /// The operating system's error number, if it gave one.
    pub const fn errno(&self) -> Option<i32> {
        match self {
            Self::Os { errno, .. } => Some(*errno),
            _ => None,
        }
    }

    /// The standard library's kind for this error.
    pub fn kind(&self) -> io::ErrorKind {
        match self {
            Self::Os { errno, .. } => io::Error::from_raw_os_error(*errno).kind(),
            Self::Unsupported { .. } => io::ErrorKind::Unsupported,
            Self::BadName { .. } => io::ErrorKind::InvalidInput,
            Self::Locked { .. } => io::ErrorKind::WouldBlock,
        }
    }

    /// The entry, or a folder on the way to it, does not exist.
    pub fn is_not_found(&self) -> bool {
        self.kind() == io::ErrorKind::NotFound
    }

    /// Something on the way to the entry is no folder.
    pub fn is_not_a_folder(&self) -> bool {
        self.errno() == Some(crate::errno::ENOTDIR)
    }

    /// The name is taken.
    pub fn is_already_exists(&self) -> bool {
        self.kind() == io::ErrorKind::AlreadyExists
    }

    /// Permission was denied.
    pub fn is_denied(&self) -> bool {
        self.kind() == io::ErrorKind::PermissionDenied
    }

    /// No space, inodes or quota left.
    pub fn is_full(&self) -> bool {
        matches!(self.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    pub(crate) const fn unsupported(op: &'static str) -> Self {
        Self::Unsupported { op }
    }

    /// Errors that the standard library made up itself carry no number and become EIO.
    pub fn from_io(op: &'static str, error: &io::Error) -> Self {
        Self::Os { op, errno: error.raw_os_error().unwrap_or(crate::errno::EIO) }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::Os { errno, .. } => Self::from_raw_os_error(errno),
            other => Self::new(other.kind(), other),
        }
    }
}
