//! Compares the ids of the chunks that a restore wrote with the digest of their hunk.
//!
//! A hunk of which something is left out cannot be compared this way; `verify` compares all.

use format::keys::{ContentDigest, IdKeys};
use model::ChunkId;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers of hunks whose digest does not fit.
pub(super) type BadHunks = Arc<Mutex<Vec<usize>>>;

/// The check of one hunk. It is decided when the last piece lets go of it.
#[derive(Debug)]
pub(super) struct HunkCheck {
    number: usize,
    expected: [u8; 32],
    state: Mutex<State>,
    bad: BadHunks,
}

#[derive(Debug)]
struct State {
    digest: ContentDigest,
    /// Pieces that were given out.
    issued: u32,
    /// The piece that the digest takes next.
    next: u32,
    /// Pieces that came before their turn.
    waiting: BTreeMap<u32, Vec<ChunkId>>,
    is_partial: bool,
}

/// A part of a hunk's chunks that is read in one go, numbered in the order of the hunk.
#[derive(Debug)]
pub(super) struct Piece {
    check: Arc<HunkCheck>,
    number: u32,
}

impl HunkCheck {
    pub(super) fn new(number: usize, expected: [u8; 32], keys: &IdKeys, bad: &BadHunks) -> Arc<Self> {
        let state = State {
            digest: keys.content_digest(),
            issued: 0,
            next: 0,
            waiting: BTreeMap::new(),
            is_partial: false,
        };
        Arc::new(Self { number, expected, state: Mutex::new(state), bad: Arc::clone(bad) })
    }

    /// The next piece of the hunk; pieces are taken in the order of the hunk's chunks.
    pub(super) fn piece(self: &Arc<Self>) -> Piece {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.issued += 1;
        Piece { check: Arc::clone(self), number: state.issued - 1 }
    }

    /// Some chunks of the hunk will not be read.
    pub(super) fn leave_out(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_partial = true;
    }
}

impl Piece {
    /// The ids of the piece's chunks, as computed from their content. A piece that is dropped without makes the hunk
    /// partial.
    pub(super) fn submit(self, ids: Vec<ChunkId>) {
        let mut state = self.check.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting.insert(self.number, ids);
        let State { digest, next, waiting, .. } = &mut *state;
        while let Some(ids) = waiting.remove(next) {
            digest.update(&ids);
            *next += 1;
        }
    }
}

impl Drop for HunkCheck {
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        let is_whole = !state.is_partial && state.next == state.issued;
        if is_whole && state.digest.finish() != self.expected {
            self.bad.lock().unwrap_or_else(PoisonError::into_inner).push(self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::keys::Keyring;
    use model::{Custody, VaultId};

    fn id(number: u8) -> ChunkId {
        ChunkId::from_bytes([number; 16])
    }

    #[test]
    fn pieces_in_any_order_are_compared_and_partial_hunks_are_not() {
        let keys = Keyring::for_tests(VaultId::from_bytes([1; 16]), Custody::Managed, 1).id_keys();
        let ids: Vec<ChunkId> = (0..4).map(id).collect();
        let right = keys.digest(&ids);
        let bad = BadHunks::default();
        let run = |number, expected, submitted: &[usize], is_partial| {
            let check = HunkCheck::new(number, expected, &keys, &bad);
            let mut pieces: Vec<Option<Piece>> = (0..4).map(|_| Some(check.piece())).collect();
            for at in submitted {
                pieces[*at].take().unwrap().submit(vec![id(*at as u8)]);
            }
            if is_partial {
                check.leave_out();
            }
        };
        run(1, right, &[2, 0, 3, 1], false);
        run(2, [0; 32], &[0, 1, 2], false);
        run(3, [0; 32], &[0, 1, 2, 3], true);
        assert!(bad.lock().unwrap().is_empty());
        run(4, [0; 32], &[3, 2, 1, 0], false);
        assert_eq!(*bad.lock().unwrap(), [4]);
    }
}
