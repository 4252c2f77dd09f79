//! Asks the server where chunks are, for a run whose copy of the index has no ids of data.
//!
//! An answer is used only where new entries may refer to its place by what the run knows itself. Whether the chunk is
//! really there the server alone knows: of the answers that were used, a random sample is looked at before a commit.

use super::index::Index;
use super::packer::Packer;
use super::sample;
use crate::EngineError;
use crate::remote::{Remote, RemoteError};
use format::keys::Keyring;
use format::ranges::Address;
use model::{ChunkId, Code, SetId};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Answers that are looked at before a commit.
const SAMPLE: usize = 3;

/// The questions of one run.
pub(super) struct Lookups<'a> {
    pub(super) remote: &'a dyn Remote,
    pub(super) keyring: &'a Keyring,
    pub(super) set: SetId,
    pub(super) index: &'a Index,
    pub(super) packer: &'a Packer<'a>,
    pub(super) used: Mutex<Used>,
}

/// A random sample of answers: those whose ids have the least ranks under a key that nobody else knows.
pub(super) struct Used {
    key: [u8; 32],
    least: BTreeMap<[u8; 32], (ChunkId, Address)>,
}

impl Used {
    pub(super) fn new() -> Self {
        Self { key: model::ids::random_bytes(), least: BTreeMap::new() }
    }

    fn note(&mut self, id: ChunkId, address: Address) {
        let rank = blake3::keyed_hash(&self.key, id.as_bytes());
        self.least.insert(*rank.as_bytes(), (id, address));
        if self.least.len() > SAMPLE {
            self.least.pop_last();
        }
    }
}

impl Lookups<'_> {
    /// For each id a place where the vault has the chunk, and to which new entries may refer.
    pub(super) fn ask(&self, ids: &[ChunkId]) -> Result<Vec<Option<Address>>, EngineError> {
        let mut answers =
            self.packer.under_lease(self.remote, self.set, |lease| Ok(self.remote.look_up(lease, ids)?))?;
        if answers.len() != ids.len() {
            let detail = "the answer of the look-up has another length than the question";
            return Err(RemoteError::new(Code::ResponseInvalid, detail).into());
        }
        for answer in &mut answers {
            *answer = answer.filter(|address| self.index.may_match(address));
        }
        Ok(answers)
    }

    /// Notes that an entry of this run refers to what an answer said.
    pub(super) fn note_used(&self, id: ChunkId, address: Address) {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).note(id, address);
    }

    /// Fails when one of a few answers that were used since the last call is wrong. A frame that the server cannot
    /// read fails like a refused commit: the run is repeated without it.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let used = std::mem::replace(&mut *used, Used::new()).least;
        let mut names: Vec<_> = used.values().map(|(_, address)| (address.pack, address.frame)).collect();
        names.sort_unstable();
        names.dedup();
        if names.is_empty() {
            return Ok(());
        }
        let unreadable = self.packer.under_lease(self.remote, self.set, |lease| {
            sample::open_each(self.remote, self.keyring, lease, &names, &mut |name, frame| {
                let of_frame = used.values().filter(|(_, address)| (address.pack, address.frame) == name);
                let wrong = format::Error::Mismatch { what: "index", check: "list of ids" };
                match of_frame.into_iter().all(|(id, at)| frame.ids.get(at.ordinal as usize) == Some(id)) {
                    true => Ok(()),
                    false => Err(EngineError::damaged("the index", wrong)),
                }
            })
        })?;
        sample::all_readable(unreadable)
    }
}
