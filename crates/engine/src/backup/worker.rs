//! Reads files, cuts and hashes them, and puts new chunks into frames. One worker per thread, each with a
//! frame of its own; a large file is cut by one and hashed and compressed by all.

use super::findings::Findings;
use super::index::{Found, Index};
use super::item::{Batch, Item, Linked, Location, ReadJob, Stored};
use super::lookups::Lookups;
use super::meta::Owners;
use super::packer::{FrameSlot, Packer};
use super::read;
use super::waiting::Waiting;
use crate::EngineError;
use crate::progress::{Progress, add};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use format::chunker::Chunker;
use format::classes::Classes;
use format::frame::{Compressor, FrameBuilder, PackKind};
use format::keys::IdKeys;
use format::limits;
use format::ranges::Address;
use model::ChunkId;
use std::sync::{Arc, Mutex, PoisonError};

/// What all workers of a run share.
pub(super) struct Shared<'a> {
    pub(super) ids: &'a IdKeys,
    pub(super) classes: &'a Classes,
    pub(super) chunkers: Vec<Chunker>,
    pub(super) index: &'a Index,
    pub(super) lookups: &'a Lookups<'a>,
    pub(super) packer: &'a Packer<'a>,
    pub(super) progress: &'a Progress,
    pub(super) findings: &'a Findings,
    pub(super) linked: &'a Linked,
    /// Blocks of large files that any worker may take.
    pub(super) blocks: (Sender<Block>, Receiver<Block>),
}

/// A stretch of a large file, already cut.
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Length of each chunk.
    lengths: Vec<u32>,
    /// Its place among the blocks of the file.
    number: usize,
    results: Arc<Results>,
}

/// Where the workers put what became of a file's blocks.
#[derive(Default)]
pub(super) struct Results {
    done: Mutex<Vec<Option<Stored>>>,
    failure: Mutex<Option<EngineError>>,
}

/// The state of one worker.
pub(super) struct Worker {
    compressor: Compressor,
    frame: FrameBuilder,
    slot: Option<FrameSlot>,
    buffer: Vec<u8>,
    waiting: Waiting,
    pub(super) owners: Owners,
}

impl Worker {
    pub(super) fn new(compression_level: i32, frame_target: usize) -> Self {
        Self {
            compressor: Compressor::new(compression_level),
            frame: FrameBuilder::with_target(frame_target),
            slot: None,
            buffer: Vec::new(),
            waiting: Waiting::default(),
            owners: Owners::default(),
        }
    }

    /// Reads the items of a batch that have to be read. Gives the batches that are complete by that: not this one as
    /// long as chunks of it wait.
    pub(super) fn process(
        &mut self,
        shared: &Shared<'_>,
        mut batch: Batch,
    ) -> Result<Vec<Batch>, EngineError> {
        for item in &mut batch.items {
            if let Item::Read(_) | Item::Unseen(_) = item {
                shared.progress.go_on()?;
                *item = match std::mem::replace(item, Item::Nothing) {
                    Item::Read(job) => self.read(shared, *job)?,
                    Item::Unseen(file) => self.with_buffer(|this, buffer| file.read(shared, buffer, this))?,
                    other => other,
                };
            }
        }
        Ok(self.waiting.pass(batch))
    }

    /// Asks for all chunks that wait, and gives the batches that are complete by that: all.
    pub(super) fn settle(&mut self, shared: &Shared<'_>) -> Result<Vec<Batch>, EngineError> {
        self.ask(shared)?;
        Ok(self.waiting.complete())
    }

    fn read(&mut self, shared: &Shared<'_>, job: ReadJob) -> Result<Item, EngineError> {
        self.with_buffer(|this, buffer| read::file(job, shared, buffer, this))
    }

    fn with_buffer<T>(&mut self, read: impl FnOnce(&mut Self, &mut Vec<u8>) -> T) -> T {
        let mut buffer = std::mem::take(&mut self.buffer);
        let outcome = read(self, &mut buffer);
        self.buffer = buffer;
        outcome
    }

    /// Reads one file, and asks for what waits of it.
    pub(super) fn read_at_once(&mut self, shared: &Shared<'_>, job: ReadJob) -> Result<Item, EngineError> {
        // Not together with what else this worker holds, and nothing of it is left behind.
        let others = std::mem::take(&mut self.waiting);
        let item = self.read(shared, job)?;
        self.ask(shared)?;
        let item = self.waiting.fill(item);
        self.waiting = others;
        Ok(item)
    }

    /// Stores one chunk unless the vault has it. One of which only the server can say that waits.
    pub(super) fn store(
        &mut self,
        shared: &Shared<'_>,
        content: &[u8],
    ) -> Result<(ChunkId, Location), EngineError> {
        let id = shared.ids.chunk_id(content);
        let location = match shared.index.find(PackKind::Data, &id) {
            Found::At(address) => Location::Known(address),
            Found::Absent => Location::Known(self.append(shared, id, content)?),
            Found::Unknown => {
                let location = self.waiting.push(id, content);
                if self.waiting.is_full() {
                    self.ask(shared)?;
                }
                location
            }
        };
        Ok((id, location))
    }

    /// Asks the server for the chunks that wait, and stores those that it does not have, in the order in which they came.
    fn ask(&mut self, shared: &Shared<'_>) -> Result<(), EngineError> {
        let question = self.waiting.take_question();
        if question.ids().is_empty() {
            return Ok(());
        }
        let answers = shared.lookups.ask(question.ids())?;
        for ((id, content), answer) in question.chunks().zip(answers) {
            // It may have been stored since, by another worker or from this very question.
            let address = match (shared.index.added.find(PackKind::Data, &id), answer) {
                (Some(added), _) => added,
                (None, Some(known)) => {
                    shared.lookups.note_used(id, known);
                    known
                }
                (None, None) => self.append(shared, id, content)?,
            };
            self.waiting.answer(address);
        }
        self.waiting.give_back(question);
        Ok(())
    }

    /// Appends a chunk that the vault does not have to the frame.
    fn append(&mut self, shared: &Shared<'_>, id: ChunkId, content: &[u8]) -> Result<Address, EngineError> {
        add(&shared.progress.new_bytes, content.len() as u64);
        if self.frame.content_bytes() + content.len() > limits::FRAME_CONTENT_MAX {
            self.seal(shared)?;
        }
        let slot = match self.slot.take() {
            Some(slot) => slot,
            None => shared.packer.slot(PackKind::Data)?,
        };
        let ordinal = self.frame.push(id, content);
        let address = Address { pack: slot.pack_id(), frame: slot.number, ordinal };
        shared.index.added.add(PackKind::Data, id, address);
        shared.index.added.forget(&shared.packer.sent);
        self.slot = Some(slot);
        if self.frame.is_full() {
            self.seal(shared)?;
        }
        Ok(address)
    }

    /// Seals the frame that is being filled, if any.
    pub(super) fn seal(&mut self, shared: &Shared<'_>) -> Result<(), EngineError> {
        let Some(slot) = self.slot.take() else { return Ok(()) };
        let built = self
            .frame
            .seal(&slot.pack.cipher, slot.number, &mut self.compressor)
            .map_err(|error| EngineError::damaged("frame", error))?;
        shared.index.added.add_frame(slot.pack_id(), slot.number, built.ids.len() as u32);
        shared.packer.put(&slot, built, Vec::new())
    }

    /// Stores the chunks of a stretch that is cut already; none of them waits.
    fn store_block(
        &mut self,
        shared: &Shared<'_>,
        bytes: &[u8],
        lengths: &[u32],
    ) -> Result<Stored, EngineError> {
        // A file waits for its blocks: what else this worker holds is not asked for with them.
        let others = std::mem::take(&mut self.waiting);
        let mut stored = Stored::with_capacity(lengths.len());
        let mut rest = bytes;
        for length in lengths {
            let (chunk, after) = rest.split_at(*length as usize);
            stored.push(self.store(shared, chunk)?);
            rest = after;
        }
        self.ask(shared)?;
        self.waiting.fill_in(&mut stored);
        self.waiting = others;
        Ok(stored)
    }

    /// Takes a block that any worker may take, and leaves its result with the file.
    pub(super) fn process_block(&mut self, shared: &Shared<'_>, block: &Block) {
        let stored = self.store_block(shared, &block.bytes, &block.lengths);
        block.results.put(block.number, stored);
    }
}

impl Results {
    fn put(&self, number: usize, stored: Result<Stored, EngineError>) {
        match stored {
            Ok(stored) => lock(&self.done)[number] = Some(stored),
            Err(error) => {
                lock(&self.failure).get_or_insert(error);
                lock(&self.done)[number] = Some(Stored::new());
            }
        }
    }
}

/// The blocks of one large file.
#[derive(Default)]
pub(super) struct BlockedFile {
    results: Arc<Results>,
    count: usize,
}

impl BlockedFile {
    /// Gives a stretch to the workers; does it itself when they have enough to do.
    pub(super) fn push(
        &mut self,
        shared: &Shared<'_>,
        worker: &mut Worker,
        bytes: &[u8],
        lengths: Vec<u32>,
    ) -> Result<(), EngineError> {
        shared.progress.go_on()?;
        let number = self.count;
        self.count += 1;
        lock(&self.results.done).push(None);
        let block = Block { bytes: bytes.to_vec(), lengths, number, results: Arc::clone(&self.results) };
        match shared.blocks.0.try_send(block) {
            Ok(()) => {}
            Err(TrySendError::Full(block) | TrySendError::Disconnected(block)) => {
                worker.process_block(shared, &block);
            }
        }
        Ok(())
    }

    /// Waits for all blocks, helping meanwhile, and gives ids and addresses in order.
    pub(super) fn finish(self, shared: &Shared<'_>, worker: &mut Worker) -> Result<Stored, EngineError> {
        loop {
            if let Some(failure) = lock(&self.results.failure).take() {
                return Err(failure);
            }
            if lock(&self.results.done).iter().all(Option::is_some) {
                break;
            }
            shared.progress.go_on()?;
            if let Ok(block) = shared.blocks.1.recv_timeout(std::time::Duration::from_millis(2)) {
                worker.process_block(shared, &block);
            }
        }
        let done = std::mem::take(&mut *lock(&self.results.done));
        Ok(done.into_iter().flatten().flatten().collect())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
