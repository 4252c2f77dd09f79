//! Opened data frames that several threads read at the same time: each is fetched and decoded once while it is
//! wanted or was wanted lately. It knows frames, not files.

use crate::EngineError;
use crate::frames::{self, CheckedFrame, FrameName};
use crate::reader::SnapshotReader;
use crate::remote::RemoteError;
use format::frame::PackKind;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Content of frames of one snapshot that is kept after its last use, in bytes.
const KEPT_BYTES: usize = 32 << 20;

/// Frames by name; `None` stands for one that is damaged or missing.
pub(crate) type Opened = HashMap<FrameName, Option<Arc<CheckedFrame>>>;

/// The cache over the frames that one snapshot refers to.
pub(crate) struct FrameCache<'r> {
    reader: &'r SnapshotReader<'r>,
    frames: Frames,
}

impl<'r> FrameCache<'r> {
    /// An empty cache.
    pub(crate) fn new(reader: &'r SnapshotReader<'r>) -> Self {
        Self { reader, frames: Frames::keeping(KEPT_BYTES) }
    }

    /// Gives these frames, fetching with one request those that nobody else is fetching.
    pub(crate) fn get(&self, names: &[FrameName]) -> Result<Opened, EngineError> {
        self.frames.get(self.reader, names)
    }
}

/// Frames of a vault, whichever snapshots refer to them.
pub(crate) struct Frames {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    slots: HashMap<FrameName, Slot>,
    /// Frames that are kept, the longest unused one first.
    order: VecDeque<FrameName>,
    kept_bytes: usize,
    most_bytes: usize,
    has_damaged: bool,
    /// The last time that the way to the server failed.
    failed: Option<(Instant, RemoteError)>,
}

enum Slot {
    /// A thread is fetching it.
    InFlight,
    Ready(Arc<CheckedFrame>),
    Damaged,
}

impl Frames {
    /// None yet; later those used last with so many bytes of content.
    pub(crate) fn keeping(most_bytes: usize) -> Self {
        let state = State {
            slots: HashMap::new(),
            order: VecDeque::new(),
            kept_bytes: 0,
            most_bytes,
            has_damaged: false,
            failed: None,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Gives these frames, to which the reader's snapshot refers, fetching with one request those that nobody else is
    /// fetching.
    pub(crate) fn get(
        &self,
        reader: &SnapshotReader<'_>,
        names: &[FrameName],
    ) -> Result<Opened, EngineError> {
        let mut opened = Opened::with_capacity(names.len());
        let asked = Instant::now();
        let mut has_waited = false;
        loop {
            let mine = self.claim(names, &mut opened);
            if !mine.is_empty() {
                // Whom another one kept waiting while the server did not answer does not wait as long once more.
                if has_waited && let Some(error) = self.lock().failure_since(asked) {
                    self.give_back(&mine);
                    return Err(error.into());
                }
                self.fetch(reader, &mine, &mut opened)?;
                continue;
            }
            if names.iter().all(|name| opened.contains_key(name)) {
                return Ok(opened);
            }
            // What is left is being fetched by other threads, which never wait for this one.
            let state = self.lock();
            let is_pending = |name: &FrameName| matches!(state.slots.get(name), Some(Slot::InFlight));
            if names.iter().any(|name| !opened.contains_key(name) && is_pending(name)) {
                drop(self.changed.wait(state));
                has_waited = true;
            }
        }
    }

    /// Takes what is ready and marks the rest as being fetched by this thread, but for what others fetch.
    fn claim(&self, names: &[FrameName], opened: &mut Opened) -> Vec<FrameName> {
        let mut mine = Vec::new();
        let mut state = self.lock();
        for name in names {
            if opened.contains_key(name) {
                continue;
            }
            match state.slots.get(name) {
                Some(Slot::InFlight) => {}
                Some(Slot::Damaged) => drop(opened.insert(*name, None)),
                Some(Slot::Ready(frame)) => {
                    opened.insert(*name, Some(Arc::clone(frame)));
                    state.touch(name);
                }
                None => {
                    state.slots.insert(*name, Slot::InFlight);
                    mine.push(*name);
                }
            }
        }
        mine
    }

    /// Frees what this thread has claimed and will not fetch.
    fn give_back(&self, mine: &[FrameName]) {
        let mut state = self.lock();
        mine.iter().for_each(|name| drop(state.slots.remove(name)));
        drop(state);
        self.changed.notify_all();
    }

    /// Lets frames that could not be read be asked for again: in a process that lives long they may have come back.
    pub(crate) fn forget_damaged(&self) {
        let mut state = self.lock();
        if state.has_damaged {
            state.slots.retain(|_, slot| !matches!(slot, Slot::Damaged));
            state.has_damaged = false;
        }
    }

    fn fetch(
        &self,
        reader: &SnapshotReader<'_>,
        mine: &[FrameName],
        opened: &mut Opened,
    ) -> Result<(), EngineError> {
        let (keyring, ids) = (reader.keyring(), reader.id_keys());
        let snapshot = reader.clear().snapshot;
        let result = frames::fetch(
            reader.remote(),
            keyring,
            ids,
            PackKind::Data,
            snapshot,
            mine,
            &mut |name, frame| {
                let frame = match frame {
                    Ok(frame) => Some(Arc::new(frame)),
                    Err(error) => {
                        tracing::warn!(%snapshot, pack = %name.0, frame = name.1, %error, "a frame cannot be read");
                        None
                    }
                };
                self.lock().settle(name, frame.clone());
                self.changed.notify_all();
                opened.insert(name, frame);
                Ok(())
            },
        );
        // Whatever did not come is free for others to ask for.
        let mut state = self.lock();
        let mut is_short = false;
        for name in mine.iter().filter(|name| !opened.contains_key(*name)) {
            state.slots.remove(name);
            is_short = true;
        }
        if let Err(EngineError::Remote(error)) = &result {
            state.failed = Some((Instant::now(), error.clone()));
        }
        drop(state);
        self.changed.notify_all();
        result?;
        if is_short { Err(EngineError::Defect("the server left out a frame without a word")) } else { Ok(()) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn failure_since(&self, time: Instant) -> Option<RemoteError> {
        self.failed.as_ref().filter(|(when, _)| *when >= time).map(|(_, error)| error.clone())
    }

    fn touch(&mut self, name: &FrameName) {
        if let Some(at) = self.order.iter().position(|known| known == name) {
            self.order.remove(at);
            self.order.push_back(*name);
        }
    }

    /// Puts a fetched frame into its slot and lets go of the longest unused ones.
    fn settle(&mut self, name: FrameName, frame: Option<Arc<CheckedFrame>>) {
        let Some(frame) = frame else {
            self.slots.insert(name, Slot::Damaged);
            self.has_damaged = true;
            return;
        };
        self.kept_bytes += frame.content.size_bytes();
        self.slots.insert(name, Slot::Ready(frame));
        self.order.push_back(name);
        while self.kept_bytes > self.most_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(Slot::Ready(frame)) = self.slots.remove(&oldest) {
                self.kept_bytes -= frame.content.size_bytes();
            }
        }
    }
}
