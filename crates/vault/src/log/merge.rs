//! Merging: many small segments become few, ids of what is gone are left out. Numbers stay as they are, and the
//! newest stay apart, so that an agent that is a little behind finds where it was.

use super::load;
use super::state::SegmentInfo;
use super::{Log, LogState};
use crate::Error;
use crate::locks::{lock, read, try_lock, write};
use format::limits;
use format::segment::{self, Segment};
use model::failpoint;

/// Numbers at the end that are not merged.
const KEEP_APART: u64 = 64;
/// Segments that are merged at least.
const FEWEST: usize = 8;
/// Segments that are merged at most, in bytes together: what a merge keeps in memory is a few times that.
const MOST_BYTES: u64 = 128 << 20;
/// Ids of retired and removed chunks that do no harm, whatever their share.
const DEAD_IDS_ALLOWED: u64 = 100_000;

/// What a merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MergeReport {
    /// Segments that became fewer; 0 when there was nothing to do.
    pub merged_segments: u64,
    /// Size of the new segments in bytes.
    pub written_bytes: u64,
    /// Segments of the log now.
    pub segments: u64,
    /// What earlier merges had left behind, deleted.
    pub leftovers: u64,
}

/// The run of neighbours to merge, as places in the chain; empty when none is worth it.
///
/// From the newest that may be merged backwards, a segment joins while it is not larger than all newer ones of the run
/// together: so sizes grow towards the beginning, and each byte is written again only as often as the log doubles.
/// When most ids are dead, everything joins. Where a run ends without being worth it, the next begins.
fn choose(chain: &[SegmentInfo], last: u64, live_chunks: u64) -> std::ops::Range<usize> {
    let ids: u64 = chain.iter().map(|info| info.ids).sum();
    let is_mostly_dead = ids > 2 * live_chunks + DEAD_IDS_ALLOWED;
    let mut end = chain.partition_point(|info| info.to + KEEP_APART <= last);
    while end > 0 {
        let (mut start, mut bytes) = (end - 1, chain[end - 1].size_bytes);
        while let Some(info) = start.checked_sub(1).map(|at| chain[at]) {
            let joins = info.size_bytes <= bytes || is_mostly_dead;
            if !joins || bytes + info.size_bytes > MOST_BYTES {
                break;
            }
            bytes += info.size_bytes;
            start -= 1;
        }
        if end - start >= FEWEST {
            return start..end;
        }
        end = start;
    }
    0..0
}

impl Log {
    /// Merges runs of segments until none is left that is worth it. Appending goes on meanwhile.
    pub(crate) fn merge(&self) -> Result<MergeReport, Error> {
        let Some(_merging) = try_lock(&self.merging) else {
            return Err(Error::Busy { what: "merging of the index" });
        };
        let mut report = MergeReport { leftovers: self.delete_leftovers()?, ..MergeReport::default() };
        loop {
            let (run, incarnation) = self.with(|state| (run(state), state.incarnation))?;
            if run.is_empty() {
                break;
            }
            report.merged_segments += run.len() as u64;
            report.written_bytes += self.merge_run(&run, incarnation)?;
        }
        report.segments = self.with(|state| state.segments.len() as u64)?;
        Ok(report)
    }

    fn merge_run(&self, run: &[SegmentInfo], incarnation: [u8; 16]) -> Result<u64, Error> {
        let parts = run.iter().map(|info| self.read_part(info)).collect::<Result<Vec<Segment>, _>>()?;
        let key = self.objects.names.segment(run[0].from, run[run.len() - 1].to)?;
        let merged = segment::merge(&parts).map_err(|source| Error::Damaged { key: key.clone(), source })?;
        drop(parts);
        let bytes = merged.encode();
        failpoint::hit("vault.merge.before_put");
        self.objects.replace(&key, &bytes)?;
        failpoint::hit("vault.merge.after_put");
        let size_bytes = bytes.len() as u64;
        let info = SegmentInfo::new(&merged, merged.data_ids.ids.len() as u64, size_bytes);
        if write(&self.state).replace(incarnation, run, info) && run.len() > 1 {
            for part in run {
                self.objects.delete(&self.objects.names.segment(part.from, part.to)?)?;
                failpoint::hit("vault.merge.after_delete");
            }
        }
        run.iter().for_each(|part| lock(&self.cache).remove(&(part.from, part.to)));
        Ok(size_bytes)
    }

    fn read_part(&self, info: &SegmentInfo) -> Result<Segment, Error> {
        let key = self.objects.names.segment(info.from, info.to)?;
        let damaged = |source| Error::Damaged { key: key.clone(), source };
        let bytes = self.objects.read(&key, limits::SEGMENT_MAX)?;
        let bytes = bytes.ok_or_else(|| damaged(format::Error::Truncated { what: "index segment" }))?;
        Segment::decode(&bytes).map_err(damaged)
    }

    /// Compares the chain with the store and deletes what a merge that was cut off left behind.
    ///
    /// A merged segment that is there although its write was answered by an error takes its place in the chain here.
    pub(crate) fn delete_leftovers(&self) -> Result<u64, Error> {
        let listed = load::list(&self.objects)?;
        let longer = {
            let state = read(&self.state);
            state.usable()?;
            let known = |listed: &load::Listed| {
                state.segments.iter().any(|info| info.from <= listed.from && listed.to <= info.to)
            };
            listed.iter().any(|listed| listed.to <= state.sequence && !known(listed))
        };
        if longer {
            let mut in_doubt = lock(&self.writer);
            self.reload()?;
            *in_doubt = false;
        }
        let leftovers = self.with(|state| load::leftovers(&listed, state))?;
        for leftover in &leftovers {
            failpoint::hit("vault.merge.before_delete_leftover");
            self.objects.delete(&self.objects.names.segment(leftover.from, leftover.to)?)?;
        }
        Ok(leftovers.len() as u64)
    }
}

fn run(state: &LogState) -> Vec<SegmentInfo> {
    state.segments[choose(&state.segments, state.sequence, state.live_chunks())].to_vec()
}

impl LogState {
    /// Puts a merged segment in the place of its parts; false when the chain has changed since they were chosen.
    fn replace(&mut self, incarnation: [u8; 16], parts: &[SegmentInfo], merged: SegmentInfo) -> bool {
        let Ok(at) = self.segments.binary_search_by_key(&merged.from, |info| info.from) else { return false };
        let is_same = self.incarnation == incarnation && self.segments[at..].starts_with(parts);
        if is_same {
            self.segments.splice(at..at + parts.len(), [merged]);
        }
        is_same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(sizes: &[u64]) -> Vec<SegmentInfo> {
        let info = |(at, size): (usize, &u64)| {
            let number = at as u64 + 1;
            SegmentInfo {
                from: number,
                to: number,
                size_bytes: *size,
                ids: *size,
                data_ids: *size,
                lease: None,
            }
        };
        sizes.iter().enumerate().map(info).collect()
    }

    #[test]
    fn small_neighbours_join_and_the_newest_stay_apart() {
        let all = 10 + KEEP_APART;
        let chosen = |sizes: &[u64], last: u64| choose(&chain(sizes), last, 1 << 40);
        assert_eq!(chosen(&[1; 10], all), 0..10);
        assert_eq!(chosen(&[1; 10], all - 1), 0..9);
        assert!(chosen(&[1; 10], all - 3).is_empty());
        // The large one is left alone until the newer ones are as large together.
        assert_eq!(chosen(&[50, 1, 1, 1, 1, 1, 1, 1, 1, 1], all), 1..10);
        assert_eq!(chosen(&[9, 1, 1, 1, 1, 1, 1, 1, 1, 1], all), 0..10);
        assert_eq!(chosen(&[MOST_BYTES, 1, 1, 1, 1, 1, 1, 1, 1, 1], all), 1..10);
        // Small ones before a large one are not forgotten.
        assert_eq!(chosen(&[1, 1, 1, 1, 1, 1, 1, 1, MOST_BYTES, 1], all), 0..8);
    }

    #[test]
    fn a_chain_that_nobody_merged_for_long_is_worked_off() {
        let mut chain = chain(&[1 << 20; 2000]);
        for _ in 0..2000 {
            let run = choose(&chain, 2000 + KEEP_APART, 1 << 40);
            if run.is_empty() {
                break;
            }
            let size_bytes = chain[run.clone()].iter().map(|info| info.size_bytes).sum();
            assert!(size_bytes <= MOST_BYTES);
            let (from, to) = (chain[run.start].from, chain[run.end - 1].to);
            chain.splice(
                run,
                [SegmentInfo { from, to, size_bytes, ids: size_bytes, data_ids: size_bytes, lease: None }],
            );
        }
        assert!(chain.len() < 30, "{} segments", chain.len());
    }

    #[test]
    fn sizes_grow_so_that_the_chain_stays_short() {
        let mut chain: Vec<SegmentInfo> = Vec::new();
        let mut written = 0;
        for number in 1..=5000u64 {
            chain.push(SegmentInfo {
                from: number,
                to: number,
                size_bytes: 10,
                ids: 10,
                data_ids: 10,
                lease: None,
            });
            let run = choose(&chain, number, 1 << 40);
            if !run.is_empty() {
                let size_bytes = chain[run.clone()].iter().map(|info| info.size_bytes).sum();
                written += size_bytes;
                let info = SegmentInfo {
                    from: chain[run.start].from,
                    to: chain[run.end - 1].to,
                    size_bytes,
                    ids: size_bytes,
                    data_ids: size_bytes,
                    lease: None,
                };
                chain.splice(run, [info]);
            }
        }
        assert!(chain.len() < KEEP_APART as usize + FEWEST + 16, "{} segments", chain.len());
        assert!(written < 50_000 * 14, "{written} bytes were written for 50,000");
    }

    #[test]
    fn a_chain_of_dead_ids_is_merged_whole() {
        let sizes = [1 << 20, 1, 1, 1, 1, 1, 1, 1];
        assert!(choose(&chain(&sizes), 8 + KEEP_APART, 1 << 20).is_empty());
        assert_eq!(choose(&chain(&sizes), 8 + KEEP_APART, 1000), 0..8);
    }
}
