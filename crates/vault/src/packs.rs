//! Packs as objects: opening the generation that counts, and a bounded number of open ones. It must not know which
//! frames may be read by whom.

mod file;
mod frames;
mod receive;
mod rewrite;

pub(crate) use file::PackFile;
pub use frames::{FrameAnswer, FrameFailure, Frames, Scope};
pub use receive::{PackReceipt, PackReceiver};

use crate::Error;
use crate::locks::lock;
use crate::lru::Lru;
use crate::names::pack_of;
use crate::objects::Objects;
use model::{PackId, VaultId};
use std::sync::{Arc, Mutex};

/// Tables of open packs, in bytes.
const TABLES_BYTES: usize = 64 << 20;
/// Open packs at most, each with a handle of the store.
pub(crate) const OPEN_PACKS: usize = 256;

pub(crate) struct Packs {
    objects: Objects,
    vault: VaultId,
    open: Mutex<Lru<PackId, PackFile>>,
}

impl Packs {
    pub(crate) fn new(objects: Objects, vault: VaultId) -> Self {
        Self { objects, vault, open: Mutex::new(Lru::new(TABLES_BYTES, OPEN_PACKS)) }
    }

    /// The pack, from the cache or opened anew; `expected` is the generation to try first.
    ///
    /// A damaged or missing generation is passed over for the next lower one; the error is that of the highest.
    pub(crate) fn open(&self, pack: PackId, expected: Option<u32>) -> Result<Arc<PackFile>, Error> {
        if let Some(file) = lock(&self.open).get(&pack) {
            return Ok(file);
        }
        let file = Arc::new(self.open_newest(pack, expected)?);
        lock(&self.open).insert(pack, &file, file.memory_bytes());
        Ok(file)
    }

    /// Forgets an open pack, so that a deleted object gives its space back.
    pub(crate) fn forget(&self, pack: PackId) {
        lock(&self.open).remove(&pack);
    }

    fn open_newest(&self, pack: PackId, expected: Option<u32>) -> Result<PackFile, Error> {
        if let Some(generation) = expected
            && let Ok(file) = self.open_generation(pack, generation)
        {
            return Ok(file);
        }
        let mut first_error = None;
        for generation in self.generations(pack)?.into_iter().rev() {
            match self.open_generation(pack, generation) {
                Ok(file) => return Ok(file),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        // With no generation in the listing, the error of the expected one says what is missing.
        Err(match first_error {
            Some(error) => error,
            None => match self.open_generation(pack, expected.unwrap_or(0)) {
                Ok(file) => return Ok(file),
                Err(error) => error,
            },
        })
    }

    pub(crate) fn open_generation(&self, pack: PackId, generation: u32) -> Result<PackFile, Error> {
        PackFile::open(&self.objects, self.vault, pack, generation)
    }

    /// The generations in the store, ascending, complete or not.
    pub(crate) fn generations(&self, pack: PackId) -> Result<Vec<u32>, Error> {
        let listed = self.objects.store.list(&self.objects.names.generations(pack))?;
        let mut generations: Vec<u32> = listed
            .iter()
            .filter_map(|info| pack_of(&info.key))
            .filter(|(id, _)| *id == pack)
            .map(|(_, generation)| generation)
            .collect();
        generations.sort_unstable();
        Ok(generations)
    }
}
