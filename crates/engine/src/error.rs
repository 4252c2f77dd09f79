//! Why a backup, restore or verification stopped. Files that cannot be read are findings, not errors.

use crate::remote::RemoteError;
use model::Code;
use std::path::PathBuf;

/// What stopped the work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The server refused or could not be reached.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// Stored bytes are damaged or lie.
    #[error("{what}: {source}")]
    Damaged {
        /// The object in question, by kind and id.
        what: String,
        /// What is wrong with it.
        source: format::Error,
    },
    /// A local file or folder of our own, or the target of a restore, failed.
    #[error("{path}: {source}", path = path.display())]
    Local {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: platform::Error,
    },
    /// A path that the user named is not there.
    #[error("{} is not in the snapshot", path.display())]
    NotInSnapshot {
        /// The path.
        path: PathBuf,
    },
    /// The content of something else than a regular file was asked for.
    #[error("{} is not a regular file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// No backup could ever read the content of this file.
    #[error("the content of {} could never be read", path.display())]
    NeverRead {
        /// The path.
        path: PathBuf,
    },
    /// Where content is written to failed.
    #[error("{source}")]
    Output {
        /// What the system said.
        source: std::io::Error,
    },
    /// A rule of exclusion cannot be read.
    #[error("the rule '{rule}' cannot be read: {reason}")]
    BadRule {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A pattern of a search cannot be read.
    #[error("the pattern '{pattern}' cannot be read: {reason}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No snapshot can hold a root with this path.
    #[error("{} cannot be backed up: the path is not absolute, goes back by '..', or is too long", path.display())]
    BadRoot {
        /// The path.
        path: PathBuf,
    },
    /// Nothing to back up.
    #[error("the set has no folders")]
    EmptySet,
    /// The restore target holds names that would be overwritten.
    #[error("{} exists already{}", first.display(), and_others(*count))]
    TargetExists {
        /// The first of them.
        first: PathBuf,
        /// How many.
        count: u64,
    },
    /// The target has too little space.
    #[error("{needed_bytes} bytes are needed at {}, {available_bytes} are free", path.display())]
    TargetFull {
        /// Where.
        path: PathBuf,
        /// Bytes to be written.
        needed_bytes: u64,
        /// Bytes that are free.
        available_bytes: u64,
    },
    /// Two names differ only in case, and the target does not tell them apart.
    #[error("{} and another name differ only in upper and lower case", path.display())]
    CaseClash {
        /// One of them.
        path: PathBuf,
    },
    /// The user or the program stopped the work.
    #[error("stopped")]
    Stopped,
    /// A part of the engine failed in a way that is a defect of ours.
    #[error("{0}")]
    Defect(&'static str),
}

impl EngineError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Remote(error) => error.code,
            Self::Damaged { source: format::Error::TooNew { .. }, .. } => Code::FormatTooNew,
            Self::Damaged { .. } => Code::DataDamaged,
            Self::Local { source, .. } if source.is_full() => Code::DiskFull,
            Self::Local { source, .. } if source.is_denied() => Code::LocalDenied,
            Self::Local { .. } => Code::LocalFailed,
            Self::NotInSnapshot { .. } | Self::NeverRead { .. } => Code::PathMissing,
            Self::Output { source } if source.kind() == std::io::ErrorKind::StorageFull => Code::DiskFull,
            Self::Output { .. } => Code::LocalFailed,
            Self::NotAFile { .. } | Self::BadRule { .. } | Self::BadPattern { .. } | Self::BadRoot { .. } => {
                Code::Usage
            }
            Self::EmptySet => Code::SetEmpty,
            Self::TargetExists { .. } => Code::TargetExists,
            Self::TargetFull { .. } => Code::TargetFull,
            Self::CaseClash { .. } => Code::TargetCaseClash,
            Self::Stopped => Code::Interrupted,
            Self::Defect(_) => Code::Internal,
        }
    }

    pub(crate) fn damaged(what: impl Into<String>, source: format::Error) -> Self {
        Self::Damaged { what: what.into(), source }
    }
}
/// How many names are taken, when it is more than the one that is named.
fn and_others(count: u64) -> String {
    if count > 1 { format!(" ({count} names in all)") } else { String::new() }
}
