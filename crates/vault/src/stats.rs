//! Sizes and counts of a vault, from the log in memory and the listings of the store.

use crate::objects::Objects;
use crate::{Error, FrameCount, Vault};
use format::frame::PackKind;
use format::segment::PackRow;

/// Objects of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObjectCount {
    /// How many.
    pub objects: u64,
    /// Their size in bytes.
    pub stored_bytes: u64,
}

/// Packs of one kind, as the log lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackCount {
    /// How many.
    pub packs: u64,
    /// Frames that may be matched for new content.
    pub live: FrameCount,
    /// Frames that are kept for snapshots only.
    pub retired: FrameCount,
    /// Frames that wait for their removal.
    pub condemned: FrameCount,
    /// Chunks, or hunks, in all of these frames.
    pub chunks: u64,
}

/// Sizes and counts of a vault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VaultStats {
    /// Packs of file content.
    pub data: PackCount,
    /// Packs of hunks.
    pub hunks: PackCount,
    /// Objects of packs, whether the log lists them or not.
    pub pack_objects: ObjectCount,
    /// Index segments.
    pub segments: ObjectCount,
    /// Snapshots, hidden ones included.
    pub snapshots: ObjectCount,
    /// Deletion records: hidden snapshots.
    pub deletions: ObjectCount,
    /// Labels of snapshots.
    pub labels: ObjectCount,
    /// Wrapped keys.
    pub keys: ObjectCount,
}

impl VaultStats {
    /// Everything that the vault takes in the store, in bytes.
    pub fn stored_bytes(&self) -> u64 {
        [self.pack_objects, self.segments, self.snapshots, self.deletions, self.labels, self.keys]
            .iter()
            .map(|count| count.stored_bytes)
            .sum()
    }
}

impl Vault {
    /// Counts what the vault has.
    pub fn stats(&self) -> Result<VaultStats, Error> {
        let (data, hunks) = self.log.with(|state| {
            let mut counts = [PackCount::default(); 2];
            for pack in state.packs.values() {
                add(&mut counts[usize::from(pack.kind == PackKind::Hunk)], pack);
            }
            (counts[0], counts[1])
        })?;
        let objects = &self.objects;
        Ok(VaultStats {
            data,
            hunks,
            pack_objects: count(objects, "packs")?,
            segments: count(objects, "index")?,
            snapshots: count(objects, "snapshots")?,
            deletions: count(objects, "deleted")?,
            labels: count(objects, "labels")?,
            keys: count(objects, "keys")?,
        })
    }
}

fn add(count: &mut PackCount, pack: &PackRow) {
    count.packs += 1;
    for frame in &pack.frames {
        let state = match (frame.retired, frame.condemned) {
            (_, 1..) => &mut count.condemned,
            (1.., 0) => &mut count.retired,
            (0, 0) => &mut count.live,
        };
        state.add(frame.length);
        count.chunks += u64::from(frame.chunks);
    }
}

fn count(objects: &Objects, kind: &str) -> Result<ObjectCount, Error> {
    let listed = objects.all(kind)?;
    let stored_bytes = listed.iter().map(|blob| blob.size_bytes).sum();
    Ok(ObjectCount { objects: listed.len() as u64, stored_bytes })
}
