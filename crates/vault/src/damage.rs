//! Damage looked at once more, beside a whole verification: what is wrong with one pack, whether what was damaged is
//! good again, and which packs have no object. It must not know where damage is remembered.

use crate::packs::PackFile;
use crate::{Error, Vault};
use blobs::ErrorKind;
use format::segment::FrameState;
use model::{Damaged, PackId};
use std::sync::Arc;

/// The state of something that was found damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// It can be read, and it is what the log says.
    Good,
    /// It is damaged or missing.
    Damaged,
    /// The log does not list it: it was removed.
    Removed,
}

/// True when what was to be read is not there as it was stored, and not only out of reach for the moment.
pub(crate) fn is_damage(error: &Error) -> bool {
    match error {
        Error::Damaged { .. } => true,
        Error::Store(error) => error.kind() == ErrorKind::NotFound || error.is_of_blob(),
        _ => false,
    }
}

impl Vault {
    /// Whether the log lists this frame or pack.
    pub fn lists(&self, damaged: Damaged) -> Result<bool, Error> {
        self.log.with(|state| {
            let row = state.packs.get(&damaged.pack);
            row.is_some_and(|row| damaged.frame.is_none_or(|number| row.frame(number).is_some()))
        })
    }

    /// Looks at what was found damaged. Fails when the store cannot be read, which says nothing about it.
    pub fn look_again(&self, damaged: Damaged) -> Result<Condition, Error> {
        let row = self.log.with(|state| state.packs.get(&damaged.pack).cloned())?;
        let is_good = match (row, self.open_anew(damaged.pack)?) {
            (Some(row), Some(file)) => match damaged.frame {
                None => true,
                Some(number) => row.frame(number).map_or(Ok(false), |frame| is_good(&file, frame))?,
            },
            _ => false,
        };
        // Asked last: it may be removed while it is looked at.
        Ok(match self.lists(damaged)? {
            false => Condition::Removed,
            true if is_good => Condition::Good,
            true => Condition::Damaged,
        })
    }

    /// What is damaged in a pack of the log, every frame of which is read. Nothing when all is good.
    pub fn damage_in(&self, pack: PackId) -> Result<Vec<Damaged>, Error> {
        let Some(row) = self.log.with(|state| state.packs.get(&pack).cloned())? else {
            return Ok(Vec::new());
        };
        let mut found = Vec::new();
        match self.open_anew(pack)? {
            None => found.push(Damaged::pack(pack)),
            Some(file) => {
                for frame in &row.frames {
                    if !is_good(&file, frame)? {
                        found.push(Damaged::frame(pack, frame.number));
                    }
                }
            }
        }
        let listed: Result<Vec<bool>, Error> = found.iter().map(|one| self.lists(*one)).collect();
        Ok(found.into_iter().zip(listed?).filter_map(|(one, is_listed)| is_listed.then_some(one)).collect())
    }

    /// Packs of the log that have no object, ascending. Lists the store; reads nothing.
    pub fn missing_packs(&self) -> Result<Vec<PackId>, Error> {
        let stored = self.stored_packs()?;
        let mut missing = self.log.with(|state| state.packs.keys().copied().collect::<Vec<PackId>>())?;
        missing.retain(|pack| !stored.contains_key(pack));
        missing.sort_unstable();
        let mut found = Vec::new();
        for pack in missing {
            if self.is_missing(pack)? {
                found.push(pack);
            }
        }
        Ok(found)
    }

    /// Whether a pack of the log has no object now: since a listing it may have been uploaded or removed.
    pub(crate) fn is_missing(&self, pack: PackId) -> Result<bool, Error> {
        Ok(self.packs.generations(pack)?.is_empty() && self.lists(Damaged::pack(pack))?)
    }

    /// The pack as it is in the store now; `None` when it is missing or its table is damaged.
    fn open_anew(&self, pack: PackId) -> Result<Option<Arc<PackFile>>, Error> {
        self.packs.forget(pack);
        match self.open_pack(pack) {
            Ok(file) => Ok(Some(file)),
            Err(error) if is_damage(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Whether the pack's table has this frame of the log.
pub(crate) fn has_frame(file: &PackFile, frame: &FrameState) -> bool {
    let there = file.table.frame(frame.number);
    there.is_some_and(|there| (there.length, there.ids.len() as u32) == (frame.length, frame.chunks))
}

/// Reads a frame of the log. Fails when the store cannot be read for the moment.
fn is_good(file: &PackFile, frame: &FrameState) -> Result<bool, Error> {
    let Some(row) = file.table.frame(frame.number).filter(|_| has_frame(file, frame)) else {
        return Ok(false);
    };
    match file.read_frame(row) {
        Ok(_) => Ok(true),
        Err(error) if is_damage(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
