//! Rebuilding the index from the packs alone, after it was lost or damaged: a new incarnation, nothing retired.

use super::load;
use super::{Log, LogState};
use crate::Error;
use crate::damage::is_damage;
use crate::locks::{lock, write};
use crate::names::pack_of;
use crate::packs::{OPEN_PACKS, PackFile, Packs};
use format::segment::{PackRow, Segment};
use model::{LeaseId, PackId, failpoint};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What one segment is made of at most: the packs of a batch are open together, each with a handle and its table.
#[derive(Clone, Copy)]
struct BatchLimit {
    packs: usize,
    /// Tables of packs in memory, about; their ids are there a few times over.
    table_bytes: usize,
}

const BATCH: BatchLimit = BatchLimit { packs: OPEN_PACKS, table_bytes: 64 << 20 };

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RebuildReport {
    /// Packs that the index lists now.
    pub packs: u64,
    /// Their frames.
    pub frames: u64,
    /// Their chunks and hunks.
    pub chunks: u64,
    /// Segments that were written.
    pub segments: u64,
    /// Packs without a complete generation: the index leaves them out, their objects stay.
    pub damaged_packs: Vec<PackId>,
}

impl Log {
    /// Writes the index anew. What a crash leaves on the way is a log with a gap, which nobody takes for a whole one.
    pub(crate) fn rebuild(&self, packs: &Packs) -> Result<RebuildReport, Error> {
        self.rebuild_in(packs, BATCH)
    }

    fn rebuild_in(&self, packs: &Packs, most: BatchLimit) -> Result<RebuildReport, Error> {
        let _merging = lock(&self.merging);
        let mut in_doubt = lock(&self.writer);
        *in_doubt = true;
        // Everything is read once before anything is deleted.
        let (batches, mut report) = self.plan(packs, most)?;
        let mut old = load::list(&self.objects)?;
        old.sort_unstable();
        for segment in old {
            failpoint::hit("vault.rebuild.before_delete_segment");
            self.objects.delete(&self.objects.names.segment(segment.from, segment.to)?)?;
        }
        let incarnation = model::ids::random_bytes();
        for (at, batch) in batches.iter().enumerate().rev() {
            let number = at as u64 + 1;
            let bytes = self.segment_of(packs, incarnation, number, batch)?.encode();
            failpoint::hit("vault.rebuild.before_put");
            self.objects.replace(&self.objects.names.segment(number, number)?, &bytes)?;
            failpoint::hit("vault.rebuild.after_put");
            report.segments += 1;
        }
        let fresh = load::load(&self.objects)?;
        *write(&self.state) = fresh;
        lock(&self.cache).clear();
        *in_doubt = false;
        Ok(report)
    }

    /// The packs that go into each segment; at least one segment, which may be empty.
    fn plan(&self, packs: &Packs, most: BatchLimit) -> Result<(Vec<Vec<PackId>>, RebuildReport), Error> {
        let listed = self.objects.all("packs")?;
        let ids: BTreeSet<PackId> =
            listed.iter().filter_map(|blob| pack_of(&blob.key)).map(|(id, _)| id).collect();
        let mut report = RebuildReport::default();
        let (mut batches, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
        for id in ids {
            let file = match packs.open(id, None) {
                Ok(file) => file,
                // One that is gone was listed a moment ago: then something is wrong with the store, not with a pack.
                Err(error) if is_damage(&error) && !error.is_not_found() => {
                    report.damaged_packs.push(id);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let table_bytes = file.memory_bytes();
            let is_full = batch.len() >= most.packs || bytes + table_bytes > most.table_bytes;
            if is_full && !batch.is_empty() {
                batches.push(std::mem::take(&mut batch));
                bytes = 0;
            }
            bytes += table_bytes;
            batch.push(id);
            report.packs += 1;
            report.frames += file.table.frames.len() as u64;
            report.chunks += file.table.frames.iter().map(|row| row.ids.len() as u64).sum::<u64>();
        }
        batches.push(batch);
        Ok((batches, report))
    }

    fn segment_of(
        &self,
        packs: &Packs,
        incarnation: [u8; 16],
        number: u64,
        batch: &[PackId],
    ) -> Result<Segment, Error> {
        let files =
            batch.iter().map(|id| packs.open(*id, None)).collect::<Result<Vec<Arc<PackFile>>, _>>()?;
        let unknown = LeaseId::from_bytes([0; 16]);
        let rows = files.iter().map(|file| {
            let row = PackRow::new(&file.table, unknown, file.size_bytes(), number);
            (row, &file.table)
        });
        Ok(Segment::of_packs(incarnation, number, rows.collect()))
    }
}

impl LogState {
    /// The problem of a log that is not whole.
    pub(crate) fn problem(&self) -> Option<crate::LogProblem> {
        self.problem.clone()
    }
}

#[cfg(test)]
mod tests;
