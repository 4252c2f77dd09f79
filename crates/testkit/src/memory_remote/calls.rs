//! The calls of [`Remote`] on the server in memory.

use super::{Call, FrameName, Grant, MemoryRemote, Pack, State, commit, lock, refusal};
use bytes::Bytes;
use engine::remote::{Committed, IdSink, IndexIds, Lease, LogPosition, PackReceipt, Remote, RemoteError};
use format::frame::{PackKind, SealedFrame};
use format::pack::PackScanner;
use format::ranges::Address;
use format::segment::{IdTable, PackRow, Segment};
use model::{ChunkId, Code, Damaged, LeaseId, PackId, SetId, SnapshotId, VaultId};
use std::collections::HashMap;
use std::time::Duration;

/// How long a lease lives.
const LEASE: Duration = Duration::from_secs(7 * 24 * 3600);
/// Ids that one call of `look_up` may ask for.
const LOOK_UP_MAX: usize = 16_384;

impl MemoryRemote {
    fn check_lease<'s>(&self, state: &'s State, id: LeaseId) -> Result<&'s Grant, RemoteError> {
        let grant = state.leases.get(&id).ok_or_else(|| refusal(Code::LeaseUnknown, "no such lease"))?;
        if grant.superseded {
            return Err(refusal(Code::LeaseSuperseded, "a newer lease of the set"));
        }
        if grant.deadline <= self.clock.now() {
            return Err(refusal(Code::LeaseExpired, "past the deadline"));
        }
        Ok(grant)
    }

    /// Answers one frame at a time, without holding the lock while the sink works.
    fn give_frames(
        &self,
        wanted: &[FrameName],
        sink: &mut dyn FnMut(FrameName, Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        for name in wanted {
            let frame = {
                let mut state = lock(&self.state);
                let frame = read_frame(&state, *name);
                if let Ok(frame) = &frame {
                    state.frames_sent += 1;
                    state.frame_bytes_sent += frame.ciphertext.len() as u64;
                }
                frame
            };
            sink(*name, frame)?;
        }
        Ok(())
    }
}

/// Fails unless the snapshot refers to all of these frames.
fn check_reach(state: &State, snapshot: SnapshotId, wanted: &[FrameName]) -> Result<(), RemoteError> {
    let found = state.snapshots.iter().find(|known| known.id == snapshot && !known.deleted);
    let found = found.ok_or_else(|| refusal(Code::SnapshotUnknown, "no such snapshot"))?;
    match wanted.iter().all(|name| found.frames.contains(name)) {
        true => Ok(()),
        false => Err(refusal(Code::NotFound, "the snapshot does not refer to this frame")),
    }
}

fn damaged(name: FrameName) -> RemoteError {
    refusal(Code::DataDamaged, format!("frame {} of pack {} cannot be read", name.1, name.0))
}

fn read_frame(state: &State, name: FrameName) -> Result<SealedFrame, RemoteError> {
    let pack = state.packs.get(&name.0).ok_or_else(|| damaged(name))?;
    let row = pack.table.frame(name.1).ok_or_else(|| damaged(name))?;
    if let Some(code) = state.lost.get(&name) {
        return Err(refusal(*code, format!("frame {} of pack {}", name.1, name.0)));
    }
    let start = row.offset as usize;
    Ok(SealedFrame {
        context: pack.table.header.context,
        number: row.number,
        ids: row.ids.clone(),
        references: row.references.clone(),
        ciphertext: pack.bytes[start..start + row.length as usize].to_vec(),
    })
}

impl Remote for MemoryRemote {
    fn vault(&self) -> VaultId {
        self.vault
    }

    fn grant(&self, set: SetId) -> Result<Lease, RemoteError> {
        let mut state = self.enter(Call::Grant)?;
        state.leases.values_mut().filter(|grant| grant.set == set).for_each(|grant| grant.superseded = true);
        let server_time = self.clock.now();
        let position = LogPosition { incarnation: state.incarnation, sequence: state.sequence() };
        let deadline = server_time.after(LEASE);
        let id = LeaseId::random();
        state.leases.insert(id, Grant { set, epoch: position.sequence, deadline, superseded: false });
        let data_ids = state.log.iter().map(|segment| segment.data_ids.ids.len() as u64).sum();
        let of_set = state.snapshots.iter().rev().filter(|snapshot| !snapshot.deleted && snapshot.set == set);
        let newest = of_set.map(|snapshot| snapshot.id).collect();
        let has_damage = state.damage_answer.is_some() || !state.damaged.is_empty();
        Ok(Lease { id, position, deadline, server_time, data_ids, newest, has_damage })
    }

    fn release(&self, lease: LeaseId) -> Result<(), RemoteError> {
        self.enter(Call::Release)?.leases.remove(&lease);
        Ok(())
    }

    fn index(
        &self,
        after: Option<LogPosition>,
        ids: IndexIds,
        sink: &mut dyn FnMut(Segment) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let segments: Vec<Segment> = {
            let state = self.enter(Call::Index)?;
            let sequence = match after {
                Some(position) if position.incarnation != state.incarnation => {
                    return Err(refusal(Code::IndexGap, "another incarnation"));
                }
                Some(position) => position.sequence,
                None => 0,
            };
            let is_between = sequence == 0 || state.log.iter().any(|segment| segment.to == sequence);
            if !is_between {
                return Err(refusal(Code::IndexGap, "inside a merged segment or beyond the end"));
            }
            state.log.iter().filter(|segment| segment.from > sequence).cloned().collect()
        };
        segments.into_iter().try_for_each(|mut segment| {
            if ids == IndexIds::Hunks {
                segment.data_ids = IdTable::default();
            }
            sink(segment)
        })
    }

    fn damage(&self) -> Result<Vec<Damaged>, RemoteError> {
        let mut state = self.enter(Call::Damage)?;
        if let Some(answer) = state.damage_answer.take() {
            return Ok(answer);
        }
        let mut damaged: Vec<Damaged> = state.damaged.iter().copied().collect();
        damaged.sort_unstable();
        Ok(damaged)
    }

    fn look_up(&self, lease: LeaseId, ids: &[ChunkId]) -> Result<Vec<Option<Address>>, RemoteError> {
        let mut state = self.enter(Call::LookUp)?;
        self.check_lease(&state, lease)?;
        if ids.len() > LOOK_UP_MAX {
            return Err(refusal(Code::RequestTooLarge, "more than 16,384 ids"));
        }
        state.ids_asked += ids.len() as u64;
        let mut known = HashMap::new();
        for pack in state.packs.values().filter(|pack| pack.row.kind == PackKind::Data) {
            for row in &pack.table.frames {
                let is_live = pack.row.frame(row.number).is_some_and(|frame| frame.retired == 0)
                    && !Damaged::is_in(&state.damaged, pack.row.id, row.number);
                for (ordinal, id) in row.ids.iter().enumerate().filter(|_| is_live) {
                    let address = Address { pack: pack.row.id, frame: row.number, ordinal: ordinal as u32 };
                    known.insert(*id, address);
                }
            }
        }
        drop(state);
        let lie = lock(&self.lie);
        let answer = |id: &ChunkId| {
            let honest = known.get(id).copied();
            lie.as_ref().map_or(honest, |lie| lie(*id, honest))
        };
        Ok(ids.iter().map(answer).collect())
    }

    fn send_pack(&self, lease: LeaseId, id: PackId, bytes: Bytes) -> Result<PackReceipt, RemoteError> {
        let mut state = self.enter(Call::SendPack)?;
        self.check_lease(&state, lease)?;
        if let Some(stored) = state.packs.get(&id) {
            if stored.bytes != bytes {
                return Err(refusal(Code::PackConflict, "other bytes under this id"));
            }
            let sequence = stored.row.added;
            state.packs_received_twice += 1;
            return Ok(PackReceipt { stored: false, sequence });
        }
        let mut scanner = PackScanner::new();
        let table = scanner.feed(&bytes).and_then(|()| scanner.finish());
        let table = table.map_err(|error| refusal(Code::PackInvalid, error.to_string()))?;
        let context = table.header.context;
        if context.vault != self.vault || context.pack != id || table.header.generation != 0 {
            return Err(refusal(Code::PackInvalid, "its header is of another pack"));
        }
        let sequence = state.sequence() + 1;
        let row = PackRow::new(&table, lease, bytes.len() as u64, sequence);
        let segment = Segment::of_packs(state.incarnation, sequence, vec![(row.clone(), &table)]);
        state.log.push(segment);
        state.pack_bytes_received += bytes.len() as u64;
        state.packs.insert(id, Pack { bytes, table, row });
        Ok(PackReceipt { stored: true, sequence })
    }

    fn commit(&self, lease: LeaseId, id: SnapshotId, record: &[u8]) -> Result<Committed, RemoteError> {
        let mut state = self.enter(Call::Commit)?;
        if let Some(first) = state.snapshots.iter().find(|snapshot| snapshot.id == id) {
            if first.record != record {
                return Err(refusal(Code::SnapshotConflict, "another record under this id"));
            }
            return Ok(Committed { sequence: first.sequence, time: first.time });
        }
        let grant = self.check_lease(&state, lease)?;
        let mut snapshot = commit::check(&state, grant, self.vault, id, record)?;
        snapshot.sequence = state.snapshots.len() as u64 + 1;
        snapshot.time = self.clock.now();
        let answer = Committed { sequence: snapshot.sequence, time: snapshot.time };
        // A checkpoint goes when the next snapshot of its set is there.
        let set = snapshot.set;
        let replaced = state.snapshots.iter_mut().filter(|known| known.set == set && !known.complete);
        replaced.for_each(|known| known.deleted = true);
        state.snapshots.push(snapshot);
        Ok(answer)
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Vec<u8>, RemoteError> {
        let state = self.enter(Call::Snapshot)?;
        let found = state.snapshots.iter().find(|snapshot| snapshot.id == id && !snapshot.deleted);
        found
            .map(|snapshot| snapshot.record.clone())
            .ok_or_else(|| refusal(Code::SnapshotUnknown, "no such snapshot"))
    }

    fn frames(
        &self,
        snapshot: SnapshotId,
        wanted: &[FrameName],
        sink: &mut dyn FnMut(FrameName, Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        check_reach(&*self.enter(Call::Frames)?, snapshot, wanted)?;
        self.give_frames(wanted, sink)
    }

    fn frame_ids(
        &self,
        snapshot: SnapshotId,
        wanted: &[FrameName],
        sink: &mut IdSink<'_>,
    ) -> Result<(), RemoteError> {
        check_reach(&*self.enter(Call::FrameIds)?, snapshot, wanted)?;
        for name in wanted {
            let ids = {
                let state = lock(&self.state);
                let row = state.packs.get(&name.0).and_then(|pack| pack.table.frame(name.1));
                row.map(|row| row.ids.clone()).ok_or_else(|| damaged(*name))
            };
            sink(*name, ids)?;
        }
        Ok(())
    }

    fn sample_frames(
        &self,
        lease: LeaseId,
        wanted: &[FrameName],
        sink: &mut dyn FnMut(FrameName, Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let state = self.enter(Call::SampleFrames)?;
        self.check_lease(&state, lease)?;
        drop(state);
        self.give_frames(wanted, sink)
    }
}
