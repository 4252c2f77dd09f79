//! A log from a script: packs come, frames are retired, condemned, reprieved and removed, packs go and come again.
//! Merging any parts of it, in any order, changes no answer.

use format::frame::{FrameContext, PackKind};
use format::pack::{FrameRow, PackHeader, PackTable};
use format::ranges::Address;
use format::segment::{Change, ChangeKind, PackRow, Segment, merge};
use model::{ChunkId, LeaseId, PackId, Timestamp, VaultId};
use std::collections::{BTreeMap, BTreeSet};

const INCARNATION: [u8; 16] = [7; 16];
const STEPS_MAX: usize = 24;

/// Cuts the log after the numbers whose bit is set in `cuts`, over and over.
pub(super) fn run(cuts: usize, script: &[u8]) -> bool {
    let mut log = Log::default();
    for step in script.chunks_exact(3).take(STEPS_MAX) {
        log.step(step[0], step[1], step[2]);
    }
    let segments = log.segments;
    if segments.is_empty() {
        return false;
    }
    let mut parts: Vec<Vec<Segment>> = vec![Vec::new()];
    for (at, segment) in segments.iter().enumerate() {
        parts.last_mut().unwrap().push(segment.clone());
        if cuts >> (at % 8) & 1 == 1 {
            parts.push(Vec::new());
        }
    }
    let fewer: Vec<Segment> =
        parts.iter().filter(|part| !part.is_empty()).map(|part| merge(part).unwrap()).collect();
    for segment in &fewer {
        super::check(segment);
        assert_eq!(Segment::decode(&segment.encode()).as_ref(), Ok(segment));
    }
    assert_eq!(answers(&fewer), answers(&segments));
    assert_eq!(merge(&fewer), merge(&segments));
    true
}

#[derive(Default)]
struct Log {
    segments: Vec<Segment>,
    packs: Vec<Pack>,
}

struct Pack {
    table: PackTable,
    /// Numbers of the frames that are still there; empty when the pack is gone.
    frames: BTreeSet<u32>,
    generation: u32,
}

impl Log {
    fn step(&mut self, what: u8, which: u8, mask: u8) {
        let count = self.packs.len();
        match what % 6 {
            _ if count == 0 => self.add(which, mask),
            0 => self.add(which, mask),
            1 => self.add_again(usize::from(which) % count),
            2 => self.change(ChangeKind::Retired, usize::from(which) % count, mask),
            3 => self.change(ChangeKind::Condemned, usize::from(which) % count, mask),
            4 => self.change(ChangeKind::Reprieved, usize::from(which) % count, mask),
            _ => self.remove(usize::from(which) % count, mask),
        }
    }

    fn next(&self) -> u64 {
        self.segments.len() as u64 + 1
    }

    /// A new pack of one to four frames, whose ids are few, so that many chunks lie at several places.
    fn add(&mut self, shape: u8, first_id: u8) {
        let kind = if shape & 1 == 0 { PackKind::Data } else { PackKind::Hunk };
        let pack = PackId::from_bytes([self.packs.len() as u8; 16]);
        let vault = VaultId::from_bytes([0; 16]);
        let context = FrameContext { vault, pack, kind, key_generation: 1, salt: [0; 32] };
        let id =
            |frame: u8, chunk: u8| ChunkId::from_bytes([first_id.wrapping_add(frame * 2 + chunk) % 16; 16]);
        let frames = (0..=shape >> 1 & 3).map(|frame| FrameRow {
            number: u32::from(frame) * 2,
            offset: 0,
            length: 100,
            hash: [0; 32],
            ids: (0..=shape >> 3 & 3).map(|chunk| id(frame, chunk)).collect(),
            references: Vec::new(),
        });
        let table = PackTable { header: PackHeader { context, generation: 0 }, frames: frames.collect() };
        self.packs.push(Pack { table, frames: BTreeSet::new(), generation: 0 });
        self.add_again(self.packs.len() - 1);
    }

    /// Adds a pack that is not there, as it first was.
    fn add_again(&mut self, at: usize) {
        let sequence = self.next();
        let pack = &mut self.packs[at];
        if !pack.frames.is_empty() {
            return;
        }
        pack.frames = pack.table.frames.iter().map(|row| row.number).collect();
        pack.generation = 0;
        let row = PackRow::new(&pack.table, LeaseId::from_bytes([1; 16]), 1000, sequence);
        self.segments.push(Segment::of_packs(INCARNATION, sequence, vec![(row, &pack.table)]));
    }

    fn change(&mut self, kind: ChangeKind, at: usize, mask: u8) {
        let sequence = self.next();
        let pack = &self.packs[at];
        let frames: Vec<u32> =
            pack.frames.iter().copied().filter(|number| mask >> (number % 8) & 1 == 1).collect();
        if frames.is_empty() {
            return;
        }
        let change = Change { sequence, kind, pack: pack.table.header.context.pack, frames };
        let segment = Segment::of_changes(INCARNATION, sequence, vec![change]);
        self.segments.push(segment.at(Timestamp::from_secs(sequence as i64)));
    }

    fn remove(&mut self, at: usize, mask: u8) {
        let pack = &mut self.packs[at];
        let keep: BTreeSet<u32> =
            pack.frames.iter().copied().filter(|number| mask >> (number % 8) & 1 == 0).collect();
        let generation = (!keep.is_empty()).then_some(pack.generation + 1);
        self.change(ChangeKind::Removed { generation }, at, mask);
        let pack = &mut self.packs[at];
        if keep.len() < pack.frames.len() {
            pack.frames = keep;
            pack.generation += 1;
        }
    }
}

type Places = BTreeMap<(bool, ChunkId), BTreeSet<Address>>;

/// What a reader knows: the packs, the places where each id is live, and when what is condemned was.
fn answers(segments: &[Segment]) -> (Vec<PackRow>, Places, Vec<Option<Timestamp>>) {
    let mut packs: Vec<PackRow> = Vec::new();
    let mut places = Places::new();
    let mut times = BTreeMap::new();
    for segment in segments {
        packs.extend(segment.packs.iter().cloned());
        for change in &segment.changes {
            packs.retain_mut(|pack| pack.id != change.pack || pack.apply(change));
        }
        times.extend(segment.times.iter().copied());
        for (is_hunk, kind, table) in
            [(false, PackKind::Data, &segment.data_ids), (true, PackKind::Hunk, &segment.hunk_ids)]
        {
            let positions = segment.addresses(kind);
            for (id, place) in table.ids.iter().zip(&table.positions) {
                places.entry((is_hunk, *id)).or_default().insert(positions.get(*place).unwrap());
            }
        }
    }
    for addresses in places.values_mut() {
        addresses.retain(|address| {
            let pack = packs.iter().find(|pack| pack.id == address.pack);
            pack.and_then(|pack| pack.frame(address.frame)).is_some_and(|frame| frame.retired == 0)
        });
    }
    places.retain(|_, addresses| !addresses.is_empty());
    let condemned = packs.iter().flat_map(|pack| &pack.frames).map(|frame| frame.condemned);
    let known = condemned.filter(|number| *number != 0).map(|number| times.get(&number).copied()).collect();
    (packs, places, known)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    vec![
        [&[0b0010_0100], &[0, 14, 3, 0, 27, 4, 2, 0, 1, 3, 1, 5, 4, 1, 1, 5, 0, 1, 0, 9, 3, 3, 2, 2][..]]
            .concat(),
        [&[0xff], &[0, 2, 3, 3, 0, 0xff, 5, 0, 0xff, 1, 0, 0, 2, 0, 4, 5, 0, 1, 3, 0, 0xff][..]].concat(),
    ]
}
