//! Reading the log from the store: which segments make up the chain, and whether it is whole.

use super::scan::{Scanned, scan};
use super::state::LogState;
use crate::damage::is_damage;
use crate::names::numbers_of;
use crate::objects::Objects;
use crate::{Error, LogProblem};
use std::collections::HashSet;

/// Attempts to read a log whose segments another process merges meanwhile.
const ATTEMPTS: usize = 5;

/// A segment in the store's listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Listed {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) size_bytes: u64,
}

pub(super) fn list(objects: &Objects) -> Result<Vec<Listed>, Error> {
    let found = objects.all("index")?.into_iter().filter_map(|info| {
        let (from, to) = numbers_of(&info.key)?;
        Some(Listed { from, to, size_bytes: info.size_bytes })
    });
    Ok(found.collect())
}

/// The longest segment that starts at `next` and is not among `bad`.
fn longest(listed: &[Listed], next: u64, bad: &HashSet<Listed>) -> Option<Listed> {
    let starts = listed.iter().filter(|segment| segment.from == next && !bad.contains(segment));
    starts.max_by_key(|segment| segment.to).copied()
}

/// Segments that lie inside the chain's interval without being part of it.
pub(super) fn leftovers(listed: &[Listed], state: &LogState) -> Vec<Listed> {
    let in_chain: HashSet<(u64, u64)> = state.segments.iter().map(|info| (info.from, info.to)).collect();
    let is_leftover = |segment: &&Listed| {
        !in_chain.contains(&(segment.from, segment.to))
            && state.segments.iter().any(|info| info.from <= segment.from && segment.to <= info.to)
    };
    listed.iter().filter(is_leftover).copied().collect()
}

/// Reads the log. What is wrong with it is said in the state, so that reads of packs go on.
pub(super) fn load(objects: &Objects) -> Result<LogState, Error> {
    for _ in 1..ATTEMPTS {
        if let Some(state) = attempt(objects, false)? {
            return Ok(state);
        }
    }
    // The last attempt takes a segment that vanishes as a damaged one.
    Ok(attempt(objects, true)?.unwrap_or_else(LogState::empty))
}

/// `None` when a listed segment has vanished: then the listing is old.
fn attempt(objects: &Objects, last: bool) -> Result<Option<LogState>, Error> {
    let listed = list(objects)?;
    let mut state = LogState::empty();
    let mut bad = HashSet::new();
    let mut damage = None;
    while let Some(segment) = longest(&listed, state.sequence + 1, &bad) {
        let Listed { from, to, size_bytes } = segment;
        // All but the data ids, which only the store keeps.
        let scanned = match scan(objects, from, to) {
            Ok(None) if last => Err(format::Error::Truncated { what: "index segment" }),
            Ok(None) => return Ok(None),
            Ok(Some(Scanned { segment, data_ids, .. })) => Ok((segment, data_ids.count())),
            Err(Error::Damaged { source, .. }) => Err(source),
            Err(error) if is_damage(&error) => Err(format::Error::Malformed {
                what: "index segment",
                rule: "it can be read and stays in bounds",
            }),
            Err(error) => return Err(error),
        };
        match scanned {
            Ok((found, _)) if (found.from, found.to) != (from, to) => {
                let source = format::Error::Mismatch { what: "index segment", check: "name" };
                damage = Some(LogProblem::Damaged { from, to, source });
                bad.insert(segment);
            }
            Ok((found, _)) if state.sequence > 0 && found.incarnation != state.incarnation => {
                state.problem = Some(LogProblem::Mixed { from });
                return Ok(Some(state));
            }
            Ok((found, data_ids)) => {
                state.apply(found, data_ids, size_bytes);
                damage = None;
            }
            // A merged segment that is damaged may have parts that were not deleted yet.
            Err(source) => {
                damage = Some(LogProblem::Damaged { from, to, source });
                bad.insert(segment);
            }
        }
    }
    state.problem = damage.or_else(|| gap(&listed, &state));
    Ok(Some(state))
}

fn gap(listed: &[Listed], state: &LogState) -> Option<LogProblem> {
    let after = state.sequence;
    let beyond = listed.iter().filter(|segment| segment.to > after);
    match beyond.map(|segment| segment.from.max(after + 1)).min() {
        Some(next) => Some(LogProblem::Gap { after, next }),
        None if after == 0 => Some(LogProblem::Lost),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;
    use blobs::{BlobStore, MemoryStore, PutMode};
    use format::segment::Segment;
    use model::VaultId;
    use std::sync::Arc;

    fn objects(segments: &[(u64, u64, u8)]) -> Objects {
        let store = MemoryStore::new();
        let names = Names::new(VaultId::from_bytes([1; 16]));
        for (from, to, incarnation) in segments {
            let mut segment = Segment::of_changes([*incarnation; 16], *from, Vec::new());
            segment.to = *to;
            let key = names.segment(*from, *to).unwrap();
            store.put(&key, &segment.encode(), PutMode::CreateNew).unwrap();
        }
        Objects { store: Arc::new(store), names }
    }

    fn loaded(segments: &[(u64, u64, u8)]) -> (Vec<(u64, u64)>, Option<LogProblem>) {
        let state = load(&objects(segments)).unwrap();
        (state.segments.iter().map(|info| (info.from, info.to)).collect(), state.problem)
    }

    #[test]
    fn the_longest_at_each_number_is_taken_and_gaps_are_seen() {
        assert_eq!(loaded(&[]), (vec![], Some(LogProblem::Lost)));
        assert_eq!(loaded(&[(1, 1, 0)]), (vec![(1, 1)], None));
        let nested = [(1, 1, 0), (2, 2, 0), (1, 3, 0), (3, 3, 0), (4, 4, 0)];
        assert_eq!(loaded(&nested), (vec![(1, 3), (4, 4)], None));
        let state = load(&objects(&nested)).unwrap();
        assert_eq!(leftovers(&list(&objects(&nested)).unwrap(), &state).len(), 3);
        let gap = |after, next| Some(LogProblem::Gap { after, next });
        assert_eq!(loaded(&[(1, 1, 0), (3, 3, 0)]), (vec![(1, 1)], gap(1, 3)));
        assert_eq!(loaded(&[(2, 2, 0)]), (vec![], gap(0, 2)));
        assert_eq!(loaded(&[(1, 4, 0), (3, 6, 0)]), (vec![(1, 4)], gap(4, 5)));
        assert_eq!(loaded(&[(1, 1, 0), (2, 2, 9)]).1, Some(LogProblem::Mixed { from: 2 }));
    }

    #[test]
    fn a_damaged_merged_segment_gives_way_to_its_parts() {
        let objects = objects(&[(1, 2, 0), (1, 1, 0), (2, 2, 0), (3, 3, 0)]);
        let broken = objects.names.segment(1, 2).unwrap();
        objects.replace(&broken, b"HOLDnot").unwrap();
        let state = load(&objects).unwrap();
        assert_eq!((state.sequence, state.problem), (3, None));
        objects.delete(&objects.names.segment(2, 2).unwrap()).unwrap();
        let state = load(&objects).unwrap();
        assert_eq!(state.sequence, 1);
        assert!(matches!(state.problem, Some(LogProblem::Gap { after: 1, next: 2 })), "{:?}", state.problem);
        objects.delete(&objects.names.segment(1, 1).unwrap()).unwrap();
        let state = load(&objects).unwrap();
        assert!(matches!(state.problem, Some(LogProblem::Damaged { from: 1, to: 2, .. })));
    }
}
