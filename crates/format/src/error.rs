//! Why bytes were refused.

/// A decoder's refusal. It never carries content, only what was being read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes end too early.
    #[error("{what} ends too early")]
    Truncated {
        /// What was being read.
        what: &'static str,
    },
    /// The bytes break a rule of the format.
    #[error("{what} breaks the format: {rule}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// The rule.
        rule: &'static str,
    },
    /// A number is above its bound.
    #[error("{what} is {value}, more than the {limit} that the format allows")]
    TooLarge {
        /// What was being read.
        what: &'static str,
        /// The number found.
        value: u64,
        /// The bound.
        limit: u64,
    },
    /// Written by a newer version.
    #[error("{what} was written by a newer version of Holdfast")]
    TooNew {
        /// What was being read.
        what: &'static str,
    },
    /// A hash or an authentication tag does not fit.
    #[error("{what} does not match its {check}")]
    Mismatch {
        /// What was being read.
        what: &'static str,
        /// Hash, tag or id.
        check: &'static str,
    },
    /// A key of this generation is not in the keyring.
    #[error("the keyring has no key of generation {generation}")]
    KeyMissing {
        /// The generation asked for.
        generation: u32,
    },
    /// The wrapped key cannot be opened with this identity.
    #[error("the wrapped key cannot be opened with this identity")]
    WrongIdentity,
    /// The text is not an age identity or recipient.
    #[error("{what} is not an age key")]
    NotAnAgeKey {
        /// Identity or recipient.
        what: &'static str,
    },
    /// Compression failed, which only lack of memory explains.
    #[error("compression failed")]
    Compression,
}

impl Error {
    pub(crate) const fn malformed(what: &'static str, rule: &'static str) -> Self {
        Self::Malformed { what, rule }
    }
}
