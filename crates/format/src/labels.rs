//! The labels of a snapshot: its user's own words, sealed, in an object beside it (`docs/format/labels.md`).

use crate::codec::{Fields, Put, Reader, required};
use crate::keys::Keyring;
use crate::object::{ObjectKind, open_envelope, seal_envelope};
use crate::{Error, limits, seal};
use model::{SnapshotId, VaultId};
use std::collections::BTreeSet;

const WHAT: &str = "labels";
/// The plaintext is filled up to a multiple of this, so that its length says little about the words.
const BLOCK: usize = 256;

/// The object: a clear part for the server, the labels for those with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedLabels {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Its vault.
    pub vault: VaultId,
    key_generation: u32,
    salt: [u8; 32],
    clear: Vec<u8>,
    sealed: Vec<u8>,
}

/// Whether a text may be a label.
pub fn is_label(text: &str) -> bool {
    (1..=limits::LABEL_MAX).contains(&text.len()) && !text.contains(char::is_control)
}

impl SealedLabels {
    /// Seals the labels of a snapshot under a key of their own. The salt must be random and fresh.
    /// Refuses what a reader would refuse.
    pub fn seal(
        snapshot: SnapshotId,
        salt: [u8; 32],
        labels: &BTreeSet<String>,
        keyring: &Keyring,
    ) -> Result<Self, Error> {
        let (vault, key_generation) = (keyring.vault(), keyring.current_generation());
        let mut clear = Vec::new();
        clear.put_field(2, snapshot.as_bytes());
        clear.put_field(4, vault.as_bytes());
        clear.put_varint_field(6, u64::from(key_generation));
        clear.put_field(8, &salt);
        let mut sealed = encode_plain(labels)?;
        seal::seal(WHAT, &keyring.labels_key(key_generation, &salt)?, &clear, &mut sealed)?;
        Ok(Self { snapshot, vault, key_generation, salt, clear, sealed })
    }

    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.clear.len() + self.sealed.len() + 2);
        body.put_bytes(&self.clear);
        body.extend_from_slice(&self.sealed);
        seal_envelope(ObjectKind::Labels, &body)
    }

    /// Reads an object without opening it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > limits::LABELS_OBJECT_MAX {
            let (value, limit) = (bytes.len() as u64, limits::LABELS_OBJECT_MAX as u64);
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        let mut reader = Reader::new(open_envelope(bytes, ObjectKind::Labels)?, WHAT);
        let clear = reader.bytes()?;
        let (mut snapshot, mut vault, mut key_generation, mut salt) = (None, None, None, None);
        let mut fields = Fields::new(clear, WHAT);
        while let Some((tag, mut field)) = fields.next_field()? {
            match tag {
                2 => snapshot = Some(SnapshotId::from_bytes(field.array()?)),
                4 => vault = Some(VaultId::from_bytes(field.array()?)),
                6 => key_generation = Some(field.varint_u32()?),
                8 => salt = Some(field.array()?),
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            field.finish()?;
        }
        Ok(Self {
            snapshot: required(snapshot, WHAT)?,
            vault: required(vault, WHAT)?,
            key_generation: required(key_generation, WHAT)?,
            salt: required(salt, WHAT)?,
            clear: clear.to_vec(),
            sealed: reader.rest().to_vec(),
        })
    }

    /// Opens the labels, which must be those of this snapshot: a server could give those of another one.
    pub fn open(&self, snapshot: SnapshotId, keyring: &Keyring) -> Result<BTreeSet<String>, Error> {
        if (self.snapshot, self.vault) != (snapshot, keyring.vault()) {
            return Err(Error::Mismatch { what: WHAT, check: "snapshot" });
        }
        let key = keyring.labels_key(self.key_generation, &self.salt)?;
        let mut bytes = self.sealed.clone();
        decode_plain(seal::open(WHAT, &key, &self.clear, &mut bytes)?)
    }
}

fn encode_plain(labels: &BTreeSet<String>) -> Result<Vec<u8>, Error> {
    if labels.len() > limits::LABELS {
        let (value, limit) = (labels.len() as u64, limits::LABELS as u64);
        return Err(Error::TooLarge { what: "number of labels", value, limit });
    }
    let mut list = Vec::new();
    list.put_varint(labels.len() as u64);
    for label in labels {
        list.put_bytes(checked(label)?.as_bytes());
    }
    let (mut fields, mut plain) = (Vec::new(), Vec::new());
    fields.put_field(2, &list);
    plain.put_bytes(&fields);
    plain.resize(plain.len().next_multiple_of(BLOCK), 0);
    Ok(plain)
}

fn decode_plain(plain: &[u8]) -> Result<BTreeSet<String>, Error> {
    let mut labels = None;
    let mut fields = Fields::new(Reader::new(plain, WHAT).bytes()?, WHAT);
    while let Some((tag, mut field)) = fields.next_field()? {
        if tag != 2 {
            fields.unknown(tag)?;
            continue;
        }
        let mut read = BTreeSet::new();
        for _ in 0..field.bounded(limits::LABELS)? {
            let text = std::str::from_utf8(field.bytes()?)
                .map_err(|_| Error::malformed(WHAT, "a label is UTF-8 text"))?;
            if read.last().is_some_and(|last: &String| last.as_str() >= text) {
                return Err(Error::malformed(WHAT, "labels ascend"));
            }
            read.insert(checked(text)?.to_owned());
        }
        field.finish()?;
        labels = Some(read);
    }
    required(labels, WHAT)
}

fn checked(label: &str) -> Result<&str, Error> {
    let rule = "a label has 1 to 64 bytes and no control characters";
    if is_label(label) { Ok(label) } else { Err(Error::malformed(WHAT, rule)) }
}

#[cfg(test)]
mod tests;
