//! Writes snapshots entry by entry, also such as no backup would make: for tests of readers.

use crate::MemoryRemote;
use engine::remote::Remote;
use format::entry::{Entry, EntryKind, FileTime, Owner, Rare};
use format::frame::{Compressor, FrameBuilder, FrameContext, PackCipher, PackKind};
use format::hunk::HunkBuilder;
use format::keys::Keyring;
use format::pack::PackWriter;
use format::path;
use format::ranges::{Address, RangeList};
use format::snapshot::{ClearPart, Counts, HunkRef, Root, SealedPart, SnapshotRecord};
use model::{ChunkId, DeviceId, Finding, PackId, SnapshotId};
use std::sync::Arc;

/// A snapshot that is being put together. Everything is sent to the server at once.
pub struct SnapshotWriter<'w> {
    remote: &'w MemoryRemote,
    keyring: &'w Keyring,
    entries: Vec<(Entry, Vec<ChunkId>)>,
    findings: Vec<Finding>,
    roots: Vec<Root>,
    device: DeviceId,
    chunk_bytes: usize,
    frame_bytes: usize,
    hunk_entries: Option<usize>,
    keeps_order: bool,
    frame: FrameBuilder,
    place: (PackId, u32),
    pack: Option<(PackWriter, PackCipher)>,
    packs: Vec<PackBytes>,
}

/// A pack as it is sent.
type PackBytes = (PackId, Vec<u8>);

/// Frames of a pack.
const PACK_FRAMES: u32 = 16;

impl<'w> SnapshotWriter<'w> {
    /// An empty snapshot. Content is cut into chunks of 4 KiB and frames of 64 KiB.
    pub fn new(remote: &'w MemoryRemote, keyring: &'w Keyring) -> Self {
        let root = Root { path: b"/".to_vec(), fs_id: 1, mount_point: false, fs_type: b"ext4".to_vec() };
        Self {
            remote,
            keyring,
            entries: Vec::new(),
            findings: Vec::new(),
            roots: vec![root],
            device: DeviceId::random(),
            chunk_bytes: 4 << 10,
            frame_bytes: 64 << 10,
            hunk_entries: None,
            keeps_order: false,
            frame: FrameBuilder::new(),
            place: (PackId::random(), 0),
            pack: None,
            packs: Vec::new(),
        }
    }

    /// A snapshot of this device's set `default`; without it, of a device that nobody knows.
    #[must_use]
    pub const fn of_device(mut self, device: DeviceId) -> Self {
        self.device = device;
        self
    }

    /// A snapshot with these roots; without it, with `/` alone.
    #[must_use]
    pub fn with_roots(mut self, roots: Vec<Root>) -> Self {
        self.roots = roots;
        self
    }

    /// Cuts content into chunks and frames of these sizes.
    #[must_use]
    pub const fn with_sizes(mut self, chunk_bytes: usize, frame_bytes: usize) -> Self {
        (self.chunk_bytes, self.frame_bytes) = (chunk_bytes, frame_bytes);
        self
    }

    /// Ends every hunk after so many entries.
    #[must_use]
    pub const fn with_hunks_of(mut self, entries: usize) -> Self {
        self.hunk_entries = Some(entries);
        self
    }

    /// Leaves the entries in the order in which they are added.
    #[must_use]
    pub const fn in_order_of_adding(mut self) -> Self {
        self.keeps_order = true;
        self
    }

    /// Adds an entry without content.
    pub fn add(&mut self, entry: Entry) -> &mut Self {
        self.entries.push((entry, Vec::new()));
        self
    }

    /// Adds a file with this content; for a sparse one, that of its runs.
    pub fn add_file(&mut self, mut entry: Entry, content: &[u8]) -> &mut Self {
        let ids = self.store(content, &mut entry.content);
        self.entries.push((entry, ids));
        self
    }

    /// Adds an entry as it is, with ids that may be wrong.
    pub fn add_with_ids(&mut self, entry: Entry, ids: Vec<ChunkId>) -> &mut Self {
        self.entries.push((entry, ids));
        self
    }

    /// Adds a finding.
    pub fn add_finding(&mut self, finding: Finding) -> &mut Self {
        self.findings.push(finding);
        self
    }

    /// Stores content, appends where it lies to `ranges`, and gives the ids of its chunks.
    pub fn store(&mut self, content: &[u8], ranges: &mut RangeList) -> Vec<ChunkId> {
        let keys = self.keyring.id_keys();
        content
            .chunks(self.chunk_bytes)
            .map(|chunk| {
                let id = keys.chunk_id(chunk);
                let ordinal = self.frame.push(id, chunk);
                ranges.push(Address { pack: self.place.0, frame: self.place.1, ordinal });
                if self.frame.content_bytes() >= self.frame_bytes || self.frame.is_full() {
                    self.end_frame();
                }
                id
            })
            .collect()
    }

    /// Ends the present frame, so that the next content lies in another one.
    pub fn end_frame(&mut self) -> &mut Self {
        if self.frame.is_empty() {
            return self;
        }
        let (id, number) = self.place;
        let (keyring, kind) = (self.keyring, PackKind::Data);
        let (pack, cipher) = self.pack.get_or_insert_with(|| begin(keyring, id, kind));
        pack.push(seal(&mut self.frame, cipher, number), Vec::new());
        self.place.1 += 1;
        if self.place.1 == PACK_FRAMES {
            self.end_pack();
        }
        self
    }

    fn end_pack(&mut self) {
        if let Some((pack, _)) = self.pack.take() {
            self.packs.push((self.place.0, pack.finish().0));
            self.place = (PackId::random(), 0);
        }
    }

    /// Sends all and commits.
    pub fn commit(mut self) -> SnapshotId {
        self.end_frame();
        self.end_pack();
        if !self.keeps_order {
            self.entries
                .sort_by(|a, b| path::compare(&a.0.path, &b.0.path).then(a.0.rare.part.cmp(&b.0.rare.part)));
        }
        let (hunks, addresses, pack) = self.build_hunks();
        self.packs.extend(pack);
        let files = || self.entries.iter().filter(|(entry, _)| entry.kind == EntryKind::File);
        let counts = Counts {
            files: files().count() as u64,
            bytes: files().map(|(entry, _)| entry.size).sum(),
            findings: self.findings.len() as u64,
            entries: self.entries.iter().filter(|(entry, _)| entry.kind != EntryKind::Continuation).count()
                as u64,
        };
        let device = self.device;
        let clear = ClearPart {
            snapshot: SnapshotId::random(),
            vault: self.keyring.vault(),
            device,
            set: ClearPart::set_id(device, b"default"),
            key_generation: self.keyring.current_generation(),
            salt: model::ids::random_bytes(),
            complete: true,
            hunks: addresses,
            counts,
            base: None,
        };
        let sealed = SealedPart {
            hunks,
            set_name: b"default".to_vec(),
            findings: std::mem::take(&mut self.findings),
            roots: std::mem::take(&mut self.roots),
            ..SealedPart::default()
        };
        let id = clear.snapshot;
        let set = clear.set;
        let record = SnapshotRecord::seal(clear, &sealed, self.keyring).expect("a snapshot can be sealed");
        let lease = self.remote.grant(set).expect("the server grants").id;
        for (pack, bytes) in std::mem::take(&mut self.packs) {
            self.remote.send_pack(lease, pack, bytes.into()).expect("the server takes the pack");
        }
        self.remote.commit(lease, id, &record.encode()).expect("the server takes the snapshot");
        id
    }

    fn build_hunks(&self) -> (Vec<HunkRef>, RangeList, Option<PackBytes>) {
        let keys = self.keyring.id_keys();
        let mut builder = HunkBuilder::new();
        let mut built = Vec::new();
        for (entry, ids) in &self.entries {
            if builder.ends_before(entry) {
                built.extend(builder.finish(&keys));
            }
            builder.push(entry, ids);
            let ends = match self.hunk_entries {
                Some(entries) => builder.entries() >= entries,
                None => builder.ends_here(&keys),
            };
            if ends {
                built.extend(builder.finish(&keys));
            }
        }
        built.extend(builder.finish(&keys));
        if built.is_empty() {
            return (Vec::new(), RangeList::new(), None);
        }
        let id = PackId::random();
        let (mut pack, cipher) = begin(self.keyring, id, PackKind::Hunk);
        let mut frame = FrameBuilder::new();
        let (mut refs, mut addresses) = (Vec::new(), RangeList::new());
        // A frame for each hunk, so that a test can lose them one by one.
        for (number, hunk) in (0..).zip(built) {
            addresses.push(Address { pack: id, frame: number, ordinal: frame.push(hunk.id, &hunk.bytes) });
            pack.push(seal(&mut frame, &cipher, number), vec![hunk.references]);
            refs.push(HunkRef { id: hunk.id, entries: hunk.entries, first_path: hunk.first_path });
        }
        (refs, addresses, Some((id, pack.finish().0)))
    }
}

fn begin(keyring: &Keyring, pack: PackId, kind: PackKind) -> (PackWriter, PackCipher) {
    let context = FrameContext {
        vault: keyring.vault(),
        pack,
        kind,
        key_generation: keyring.current_generation(),
        salt: model::ids::random_bytes(),
    };
    (PackWriter::new(context), PackCipher::new(keyring, context).expect("the keyring has its own key"))
}

fn seal(frame: &mut FrameBuilder, cipher: &PackCipher, number: u32) -> format::frame::BuiltFrame {
    frame.seal(cipher, number, &mut Compressor::new(1)).expect("a frame can be sealed")
}

/// An entry of this kind with ordinary attributes: the owner of this process, mode 0644 or 0755, a time in 2020.
pub fn entry(path: &[u8], kind: EntryKind) -> Entry {
    let uid = platform::process::effective_uid().unwrap_or(0);
    let mode = if kind == EntryKind::Dir { 0o755 } else { 0o644 };
    Entry {
        path: path.to_vec(),
        kind,
        flags: 0,
        mode,
        owner: Arc::new(Owner { uid, gid: uid, user: Vec::new(), group: Vec::new() }),
        modified: FileTime { secs: 1_580_000_000, nanos: 123_456_789 },
        changed: FileTime { secs: 1_580_000_001, nanos: 1 },
        dev: 1,
        ino: 1,
        size: 0,
        class: 0,
        rare: Rare::default(),
        content: RangeList::new(),
    }
}

/// A folder as [`entry`] makes it.
pub fn folder(path: &[u8]) -> Entry {
    entry(path, EntryKind::Dir)
}

/// A file of `size` bytes as [`entry`] makes it, still without content.
pub fn file(path: &[u8], size: usize) -> Entry {
    Entry { size: size as u64, ..entry(path, EntryKind::File) }
}

/// A symbolic link as [`entry`] makes it.
pub fn symlink(path: &[u8], target: &[u8]) -> Entry {
    let rare = Rare { target: Some(target.to_vec()), ..Rare::default() };
    Entry { rare, mode: 0o777, ..entry(path, EntryKind::Symlink) }
}

impl std::fmt::Debug for SnapshotWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SnapshotWriter").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}
