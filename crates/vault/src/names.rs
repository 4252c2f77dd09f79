//! The names of a vault's objects (`docs/format/README.md`), written and read back. It must not touch a store.

use crate::Error;
use blobs::Key;
use model::{DeviceId, PackId, SnapshotId, VaultId};
use std::fmt;
use std::str::FromStr;

/// Who can open a wrapped key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// The organisation.
    Org,
    /// The vault's recovery file.
    Recovery,
    /// A device.
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

/// A text that names no holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a holder is org, recovery or device-<id>")]
pub struct ParseHolderError;

impl FromStr for Holder {
    type Err = ParseHolderError;

    fn from_str(text: &str) -> Result<Self, ParseHolderError> {
        match text {
            "org" => Ok(Self::Org),
            "recovery" => Ok(Self::Recovery),
            _ => text.strip_prefix("device-").and_then(id).map(Self::Device).ok_or(ParseHolderError),
        }
    }
}

/// The names of one vault.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    root: String,
}

impl Names {
    pub(crate) fn new(vault: VaultId) -> Self {
        Self { root: format!("vaults/{vault}") }
    }

    fn key(&self, rest: fmt::Arguments<'_>) -> Result<Key, Error> {
        Ok(Key::parse(&format!("{}/{rest}", self.root))?)
    }

    /// The two copies of the format record; the first is the older name.
    pub(crate) fn formats(&self) -> Result<[Key; 2], Error> {
        Ok([self.key(format_args!("format"))?, self.key(format_args!("format.copy"))?])
    }

    pub(crate) fn wrapped_key(&self, holder: Holder) -> Result<Key, Error> {
        self.key(format_args!("keys/{holder}"))
    }

    pub(crate) fn pack(&self, pack: PackId, generation: u32) -> Result<Key, Error> {
        Ok(Key::parse(&format!("{}{generation}", self.generations(pack)))?)
    }

    pub(crate) fn segment(&self, from: u64, to: u64) -> Result<Key, Error> {
        self.key(format_args!("index/{from:016x}-{to:016x}"))
    }

    pub(crate) fn snapshot(&self, snapshot: SnapshotId) -> Result<Key, Error> {
        self.key(format_args!("snapshots/{snapshot}"))
    }

    pub(crate) fn deletion(&self, snapshot: SnapshotId) -> Result<Key, Error> {
        self.key(format_args!("deleted/{snapshot}"))
    }

    pub(crate) fn labels(&self, snapshot: SnapshotId) -> Result<Key, Error> {
        self.key(format_args!("labels/{snapshot}"))
    }

    /// Prefix of everything of one kind: `keys`, `packs`, `index`, `snapshots`, `deleted` or `labels`.
    pub(crate) fn all(&self, kind: &str) -> String {
        format!("{}/{kind}/", self.root)
    }

    /// Prefix of all generations of a pack.
    pub(crate) fn generations(&self, pack: PackId) -> String {
        let hex = pack.to_string();
        format!("{}/packs/{}/{hex}.", self.root, &hex[..2])
    }
}

/// The vault whose folder below `vaults` has this name.
pub(crate) fn vault_of_folder(name: &str) -> Option<VaultId> {
    id(name)
}

/// Pack and generation of a pack's key.
pub(crate) fn pack_of(key: &Key) -> Option<(PackId, u32)> {
    let (pack, generation) = key.name().split_once('.')?;
    let number: u32 = generation.parse().ok()?;
    (number.to_string() == generation).then_some((id(pack)?, number))
}

/// First and last number of a segment's key.
pub(crate) fn numbers_of(key: &Key) -> Option<(u64, u64)> {
    let number = |text: &str| {
        let lower = text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        if text.len() == 16 && lower { u64::from_str_radix(text, 16).ok() } else { None }
    };
    let (from, to) = key.name().split_once('-')?;
    let (from, to) = (number(from)?, number(to)?);
    (from > 0 && from <= to).then_some((from, to))
}

/// The snapshot of a record's, a deletion record's or labels' key.
pub(crate) fn snapshot_of(key: &Key) -> Option<SnapshotId> {
    id(key.name())
}

/// The holder of a wrapped key.
pub(crate) fn holder_of(key: &Key) -> Option<Holder> {
    key.name().parse().ok()
}

/// An id in the one form that we write: lower case.
fn id<T: FromStr + fmt::Display>(text: &str) -> Option<T> {
    let id: T = text.parse().ok()?;
    (id.to_string() == text).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_and_only_in_the_form_that_we_write() {
        let names = Names::new(VaultId::from_bytes([0xab; 16]));
        let pack = PackId::from_bytes([0x1c; 16]);
        let key = names.pack(pack, 10).unwrap();
        assert_eq!(key.as_str(), format!("vaults/{}/packs/1c/{}.10", "ab".repeat(16), "1c".repeat(16)));
        assert_eq!(pack_of(&key), Some((pack, 10)));
        assert_eq!(numbers_of(&names.segment(1, 0x1f).unwrap()), Some((1, 31)));
        let snapshot = SnapshotId::from_bytes([7; 16]);
        assert_eq!(snapshot_of(&names.snapshot(snapshot).unwrap()), Some(snapshot));
        assert_eq!(snapshot_of(&names.deletion(snapshot).unwrap()), Some(snapshot));
        assert_eq!(snapshot_of(&names.labels(snapshot).unwrap()), Some(snapshot));
        for holder in [Holder::Org, Holder::Recovery, Holder::Device(DeviceId::from_bytes([3; 16]))] {
            assert_eq!(holder_of(&names.wrapped_key(holder).unwrap()), Some(holder));
        }
        for key in names.formats().unwrap() {
            let folder = key.segments().nth(1).unwrap();
            assert_eq!(vault_of_folder(folder), Some(VaultId::from_bytes([0xab; 16])));
        }
        let parse = |text: &str| Key::parse(text).unwrap();
        let hex = "1c".repeat(16);
        for foreign in [format!("{hex}.01"), hex.clone(), format!("{hex}.x"), format!("1.{hex}")] {
            assert_eq!(pack_of(&parse(&foreign)), None, "{foreign}");
        }
        for foreign in ["0000000000000002-0000000000000001", "1-1", "0000000000000000-0000000000000001"] {
            assert_eq!(numbers_of(&parse(foreign)), None, "{foreign}");
        }
    }
}
