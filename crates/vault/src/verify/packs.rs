//! The first half of a verification: every pack of the log, and with `read_data` every frame.

use super::{DamageKind, Run};
use crate::damage::{has_frame, is_damage};
use crate::packs::PackFile;
use crate::{Error, FrameId};
use format::segment::PackRow;
use std::ops::ControlFlow;
use std::sync::Arc;

impl Run<'_> {
    pub(super) fn packs(&mut self, read_data: bool) -> Result<ControlFlow<()>, Error> {
        let mut rows: Vec<Arc<PackRow>> = self.log.packs.values().cloned().collect();
        rows.sort_unstable_by_key(|row| row.id);
        self.progress.packs_total = rows.len() as u64;
        for row in rows {
            self.pack(&row, read_data)?;
            self.progress.packs += 1;
            self.report.packs += 1;
            if (self.tell)(&self.progress).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn pack(&mut self, row: &PackRow, read_data: bool) -> Result<(), Error> {
        let whole = FrameId { pack: row.id, frame: 0 };
        // Not from the cache: what is in the store now is what counts.
        self.vault.packs.forget(row.id);
        let file = match self.vault.open_pack(row.id) {
            Ok(file) => file,
            Err(error) if error.is_not_found() => return self.confirm(whole, true, DamageKind::PackMissing),
            Err(error) if is_damage(&error) => return self.confirm(whole, true, DamageKind::PackDamaged),
            Err(error) => return Err(error),
        };
        for frame in &row.frames {
            let id = FrameId { pack: row.id, frame: frame.number };
            self.report.frames += 1;
            match has_frame(&file, frame) {
                false => self.confirm(id, false, DamageKind::FrameMissing)?,
                true if read_data => self.frame(&file, id)?,
                true => {}
            }
        }
        Ok(())
    }

    fn frame(&mut self, file: &PackFile, id: FrameId) -> Result<(), Error> {
        let Some(row) = file.table.frame(id.frame) else { return Ok(()) };
        self.report.read_bytes += u64::from(row.length);
        self.progress.read_bytes = self.report.read_bytes;
        match file.read_frame(row) {
            Ok(_) => Ok(()),
            Err(error) if is_damage(&error) => self.confirm(id, false, DamageKind::FrameDamaged),
            Err(error) => Err(error),
        }
    }

    /// Notes a damage, unless the frame or pack was removed since the log was read.
    pub(super) fn confirm(
        &mut self,
        id: FrameId,
        is_whole_pack: bool,
        kind: DamageKind,
    ) -> Result<(), Error> {
        let is_listed = self.vault.log.with(|state| match is_whole_pack {
            true => state.packs.contains_key(&id.pack),
            false => state.frame(id).is_some(),
        })?;
        if is_listed {
            self.damage(id, is_whole_pack, kind);
        }
        Ok(())
    }
}
