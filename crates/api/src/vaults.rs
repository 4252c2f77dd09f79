//! Creating a vault, and its wrapped keys.

use crate::{Blob, Error, limits};
use model::{Custody, DeviceId, VaultId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// Whom a key is wrapped for; also the last part of the key object's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holder {
    /// The organisation.
    Org,
    /// The user's recovery file.
    Recovery,
    /// One device.
    Device(DeviceId),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Org => f.write_str("org"),
            Self::Recovery => f.write_str("recovery"),
            Self::Device(device) => write!(f, "device-{device}"),
        }
    }
}

impl FromStr for Holder {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        match text {
            "org" => return Ok(Self::Org),
            "recovery" => return Ok(Self::Recovery),
            _ => {}
        }
        text.strip_prefix("device-")
            .and_then(|device| device.parse().ok())
            .map(Self::Device)
            .ok_or(Error::malformed("holder", "org, recovery or device- and its id"))
    }
}

impl Serialize for Holder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Holder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Body of `POST /vaults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateVaultRequest {
    /// The id that the agent drew.
    pub vault: VaultId,
    /// Who holds the key.
    pub custody: Custody,
    /// The format record, as the object will be stored.
    pub format_record: Blob,
    /// The vault's key, wrapped for each holder.
    pub keys: Vec<WrappedKey>,
}

/// The vault's key, wrapped for one holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrappedKey {
    /// The holder.
    pub holder: Holder,
    /// An age file.
    pub bytes: Blob,
}

impl CreateVaultRequest {
    /// Checks lengths, and that the holders are those of the custody: its own device, and `org` for a managed
    /// vault, `recovery` for a private one. No other holder may come with it, `org` least of all with a private one.
    pub fn check(&self, own: DeviceId) -> Result<(), Error> {
        Error::limit("format_record", self.format_record.0.len(), limits::SMALL_OBJECT)?;
        Error::limit("keys", self.keys.len(), limits::NEW_VAULT_KEYS)?;
        for key in &self.keys {
            Error::limit("a wrapped key", key.bytes.0.len(), limits::SMALL_OBJECT)?;
        }
        let other = match self.custody {
            Custody::Managed => Holder::Org,
            Custody::Private => Holder::Recovery,
        };
        let has = |holder| self.keys.iter().filter(|key| key.holder == holder).count() == 1;
        if self.keys.len() != 2 || !has(other) || !has(Holder::Device(own)) {
            return Err(Error::malformed(
                "keys",
                "the own device's, and org for a managed vault, recovery for a private one",
            ));
        }
        Ok(())
    }
}

/// Answer of `POST /vaults`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateVaultAnswer {
    /// The vault.
    pub vault: VaultId,
}

/// Answer of `GET /vaults/{vault}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VaultAnswer {
    /// Its id.
    pub id: VaultId,
    /// Who holds its key.
    pub custody: Custody,
    /// The format record, as the object is stored.
    pub format_record: Blob,
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    fn request(custody: Custody, holders: &[Holder]) -> CreateVaultRequest {
        let key = |holder: &Holder| WrappedKey { holder: *holder, bytes: Blob(vec![1]) };
        CreateVaultRequest {
            vault: VaultId::random(),
            custody,
            format_record: Blob(vec![2]),
            keys: holders.iter().map(key).collect(),
        }
    }

    #[test]
    fn holders_fit_the_custody() {
        let own = DeviceId::random();
        let device = Holder::Device(own);
        let stranger = Holder::Device(DeviceId::random());
        let refused = |custody, holders: &[Holder]| request(custody, holders).check(own).is_err();
        assert!(!refused(Custody::Managed, &[Holder::Org, device]));
        assert!(!refused(Custody::Private, &[device, Holder::Recovery]));
        assert!(refused(Custody::Private, &[device, Holder::Recovery, Holder::Org]));
        assert!(refused(Custody::Private, &[device, Holder::Org]));
        assert!(refused(Custody::Managed, &[Holder::Org, stranger]));
        assert!(refused(Custody::Managed, &[Holder::Org, Holder::Org]));
        assert!(refused(Custody::Managed, &[]));
    }

    #[test]
    fn fields_are_bounded() {
        let own = DeviceId::random();
        let mut big = request(Custody::Managed, &[Holder::Org, Holder::Device(own)]);
        big.keys[0].bytes = Blob(vec![0; limits::SMALL_OBJECT + 1]);
        assert_eq!(big.check(own).unwrap_err().code(), Code::RequestTooLarge);
    }

    #[test]
    fn holders_survive_their_text() {
        for holder in [Holder::Org, Holder::Recovery, Holder::Device(DeviceId::random())] {
            assert_eq!(holder.to_string().parse::<Holder>().unwrap(), holder);
        }
        for text in ["", "device-", "device-00", "Org", "../org"] {
            assert!(text.parse::<Holder>().is_err(), "{text}");
        }
    }
}
