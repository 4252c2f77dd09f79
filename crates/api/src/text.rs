//! Bytes as text inside JSON and headers: secrets and objects in base64url, hashes in hexadecimal.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use zeroize::Zeroize;

/// 32 secret bytes: of a token or of a device. Written in base64url, shown never, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Wraps the bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new secret from the operating system's random source.
    pub fn random() -> Self {
        Self(model::ids::random_bytes())
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text, 43 characters.
    pub fn to_text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Reads what [`Secret::to_text`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0u8; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Some(Self(bytes)),
            _ => None,
        }
    }

    /// BLAKE3 of the secret: all that the server keeps of it.
    pub fn hash(&self) -> Hash {
        Hash(*blake3::hash(&self.0).as_bytes())
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a secret is 32 bytes in base64url"))
    }
}

/// An object inside JSON, in base64url without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob(pub Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        URL_SAFE_NO_PAD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(|_| serde::de::Error::custom("an object is base64url without padding"))
    }
}

macro_rules! hex {
    ($(#[$doc:meta])* $name:ident, $length:literal, $rule:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(pub [u8; $length]);

        impl $name {
            /// Reads what `Display` wrote.
            pub fn parse(text: &str) -> Option<Self> {
                let mut bytes = [0u8; $length];
                read_hex(text, &mut bytes).then_some(Self(bytes))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Cow<'de, str>>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom($rule))
            }
        }
    };
}

hex!(
    /// 32 bytes of a hash.
    Hash, 32, "a hash has 64 lower-case hexadecimal digits"
);
hex!(
    /// The vault's index as it was built once: its numbers mean nothing in another incarnation.
    Incarnation, 16, "an incarnation has 32 lower-case hexadecimal digits"
);

fn read_hex(text: &str, bytes: &mut [u8]) -> bool {
    let digits = text.as_bytes();
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    digits.len() == 2 * bytes.len()
        && bytes.iter_mut().zip(digits.as_chunks::<2>().0).all(|(byte, [high, low])| {
            let both = value(*high).zip(value(*low));
            *byte = both.map_or(0, |(high, low)| high * 16 + low);
            both.is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_json() {
        let secret = Secret::random();
        let json = serde_json::to_string(&secret).unwrap();
        assert_eq!(json.len(), 45);
        assert_eq!(serde_json::from_str::<Secret>(&json).unwrap(), secret);
        let hash = secret.hash();
        let json = serde_json::to_string(&hash).unwrap();
        assert_eq!(serde_json::from_str::<Hash>(&json).unwrap(), hash);
        let blob = Blob(vec![0, 255, 62, 63]);
        let json = serde_json::to_string(&blob).unwrap();
        assert_eq!(serde_json::from_str::<Blob>(&json).unwrap(), blob);
    }

    #[test]
    fn other_texts_are_refused() {
        for text in
            ["", "A", &"A".repeat(42), &"A".repeat(44), &format!("{}=", "A".repeat(43)), &"+".repeat(43)]
        {
            assert!(Secret::parse(text).is_none(), "{text}");
        }
        for text in ["", &"a".repeat(63), &"A".repeat(64), &"g".repeat(64), &"é".repeat(32)] {
            assert!(Hash::parse(text).is_none(), "{text}");
        }
        assert!(serde_json::from_str::<Blob>("\"a b\"").is_err());
    }

    #[test]
    fn secrets_are_not_shown() {
        let secret = Secret::from_bytes([7; 32]);
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }
}
