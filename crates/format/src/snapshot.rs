//! Snapshot records: a clear part for the server, a sealed part for those with keys (`docs/format/snapshot.md`).

use crate::codec::{Fields, Put, Reader, required};
use crate::keys::Keyring;
use crate::object::{ObjectKind, open_envelope, seal_envelope};
use crate::ranges::RangeList;
use crate::{Error, limits, seal};
use model::{DeviceId, SetId, SnapshotId, Timestamp, VaultId};

mod sealed;
pub use sealed::{HunkRef, Root, SealedPart};

pub(crate) const WHAT: &str = "snapshot";
const ZSTD_LEVEL: i32 = 3;

/// What the server reads of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearPart {
    /// Its id.
    pub snapshot: SnapshotId,
    /// Its vault.
    pub vault: VaultId,
    /// The device that made it.
    pub device: DeviceId,
    /// Its set.
    pub set: SetId,
    /// Generation of the key that sealed it.
    pub key_generation: u32,
    /// Salt of that key.
    pub salt: [u8; 32],
    /// False for a checkpoint.
    pub complete: bool,
    /// Addresses of its hunks, in order.
    pub hunks: RangeList,
    /// Its sums.
    pub counts: Counts,
    /// The snapshot that the run compared with.
    pub base: Option<SnapshotId>,
}

/// Sums over a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Regular files, each name counted.
    pub files: u64,
    /// Sizes of these files together, in bytes.
    pub bytes: u64,
    /// Findings.
    pub findings: u64,
    /// Entries of every kind.
    pub entries: u64,
}

impl ClearPart {
    /// The set id of a device's set with this name.
    pub fn set_id(device: DeviceId, name: &[u8]) -> SetId {
        let mut hasher = blake3::Hasher::new();
        hasher.update(device.as_bytes()).update(name);
        let mut id = [0u8; 16];
        id.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        SetId::from_bytes(id)
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_field(2, self.snapshot.as_bytes());
        out.put_field(4, self.vault.as_bytes());
        out.put_field(6, self.device.as_bytes());
        out.put_field(8, self.set.as_bytes());
        out.put_varint_field(10, u64::from(self.key_generation));
        out.put_field(12, &self.salt);
        out.put_field(14, &[if self.complete { 1 } else { 2 }]);
        let mut hunks = Vec::new();
        self.hunks.encode(&mut hunks);
        out.put_field(16, &hunks);
        let mut counts = Vec::new();
        for number in [self.counts.files, self.counts.bytes, self.counts.findings, self.counts.entries] {
            counts.put_varint(number);
        }
        out.put_field(18, &counts);
        if let Some(base) = self.base {
            out.put_field(21, base.as_bytes());
        }
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (mut snapshot, mut vault, mut device, mut set, mut base) = (None, None, None, None, None);
        let (mut key_generation, mut salt, mut complete, mut hunks, mut counts) =
            (None, None, None, None, None);
        let mut fields = Fields::new(bytes, WHAT);
        while let Some((tag, mut field)) = fields.next_field()? {
            match tag {
                2 => snapshot = Some(SnapshotId::from_bytes(field.array()?)),
                4 => vault = Some(VaultId::from_bytes(field.array()?)),
                6 => device = Some(DeviceId::from_bytes(field.array()?)),
                8 => set = Some(SetId::from_bytes(field.array()?)),
                10 => key_generation = Some(field.varint_u32()?),
                12 => salt = Some(field.array()?),
                14 => {
                    complete = Some(match field.u8()? {
                        1 => true,
                        2 => false,
                        _ => return Err(Error::TooNew { what: WHAT }),
                    });
                }
                16 => hunks = Some(RangeList::decode(&mut field, limits::SNAPSHOT_HUNKS_MAX)?),
                18 => {
                    let (files, bytes) = (field.varint()?, field.varint()?);
                    counts =
                        Some(Counts { files, bytes, findings: field.varint()?, entries: field.varint()? });
                }
                21 => base = Some(SnapshotId::from_bytes(field.array()?)),
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
            device: required(device, WHAT)?,
            set: required(set, WHAT)?,
            key_generation: required(key_generation, WHAT)?,
            salt: required(salt, WHAT)?,
            complete: required(complete, WHAT)?,
            hunks: required(hunks, WHAT)?,
            counts: required(counts, WHAT)?,
            base,
        })
    }
}

/// A record as the agent sends it: the clear part and the sealed bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotRecord {
    /// What the server reads.
    pub clear: ClearPart,
    clear_bytes: Vec<u8>,
    sealed: Vec<u8>,
}

impl SnapshotRecord {
    /// Seals `part` under a key of its own. The clear part must carry a fresh random salt.
    /// Refuses what a reader would refuse: a part above the limits.
    pub fn seal(clear: ClearPart, part: &SealedPart, keyring: &Keyring) -> Result<Self, Error> {
        let clear_bytes = clear.encode();
        let plain = part.encode_within(limits::SNAPSHOT_SEALED_MAX, limits::SNAPSHOT_PATHS_MAX)?;
        let mut sealed = Vec::with_capacity(zstd_safe::compress_bound(plain.len()) + 20);
        zstd_safe::compress(&mut sealed, &plain, ZSTD_LEVEL).map_err(|_| Error::Compression)?;
        let mut with_length = (plain.len() as u32).to_le_bytes().to_vec();
        with_length.append(&mut sealed);
        let key = keyring.snapshot_key(clear.key_generation, &clear.salt)?;
        seal::seal(WHAT, &key, &clear_bytes, &mut with_length)?;
        Ok(Self { clear, clear_bytes, sealed: with_length })
    }

    /// The record's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.clear_bytes.len() + self.sealed.len() + 10);
        out.put_bytes(&self.clear_bytes);
        out.extend_from_slice(&self.sealed);
        out
    }

    /// Reads a record without opening its sealed part.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        if bytes.len() > limits::SNAPSHOT_MAX {
            let (value, limit) = (bytes.len() as u64, limits::SNAPSHOT_MAX as u64);
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        let mut reader = Reader::new(bytes, WHAT);
        let clear_bytes = reader.bytes()?.to_vec();
        let clear = ClearPart::decode(&clear_bytes)?;
        Ok(Self { clear, clear_bytes, sealed: reader.rest().to_vec() })
    }

    /// Opens the sealed part.
    pub fn open(&self, keyring: &Keyring) -> Result<SealedPart, Error> {
        let mut bytes = self.sealed.clone();
        let key = keyring.snapshot_key(self.clear.key_generation, &self.clear.salt)?;
        let plain = seal::open(WHAT, &key, &self.clear_bytes, &mut bytes)?;
        let mut reader = Reader::new(plain, WHAT);
        let length = reader.u32()? as usize;
        if length > limits::SNAPSHOT_SEALED_MAX {
            let (value, limit) = (length as u64, limits::SNAPSHOT_SEALED_MAX as u64);
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        let mut content = Vec::with_capacity(length);
        zstd_safe::decompress(&mut content, reader.rest())
            .map_err(|_| Error::malformed(WHAT, "the sealed part is zstd of the length that it says"))?;
        if content.len() != length {
            return Err(Error::malformed(WHAT, "the sealed part has the length that it says"));
        }
        SealedPart::decode(&content)
    }
}

/// A record in the store, with what the server added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSnapshot {
    /// The vault's number of this snapshot.
    pub sequence: u64,
    /// When the server received it.
    pub received: Timestamp,
    /// The agent's record.
    pub record: Vec<u8>,
}

impl StoredSnapshot {
    /// BLAKE3 of the agent's record.
    pub fn record_hash(&self) -> [u8; 32] {
        *blake3::hash(&self.record).as_bytes()
    }

    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut server = Vec::new();
        server.put_varint_field(2, self.sequence);
        server.put_varint_field(4, self.received.as_micros() as u64);
        let mut body = Vec::with_capacity(self.record.len() + 32);
        body.put_bytes(&server);
        body.extend_from_slice(&self.record);
        seal_envelope(ObjectKind::Snapshot, &body)
    }

    /// Reads what [`StoredSnapshot::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(open_envelope(bytes, ObjectKind::Snapshot)?, WHAT);
        let (mut sequence, mut received) = (None, None);
        let mut fields = Fields::new(reader.bytes()?, WHAT);
        while let Some((tag, mut field)) = fields.next_field()? {
            match tag {
                2 => sequence = Some(field.varint()?),
                4 => received = Some(Timestamp::from_micros(field.varint()? as i64)),
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            field.finish()?;
        }
        let record = reader.rest().to_vec();
        Ok(Self { sequence: required(sequence, WHAT)?, received: required(received, WHAT)?, record })
    }
}

#[cfg(test)]
mod tests;
