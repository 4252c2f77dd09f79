//! The agent's copy of the vault's index: which chunks the vault has, and which frames may be referred to.
//!
//! Segments are kept as they came, in `cache/index/`; the folder may vanish at any time. What this run adds
//! is held beside them and never written: the server tells it in the next run.

use crate::EngineError;
use crate::remote::{IndexIds, LogPosition, Remote, RemoteError};
use format::frame::PackKind;
use format::ranges::{Address, RangeList};
use format::segment::{self, PackRow, Positions, Segment};
use model::{ChunkId, Code, Damaged, PackId};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Segments that are kept apart before they are joined into one.
const SEGMENTS_MAX: usize = 8;
const SHARDS: usize = 16;

/// The index as one run sees it.
pub(super) struct Index {
    segments: Vec<Segment>,
    /// For each segment, where its data chunks and its hunks lie.
    positions: Vec<[Positions; 2]>,
    /// Frames of the vault that may be referred to: live ones, and retired ones that this run leaves alone.
    packs: HashMap<PackId, PackRow>,
    /// Retired frames whose content this run brings anew.
    renewed: HashSet<(PackId, u32)>,
    /// Chunks that this run adds, by kind and the first byte of their id.
    added: [Vec<Mutex<HashMap<ChunkId, Address>>>; 2],
}

impl Index {
    /// Brings the copy up to the log position of the lease, and keeps it for the next run.
    pub(super) fn load(
        remote: &dyn Remote,
        cache: &Path,
        at_least: LogPosition,
    ) -> Result<Self, EngineError> {
        let folder = cache.join("index");
        let mut segments = read_copy(&folder, at_least.incarnation);
        let known = segments.len();
        let after =
            segments.last().map(|last| LogPosition { incarnation: last.incarnation, sequence: last.to });
        match fetch(remote, after, &mut segments) {
            Err(error) if error.code == Code::IndexGap && after.is_some() => {
                segments.clear();
                fetch(remote, None, &mut segments)?;
            }
            other => other?,
        }
        let follows = segments.windows(2).all(|two| two[0].to + 1 == two[1].from);
        let reached = segments.last().map_or(0, |last| last.to);
        if !follows || segments.first().is_some_and(|first| first.from != 1) || reached < at_least.sequence {
            return Err(gap("the index that the server sent has a gap"));
        }
        if segments.len() > SEGMENTS_MAX {
            let merged = segment::merge(&segments).map_err(|error| EngineError::damaged("index", error))?;
            segments = vec![merged];
        }
        if segments.len() != known {
            keep_copy(&folder, &segments);
        }
        Ok(Self::new(segments))
    }

    /// The index that these segments make, from the first on.
    pub(super) fn new(segments: Vec<Segment>) -> Self {
        let mut packs: HashMap<PackId, PackRow> = HashMap::new();
        for segment in &segments {
            for pack in &segment.packs {
                packs.insert(pack.id, pack.clone());
            }
            for change in &segment.changes {
                if packs.get_mut(&change.pack).is_some_and(|pack| !pack.apply(change)) {
                    packs.remove(&change.pack);
                }
            }
        }
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        let positions = segments
            .iter()
            .map(|segment| [segment.addresses(PackKind::Data), segment.addresses(PackKind::Hunk)])
            .collect();
        Self { segments, positions, packs, renewed: HashSet::new(), added: [shards(), shards()] }
    }

    /// Chooses the retired frames whose content this run brings anew: the longest retired first, up to a limit
    /// of their ciphertext in bytes.
    pub(super) fn renew(&mut self, limit_bytes: u64) {
        let mut retired: Vec<(u64, PackId, u32, u64)> = Vec::new();
        for pack in self.packs.values().filter(|pack| pack.kind == PackKind::Data) {
            for frame in pack.frames.iter().filter(|frame| frame.retired > 0) {
                retired.push((frame.retired, pack.id, frame.number, u64::from(frame.length)));
            }
        }
        retired.sort_unstable();
        let mut bytes = 0;
        for (_, pack, frame, length) in retired {
            bytes += length;
            if bytes > limit_bytes {
                break;
            }
            self.renewed.insert((pack, frame));
        }
    }

    /// Takes frames away that the server said may not be referred to.
    pub(super) fn forbid(&mut self, frames: &[(PackId, u32)]) {
        for (pack, number) in frames {
            if let Some(row) = self.packs.get_mut(pack) {
                row.frames.retain(|frame| frame.number != *number);
            }
        }
    }

    /// Takes away what the server knows to be damaged: base, other devices and this run's own content no longer
    /// refer to it, so what this device still has of it is brought anew.
    pub(super) fn forbid_damaged(&mut self, damaged: &[Damaged]) {
        for one in damaged {
            match one.frame {
                None => drop(self.packs.remove(&one.pack)),
                Some(number) => self.forbid(&[(one.pack, number)]),
            }
        }
    }

    /// Whether entries of the base that refer to these ranges may keep doing so.
    pub(super) fn may_keep(&self, ranges: &RangeList) -> bool {
        ranges.as_slice().iter().all(|range| {
            let frame = self.packs.get(&range.pack).and_then(|pack| pack.frame(range.frame));
            let may = |frame: &format::segment::FrameState| {
                frame.condemned == 0
                    && range.first + range.count <= frame.chunks
                    && (frame.retired == 0 || !self.renewed.contains(&(range.pack, range.frame)))
            };
            frame.is_some_and(may)
        })
    }

    /// Whether the content at these ranges is still there, for entries that cannot be read anew.
    pub(super) fn has(&self, ranges: &RangeList) -> bool {
        ranges.as_slice().iter().all(|range| {
            let frame = self.packs.get(&range.pack).and_then(|pack| pack.frame(range.frame));
            frame.is_some_and(|frame| frame.condemned == 0 && range.first + range.count <= frame.chunks)
        })
    }

    /// Whether a hunk of the base may be referred to as it is.
    pub(super) fn may_keep_hunk(&self, address: &Address) -> bool {
        let frame = self.packs.get(&address.pack).and_then(|pack| pack.frame(address.frame));
        frame.is_some_and(|frame| frame.retired == 0 && address.ordinal < frame.chunks)
    }

    /// Where the vault, or this run, has a chunk.
    pub(super) fn find(&self, kind: PackKind, id: &ChunkId) -> Option<Address> {
        if let Some(address) = lock(self.shard(kind, id)).get(id) {
            return Some(*address);
        }
        (0..self.segments.len()).rev().find_map(|at| self.find_in(at, kind, id))
    }

    /// A live place of a chunk among those of one segment.
    fn find_in(&self, at: usize, kind: PackKind, id: &ChunkId) -> Option<Address> {
        let segment = &self.segments[at];
        let table = if kind == PackKind::Data { &segment.data_ids } else { &segment.hunk_ids };
        let positions = &self.positions[at][usize::from(kind == PackKind::Hunk)];
        // A chunk that was brought anew has several places, and the first may be the one that is not to be used.
        table.places(id).iter().find_map(|place| {
            let address = positions.get(*place)?;
            // The frame's state is that of the whole log, not of the segment.
            let frame = self.packs.get(&address.pack)?.frame(address.frame)?;
            (frame.retired == 0 && address.ordinal < frame.chunks).then_some(address)
        })
    }

    /// Notes a chunk that this run adds; an earlier note stays.
    pub(super) fn add(&self, kind: PackKind, id: ChunkId, address: Address) {
        lock(self.shard(kind, &id)).entry(id).or_insert(address);
    }

    fn shard(&self, kind: PackKind, id: &ChunkId) -> &Mutex<HashMap<ChunkId, Address>> {
        &self.added[usize::from(kind == PackKind::Hunk)][id.as_bytes()[0] as usize % SHARDS]
    }

    /// The ids of live data frames by their address, for a base that came without them.
    pub(super) fn ids_by_frame(&self) -> HashMap<(PackId, u32), Vec<Option<ChunkId>>> {
        let mut frames: HashMap<(PackId, u32), Vec<Option<ChunkId>>> = HashMap::new();
        for (segment, [positions, _]) in self.segments.iter().zip(&self.positions) {
            for (id, place) in segment.data_ids.ids.iter().zip(&segment.data_ids.positions) {
                let Some(address) = positions.get(*place) else { continue };
                let ids = frames.entry((address.pack, address.frame)).or_default();
                ids.resize(ids.len().max(address.ordinal as usize + 1), None);
                ids[address.ordinal as usize] = Some(*id);
            }
        }
        frames
    }

    /// Whether every id that the index lists for this data frame stands at its place in `ids`.
    pub(super) fn lists(&self, name: (PackId, u32), ids: &[ChunkId]) -> bool {
        self.segments.iter().zip(&self.positions).all(|(segment, [positions, _])| {
            let rows = segment.data_ids.ids.iter().zip(&segment.data_ids.positions);
            rows.filter_map(|(id, place)| Some((id, positions.get(*place)?)))
                .filter(|(_, address)| (address.pack, address.frame) == name)
                .all(|(id, address)| ids.get(address.ordinal as usize) == Some(id))
        })
    }

    /// Live data frames of packs that were not uploaded under a lease of `own`, for a random check.
    pub(super) fn foreign_frames(&self, own: &HashSet<PackId>) -> Vec<(PackId, u32)> {
        let foreign =
            self.packs.values().filter(|pack| pack.kind == PackKind::Data && !own.contains(&pack.id));
        foreign
            .flat_map(|pack| {
                pack.frames.iter().filter(|frame| frame.retired == 0).map(|frame| (pack.id, frame.number))
            })
            .collect()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn gap(detail: &str) -> EngineError {
    EngineError::Remote(RemoteError {
        code: Code::ResponseInvalid,
        detail: detail.to_owned(),
        transient: false,
        retry_after_seconds: None,
        missing: Vec::new(),
    })
}

fn fetch(
    remote: &dyn Remote,
    after: Option<LogPosition>,
    segments: &mut Vec<Segment>,
) -> Result<(), RemoteError> {
    remote.index(after, IndexIds::All, &mut |segment| {
        segments.push(segment);
        Ok(())
    })
}

fn file_of(folder: &Path, segment: &Segment) -> PathBuf {
    folder.join(format!("{:016x}-{:016x}", segment.from, segment.to))
}

/// The kept segments of this incarnation, from number 1 on without a gap; nothing when they do not fit.
fn read_copy(folder: &Path, incarnation: [u8; 16]) -> Vec<Segment> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    let mut segments: Vec<Segment> = Vec::new();
    for path in paths {
        let segment = std::fs::read(&path).ok().and_then(|bytes| Segment::decode(&bytes).ok());
        let next = segments.last().map_or(1, |last| last.to + 1);
        match segment {
            Some(segment) if segment.incarnation == incarnation && segment.from == next => {
                segments.push(segment);
            }
            _ => return Vec::new(),
        }
    }
    segments
}

/// Replaces the kept segments. What fails here costs the next run a download and nothing else.
fn keep_copy(folder: &Path, segments: &[Segment]) {
    let keep = || -> std::io::Result<()> {
        std::fs::create_dir_all(folder)?;
        let wanted: HashSet<PathBuf> = segments.iter().map(|segment| file_of(folder, segment)).collect();
        for file in std::fs::read_dir(folder)?.flatten() {
            if !wanted.contains(&file.path()) {
                std::fs::remove_file(file.path())?;
            }
        }
        for segment in segments {
            let path = file_of(folder, segment);
            if !path.exists() {
                let temp = path.with_extension("writing");
                std::fs::write(&temp, segment.encode())?;
                std::fs::rename(&temp, &path)?;
            }
        }
        Ok(())
    };
    if let Err(error) = keep() {
        tracing::debug!(%error, "the copy of the index was not kept");
    }
}
