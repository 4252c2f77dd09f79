//! A small agent with keys: real packs, hunks and records out of a few bytes, and such as no agent would make.

use format::entry::{Entry, EntryKind, FileTime, Owner, Rare};
use format::frame::{Compressor, FrameBuilder, FrameContext, PackCipher, PackKind};
use format::hunk::{BuiltHunk, HunkBuilder};
use format::keys::{IdKeys, Keyring};
use format::pack::{PackTable, PackWriter};
use format::ranges::{Address, Range, RangeList};
use format::snapshot::{ClearPart, Counts, HunkRef, SealedPart, SnapshotRecord};
use model::{ChunkId, DeviceId, PackId, SnapshotId, VaultId};
use std::sync::Arc;

/// What a device needs to make snapshots.
pub(crate) struct Agent {
    pub(crate) keyring: Keyring,
    pub(crate) keys: IdKeys,
    pub(crate) vault: VaultId,
    pub(crate) device: DeviceId,
}

/// A pack ready to be sent.
#[derive(Clone)]
pub(crate) struct BuiltPack {
    pub(crate) id: PackId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) table: PackTable,
}

/// A snapshot with the packs that it needs.
pub(crate) struct Tree {
    pub(crate) data: BuiltPack,
    pub(crate) hunks: BuiltPack,
    pub(crate) snapshot: SnapshotId,
    pub(crate) record: Vec<u8>,
}

/// How a record differs from an ordinary one.
#[derive(Clone, Copy)]
pub(crate) struct Shape<'a> {
    pub(crate) set: &'a str,
    pub(crate) complete: bool,
    pub(crate) base: Option<SnapshotId>,
    /// The size of its files.
    pub(crate) bytes: u64,
}

pub(crate) const DEFAULT: Shape<'static> = Shape { set: "default", complete: true, base: None, bytes: 1 };

impl Agent {
    pub(crate) fn new(keyring: Keyring, device: DeviceId) -> Self {
        Self { keys: keyring.id_keys(), vault: keyring.vault(), keyring, device }
    }

    pub(crate) fn pack(&self, kind: PackKind, frames: Vec<Vec<(ChunkId, Vec<u8>, RangeList)>>) -> BuiltPack {
        let id = PackId::random();
        let salt = model::ids::random_bytes();
        let context = FrameContext { vault: self.vault, pack: id, kind, key_generation: 1, salt };
        let cipher = PackCipher::new(&self.keyring, context).unwrap();
        let mut writer = PackWriter::new(context);
        for (number, chunks) in frames.into_iter().enumerate() {
            let mut builder = FrameBuilder::new();
            let mut references = Vec::new();
            for (id, content, list) in chunks {
                builder.push(id, &content);
                references.push(list);
            }
            let references = if kind == PackKind::Hunk { references } else { Vec::new() };
            let frame = builder.seal(&cipher, number as u32, &mut Compressor::new(1)).unwrap();
            writer.push(frame, references);
        }
        let (bytes, table) = writer.finish();
        BuiltPack { id, bytes, table }
    }

    /// A pack of content: per frame its chunks.
    pub(crate) fn data_pack(&self, frames: &[Vec<Vec<u8>>]) -> BuiltPack {
        let chunk = |content: &Vec<u8>| (self.keys.chunk_id(content), content.clone(), RangeList::new());
        self.pack(PackKind::Data, frames.iter().map(|frame| frame.iter().map(chunk).collect()).collect())
    }

    /// A hunk with one file whose content is these ranges.
    pub(crate) fn hunk(&self, content: RangeList, ids: &[ChunkId]) -> BuiltHunk {
        let mut builder = HunkBuilder::new();
        let entry = Entry {
            path: b"/planted/secret-name".to_vec(),
            kind: EntryKind::File,
            flags: 0,
            mode: 0o644,
            owner: Arc::new(Owner::default()),
            modified: FileTime::default(),
            changed: FileTime::default(),
            dev: 1,
            ino: 1,
            size: 1,
            class: 0,
            rare: Rare::default(),
            content,
        };
        builder.push(&entry, ids);
        builder.finish(&self.keys).unwrap()
    }

    /// A pack with this hunk alone.
    pub(crate) fn hunk_pack(&self, hunk: &BuiltHunk) -> BuiltPack {
        self.pack(PackKind::Hunk, vec![vec![(hunk.id, hunk.bytes.clone(), hunk.references.clone())]])
    }

    /// A record over these ranges of hunks.
    pub(crate) fn record(
        &self,
        snapshot: SnapshotId,
        hunks: RangeList,
        sealed: &[BuiltHunk],
        shape: Shape<'_>,
    ) -> Vec<u8> {
        let clear = ClearPart {
            snapshot,
            vault: self.vault,
            device: self.device,
            set: ClearPart::set_id(self.device, shape.set.as_bytes()),
            key_generation: 1,
            salt: model::ids::random_bytes(),
            complete: shape.complete,
            hunks,
            counts: Counts { files: 1, bytes: shape.bytes, findings: 0, entries: 1 },
            base: shape.base,
        };
        let hunks = sealed.iter().map(|hunk| HunkRef {
            id: hunk.id,
            entries: hunk.entries,
            first_path: hunk.first_path.clone(),
        });
        let sealed = SealedPart { hunks: hunks.collect(), ..SealedPart::default() };
        SnapshotRecord::seal(clear, &sealed, &self.keyring).unwrap().encode()
    }

    /// A snapshot of one file with this content, a chunk and a frame each.
    pub(crate) fn tree(&self, chunks: &[Vec<u8>], shape: Shape<'_>) -> Tree {
        let frames: Vec<_> = chunks.iter().map(|chunk| vec![chunk.clone()]).collect();
        let data = self.data_pack(&frames);
        let content: RangeList = (0..chunks.len() as u32).map(|frame| data.at(frame, 0)).collect();
        let ids: Vec<_> = chunks.iter().map(|chunk| self.keys.chunk_id(chunk)).collect();
        let bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let (hunks, snapshot, record) = self.snapshot(content, &ids, Shape { bytes, ..shape });
        Tree { data, hunks, snapshot, record }
    }

    /// A snapshot of one file whose content lies in these ranges already.
    pub(crate) fn snapshot(
        &self,
        content: RangeList,
        ids: &[ChunkId],
        shape: Shape<'_>,
    ) -> (BuiltPack, SnapshotId, Vec<u8>) {
        let hunk = self.hunk(content, ids);
        let hunks = self.hunk_pack(&hunk);
        let snapshot = SnapshotId::random();
        let record = self.record(snapshot, [hunks.at(0, 0)].into_iter().collect(), &[hunk], shape);
        (hunks, snapshot, record)
    }
}

impl BuiltPack {
    pub(crate) fn at(&self, frame: u32, ordinal: u32) -> Address {
        Address { pack: self.id, frame, ordinal }
    }
}

/// One range.
pub(crate) fn range(pack: PackId, frame: u32, first: u32, count: u32) -> RangeList {
    let mut list = RangeList::new();
    list.push_range(Range { pack, frame, first, count });
    list
}

/// Content that no compressor shrinks, different for each seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    content
}
