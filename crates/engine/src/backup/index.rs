//! The agent's copy of the vault's index: which chunks the vault has, and which frames may be referred to.
//!
//! Segments are kept as they came, in `cache/index/`; the folder may vanish at any time. What this run adds
//! is held beside them, and joins them when it ends.
//!
//! Of a vault with very many chunks the copy has no ids of data (it lies in `cache/index-frames/`, and the two are
//! never mixed): where such a chunk lies is asked for, and the answer is believed only where the copy lets it be.

use super::added::Added;
use super::own_log::OwnLog;
use crate::EngineError;
use crate::remote::{IndexIds, Lease, LogPosition, Remote, RemoteError};
use format::frame::PackKind;
use format::ranges::{Address, RangeList};
use format::segment::{self, IdTable, PackRow, Positions, Segment};
use model::{ChunkId, Code, Damaged, PackId};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

/// The folder of the copy that has ids of data.
const WITH_DATA: &str = "index";
/// Segments that are kept apart before they are joined into one.
const SEGMENTS_MAX: usize = 8;
/// Chunks of a run that are held about, where the server is asked for others anyhow: some 40 MB.
const ADDED_MAX: usize = 500_000;

/// The index as one run sees it.
pub(super) struct Index {
    /// Where the copy lies; `None` where it is not kept.
    folder: Option<PathBuf>,
    segments: Vec<Segment>,
    /// For each segment, where its data chunks and its hunks lie.
    positions: Vec<[Positions; 2]>,
    /// Frames of the vault that may be referred to: live ones, and retired ones that this run leaves alone.
    packs: HashMap<PackId, PackRow>,
    /// Retired frames whose content this run brings anew.
    renewed: HashSet<(PackId, u32)>,
    /// Which ids the copy has.
    ids: IndexIds,
    /// What this run adds.
    pub(super) added: Added,
}

/// What is known of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// The vault or this run has it here.
    At(Address),
    /// Neither has it.
    Absent,
    /// Only the server can say: the copy has no ids of data, or this run has forgotten some of what it added.
    Unknown,
}

impl Index {
    /// Brings the copy, of which `kept` [was read](read_kept) before, up to the log position of the lease, and keeps it for the next run. With more than `ids_max`
    /// ids of data in the vault it is one without them.
    pub(super) fn load(
        remote: &dyn Remote,
        cache: &Path,
        kept: Vec<Segment>,
        lease: &Lease,
        ids_max: u64,
    ) -> Result<Self, EngineError> {
        let at_least = lease.position;
        let (ids, folder, mut segments) = if lease.data_ids > ids_max {
            let folder = cache.join("index-frames");
            (IndexIds::Hunks, folder.clone(), read_copy(&folder))
        } else {
            (IndexIds::All, cache.join(WITH_DATA), kept)
        };
        if segments.iter().any(|segment| segment.incarnation != at_least.incarnation) {
            segments.clear();
        }
        let known: Vec<_> = segments.iter().map(interval).collect();
        let after =
            segments.last().map(|last| LogPosition { incarnation: last.incarnation, sequence: last.to });
        // Nothing came since the copy was kept: nothing is asked.
        let is_whole = segments.last().map_or(0, |last| last.to) == at_least.sequence;
        match if is_whole { Ok(()) } else { fetch(remote, after, ids, &mut segments) } {
            Err(error) if error.code == Code::IndexGap && after.is_some() => {
                segments.clear();
                fetch(remote, None, ids, &mut segments)?;
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
        if segments.iter().map(interval).ne(known) {
            keep_copy(&folder, &segments.iter().collect::<Vec<_>>());
        }
        Ok(Self { folder: Some(folder), ..Self::new(segments, ids, ids_max) })
    }

    /// Keeps what the run has added itself with the copy, so that the next run does not fetch it.
    pub(super) fn keep_own(&self, log: &OwnLog) {
        let reached = self.segments.last().map_or(0, |last| last.to);
        let (Some(folder), Some(mut own)) = (&self.folder, log.take_after(reached)) else { return };
        if !self.lists_data() {
            own.data_ids = IdTable::default();
        }
        let kept: Vec<&Segment> = self.segments.iter().chain([&own]).collect();
        keep_copy(folder, &kept);
    }

    /// The index that these segments make, from the first on, which have these ids. Of what the run adds it holds about
    /// `ids_max` data chunks, and fewer where it asks for all others anyhow.
    pub(super) fn new(segments: Vec<Segment>, ids: IndexIds, ids_max: u64) -> Self {
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
        let positions = segments
            .iter()
            .map(|segment| [segment.addresses(PackKind::Data), segment.addresses(PackKind::Hunk)])
            .collect();
        let ids_max = usize::try_from(ids_max).unwrap_or(usize::MAX);
        let added = Added::new(match ids {
            IndexIds::All => ids_max,
            IndexIds::Hunks => ids_max.min(ADDED_MAX),
        });
        Self { folder: None, segments, positions, packs, renewed: HashSet::new(), ids, added }
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

    /// What is known of a chunk.
    pub(super) fn find(&self, kind: PackKind, id: &ChunkId) -> Found {
        if let Some(address) = self.added.find(kind, id) {
            return Found::At(address);
        }
        match (0..self.segments.len()).rev().find_map(|at| self.find_in(at, kind, id)) {
            Some(address) => Found::At(address),
            None if kind == PackKind::Hunk => Found::Absent,
            None if self.lists_data() && !self.added.has_forgotten() => Found::Absent,
            None => Found::Unknown,
        }
    }

    /// Whether the copy has the ids of data.
    pub(super) fn lists_data(&self) -> bool {
        self.ids == IndexIds::All
    }

    /// Whether new entries may refer to a data chunk that the server says to be at this place: a live frame of the
    /// copy, or one that this run adds.
    pub(super) fn may_match(&self, address: &Address) -> bool {
        if let Some(is_added) = self.added.has(address) {
            return is_added;
        }
        let pack = self.packs.get(&address.pack).filter(|pack| pack.kind == PackKind::Data);
        let frame = pack.and_then(|pack| pack.frame(address.frame));
        frame.is_some_and(|frame| frame.retired == 0 && address.ordinal < frame.chunks)
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

    /// The ids of data frames by their address, as far as the copy has them, for a base that came without them.
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
    pub(super) fn lists(&self, (pack, frame): (PackId, u32), ids: &[ChunkId]) -> bool {
        self.segments.iter().zip(&self.positions).all(|(segment, [positions, _])| {
            let places = positions.of_frame(&pack, frame);
            let rows = segment.data_ids.ids.iter().zip(&segment.data_ids.positions);
            rows.filter(|(_, place)| places.contains(place))
                .all(|(id, place)| ids.get((place - places.start) as usize) == Some(id))
        })
    }

    /// Live data frames, for a random check.
    pub(super) fn live_data_frames(&self) -> Vec<(PackId, u32)> {
        let packs = self.packs.values().filter(|pack| pack.kind == PackKind::Data);
        packs
            .flat_map(|pack| {
                pack.frames.iter().filter(|frame| frame.retired == 0).map(|frame| (pack.id, frame.number))
            })
            .collect()
    }
}

/// The entries of the log that a segment stands for, the first and the last.
const fn interval(segment: &Segment) -> (u64, u64) {
    (segment.from, segment.to)
}

fn gap(detail: &str) -> EngineError {
    RemoteError::new(Code::ResponseInvalid, detail).into()
}

fn fetch(
    remote: &dyn Remote,
    after: Option<LogPosition>,
    ids: IndexIds,
    segments: &mut Vec<Segment>,
) -> Result<(), RemoteError> {
    remote.index(after, ids, &mut |mut segment| {
        if ids == IndexIds::Hunks {
            // Whatever the server sends: there is no room for them.
            segment.data_ids = IdTable::default();
        }
        segments.push(segment);
        Ok(())
    })
}

fn file_of(folder: &Path, segment: &Segment) -> PathBuf {
    let (from, to) = interval(segment);
    folder.join(format!("{from:016x}-{to:016x}"))
}

/// The copy with ids of data, if one is kept: most vaults' are small enough, so it is read while the server is asked for
/// the lease that says which one is needed.
pub(super) fn read_kept(cache: &Path) -> Vec<Segment> {
    read_copy(&cache.join(WITH_DATA))
}

/// The kept segments, from number 1 on without a gap; nothing when they do not fit.
fn read_copy(folder: &Path) -> Vec<Segment> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = files.flatten().map(|file| file.path()).collect();
    paths.sort();
    let mut segments: Vec<Segment> = Vec::new();
    for path in paths {
        let segment = std::fs::read(&path).ok().and_then(|bytes| Segment::decode(&bytes).ok());
        let next = segments.last().map_or(1, |last| last.to + 1);
        match segment {
            Some(segment) if segment.from == next => segments.push(segment),
            _ => return Vec::new(),
        }
    }
    segments
}

/// Replaces the kept segments. What fails here costs the next run a download and nothing else.
fn keep_copy(folder: &Path, segments: &[&Segment]) {
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
