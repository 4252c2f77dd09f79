//! The log as an agent would read it, and the rules of commits over it, written without the vault's own code.

use super::Built;
use crate::support::decode;
use format::ranges::Address;
use format::segment::PackRow;
use format::snapshot::SnapshotRecord;
use model::PackId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vault::{FrameId, Vault};

pub(crate) struct Shadow {
    packs: BTreeMap<PackId, PackRow>,
}

fn frame_of(address: Address) -> FrameId {
    FrameId { pack: address.pack, frame: address.frame }
}

impl Shadow {
    pub(crate) fn read(vault: &Arc<Vault>) -> Self {
        let mut packs: BTreeMap<PackId, PackRow> = BTreeMap::new();
        let mut next = 1;
        for bytes in vault.segments_after(None).unwrap() {
            let segment = decode(bytes).unwrap();
            assert_eq!(segment.from, next, "the log has a gap");
            next = segment.to + 1;
            packs.extend(segment.packs.into_iter().map(|row| (row.id, row)));
            for change in &segment.changes {
                if packs.get_mut(&change.pack).is_some_and(|row| !row.apply(change)) {
                    packs.remove(&change.pack);
                }
            }
        }
        Self { packs }
    }

    /// The frames that a snapshot's clear list names, and those of its files.
    pub(crate) fn frames_of(built: &Built) -> BTreeSet<FrameId> {
        let record = SnapshotRecord::decode(&built.record).unwrap();
        let hunks: BTreeSet<FrameId> = record.clear.hunks.addresses().map(frame_of).collect();
        let chunks = built.files.iter().flat_map(|file| &file.chunks);
        hunks.into_iter().chain(chunks.map(|chunk| frame_of(chunk.address))).collect()
    }

    /// What a commit of this snapshot would miss: nothing when it must be accepted.
    ///
    /// The list of a hunk that is missing cannot be looked into, so then only the hunk is named.
    pub(crate) fn missing(&self, built: &Built, epoch: u64, base: &BTreeSet<FrameId>) -> BTreeSet<FrameId> {
        let record = SnapshotRecord::decode(&built.record).unwrap();
        let hunks: BTreeSet<FrameId> = record.clear.hunks.addresses().map(frame_of).collect();
        let bad = |id: &FrameId| !self.may_refer(*id, epoch, base);
        let missing: BTreeSet<FrameId> = hunks.into_iter().filter(bad).collect();
        if !missing.is_empty() {
            return missing;
        }
        let chunks = built.files.iter().flat_map(|file| &file.chunks);
        chunks.map(|chunk| frame_of(chunk.address)).filter(bad).collect()
    }

    fn may_refer(&self, id: FrameId, epoch: u64, base: &BTreeSet<FrameId>) -> bool {
        let frame =
            self.packs.get(&id.pack).and_then(|row| row.frames.iter().find(|frame| frame.number == id.frame));
        let Some(frame) = frame else { return false };
        let rule_one = frame.condemned == 0 || frame.condemned > epoch;
        let rule_two = frame.retired == 0 || frame.retired > epoch || base.contains(&id);
        rule_one && rule_two
    }

    pub(crate) fn frames(&self) -> BTreeSet<FrameId> {
        let ids = self
            .packs
            .values()
            .flat_map(|row| row.frames.iter().map(|frame| FrameId { pack: row.id, frame: frame.number }));
        ids.collect()
    }

    /// The names of the objects that the log promises, below `packs/`.
    pub(crate) fn objects(&self) -> BTreeSet<String> {
        let name = |row: &PackRow| {
            let hex = row.id.to_string();
            format!("{}/{hex}.{}", &hex[..2], row.generation)
        };
        self.packs.values().map(name).collect()
    }
}
