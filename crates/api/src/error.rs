//! Why a body, header or token of the protocol was refused.

use model::Code;

/// A refusal. It never repeats what was refused, since that may be a secret or a path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is no token of ours, or a part of it was lost.
    #[error("not a token: {reason}")]
    Token {
        /// What does not fit.
        reason: &'static str,
    },
    /// A field or body breaks the protocol.
    #[error("{what} is malformed: {rule}")]
    Malformed {
        /// The field or body.
        what: &'static str,
        /// The rule it breaks.
        rule: &'static str,
    },
    /// A field or body is longer than its limit.
    #[error("{what} has {value}, more than the {limit} that the protocol allows")]
    TooLarge {
        /// The field or body.
        what: &'static str,
        /// Its length or count.
        value: u64,
        /// The limit, in the same unit.
        limit: u64,
    },
    /// No or an older protocol version.
    #[error("protocol versions {oldest} to {newest} are accepted, the agent is older")]
    ProtocolTooOld {
        /// The oldest version accepted.
        oldest: u32,
        /// The newest version accepted.
        newest: u32,
    },
    /// A newer protocol version.
    #[error("protocol versions {oldest} to {newest} are accepted, the agent is newer")]
    ProtocolTooNew {
        /// The oldest version accepted.
        oldest: u32,
        /// The newest version accepted.
        newest: u32,
    },
    /// No credentials, or not in their form.
    #[error("no device credentials")]
    Credential,
}

impl Error {
    /// The stable code a refusal of this kind has.
    pub const fn code(&self) -> Code {
        match self {
            Self::Token { .. } => Code::TokenMalformed,
            Self::Malformed { .. } => Code::RequestInvalid,
            Self::TooLarge { .. } => Code::RequestTooLarge,
            Self::ProtocolTooOld { .. } => Code::ProtocolTooOld,
            Self::ProtocolTooNew { .. } => Code::ProtocolTooNew,
            Self::Credential => Code::DeviceUnknown,
        }
    }

    pub(crate) const fn malformed(what: &'static str, rule: &'static str) -> Self {
        Self::Malformed { what, rule }
    }

    /// Refuses `value` above `limit`.
    pub(crate) const fn limit(what: &'static str, value: usize, limit: usize) -> Result<(), Self> {
        if value > limit {
            return Err(Self::TooLarge { what, value: value as u64, limit: limit as u64 });
        }
        Ok(())
    }
}
