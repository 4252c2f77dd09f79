//! Puts sealed frames into packs and sends full packs, several at a time.
//!
//! A pack lives in memory until the server has acknowledged it; a repeated attempt sends the same bytes.

use super::own_log::OwnLog;
use crate::EngineError;
use crate::progress::{Progress, add};
use crate::remote::{Lease, Remote, RemoteError};
use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, bounded};
use format::classes::Classes;
use format::frame::{BuiltFrame, FrameContext, PackCipher, PackKind};
use format::keys::Keyring;
use format::limits;
use format::pack::{PackTable, PackWriter};
use format::ranges::RangeList;
use model::{Code, LeaseId, PackId, SetId};
use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Packs on their way at once, each on a connection of its own.
const LANES: usize = 2;
/// Workers that share an open pack: each has a frame in hand, for which the pack keeps room.
const WORKERS_PER_PACK: usize = 4;

/// A pack that takes frames.
pub(super) struct OpenPack {
    pub(super) cipher: PackCipher,
    state: Mutex<PackState>,
}

struct PackState {
    writer: Option<PackWriter>,
    next_number: u32,
    outstanding: usize,
    closing: bool,
}

impl OpenPack {
    /// A number for one more frame, when there is room for it and for all that have a number but are not yet sealed.
    fn reserve(self: &Arc<Self>, frame_room: usize) -> Option<FrameSlot> {
        let mut state = lock(&self.state);
        let has_room = state.size_bytes() + (state.outstanding + 2) * frame_room <= limits::PACK_MAX;
        (has_room && !state.is_full()).then(|| state.take_number(self))
    }
}

impl PackState {
    fn size_bytes(&self) -> usize {
        self.writer.as_ref().map_or(0, PackWriter::size_bytes)
    }

    fn is_full(&self) -> bool {
        self.size_bytes() >= limits::PACK_TARGET || self.next_number as usize >= limits::PACK_FRAMES_MAX
    }

    fn take_number(&mut self, pack: &Arc<OpenPack>) -> FrameSlot {
        let number = self.next_number;
        self.next_number += 1;
        self.outstanding += 1;
        FrameSlot { pack: Arc::clone(pack), number }
    }
}

/// A number for one frame in an open pack.
pub(super) struct FrameSlot {
    pub(super) pack: Arc<OpenPack>,
    pub(super) number: u32,
}

impl FrameSlot {
    /// The pack's id.
    pub(super) fn pack_id(&self) -> PackId {
        self.pack.cipher.context().pack
    }
}

/// The open packs of one kind.
struct OfKind {
    open: Mutex<Vec<Arc<OpenPack>>>,
    open_max: usize,
    /// Content of a frame at most, in bytes.
    frame_room: usize,
}

impl OfKind {
    const fn new(open_max: usize, frame_room: usize) -> Self {
        Self { open: Mutex::new(Vec::new()), open_max, frame_room }
    }
}

/// All packs of one run.
pub(super) struct Packer<'a> {
    keyring: &'a Keyring,
    /// Of data and of hunks.
    kinds: [OfKind; 2],
    queue: Mutex<Option<Sender<Sealed>>>,
    unsent: Mutex<Unsent>,
    changed: Condvar,
    lease: Mutex<LeaseId>,
    /// Packs that the server has acknowledged: it can be asked for their chunks.
    pub(super) sent: Mutex<HashSet<PackId>>,
    /// What they added to the vault's log.
    pub(super) own_log: OwnLog,
}

/// A pack that is to be sent.
pub(super) struct Sealed {
    pack: PackId,
    bytes: Bytes,
    table: PackTable,
}

#[derive(Default)]
struct Unsent {
    packs: usize,
    /// Stays after `failure` was taken: nothing is sent any more.
    failed: bool,
    /// What the run reports; taken by [`Packer::flush`] or [`Packer::cause`], which hand it on for certain.
    failure: Option<EngineError>,
}

impl<'a> Packer<'a> {
    /// The packer and the queue that its lanes empty.
    pub(super) fn new(
        keyring: &'a Keyring,
        lease: &Lease,
        classes: &Classes,
        frame_target: usize,
        workers: usize,
    ) -> (Self, Receiver<Sealed>) {
        let (queue, packs) = bounded(1);
        let average_max = classes.as_slice().iter().map(|class| class.average as usize).max().unwrap_or(0);
        let data_frame = (frame_target + 4 * average_max).min(limits::FRAME_CONTENT_MAX);
        let data_packs = workers.div_ceil(WORKERS_PER_PACK).max(1);
        let packer = Self {
            keyring,
            kinds: [OfKind::new(data_packs, data_frame), OfKind::new(1, limits::FRAME_CONTENT_MAX)],
            queue: Mutex::new(Some(queue)),
            unsent: Mutex::default(),
            changed: Condvar::new(),
            lease: Mutex::new(lease.id),
            sent: Mutex::default(),
            own_log: OwnLog::new(lease.position.incarnation),
        };
        (packer, packs)
    }

    /// Number of lanes to run with [`Packer::send_all`].
    pub(super) const fn lanes() -> usize {
        LANES
    }

    /// The lease that packs are sent under now.
    pub(super) fn lease(&self) -> LeaseId {
        *lock(&self.lease)
    }

    /// A place for the next frame of this kind.
    pub(super) fn slot(&self, kind: PackKind) -> Result<FrameSlot, EngineError> {
        let of_kind = &self.kinds[usize::from(kind == PackKind::Hunk)];
        let mut open = lock(&of_kind.open);
        let (mut full, rest): (Vec<_>, Vec<_>) = open.drain(..).partition(|pack| lock(&pack.state).is_full());
        *open = rest;
        let slot = match open.iter().find_map(|pack| pack.reserve(of_kind.frame_room)) {
            Some(slot) => slot,
            None => {
                if open.len() == of_kind.open_max {
                    full.push(open.remove(0));
                }
                let pack = self.create(kind)?;
                open.push(Arc::clone(&pack));
                lock(&pack.state).take_number(&pack)
            }
        };
        drop(open);
        for pack in full {
            self.close(&pack)?;
        }
        Ok(slot)
    }

    fn create(&self, kind: PackKind) -> Result<Arc<OpenPack>, EngineError> {
        let context = FrameContext {
            vault: self.keyring.vault(),
            pack: PackId::random(),
            kind,
            key_generation: self.keyring.current_generation(),
            salt: model::ids::random_bytes(),
        };
        let cipher =
            PackCipher::new(self.keyring, context).map_err(|error| EngineError::damaged("keyring", error))?;
        let writer = Some(PackWriter::new(context));
        let state = Mutex::new(PackState { writer, next_number: 0, outstanding: 0, closing: false });
        Ok(Arc::new(OpenPack { cipher, state }))
    }

    /// Puts a sealed frame into its pack.
    pub(super) fn put(
        &self,
        slot: &FrameSlot,
        frame: BuiltFrame,
        references: Vec<RangeList>,
    ) -> Result<(), EngineError> {
        let mut state = lock(&slot.pack.state);
        if let Some(writer) = &mut state.writer {
            writer.push(frame, references);
        }
        state.outstanding -= 1;
        self.send_if_done(state)
    }

    fn close(&self, pack: &OpenPack) -> Result<(), EngineError> {
        let mut state = lock(&pack.state);
        state.closing = true;
        self.send_if_done(state)
    }

    fn send_if_done(&self, mut state: MutexGuard<'_, PackState>) -> Result<(), EngineError> {
        if !state.closing || state.outstanding > 0 {
            return Ok(());
        }
        let writer = state.writer.take().filter(|writer| writer.frames() > 0);
        drop(state);
        let Some(writer) = writer else { return Ok(()) };
        let pack = writer.id();
        let (bytes, table) = writer.finish();
        let mut unsent = lock(&self.unsent);
        if unsent.failed {
            return Err(EngineError::Stopped);
        }
        unsent.packs += 1;
        drop(unsent);
        let queue = lock(&self.queue).clone().ok_or(EngineError::Stopped)?;
        queue.send(Sealed { pack, bytes: bytes.into(), table }).map_err(|_| EngineError::Stopped)
    }

    /// Lets the lanes end once the queue is empty.
    pub(super) fn end(&self) {
        lock(&self.queue).take();
    }

    /// Closes the packs that are open and waits until the server has acknowledged every pack.
    /// No frame may be outstanding.
    pub(super) fn flush(&self) -> Result<(), EngineError> {
        for kind in &self.kinds {
            let packs = std::mem::take(&mut *lock(&kind.open));
            for pack in packs {
                self.close(&pack)?;
            }
        }
        let mut unsent = lock(&self.unsent);
        loop {
            if let Some(failure) = unsent.failure.take() {
                return Err(failure);
            }
            if unsent.packs == 0 {
                return Ok(());
            }
            unsent = self.changed.wait(unsent).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// One lane: sends packs until the queue ends. After a failure it only empties the queue.
    pub(super) fn send_all(
        &self,
        remote: &dyn Remote,
        set: SetId,
        packs: &Receiver<Sealed>,
        progress: &Progress,
    ) {
        for sealed in packs {
            let failed = lock(&self.unsent).failed;
            let result = if failed { Ok(()) } else { self.send(remote, set, &sealed, progress) };
            let mut unsent = lock(&self.unsent);
            unsent.packs -= 1;
            if let Err(failure) = result {
                progress.stop_for_failure();
                unsent.failed = true;
                unsent.failure.get_or_insert(failure);
            }
            self.changed.notify_all();
        }
    }

    fn send(
        &self,
        remote: &dyn Remote,
        set: SetId,
        Sealed { pack, bytes, table }: &Sealed,
        progress: &Progress,
    ) -> Result<(), EngineError> {
        progress.go_on()?;
        progress.sends();
        let (lease, receipt) = self
            .under_lease(remote, set, |lease| Ok((lease, remote.send_pack(lease, *pack, bytes.clone())?)))?;
        let stored_bytes = bytes.len() as u64;
        if receipt.stored {
            add(&progress.stored_bytes, stored_bytes);
        }
        progress.stored();
        lock(&self.sent).insert(*pack);
        self.own_log.note(table, lease, stored_bytes, receipt.sequence);
        Ok(())
    }

    /// What really failed, when a thread only noticed that the run was stopped.
    pub(super) fn cause(&self, error: EngineError) -> EngineError {
        match error {
            EngineError::Stopped => lock(&self.unsent).failure.take().unwrap_or(EngineError::Stopped),
            other => other,
        }
    }

    /// Makes a call under the lease, and when that is over once more under a new one.
    pub(super) fn under_lease<T>(
        &self,
        remote: &dyn Remote,
        set: SetId,
        mut call: impl FnMut(LeaseId) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let lease = self.lease();
        match call(lease) {
            Err(EngineError::Remote(error)) if self.is_over(lease, &error) => {
                call(self.renew(remote, set, lease)?)
            }
            other => other,
        }
    }

    /// Whether a call under `lease` failed only because the lease passed its deadline, the server forgot it, or
    /// another lane has fetched a newer one meanwhile.
    fn is_over(&self, lease: LeaseId, error: &RemoteError) -> bool {
        match error.code {
            Code::LeaseExpired | Code::LeaseUnknown => true,
            Code::LeaseSuperseded => self.lease() != lease,
            _ => false,
        }
    }

    /// A new lease instead of `over`, unless another lane has fetched one meanwhile.
    fn renew(&self, remote: &dyn Remote, set: SetId, over: LeaseId) -> Result<LeaseId, EngineError> {
        let mut lease = lock(&self.lease);
        if *lease == over {
            let granted: Lease = remote.grant(set)?;
            *lease = granted.id;
        }
        Ok(*lease)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
