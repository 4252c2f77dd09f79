//! Identifiers: 16 bytes each, one type per meaning, written as 32 lower-case hex digits.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A text that is not 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an id has 32 hexadecimal digits; this has {length} characters or another digit")]
pub struct ParseIdError {
    /// Characters of the refused text.
    pub length: usize,
}

/// Length of every id in bytes.
pub const ID_LEN: usize = 16;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; ID_LEN]);

        impl $name {
            /// Wraps 16 bytes.
            pub const fn from_bytes(bytes: [u8; ID_LEN]) -> Self {
                Self(bytes)
            }

            /// Wraps a slice of exactly 16 bytes; another length gives `None`.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; ID_LEN] {
                &self.0
            }

            /// A new id from the operating system's random source.
            pub fn random() -> Self {
                Self(crate::ids::random_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_hex(f, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "("))?;
                write_hex(f, &self.0)?;
                f.write_str(")")
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One installation of the server.
    ServerId
);
id!(
    /// One user of the organisation.
    UserId
);
id!(
    /// One group of users.
    GroupId
);
id!(
    /// What an administrator wants a device to do once.
    OrderId
);

impl GroupId {
    /// The group of those who are in no other. It is always there.
    pub const DEFAULT: Self = Self([0; ID_LEN]);
}

id!(
    /// One activation token; names it in lists, opens nothing.
    TokenId
);
id!(
    /// One token of an administrator; names it in lists, opens nothing.
    AdminTokenId
);
id!(
    /// One activated device.
    DeviceId
);
id!(
    /// One dedup and key domain, never wider than one user.
    VaultId
);
id!(
    /// One backup set of one device.
    SetId
);
id!(
    /// One snapshot; chosen by the agent, so that a repeated commit is recognised.
    SnapshotId
);
id!(
    /// One grant to upload.
    LeaseId
);
id!(
    /// One pack; random, never reused.
    PackId
);
id!(
    /// Keyed BLAKE3 of a chunk's content, cut to 16 bytes.
    ChunkId
);

/// `N` bytes from the operating system's random source.
///
/// # Panics
/// When the operating system has no random source: no key could be trusted then.
#[allow(
    clippy::panic,
    reason = "without randomness no key or id is safe; stopping is the only honest answer"
)]
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
    bytes
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn parse_hex(text: &str) -> Result<[u8; ID_LEN], ParseIdError> {
    let refused = || ParseIdError { length: text.chars().count() };
    if text.len() != 2 * ID_LEN || !text.is_ascii() {
        return Err(refused());
    }
    let mut bytes = [0u8; ID_LEN];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let value = |digit: u8| (digit as char).to_digit(16).ok_or_else(refused);
        *byte = (value(digits[0])? * 16 + value(digits[1])?) as u8;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_text_and_json() {
        let id = VaultId::random();
        assert_eq!(id.to_string().parse::<VaultId>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<VaultId>(&json).unwrap(), id);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "00", "zz000000000000000000000000000000", "é0000000000000000000000000000000"] {
            assert!(text.parse::<PackId>().is_err(), "{text:?}");
        }
    }
}
