//! Merging of segments: never more than an error for any segments, and the same answers as before.
//! An input is, after a byte 0, bodies of segments as pieces, which are moved here to numbers that follow each other;
//! after other bytes a script from which a log is written that a server could have written.

use super::segment::{check, samples};
use crate::forms;
use crate::memory::{BASE, within};
use format::frame::PackKind;
use format::object::{ObjectKind, seal_envelope};
use format::segment::{Segment, merge};

mod script;

pub(super) fn run(input: &[u8]) -> bool {
    match input.split_first() {
        Some((0, rest)) => any_segments(&forms::pieces(rest)),
        Some((split, script)) => script::run(usize::from(*split), script),
        None => false,
    }
}

fn any_segments(bodies: &[Vec<u8>]) -> bool {
    let mut segments: Vec<Segment> = Vec::new();
    for body in bodies {
        let Ok(segment) = Segment::decode(&seal_envelope(ObjectKind::Segment, body)) else { continue };
        let next = segments.last().map_or(Some(1), |last| last.to.checked_add(1));
        // After the last number there is none: a merge must notice.
        segments.extend(renumbered(segment, next.unwrap_or(1)));
    }
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let merged = within(BASE + 64 * bytes, || merge(&segments));
    let is_a_row = segments.windows(2).all(|two| two[0].to.checked_add(1) == Some(two[1].from));
    assert!(is_a_row || merged.is_err(), "segments that do not follow each other were merged");
    let Ok(merged) = merged else { return false };
    check(&merged);
    assert_eq!((merged.from, merged.to), (1, segments[segments.len() - 1].to));
    assert_eq!(Segment::decode(&merged.encode()).as_ref(), Ok(&merged));
    for (kind, table) in [(PackKind::Data, &merged.data_ids), (PackKind::Hunk, &merged.hunk_ids)] {
        let positions = merged.addresses(kind);
        let is_live = |place: &u32| {
            let address = positions.get(*place).expect("a place lies in a pack");
            let packs = merged.packs.iter().filter(|pack| pack.id == address.pack);
            packs.filter_map(|pack| pack.frame(address.frame)).any(|frame| frame.retired == 0)
        };
        assert!(table.positions.iter().all(is_live), "an id of a retired frame was kept");
    }
    true
}

/// The segment moved to numbers from `from` on and to one incarnation; `None` when it would go past the last number.
/// One without packs and changes may end there.
fn renumbered(mut segment: Segment, from: u64) -> Option<Segment> {
    let (old, last) = (segment.from, segment.to);
    let is_empty = segment.packs.is_empty() && segment.changes.is_empty() && segment.times.is_empty();
    let to = from.checked_add(last - old).or(is_empty.then_some(u64::MAX))?;
    let moved = |number: u64| if (old..=last).contains(&number) { number - old + from } else { number };
    segment.incarnation = [7; 16];
    (segment.from, segment.to) = (from, to);
    segment.packs.iter_mut().for_each(|pack| pack.added = moved(pack.added));
    segment.changes.iter_mut().for_each(|change| change.sequence = moved(change.sequence));
    segment.times.iter_mut().for_each(|(number, _)| *number = moved(*number));
    for frame in segment.packs.iter_mut().flat_map(|pack| &mut pack.frames) {
        (frame.retired, frame.condemned) = (moved(frame.retired), moved(frame.condemned));
    }
    Some(segment)
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let log = samples();
    let merged = [merge(&log[..3]).unwrap(), merge(&log[3..6]).unwrap()];
    // The same pack twice, and a last number after which there is none.
    let twice = [log[1].clone(), log[2].clone(), log[1].clone()];
    let mut end = log[0].clone();
    (end.from, end.to) = (1, u64::MAX);
    let ending = [log[1].clone(), log[2].clone(), end];
    let seed = |log: &[Segment]| {
        let bodies: Vec<_> = log.iter().map(|segment| forms::body_of(&segment.encode()).to_vec()).collect();
        [vec![0], forms::join(&bodies)].concat()
    };
    let logs = [&log[..], &log[..2], &merged, &twice, &ending];
    logs.into_iter().map(seed).chain(script::seeds()).collect()
}
