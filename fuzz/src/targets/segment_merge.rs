//! Merging of segments: never more than an error for any segments, and the same answers as before.
//! An input is, after a byte 0, bodies of segments as pieces, which get an incarnation and numbers here that follow
//! each other; after other bytes a script from which a log is written that a server could have written.

use super::segment::{check, samples};
use crate::forms;
use crate::memory::{BASE, within};
use format::frame::PackKind;
use format::object::{ObjectKind, seal_envelope};
use format::segment::{Segment, merge};

mod script;

const HEAD_LEN: usize = 32;

pub(super) fn run(input: &[u8]) -> bool {
    match input.split_first() {
        Some((0, rest)) => any_segments(&forms::pieces(rest)),
        Some((split, script)) => script::run(usize::from(*split), script),
        None => false,
    }
}

fn any_segments(bodies: &[Vec<u8>]) -> bool {
    let mut next = 1u64;
    let mut segments = Vec::new();
    for body in bodies {
        let mut body = body.clone();
        body.resize(body.len().max(HEAD_LEN), 0);
        let more = u64::from(body[24] & 7);
        let to = if body[25] == 0xff { u64::MAX } else { next.saturating_add(more) };
        body[..16].fill(7);
        body[16..24].copy_from_slice(&next.to_le_bytes());
        body[24..32].copy_from_slice(&to.to_le_bytes());
        let Ok(segment) = Segment::decode(&seal_envelope(ObjectKind::Segment, &body)) else { return false };
        segments.push(segment);
        // After the last number there is none: a merge must notice.
        next = to.checked_add(1).unwrap_or(1);
    }
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let Ok(merged) = within(BASE + 64 * bytes, || merge(&segments)) else { return false };
    check(&merged);
    assert_eq!((merged.from, merged.to), (1, segments[segments.len() - 1].to));
    assert_eq!(Segment::decode(&merged.encode()).as_ref(), Ok(&merged));
    for (kind, table) in [(PackKind::Data, &merged.data_ids), (PackKind::Hunk, &merged.hunk_ids)] {
        let positions = merged.addresses(kind);
        let is_live = |place: &u32| positions.get(*place).is_some_and(|(_, frame)| frame.retired == 0);
        assert!(table.positions.iter().all(is_live), "an id of a retired frame was kept");
    }
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let log = samples();
    let merged = [merge(&log[..3]).unwrap(), merge(&log[3..6]).unwrap()];
    let seed = |log: &[Segment]| {
        let bodies: Vec<_> = log.iter().map(body).collect();
        [vec![0], forms::join(&bodies)].concat()
    };
    [&log[..], &log[..2], &merged].into_iter().map(seed).chain(script::seeds()).collect()
}

/// A body that says in place of its last number how many follow its first.
fn body(segment: &Segment) -> Vec<u8> {
    let mut body = forms::body_of(&segment.encode()).to_vec();
    body[24] = (segment.to - segment.from) as u8;
    body
}
