//! A small agent with keys: it makes real packs, hunks and records out of a few files.

use format::entry::{Entry, EntryKind, FileTime, Owner, Rare};
use format::frame::{Compressor, FrameBuilder, FrameContext, PackCipher, PackKind};
use format::hunk::{BuiltHunk, HunkBuilder};
use format::keys::{IdKeys, Keyring};
use format::labels::SealedLabels;
use format::pack::{PackTable, PackWriter};
use format::ranges::{Address, RangeList};
use format::snapshot::{ClearPart, Counts, HunkRef, SealedPart, SnapshotRecord};
use model::{ChunkId, Custody, DeviceId, PackId, SetId, SnapshotId, VaultId};
use std::sync::Arc;

pub(crate) struct Agent {
    pub(crate) keyring: Keyring,
    pub(crate) keys: IdKeys,
    pub(crate) vault: VaultId,
    pub(crate) device: DeviceId,
    pub(crate) set: SetId,
}

/// A pack ready to be sent.
#[derive(Clone)]
pub(crate) struct BuiltPack {
    pub(crate) id: PackId,
    pub(crate) bytes: Vec<u8>,
    pub(crate) table: PackTable,
}

impl BuiltPack {
    pub(crate) fn at(&self, frame: u32, ordinal: u32) -> Address {
        Address { pack: self.id, frame, ordinal }
    }
}

/// Content that lies somewhere: one chunk of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) address: Address,
    pub(crate) content: Vec<u8>,
}

/// A file of a snapshot.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) path: String,
    pub(crate) chunks: Vec<Chunk>,
}

/// A snapshot with everything that it needs.
pub(crate) struct Tree {
    pub(crate) packs: Vec<BuiltPack>,
    pub(crate) hunks: BuiltPack,
    pub(crate) files: Vec<File>,
    pub(crate) snapshot: SnapshotId,
    pub(crate) record: Vec<u8>,
}

impl Agent {
    /// The object with these labels of a snapshot, the same for each `seed`.
    pub(crate) fn labels(&self, snapshot: SnapshotId, labels: &[&str], seed: u8) -> Vec<u8> {
        let labels = labels.iter().map(|label| (*label).to_owned()).collect();
        SealedLabels::seal(snapshot, [seed; 32], &labels, &self.keyring).unwrap().encode()
    }

    pub(crate) fn new(vault: VaultId) -> Self {
        let keyring = Keyring::for_tests(vault, Custody::Managed, 7);
        let device = DeviceId::from_bytes([4; 16]);
        let set = ClearPart::set_id(device, b"default");
        Self { keys: keyring.id_keys(), keyring, vault, device, set }
    }

    fn pack(&self, kind: PackKind, frames: Vec<Vec<(ChunkId, Vec<u8>, RangeList)>>) -> BuiltPack {
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

    /// A pack of hunks: per frame its hunks.
    pub(crate) fn hunk_pack(&self, frames: &[Vec<BuiltHunk>]) -> BuiltPack {
        let chunk = |hunk: &BuiltHunk| (hunk.id, hunk.bytes.clone(), hunk.references.clone());
        self.pack(PackKind::Hunk, frames.iter().map(|frame| frame.iter().map(chunk).collect()).collect())
    }

    pub(crate) fn hunk(&self, files: &[File]) -> BuiltHunk {
        let mut builder = HunkBuilder::new();
        let mut files: Vec<&File> = files.iter().collect();
        files.sort_by(|a, b| format::path::compare(a.path.as_bytes(), b.path.as_bytes()));
        for file in files {
            let content: RangeList = file.chunks.iter().map(|chunk| chunk.address).collect();
            let ids: Vec<ChunkId> =
                file.chunks.iter().map(|chunk| self.keys.chunk_id(&chunk.content)).collect();
            let entry = Entry {
                path: file.path.clone().into_bytes(),
                kind: EntryKind::File,
                flags: 0,
                mode: 0o644,
                owner: Arc::new(Owner::default()),
                modified: FileTime::default(),
                changed: FileTime::default(),
                dev: 1,
                ino: 1,
                size: file.chunks.iter().map(|chunk| chunk.content.len() as u64).sum(),
                class: 0,
                rare: Rare::default(),
                content,
            };
            builder.push(&entry, &ids);
        }
        builder.finish(&self.keys).unwrap()
    }

    /// A record over hunks that lie at these addresses.
    pub(crate) fn record(
        &self,
        snapshot: SnapshotId,
        base: Option<SnapshotId>,
        hunks: &[(Address, BuiltHunk)],
    ) -> Vec<u8> {
        let addresses: RangeList = hunks.iter().map(|(address, _)| *address).collect();
        self.record_over(snapshot, base, addresses, hunks.iter().map(|(_, hunk)| hunk))
    }

    /// A record whose clear list says whatever the test wants.
    pub(crate) fn record_over<'a>(
        &self,
        snapshot: SnapshotId,
        base: Option<SnapshotId>,
        addresses: RangeList,
        hunks: impl Iterator<Item = &'a BuiltHunk>,
    ) -> Vec<u8> {
        let clear = ClearPart {
            snapshot,
            vault: self.vault,
            device: self.device,
            set: self.set,
            key_generation: 1,
            salt: model::ids::random_bytes(),
            complete: true,
            hunks: addresses,
            counts: Counts::default(),
            base,
        };
        let hunks = hunks.map(|hunk| HunkRef {
            id: hunk.id,
            entries: hunk.entries,
            first_path: hunk.first_path.clone(),
        });
        let sealed = SealedPart { hunks: hunks.collect(), ..SealedPart::default() };
        SnapshotRecord::seal(clear, &sealed, &self.keyring).unwrap().encode()
    }

    /// A snapshot of files that lie where they lie already, one hunk.
    pub(crate) fn tree_of(&self, files: Vec<File>, base: Option<SnapshotId>) -> Tree {
        let hunk = self.hunk(&files);
        let hunks = self.hunk_pack(&[vec![hunk.clone()]]);
        let snapshot = SnapshotId::random();
        let record = self.record(snapshot, base, &[(hunks.at(0, 0), hunk)]);
        Tree { packs: Vec::new(), hunks, files, snapshot, record }
    }

    /// A snapshot of new content: one pack, per frame its chunks, each chunk a file of its own.
    pub(crate) fn tree(&self, frames: &[Vec<Vec<u8>>]) -> Tree {
        let pack = self.data_pack(frames);
        let files = self.files_of(&pack, frames);
        Tree { packs: vec![pack], ..self.tree_of(files, None) }
    }

    /// A file per chunk of a pack.
    pub(crate) fn files_of(&self, pack: &BuiltPack, frames: &[Vec<Vec<u8>>]) -> Vec<File> {
        let mut files = Vec::new();
        for (frame, chunks) in frames.iter().enumerate() {
            for (ordinal, content) in chunks.iter().enumerate() {
                let address = pack.at(frame as u32, ordinal as u32);
                let path = format!("/f/{frame:04}/{ordinal:04}");
                files.push(File { path, chunks: vec![Chunk { address, content: content.clone() }] });
            }
        }
        files
    }
}

/// Content that no compressor shrinks, different for each seed.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut content = vec![0; length];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    content
}

/// Frames of `chunks` chunks each, different for each seed.
pub(crate) fn frames(seed: u64, frames: usize, chunks: usize) -> Vec<Vec<Vec<u8>>> {
    let chunk = |frame: usize, chunk: usize| noise(seed << 32 | (frame << 16 | chunk) as u64, 300 + chunk);
    (0..frames).map(|at| (0..chunks).map(|which| chunk(at, which)).collect()).collect()
}
