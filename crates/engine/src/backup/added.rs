//! What a run adds to the vault: where its chunks lie, by their ids. When they become too many, those of packs that the
//! server has are forgotten, since it can be asked for them: so a run of any length takes a bounded amount of memory.

use format::frame::PackKind;
use format::ranges::Address;
use model::{ChunkId, PackId};
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SHARDS: usize = 16;

/// Places by id. An id is a keyed hash already, which nobody without the keys can choose: hashing it once more, as a map
/// does by itself, would cost several times the search.
type Places = HashMap<ChunkId, Address, BuildHasherDefault<IdHasher>>;

/// Takes the end of an id for its hash; the first byte chooses the shard.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(end) = bytes.last_chunk() {
            self.0 = u64::from_le_bytes(*end);
        }
    }

    /// The length, which is the same for all.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Chunks and frames of one run.
pub(super) struct Added {
    /// By kind and the first byte of the id.
    chunks: [Vec<Mutex<Places>>; 2],
    /// Data chunks among them.
    data: AtomicUsize,
    /// Data chunks that are held before some are forgotten.
    most: usize,
    /// The same, or more while packs that were not sent yet hold more.
    forget_at: AtomicUsize,
    has_forgotten: AtomicBool,
    /// The number of chunks of each data frame, by pack.
    frames: Mutex<HashMap<PackId, Vec<u32>>>,
}

impl Added {
    /// Nothing yet. Of data about `most` chunks will be held, and those of packs that were not sent.
    pub(super) fn new(most: usize) -> Self {
        let shards = || (0..SHARDS).map(|_| Mutex::default()).collect();
        let (data, has_forgotten, frames) = Default::default();
        let forget_at = AtomicUsize::new(most);
        Self { chunks: [shards(), shards()], data, most, forget_at, has_forgotten, frames }
    }

    /// Whether a data chunk that is not found may all the same have been added. Asked after it was not found.
    pub(super) fn has_forgotten(&self) -> bool {
        self.has_forgotten.load(Ordering::Acquire)
    }

    /// Where this run has put a chunk.
    pub(super) fn find(&self, kind: PackKind, id: &ChunkId) -> Option<Address> {
        lock(self.shard(kind, id)).get(id).copied()
    }

    /// Notes a chunk; an earlier note stays.
    pub(super) fn add(&self, kind: PackKind, id: ChunkId, address: Address) {
        let mut shard = lock(self.shard(kind, &id));
        let before = shard.len();
        shard.entry(id).or_insert(address);
        if kind == PackKind::Data && shard.len() > before {
            self.data.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes a data frame that is whole.
    pub(super) fn add_frame(&self, pack: PackId, number: u32, chunks: u32) {
        let mut frames = lock(&self.frames);
        let of_pack = frames.entry(pack).or_default();
        of_pack.resize(of_pack.len().max(number as usize + 1), 0);
        of_pack[number as usize] = chunks;
    }

    /// Whether a whole data frame has this address; `None` when the pack is not of this run.
    pub(super) fn has(&self, address: &Address) -> Option<bool> {
        let frames = lock(&self.frames);
        let of_pack = frames.get(&address.pack)?;
        Some(of_pack.get(address.frame as usize).is_some_and(|chunks| address.ordinal < *chunks))
    }

    /// Forgets the data chunks of `sent` packs when too many are held.
    pub(super) fn forget(&self, sent: &Mutex<HashSet<PackId>>) {
        if self.data.load(Ordering::Relaxed) <= self.forget_at.load(Ordering::Relaxed) {
            return;
        }
        let sent = lock(sent);
        self.has_forgotten.store(true, Ordering::Release);
        let [data, _] = &self.chunks;
        for shard in data {
            let mut shard = lock(shard);
            let before = shard.len();
            shard.retain(|_, address| !sent.contains(&address.pack));
            self.data.fetch_sub(before - shard.len(), Ordering::Relaxed);
        }
        // What is held by packs that are not sent yet is looked at again only when it has doubled.
        let left = self.data.load(Ordering::Relaxed);
        self.forget_at.store(self.most.max(2 * left), Ordering::Relaxed);
    }

    fn shard(&self, kind: PackKind, id: &ChunkId) -> &Mutex<Places> {
        &self.chunks[usize::from(kind == PackKind::Hunk)][id.as_bytes()[0] as usize % SHARDS]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> ChunkId {
        ChunkId::from_bytes(blake3::hash(&number.to_le_bytes()).as_bytes()[..16].try_into().unwrap())
    }

    fn at(pack: u32) -> Address {
        Address { pack: PackId::from_bytes([pack as u8; 16]), frame: 0, ordinal: 0 }
    }

    #[test]
    fn chunks_of_sent_packs_are_forgotten_and_of_unsent_ones_never() {
        let added = Added::new(1_000);
        let sent = Mutex::new(HashSet::new());
        let mut most = 0;
        for number in 0..50_000 {
            // Packs of 500 chunks; each is sent when two more have begun.
            let pack = number / 500;
            added.add(PackKind::Data, id(number), at(pack));
            if pack >= 2 {
                lock(&sent).insert(at(pack - 2).pack);
            }
            added.forget(&sent);
            most = most.max(added.data.load(Ordering::Relaxed));
            let unsent = pack.saturating_sub(1) * 500;
            assert!(
                (unsent..=number).step_by(97).all(|number| added.find(PackKind::Data, &id(number)).is_some())
            );
        }
        assert!(most <= 3_000, "{most} chunks were held");
        assert_eq!(added.find(PackKind::Data, &id(0)), None);
        let held: usize = added.chunks[0].iter().map(|shard| lock(shard).len()).sum();
        assert_eq!(held, added.data.load(Ordering::Relaxed));
    }

    #[test]
    fn nothing_is_forgotten_while_there_is_room() {
        let added = Added::new(5_000);
        let sent = Mutex::new(HashSet::from([at(1).pack]));
        for number in 0..5_000 {
            added.add(PackKind::Data, id(number), at(1));
            added.forget(&sent);
        }
        assert!((0..5_000).all(|number| added.find(PackKind::Data, &id(number)).is_some()));
        assert!(!added.has_forgotten());
        added.add(PackKind::Data, id(5_000), at(1));
        added.forget(&sent);
        assert!(added.has_forgotten() && added.find(PackKind::Data, &id(0)).is_none());
    }

    #[test]
    fn hunks_are_never_forgotten() {
        let added = Added::new(0);
        let sent = Mutex::new(HashSet::from([at(1).pack]));
        added.add(PackKind::Hunk, id(1), at(1));
        added.add(PackKind::Data, id(1), at(1));
        added.forget(&sent);
        assert_eq!(added.find(PackKind::Hunk, &id(1)), Some(at(1)));
        assert_eq!(added.find(PackKind::Data, &id(1)), None);
    }

    #[test]
    fn an_address_is_in_a_frame_that_is_whole() {
        let added = Added::new(0);
        added.add_frame(at(1).pack, 2, 3);
        let has = |frame, ordinal| added.has(&Address { frame, ordinal, ..at(1) });
        assert_eq!(has(2, 2), Some(true));
        assert_eq!([has(2, 3), has(1, 0), has(3, 0)], [Some(false); 3]);
        assert_eq!(added.has(&at(2)), None);
    }
}
