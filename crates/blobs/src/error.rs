//! What can go wrong in a store, sorted into the few kinds on which callers decide.
//! It must not hold wording for people: front ends have their own.

use std::borrow::Cow;
use std::fmt;
use std::io;
use std::path::PathBuf;

use platform::errno;

use crate::{Key, KeyProblem, MarkerProblem, StoreId};

/// An operation of a store, as errors, records and fault plans name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Op {
    /// [`put`](crate::BlobStore::put)
    Put,
    /// [`create`](crate::BlobStore::create)
    Create,
    /// A `write` of a [`BlobWriter`](crate::BlobWriter).
    Write,
    /// The `finish` of a [`BlobWriter`](crate::BlobWriter).
    Finish,
    /// [`read`](crate::BlobStore::read) or [`read_limited`](crate::BlobStore::read_limited)
    Read,
    /// [`open`](crate::BlobStore::open)
    Open,
    /// A `read_at` of a [`BlobReader`](crate::BlobReader).
    ReadAt,
    /// [`info`](crate::BlobStore::info)
    Info,
    /// [`list`](crate::BlobStore::list) or [`folders`](crate::BlobStore::folders)
    List,
    /// [`delete`](crate::BlobStore::delete)
    Delete,
    /// [`space`](crate::BlobStore::space)
    Space,
}

/// The kinds of failure between which callers tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// There is no such blob, or no store at that place.
    NotFound,
    /// The key, or the store, is there already.
    AlreadyExists,
    /// The medium or the quota is full.
    Full,
    /// The operating system does not permit it, or the medium is read-only.
    Denied,
    /// What is stored is not what it has to be.
    Corrupt,
    /// Worth trying again soon.
    Transient,
    /// This store or this file system cannot do it.
    Unsupported,
    /// Anything else, e.g. a failing disk.
    Other,
}

/// A failed operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text is not a key, or not the beginning of one.
    #[error("invalid key {text:?}: {problem:?}")]
    InvalidKey {
        /// The text.
        text: String,
        /// What is wrong with it.
        problem: KeyProblem,
    },
    /// There is no such blob.
    #[error("{op} {key}: not found")]
    NotFound {
        /// What was tried.
        op: Op,
        /// On which blob.
        key: Key,
    },
    /// The key exists and was to be created.
    #[error("{op} {key}: exists already")]
    AlreadyExists {
        /// What was tried.
        op: Op,
        /// On which blob.
        key: Key,
    },
    /// The key is a folder of an existing key, or the other way round.
    #[error("{op} {key}: lies across another key")]
    Nested {
        /// What was tried.
        op: Op,
        /// On which blob.
        key: Key,
    },
    /// The operating system reported an error.
    #[error("{op} {}: {}", key.as_ref().map_or("", Key::as_str), io_words(source))]
    Io {
        /// What was tried.
        op: Op,
        /// On which blob, where it was about one.
        key: Option<Key>,
        /// The report.
        source: io::Error,
    },
    /// A read reached past the end of the blob.
    #[error("{key}: {wanted_bytes} bytes at {offset_bytes} reach past the end at {size_bytes}")]
    PastEnd {
        /// The blob.
        key: Key,
        /// Where the read began.
        offset_bytes: u64,
        /// How much it wanted.
        wanted_bytes: u64,
        /// How long the blob is.
        size_bytes: u64,
    },
    /// A blob is longer than the caller accepts.
    #[error("{key}: {size_bytes} bytes, more than {limit_bytes}")]
    TooLarge {
        /// The blob.
        key: Key,
        /// How long it is.
        size_bytes: u64,
        /// What the caller accepts.
        limit_bytes: u64,
    },
    /// A writer was to be finished after one of its writes had failed.
    #[error("{key}: finished after a failed write")]
    WriteFailed {
        /// The blob.
        key: Key,
    },
    /// The folder of a store could not be used.
    #[error("{}: {}", path.display(), io_words(source))]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The report of the operating system.
        source: io::Error,
    },
    /// The folder holds no store: a wrong path, or a file system that is not mounted.
    #[error("{}: holds no store", path.display())]
    NoStore {
        /// The folder.
        path: PathBuf,
    },
    /// The store is open already, here or in another process.
    #[error("{}: the store is in use by another process", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The folder that was to become a store is one already.
    #[error("{}: is a store already", path.display())]
    StoreExists {
        /// The folder.
        path: PathBuf,
    },
    /// The folder that was to become a store has other things in it.
    #[error("{}: not empty, holds {found:?}", path.display())]
    NotEmpty {
        /// The folder.
        path: PathBuf,
        /// One of the things in it.
        found: String,
    },
    /// The marker of a store cannot be understood.
    #[error("{}: bad marker, {problem:?}", path.display())]
    BadMarker {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        problem: MarkerProblem,
    },
    /// The folder holds another store than the expected one.
    #[error("{}: holds store {found}, not {expected}", path.display())]
    WrongStore {
        /// The folder.
        path: PathBuf,
        /// The store that should be there.
        expected: StoreId,
        /// The store that is there.
        found: StoreId,
    },
}

impl Error {
    /// The kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NotFound { .. } | Self::NoStore { .. } => ErrorKind::NotFound,
            Self::AlreadyExists { .. } | Self::StoreExists { .. } => ErrorKind::AlreadyExists,
            Self::PastEnd { .. } | Self::TooLarge { .. } | Self::WrongStore { .. } => ErrorKind::Corrupt,
            Self::BadMarker { problem: MarkerProblem::Version { .. }, .. } | Self::Nested { .. } => {
                ErrorKind::Unsupported
            }
            Self::BadMarker { .. } => ErrorKind::Corrupt,
            Self::Locked { .. } => ErrorKind::Transient,
            Self::Io { source, .. } | Self::Folder { source, .. } => io_kind(source),
            Self::InvalidKey { .. } | Self::WriteFailed { .. } | Self::NotEmpty { .. } => ErrorKind::Other,
        }
    }

    /// True when the blob that was to be read is not what was stored, or lies on a spot of the disk that cannot be
    /// read; the store itself is within reach. What fails in a write damages nothing.
    pub fn is_of_blob(&self) -> bool {
        let reads = matches!(self, Self::Io { op: Op::Read | Op::Open | Op::ReadAt, .. });
        match self.kind() {
            ErrorKind::Corrupt => true,
            ErrorKind::Other => reads,
            _ => false,
        }
    }

    /// Tells what failed in the `write` of a [`BlobWriter`](crate::BlobWriter) for `key`.
    pub fn from_write(key: &Key, source: io::Error) -> Self {
        match source.downcast::<Self>() {
            Ok(own) => own,
            Err(source) => Self::io(Op::Write, Some(key), source),
        }
    }

    /// Wraps a report of the operating system; what it means for the key depends on the operation.
    pub(crate) fn io(op: Op, key: Option<&Key>, source: io::Error) -> Self {
        use io::ErrorKind as Io;
        let placing = matches!(op, Op::Put | Op::Create | Op::Finish);
        let looking = matches!(op, Op::Read | Op::Open | Op::Info | Op::Delete);
        match (key, source.kind()) {
            (Some(key), Io::NotFound | Io::NotADirectory) if looking => {
                Self::NotFound { op, key: key.clone() }
            }
            (Some(key), Io::AlreadyExists) if placing => Self::AlreadyExists { op, key: key.clone() },
            (Some(key), Io::IsADirectory | Io::NotADirectory | Io::DirectoryNotEmpty) if placing => {
                Self::Nested { op, key: key.clone() }
            }
            (key, _) => Self::Io { op, key: key.cloned(), source },
        }
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::NotFound => Self::from(io::ErrorKind::NotFound),
            ErrorKind::AlreadyExists => Self::from(io::ErrorKind::AlreadyExists),
            ErrorKind::Full => Self::from(io::ErrorKind::StorageFull),
            ErrorKind::Denied => Self::from(io::ErrorKind::PermissionDenied),
            ErrorKind::Corrupt => Self::from(io::ErrorKind::InvalidData),
            // Not `Interrupted`: `write_all` would repeat that for ever.
            ErrorKind::Transient => Self::from(io::ErrorKind::TimedOut),
            ErrorKind::Unsupported => Self::from(io::ErrorKind::Unsupported),
            ErrorKind::Other => Self::from(io::ErrorKind::Other),
        };
        Self::new(kind.kind(), error)
    }
}

/// What people can do something about is said in our words; the rest in those of the operating system.
fn io_words(error: &io::Error) -> Cow<'static, str> {
    match io_kind(error) {
        ErrorKind::Full => "the disk, or the quota on it, is full".into(),
        ErrorKind::Denied => "the operating system does not permit it, or the disk is read-only".into(),
        _ => error.to_string().into(),
    }
}

fn io_kind(error: &io::Error) -> ErrorKind {
    use io::ErrorKind as Io;
    match error.kind() {
        Io::StorageFull | Io::QuotaExceeded => ErrorKind::Full,
        Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Denied,
        Io::Unsupported => ErrorKind::Unsupported,
        Io::InvalidData => ErrorKind::Corrupt,
        Io::Interrupted
        | Io::WouldBlock
        | Io::TimedOut
        | Io::ResourceBusy
        | Io::OutOfMemory
        | Io::ConnectionReset
        | Io::ConnectionAborted
        | Io::ConnectionRefused
        | Io::NotConnected
        | Io::HostUnreachable
        | Io::NetworkUnreachable
        | Io::NetworkDown => ErrorKind::Transient,
        _ => match error.raw_os_error() {
            // The standard library has no names for these: file descriptors ran out.
            Some(errno::EMFILE | errno::ENFILE) => ErrorKind::Transient,
            _ => ErrorKind::Other,
        },
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Put => "put",
            Self::Create => "create",
            Self::Write => "write",
            Self::Finish => "finish",
            Self::Read => "read",
            Self::Open => "open",
            Self::ReadAt => "read at",
            Self::Info => "info",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Space => "space",
        })
    }
}

#[cfg(test)]
mod tests;
