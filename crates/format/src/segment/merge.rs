//! Joins neighbouring segments into one; numbers stay as they are.

use super::{Change, ChangeKind, IdTable, PackRow, Segment, WHAT};
use crate::Error;
use crate::frame::PackKind;
use crate::ranges::Address;
use model::{ChunkId, PackId, Timestamp};
use std::collections::{HashMap, HashSet};

/// One segment for the interval of several that follow each other.
/// Changes of packs among them are applied and left out; ids of retired frames and of removed ones go.
pub fn merge(segments: &[Segment]) -> Result<Segment, Error> {
    let (Some(first), Some(last)) = (segments.first(), segments.last()) else {
        return Err(Error::malformed(WHAT, "a merge has segments"));
    };
    let neighbours = segments
        .windows(2)
        .all(|two| two[0].to.checked_add(1) == Some(two[1].from) && two[0].incarnation == two[1].incarnation);
    if !neighbours {
        return Err(Error::malformed(WHAT, "segments of a merge follow each other"));
    }
    let (packs, changes) = apply(segments);
    let places = Places::new(&packs)?;
    let packs: Vec<PackRow> = packs.into_iter().map(|(_, pack)| pack).collect();
    let times = times(segments, &packs, &changes);
    Ok(Segment {
        incarnation: first.incarnation,
        from: first.from,
        to: last.to,
        data_ids: ids(segments, PackKind::Data, &places),
        hunk_ids: ids(segments, PackKind::Hunk, &places),
        packs,
        changes,
        times,
    })
}

/// The packs at the end, in the order in which they were added, each with the place of its segment, and the changes
/// that concern earlier ones.
fn apply(segments: &[Segment]) -> (Vec<(usize, PackRow)>, Vec<Change>) {
    let mut packs: Vec<Option<(usize, PackRow)>> = Vec::new();
    let mut known = HashMap::new();
    let mut changes = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        for pack in &segment.packs {
            // A pack that came again after it was gone: only the later row counts.
            if let Some(earlier) = known.insert(pack.id, packs.len()) {
                packs[earlier] = None;
            }
            packs.push(Some((at, pack.clone())));
        }
        for change in &segment.changes {
            match known.get(&change.pack) {
                Some(at) => {
                    if packs[*at].as_mut().is_some_and(|(_, pack)| !pack.apply(change)) {
                        packs[*at] = None;
                    }
                }
                None => changes.push(change.clone()),
            }
        }
    }
    (packs.into_iter().flatten().collect(), changes)
}

/// The times of those entries by which a frame is still condemned.
fn times(segments: &[Segment], packs: &[PackRow], changes: &[Change]) -> Vec<(u64, Timestamp)> {
    let by_row = packs.iter().flat_map(|pack| &pack.frames).map(|frame| frame.condemned);
    let by_change =
        changes.iter().filter(|change| change.kind == ChangeKind::Condemned).map(|change| change.sequence);
    let needed: HashSet<u64> = by_row.chain(by_change).collect();
    segments
        .iter()
        .flat_map(|segment| &segment.times)
        .filter(|(number, _)| needed.contains(number))
        .copied()
        .collect()
}

/// Where the chunks of each live frame stand in the merged order.
struct Places(HashMap<(PackId, u32), Place>);

/// The chunks of a frame, and the segment that holds their ids.
struct Place {
    segment: usize,
    kind: PackKind,
    first: u32,
    chunks: u32,
}

impl Places {
    fn new(packs: &[(usize, PackRow)]) -> Result<Self, Error> {
        let mut map = HashMap::new();
        let mut next = [0u32; 2];
        for (segment, pack) in packs {
            let (segment, kind) = (*segment, pack.kind);
            let next = &mut next[usize::from(kind == PackKind::Hunk)];
            for frame in &pack.frames {
                let (first, chunks) = (*next, frame.chunks);
                if frame.retired == 0 {
                    map.insert((pack.id, frame.number), Place { segment, kind, first, chunks });
                }
                let rule = "it has fewer than 2^32 chunks of a kind";
                *next = first.checked_add(chunks).ok_or(Error::malformed(WHAT, rule))?;
            }
        }
        Ok(Self(map))
    }

    /// The place of a chunk that the segment at `segment` says to be at this address.
    fn of(&self, segment: usize, kind: PackKind, address: &Address) -> Option<u32> {
        let place = self.0.get(&(address.pack, address.frame))?;
        let is_its_own = place.segment == segment && place.kind == kind && address.ordinal < place.chunks;
        is_its_own.then(|| place.first + address.ordinal)
    }
}

fn ids(segments: &[Segment], kind: PackKind, places: &Places) -> IdTable {
    let mut pairs: Vec<(ChunkId, u32)> = Vec::new();
    for (at, segment) in segments.iter().enumerate() {
        let table = if kind == PackKind::Data { &segment.data_ids } else { &segment.hunk_ids };
        let positions = segment.addresses(kind);
        for (id, place) in table.ids.iter().zip(&table.positions) {
            let Some(address) = positions.get(*place) else { continue };
            if let Some(place) = places.of(at, kind, &address) {
                pairs.push((*id, place));
            }
        }
    }
    IdTable::from_unsorted(pairs)
}
