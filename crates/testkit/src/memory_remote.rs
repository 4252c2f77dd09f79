//! A server in memory for tests of the engine: it checks packs and commits as the real one must, can damage, lose,
//! retire and remove what it stores, can fail any call, and counts what it was asked.
//! It has no keys and no store.

use bytes::Bytes;
use engine::remote::RemoteError;
use format::pack::PackTable;
use format::ranges::Address;
use format::segment::{Change, ChangeKind, PackRow, Segment};
use model::{ChunkId, Clock, Code, Damaged, LeaseId, PackId, SetId, SnapshotId, Timestamp, VaultId};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

mod calls;
mod commit;

/// A frame's name: its pack and its number there.
pub type FrameName = (PackId, u32);

/// The calls of [`engine::remote::Remote`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// `grant`.
    Grant,
    /// `release`.
    Release,
    /// `index`.
    Index,
    /// `damage`.
    Damage,
    /// `look_up`.
    LookUp,
    /// `send_pack`.
    SendPack,
    /// `commit`.
    Commit,
    /// `snapshot`.
    Snapshot,
    /// `frames`.
    Frames,
    /// `frame_ids`.
    FrameIds,
    /// `sample_frames`.
    SampleFrames,
}

/// What a test lets fail: it gets the call and how often that call came before, and gives the error if any.
pub type Failures = Box<dyn Fn(Call, u64) -> Option<RemoteError> + Send + Sync>;

/// What a test lets the server say instead of where a chunk is.
pub type Lie = Box<dyn Fn(ChunkId, Option<Address>) -> Option<Address> + Send + Sync>;

/// The server.
pub struct MemoryRemote {
    vault: VaultId,
    clock: Clock,
    state: Mutex<State>,
    failures: Mutex<Option<Failures>>,
    lie: Mutex<Option<Lie>>,
}

struct State {
    incarnation: [u8; 16],
    log: Vec<Segment>,
    packs: HashMap<PackId, Pack>,
    leases: HashMap<LeaseId, Grant>,
    snapshots: Vec<Snapshot>,
    lost: HashMap<FrameName, Code>,
    damaged: HashSet<Damaged>,
    /// What the next question about damage is answered with instead.
    damage_answer: Option<Vec<Damaged>>,
    calls: HashMap<Call, u64>,
    ids_asked: u64,
    frames_sent: u64,
    frame_bytes_sent: u64,
    pack_bytes_received: u64,
    packs_received_twice: u64,
}

struct Pack {
    bytes: Bytes,
    table: PackTable,
    row: PackRow,
}

struct Grant {
    set: SetId,
    epoch: u64,
    deadline: Timestamp,
    superseded: bool,
}

struct Snapshot {
    id: SnapshotId,
    set: SetId,
    sequence: u64,
    time: Timestamp,
    complete: bool,
    record: Vec<u8>,
    frames: HashSet<FrameName>,
    deleted: bool,
}

impl MemoryRemote {
    /// An empty vault; time is the system's.
    pub fn new(vault: VaultId) -> Self {
        Self::with_clock(vault, Clock::system())
    }

    /// An empty vault with this clock.
    pub fn with_clock(vault: VaultId, clock: Clock) -> Self {
        let state = State {
            incarnation: model::ids::random_bytes(),
            log: Vec::new(),
            packs: HashMap::new(),
            leases: HashMap::new(),
            snapshots: Vec::new(),
            lost: HashMap::new(),
            damaged: HashSet::new(),
            damage_answer: None,
            calls: HashMap::new(),
            ids_asked: 0,
            frames_sent: 0,
            frame_bytes_sent: 0,
            pack_bytes_received: 0,
            packs_received_twice: 0,
        };
        Self { vault, clock, state: Mutex::new(state), failures: Mutex::new(None), lie: Mutex::new(None) }
    }

    /// From now on calls fail as this says; it is asked before anything else happens.
    pub fn fail_when(&self, failures: impl Fn(Call, u64) -> Option<RemoteError> + Send + Sync + 'static) {
        *lock(&self.failures) = Some(Box::new(failures));
    }

    /// From now on calls succeed again.
    pub fn fail_no_more(&self) {
        *lock(&self.failures) = None;
    }

    /// From now on look-ups are answered by what this makes of the truth.
    pub fn lie_about_places(
        &self,
        lie: impl Fn(ChunkId, Option<Address>) -> Option<Address> + Send + Sync + 'static,
    ) {
        *lock(&self.lie) = Some(Box::new(lie));
    }

    /// Ids that look-ups asked for.
    pub fn ids_asked(&self) -> u64 {
        lock(&self.state).ids_asked
    }

    /// How often this call came, failed ones included.
    pub fn calls(&self, call: Call) -> u64 {
        lock(&self.state).calls.get(&call).copied().unwrap_or(0)
    }

    /// Frames given out by `frames` and `sample_frames`.
    pub fn frames_sent(&self) -> u64 {
        lock(&self.state).frames_sent
    }

    /// Their ciphertext in bytes.
    pub fn frame_bytes_sent(&self) -> u64 {
        lock(&self.state).frame_bytes_sent
    }

    /// Bytes of packs that were stored.
    pub fn pack_bytes_received(&self) -> u64 {
        lock(&self.state).pack_bytes_received
    }

    /// Packs that came although they were stored already.
    pub fn packs_received_twice(&self) -> u64 {
        lock(&self.state).packs_received_twice
    }

    /// The frames that are stored, by pack and number.
    pub fn stored_frames(&self) -> Vec<FrameName> {
        let state = lock(&self.state);
        let mut names: Vec<FrameName> = state
            .packs
            .values()
            .flat_map(|pack| pack.row.frames.iter().map(|frame| (pack.row.id, frame.number)))
            .collect();
        names.sort_unstable();
        names
    }

    /// The tables of the stored packs.
    pub fn tables(&self) -> Vec<PackTable> {
        lock(&self.state).packs.values().map(|pack| pack.table.clone()).collect()
    }

    /// Number of snapshots that are not deleted.
    pub fn snapshot_count(&self) -> usize {
        lock(&self.state).snapshots.iter().filter(|snapshot| !snapshot.deleted).count()
    }

    /// The newest snapshot that is not deleted, and whether it is complete.
    pub fn newest_snapshot(&self) -> Option<(SnapshotId, bool)> {
        let state = lock(&self.state);
        let shown = state.snapshots.iter().rev().find(|snapshot| !snapshot.deleted);
        shown.map(|snapshot| (snapshot.id, snapshot.complete))
    }

    /// Hides a snapshot.
    pub fn delete_snapshot(&self, id: SnapshotId) {
        let mut state = lock(&self.state);
        state
            .snapshots
            .iter_mut()
            .filter(|snapshot| snapshot.id == id)
            .for_each(|found| found.deleted = true);
    }

    /// Turns one bit in the ciphertext of a frame.
    pub fn damage_frame(&self, (pack, number): FrameName) {
        let mut state = lock(&self.state);
        let Some(pack) = state.packs.get_mut(&pack) else { return };
        let Some(row) = pack.table.frame(number) else { return };
        let mut bytes = pack.bytes.to_vec();
        bytes[row.offset as usize + row.length as usize / 2] ^= 0x10;
        pack.bytes = bytes.into();
    }

    /// Answers from now on that this frame cannot be read; the index goes on to list it.
    pub fn lose_frame(&self, name: FrameName) {
        lock(&self.state).lost.insert(name, Code::DataDamaged);
    }

    /// Fails from now on to give this frame, which another try might bring.
    pub fn withhold_frame(&self, name: FrameName) {
        lock(&self.state).lost.insert(name, Code::Internal);
    }

    /// Gives a lost or withheld frame back.
    pub fn find_frame(&self, name: FrameName) {
        lock(&self.state).lost.remove(&name);
    }

    /// Knows from now on that this is damaged: tells it to agents, and lets no commit refer to it.
    pub fn know_damage(&self, damaged: &[Damaged]) {
        lock(&self.state).damaged.extend(damaged);
    }

    /// Answers the next question about damage with this, as if the rest were found later.
    pub fn answer_damage_once(&self, damaged: Vec<Damaged>) {
        lock(&self.state).damage_answer = Some(damaged);
    }

    /// Lists data chunks under the ids of others, as a hostile server might.
    pub fn lie_about_ids(&self) {
        for segment in &mut lock(&self.state).log {
            segment.data_ids.positions.reverse();
        }
    }

    /// Writes 'retired' for these frames into the log.
    pub fn retire(&self, frames: &[FrameName]) {
        for (pack, numbers) in by_pack(frames) {
            lock(&self.state).log_change(pack, ChangeKind::Retired, numbers);
        }
    }

    /// Writes 'removed' for these frames into the log and forgets their bytes.
    pub fn remove(&self, frames: &[FrameName]) {
        for (pack, numbers) in by_pack(frames) {
            let mut state = lock(&self.state);
            let Some(stored) = state.packs.get(&pack) else { continue };
            let is_gone = stored.row.frames.iter().all(|frame| numbers.contains(&frame.number));
            let generation = (!is_gone).then_some(stored.row.generation + 1);
            state.log_change(pack, ChangeKind::Removed { generation }, numbers);
        }
    }

    /// Merges the whole log into one segment.
    pub fn merge_log(&self) {
        let mut state = lock(&self.state);
        if let Ok(merged) = format::segment::merge(&state.log) {
            state.log = vec![merged];
        }
    }

    /// Starts the index anew from the packs, as after the loss of the log: another incarnation, nothing retired.
    pub fn rebuild_index(&self) {
        let mut state = lock(&self.state);
        state.incarnation = model::ids::random_bytes();
        let incarnation = state.incarnation;
        for pack in state.packs.values_mut() {
            pack.row.added = 1;
            pack.row.frames.iter_mut().for_each(|frame| (frame.retired, frame.condemned) = (0, 0));
        }
        let packs = state.packs.values().map(|pack| (pack.row.clone(), &pack.table)).collect();
        let segment = Segment::of_packs(incarnation, 1, packs);
        state.log = vec![segment];
    }

    /// Counts the call and lets it fail when the test wants that.
    fn enter(&self, call: Call) -> Result<MutexGuard<'_, State>, RemoteError> {
        let before = {
            let mut state = lock(&self.state);
            let count = state.calls.entry(call).or_default();
            *count += 1;
            *count - 1
        };
        if let Some(error) = lock(&self.failures).as_ref().and_then(|failures| failures(call, before)) {
            return Err(error);
        }
        Ok(lock(&self.state))
    }
}

impl State {
    fn sequence(&self) -> u64 {
        self.log.last().map_or(0, |segment| segment.to)
    }

    fn log_change(&mut self, pack: PackId, kind: ChangeKind, frames: Vec<u32>) {
        let sequence = self.sequence() + 1;
        let change = Change { sequence, kind, pack, frames };
        if let Some(stored) = self.packs.get_mut(&pack) {
            let stays = stored.row.apply(&change);
            stored.table.frames.retain(|row| stored.row.frame(row.number).is_some());
            if !stays {
                self.packs.remove(&pack);
            }
        }
        self.log.push(Segment::of_changes(self.incarnation, sequence, vec![change]));
    }
}

fn by_pack(frames: &[FrameName]) -> HashMap<PackId, Vec<u32>> {
    let mut packs: HashMap<PackId, Vec<u32>> = HashMap::new();
    frames.iter().for_each(|(pack, number)| packs.entry(*pack).or_default().push(*number));
    for numbers in packs.values_mut() {
        numbers.sort_unstable();
        numbers.dedup();
    }
    packs
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a call fails with.
pub fn refusal(code: Code, detail: impl Into<String>) -> RemoteError {
    RemoteError::new(code, detail)
}

impl std::fmt::Debug for MemoryRemote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryRemote").field("vault", &self.vault).finish_non_exhaustive()
    }
}
