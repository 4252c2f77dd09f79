//! What steps that were cut off have left: packs without a log entry, older generations, parts of merged segments,
//! deletion records and labels without a snapshot.

use super::{CleanupOptions, SweepReport};
use crate::names::pack_of;
use crate::objects::modified;
use crate::{Error, Vault};
use model::{PackId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The objects of a pack.
pub(crate) struct Stored {
    generations: BTreeSet<u32>,
    size_bytes: u64,
    /// When the youngest was written.
    modified: Timestamp,
}

impl Vault {
    pub(super) fn delete_leftovers(
        &self,
        options: &CleanupOptions,
        report: &mut SweepReport,
    ) -> Result<(), Error> {
        let stored = self.stored_packs()?;
        for (pack, objects) in &stored {
            let row = self.log.with(|state| state.packs.get(pack).map(|row| row.generation))?;
            match row {
                Some(generation)
                    if objects.generations.len() == 1 && objects.generations.contains(&generation) => {}
                Some(_) => self.settle_leftover(*pack, options, report)?,
                None if objects.modified.after(options.grace) <= self.clock.now() => {
                    self.delete_unlisted(*pack, objects, options, report)?;
                }
                // It may be an upload of another process that is about to be written into the log.
                None => {}
            }
        }
        let rows = self.log.with(|state| state.packs.keys().copied().collect::<Vec<PackId>>())?;
        for pack in rows.into_iter().filter(|pack| !stored.contains_key(pack)) {
            if self.is_missing(pack)? && !report.damaged_packs.contains(&pack) {
                report.damaged_packs.push(pack);
            }
        }
        if !options.is_dry {
            report.leftovers.segments = self.log.delete_leftovers()?;
        }
        report.leftovers.deletions = self.delete_orphans("deleted", options.is_dry)?;
        report.leftovers.labels = self.delete_orphans("labels", options.is_dry)?;
        Ok(())
    }

    /// The packs that have objects, listed by the log or not.
    pub(crate) fn stored_packs(&self) -> Result<BTreeMap<PackId, Stored>, Error> {
        let mut packs: BTreeMap<PackId, Stored> = BTreeMap::new();
        for blob in self.objects.all("packs")? {
            let Some((pack, generation)) = pack_of(&blob.key) else { continue };
            let time = modified(&blob);
            let stored = packs.entry(pack).or_insert(Stored {
                generations: BTreeSet::new(),
                size_bytes: 0,
                modified: time,
            });
            stored.generations.insert(generation);
            stored.size_bytes += blob.size_bytes;
            stored.modified = stored.modified.max(time);
        }
        Ok(packs)
    }

    /// A pack of which older generations are there, or the one that the log gives is not.
    fn settle_leftover(
        &self,
        pack: PackId,
        options: &CleanupOptions,
        report: &mut SweepReport,
    ) -> Result<(), Error> {
        if report.damaged_packs.contains(&pack) {
            return Ok(());
        }
        let Some(_alone) = self.claims.take(pack) else {
            report.busy_packs += 1;
            return Ok(());
        };
        if options.is_dry || self.settle(pack, report)? {
            report.leftovers.generations += 1;
        }
        Ok(())
    }

    /// A pack that the log does not list: its upload was cut off, or it was removed and its objects were not.
    fn delete_unlisted(
        &self,
        pack: PackId,
        objects: &Stored,
        options: &CleanupOptions,
        report: &mut SweepReport,
    ) -> Result<(), Error> {
        let Some(_alone) = self.claims.take(pack) else {
            report.busy_packs += 1;
            return Ok(());
        };
        // An upload that ended since the listing has written its entry by now.
        if self.log.with(|state| state.packs.contains_key(&pack))? {
            return Ok(());
        }
        if options.is_dry {
            report.freed_bytes += objects.size_bytes;
        } else {
            self.settle(pack, report)?;
        }
        report.leftovers.packs += 1;
        Ok(())
    }
}
