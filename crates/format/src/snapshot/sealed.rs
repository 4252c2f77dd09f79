//! The sealed part of a snapshot record: names, hunks, findings.

use super::WHAT;
use crate::codec::{Fields, Put, Reader};
use crate::{Error, limits};
use model::{ChunkId, Finding, FindingReason, Timestamp};

/// One hunk of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkRef {
    /// Keyed id of its content.
    pub id: ChunkId,
    /// Number of entries.
    pub entries: u64,
    /// Path of its first entry.
    pub first_path: Vec<u8>,
}

/// A root of the set and where it lay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Absolute path.
    pub path: Vec<u8>,
    /// Id of its file system as the operating system tells it.
    pub fs_id: u64,
    /// True when a file system was mounted at this very path.
    pub mount_point: bool,
    /// The file system's type, such as `ext4`.
    pub fs_type: Vec<u8>,
}

/// What only those with keys read of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealedPart {
    /// Its hunks, in order; their addresses stand in the clear part.
    pub hunks: Vec<HunkRef>,
    /// Paths of the set as the user named them, made absolute.
    pub paths: Vec<Vec<u8>>,
    /// Name of the set.
    pub set_name: Vec<u8>,
    /// Name of the device.
    pub device_name: Vec<u8>,
    /// Start of the run by the device's clock.
    pub started: Timestamp,
    /// End of the run by the device's clock.
    pub ended: Timestamp,
    /// What was missed, kept or changing; at most [`limits::SNAPSHOT_FINDINGS_MAX`].
    pub findings: Vec<Finding>,
    /// Rules of exclusion in force.
    pub exclusions: Vec<Vec<u8>>,
    /// The roots and where they lay.
    pub roots: Vec<Root>,
}

impl SealedPart {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.put_field(2, &self.encode_hunks());
        out.put_field(4, &list(&self.paths));
        out.put_field(6, &self.set_name);
        out.put_field(8, &self.device_name);
        let mut times = Vec::new();
        times.put_varint(self.started.as_micros() as u64);
        times.put_varint(self.ended.as_micros() as u64);
        out.put_field(10, &times);
        out.put_field(12, &self.encode_findings());
        out.put_field(14, &list(&self.exclusions));
        let mut roots = Vec::new();
        roots.put_varint(self.roots.len() as u64);
        for root in &self.roots {
            roots.put_bytes(&root.path);
            roots.put_varint(root.fs_id);
            roots.push(u8::from(root.mount_point));
            roots.put_bytes(&root.fs_type);
        }
        out.put_field(16, &roots);
        out
    }

    /// The bytes, when they are `most` at most and the first paths of the hunks `most_paths` together.
    pub(super) fn encode_within(&self, most: usize, most_paths: usize) -> Result<Vec<u8>, Error> {
        check_size(self.hunks.iter().map(|hunk| hunk.first_path.len() as u64).sum(), most_paths)?;
        let bytes = self.encode();
        check_size(bytes.len() as u64, most)?;
        Ok(bytes)
    }

    fn encode_hunks(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.hunks.len() * 48);
        out.put_varint(self.hunks.len() as u64);
        let mut previous: &[u8] = &[];
        for hunk in &self.hunks {
            out.extend_from_slice(hunk.id.as_bytes());
            out.put_varint(hunk.entries);
            let shared = hunk.first_path.iter().zip(previous).take_while(|(a, b)| a == b).count();
            out.put_varint(shared as u64);
            out.put_bytes(&hunk.first_path[shared..]);
            previous = &hunk.first_path;
        }
        out
    }

    fn encode_findings(&self) -> Vec<u8> {
        let listed = &self.findings[..self.findings.len().min(limits::SNAPSHOT_FINDINGS_MAX)];
        let mut out = Vec::new();
        out.put_varint(listed.len() as u64);
        for finding in listed {
            out.put_bytes(&finding.path);
            out.push(finding.reason.number());
            out.put_varint(u64::from(finding.errno.unsigned_abs()));
            out.put_zigzag(finding.first_seen.as_micros());
            out.push(u8::from(finding.kept_previous));
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut part = Self::default();
        let mut fields = Fields::new(bytes, WHAT);
        while let Some((tag, mut field)) = fields.next_field()? {
            match tag {
                2 => part.hunks = decode_hunks(&mut field)?,
                4 => part.paths = read_list(&mut field)?,
                6 => part.set_name = field.take(field.remaining())?.to_vec(),
                8 => part.device_name = field.take(field.remaining())?.to_vec(),
                10 => {
                    part.started = Timestamp::from_micros(field.varint()? as i64);
                    part.ended = Timestamp::from_micros(field.varint()? as i64);
                }
                12 => part.findings = decode_findings(&mut field)?,
                14 => part.exclusions = read_list(&mut field)?,
                16 => {
                    for _ in 0..field.count()? {
                        let path = field.bytes()?.to_vec();
                        let (fs_id, mount_point) = (field.varint()?, field.u8()? != 0);
                        part.roots.push(Root { path, fs_id, mount_point, fs_type: field.bytes()?.to_vec() });
                    }
                }
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            field.finish()?;
        }
        Ok(part)
    }
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_varint(items.len() as u64);
    items.iter().for_each(|item| out.put_bytes(item));
    out
}

fn read_list(reader: &mut Reader<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let count = reader.count()?;
    (0..count).map(|_| Ok(reader.bytes()?.to_vec())).collect()
}

fn decode_hunks(reader: &mut Reader<'_>) -> Result<Vec<HunkRef>, Error> {
    let count = reader.bounded(limits::SNAPSHOT_HUNKS_MAX.min(reader.remaining() / 19))?;
    bound_paths(count, reader.clone())?;
    let mut hunks: Vec<HunkRef> = Vec::with_capacity(count);
    for _ in 0..count {
        let id = ChunkId::from_bytes(reader.array()?);
        let entries = reader.varint()?;
        let previous = hunks.last().map_or(&[][..], |hunk| &hunk.first_path[..]);
        let shared = reader.bounded(previous.len())?;
        let mut first_path = previous[..shared].to_vec();
        first_path.extend_from_slice(reader.bytes()?);
        if first_path.len() > limits::PATH_MAX {
            return Err(Error::malformed(WHAT, "paths stay in bounds"));
        }
        hunks.push(HunkRef { id, entries, first_path });
    }
    Ok(hunks)
}

/// First paths are written as differences: a few bytes can stand for a path of any length, so their sum is bounded
/// before memory is taken for them.
fn bound_paths(count: usize, mut reader: Reader<'_>) -> Result<(), Error> {
    let mut total = 0u64;
    for _ in 0..count {
        reader.take(16)?;
        reader.varint()?;
        total += reader.bounded(limits::PATH_MAX)? as u64 + reader.bytes()?.len() as u64;
    }
    check_size(total, limits::SNAPSHOT_PATHS_MAX)
}

fn check_size(value: u64, limit: usize) -> Result<(), Error> {
    if value > limit as u64 {
        return Err(Error::TooLarge { what: WHAT, value, limit: limit as u64 });
    }
    Ok(())
}

fn decode_findings(reader: &mut Reader<'_>) -> Result<Vec<Finding>, Error> {
    let count = reader.bounded(limits::SNAPSHOT_FINDINGS_MAX.min(reader.remaining() / 5))?;
    let mut findings = Vec::with_capacity(count);
    for _ in 0..count {
        let path = reader.bytes()?.to_vec();
        let reason = FindingReason::from_number(reader.u8()?).ok_or(Error::TooNew { what: WHAT })?;
        let errno = reader.bounded(i32::MAX as usize)? as i32;
        let first_seen = Timestamp::from_micros(reader.zigzag()?);
        findings.push(Finding { path, reason, errno, first_seen, kept_previous: reader.u8()? != 0 });
    }
    Ok(findings)
}
