//! How keys stand in the identity's JSON. Only files of mode 0600 in the state folder ever hold them.

/// An age key pair by its secret text.
pub(super) mod age_key {
    use format::wrap::Identity;
    use serde::{Deserialize, Deserializer, Serializer, de};
    use zeroize::Zeroizing;

    pub(in crate::state) fn serialize<S: Serializer>(
        key: &Identity,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&key.to_secret_text())
    }

    pub(in crate::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Identity, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        Identity::parse(&text).map_err(|_| de::Error::custom("not an age key"))
    }
}

/// A keyring in base64url.
pub(super) mod keyring {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use format::keys::Keyring;
    use serde::{Deserialize, Deserializer, Serializer, de};
    use zeroize::Zeroizing;

    pub(in crate::state) fn serialize<S: Serializer>(
        keyring: &Keyring,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(&*keyring.encode())))
    }

    pub(in crate::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Keyring, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let bytes = URL_SAFE_NO_PAD.decode(text.as_bytes()).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| de::Error::custom("not base64url"))?;
        Keyring::decode(&bytes).map_err(|_| de::Error::custom("not a keyring"))
    }
}

/// A format record as its object, in base64url.
pub(super) mod format_record {
    use api::Blob;
    use format::record::FormatRecord;
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    pub(in crate::state) fn serialize<S: Serializer>(
        record: &FormatRecord,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        Blob(record.encode()).serialize(serializer)
    }

    pub(in crate::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<FormatRecord, D::Error> {
        let Blob(bytes) = Blob::deserialize(deserializer)?;
        FormatRecord::decode(&bytes).map_err(|_| de::Error::custom("not a format record"))
    }
}

/// Any path, in base64url.
pub(super) mod path {
    use api::Blob;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::path::{Path, PathBuf};

    pub(in crate::state) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        Blob(platform::path::bytes(path).to_vec()).serialize(serializer)
    }

    pub(in crate::state) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<PathBuf, D::Error> {
        Ok(platform::path::from_vec(Blob::deserialize(deserializer)?.0))
    }
}
