//! What can go wrong with the server's certificates.

use model::Code;

/// Why a certificate could not be made, read or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The folder of certificates cannot be read or written.
    #[error("{file}: {source}")]
    Storage {
        /// The file's name below `DATA/tls`.
        file: &'static str,
        /// The system's answer.
        source: platform::Error,
    },
    /// The authority is not there: `init` makes it once, nothing else does.
    #[error("{file} is missing")]
    Missing {
        /// The file's name below `DATA/tls`.
        file: &'static str,
    },
    /// A file holds something else than it should.
    #[error("{file} is damaged: {rule}")]
    Damaged {
        /// The file's name below `DATA/tls`.
        file: &'static str,
        /// What does not fit.
        rule: &'static str,
    },
    /// A name that no certificate can carry.
    #[error("'{name}' is neither a host name nor an IP address")]
    Name {
        /// The name.
        name: String,
    },
    /// Making a certificate failed.
    #[error("cannot make a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// TLS refused the certificate.
    #[error("cannot use the certificate: {0}")]
    Use(#[from] rustls::Error),
}

impl TlsError {
    /// The stable code that a command ends with.
    pub fn code(&self) -> Code {
        match self {
            Self::Storage { source, .. } if source.is_full() => Code::DiskFull,
            Self::Storage { source, .. } if source.is_denied() => Code::LocalDenied,
            Self::Storage { .. } => Code::LocalFailed,
            // Only a backup of the server brings the authority back.
            Self::Missing { .. } | Self::Damaged { .. } => Code::DatabaseDamaged,
            Self::Name { .. } => Code::Usage,
            Self::Issue(_) | Self::Use(_) => Code::Internal,
        }
    }

    pub(super) const fn damaged(file: &'static str, rule: &'static str) -> Self {
        Self::Damaged { file, rule }
    }
}
