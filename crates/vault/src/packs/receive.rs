//! Receiving a pack: its bytes go to the store while they are checked, the log entry follows when they are durable.

use super::PackFile;
use crate::claims::Claim;
use crate::damage::is_damage;
use crate::log::Entry;
use crate::{Error, PackFault, Vault};
use blobs::{BlobWriter, ErrorKind, Key, PutMode};
use format::frame::PackKind;
use format::pack::{FrameRow, PackHeader, PackScanner, PackTable};
use format::segment::{PackRow, Segment};
use model::{LeaseId, PackId, failpoint};
use std::io::{BufWriter, Write};
use std::sync::Arc;

/// What the opened table of a pack takes at most for each byte of it: ids as much again, ranges of 28 bytes come from
/// 4 bytes and more.
const OPENED_DATA: u64 = 2;
const OPENED_HUNKS: u64 = 8;
/// What is collected before it is written.
const BUFFER_BYTES: usize = 1 << 20;

/// The answer to a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackReceipt {
    /// False when this very pack was stored before.
    pub stored: bool,
    /// The log entry that added it.
    pub sequence: u64,
    /// Chunks, or hunks, in it.
    pub chunks: u64,
    /// Those of them that the vault had from other runs when it came: of what it brought itself a run knows. Counted for
    /// packs of data, as long as the whole index is small enough to be kept in memory; for statistics only.
    pub known_chunks: u64,
}

/// Takes the bytes of one pack. Dropping it before `finish` leaves nothing.
pub struct PackReceiver {
    vault: Arc<Vault>,
    lease: LeaseId,
    pack: PackId,
    scanner: PackScanner,
    /// `None` when the pack is there already: what comes is only compared.
    sink: Option<BufWriter<Box<dyn BlobWriter>>>,
    size_bytes: u64,
    is_header_checked: bool,
    _claim: Claim,
}

impl Vault {
    /// Begins to receive a pack under a lease, whose validity is the caller's to check.
    pub fn receive_pack(self: &Arc<Self>, lease: LeaseId, pack: PackId) -> Result<PackReceiver, Error> {
        let mut claim = self.claims.share(pack);
        let is_known = || self.log.with(|state| state.packs.contains_key(&pack));
        let mut sink = None;
        if !is_known()? {
            if !self.debris(pack)?.is_empty() {
                drop(claim);
                self.delete_debris(pack)?;
                claim = self.claims.share(pack);
            }
            sink = self.open_sink(pack)?;
        }
        Ok(PackReceiver {
            vault: Arc::clone(self),
            lease,
            pack,
            scanner: PackScanner::new(),
            sink: sink.map(|writer| BufWriter::with_capacity(BUFFER_BYTES, writer)),
            size_bytes: 0,
            is_header_checked: false,
            _claim: claim,
        })
    }

    /// A writer for the object; `None` when it is there already.
    fn open_sink(&self, pack: PackId) -> Result<Option<Box<dyn BlobWriter>>, Error> {
        match self.objects.store.create(&self.objects.names.pack(pack, 0)?, PutMode::CreateNew) {
            Ok(writer) => Ok(Some(writer)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Objects of a pack that the log does not list and that an upload must not meet: what is incomplete, and
    /// later generations of a pack of this id that was removed, which would pass for the newest.
    fn debris(&self, pack: PackId) -> Result<Vec<Key>, Error> {
        let mut found = Vec::new();
        for generation in self.packs.generations(pack)? {
            let is_debris = generation > 0
                || match self.packs.open_generation(pack, 0) {
                    Ok(_) => false,
                    Err(error) if error.is_not_found() => false,
                    Err(error) if is_damage(&error) => true,
                    Err(error) => return Err(error),
                };
            if is_debris {
                found.push(self.objects.names.pack(pack, generation)?);
            }
        }
        Ok(found)
    }

    fn delete_debris(&self, pack: PackId) -> Result<(), Error> {
        let busy = Error::Busy { what: "another upload of the same pack" };
        let _alone = self.claims.take(pack).ok_or(busy)?;
        if self.log.with(|state| state.packs.contains_key(&pack))? {
            return Ok(());
        }
        for key in self.debris(pack)? {
            failpoint::hit("vault.receive.before_delete_debris");
            self.objects.delete(&key)?;
        }
        self.packs.forget(pack);
        Ok(())
    }
}

impl PackReceiver {
    /// Takes the next bytes. After an error only dropping is left.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let pack = self.pack;
        self.scanner.feed(bytes).map_err(|source| Error::PackInvalid { pack, source: source.into() })?;
        if !self.is_header_checked
            && let Some(header) = self.scanner.header()
        {
            self.check_header(header)?;
            self.is_header_checked = true;
        }
        self.size_bytes += bytes.len() as u64;
        if let Some(sink) = &mut self.sink {
            let key = self.vault.objects.names.pack(pack, 0)?;
            sink.write_all(bytes).map_err(|source| blobs::Error::from_write(&key, source))?;
        }
        Ok(())
    }

    /// How many bytes were fed before the table, once that has begun. All of the rest stays in memory until
    /// [`Self::finish`].
    pub fn frames_end(&self) -> Option<u64> {
        self.scanner.frames_end()
    }

    /// Memory that [`Self::finish`] takes at most, in bytes.
    pub fn finish_bytes(&self) -> u64 {
        let Some(header) = self.scanner.header() else { return 0 };
        let factor = if header.context.kind == PackKind::Hunk { OPENED_HUNKS } else { OPENED_DATA };
        let table_bytes = self.frames_end().map_or(0, |end| self.size_bytes.saturating_sub(end));
        table_bytes.saturating_mul(factor)
    }

    fn check_header(&self, header: &PackHeader) -> Result<(), Error> {
        let fault = if header.context.vault != self.vault.id() {
            PackFault::OtherVault
        } else if header.context.pack != self.pack {
            PackFault::OtherId
        } else if header.generation != 0 {
            PackFault::Generation
        } else {
            return Ok(());
        };
        Err(Error::PackInvalid { pack: self.pack, source: fault })
    }

    /// Checks that the pack is whole, makes it durable and writes it into the log.
    pub fn finish(self) -> Result<PackReceipt, Error> {
        let Self { vault, lease, pack, scanner, sink, size_bytes, _claim, .. } = self;
        let table = scanner.finish().map_err(|source| Error::PackInvalid { pack, source: source.into() })?;
        let key = vault.objects.names.pack(pack, 0)?;
        let written = match sink {
            Some(sink) => write(&key, sink)?,
            None => false,
        };
        if !written {
            vault.compare(pack, &table)?;
        }
        failpoint::hit("vault.receive.after_finish");
        let chunks = table.frames.iter().map(|frame| frame.ids.len() as u64).sum();
        // Only a statistic: what hinders it must not hinder the upload.
        let known_chunks = if written { vault.known_chunks(lease, &table).unwrap_or(0) } else { 0 };
        let receipt = |stored, sequence| PackReceipt { stored, sequence, chunks, known_chunks };
        vault.log.append(|state| {
            if let Some(row) = state.packs.get(&pack) {
                return Ok(Entry::Answer(receipt(false, row.added)));
            }
            let sequence = state.sequence + 1;
            let row = PackRow::new(&table, lease, size_bytes, sequence);
            let segment = Segment::of_packs(state.incarnation, sequence, vec![(row, &table)]);
            Ok(Entry::Write(segment, receipt(true, sequence)))
        })
    }
}

/// Makes the object durable; false when another upload of the same pack was first.
fn write(key: &Key, sink: BufWriter<Box<dyn BlobWriter>>) -> Result<bool, Error> {
    let writer = sink.into_inner().map_err(|error| blobs::Error::from_write(key, error.into_error()))?;
    failpoint::hit("vault.receive.before_finish");
    match writer.finish() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl Vault {
    /// How many chunks of a pack that is not in the log yet are there from other runs.
    fn known_chunks(&self, lease: LeaseId, table: &PackTable) -> Result<u64, Error> {
        if table.header.context.kind != PackKind::Data || !self.log.is_index_in_memory()? {
            return Ok(0);
        }
        // Frame by frame: a look-up takes several times the memory of its ids.
        table.frames.iter().map(|frame| self.log.count_of_others(lease, &frame.ids)).sum()
    }

    /// Fails unless the stored pack is the one that was sent.
    fn compare(&self, pack: PackId, sent: &PackTable) -> Result<(), Error> {
        let expected = self.log.with(|state| state.packs.get(&pack).map(|row| row.generation))?;
        let stored = self.packs.open(pack, expected)?;
        if is_same(&stored, sent) { Ok(()) } else { Err(Error::PackConflict { pack }) }
    }
}

/// Whether what is stored is this pack, perhaps without frames that were removed since.
fn is_same(stored: &PackFile, sent: &PackTable) -> bool {
    if stored.generation == 0 {
        return stored.table == *sent;
    }
    let same_frame = |row: &FrameRow| {
        sent.frame(row.number).is_some_and(|other| {
            (row.length, row.hash) == (other.length, other.hash)
                && row.ids == other.ids
                && row.references == other.references
        })
    };
    stored.table.header.context == sent.header.context && stored.table.frames.iter().all(same_frame)
}

impl std::fmt::Debug for PackReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackReceiver").field("pack", &self.pack).finish_non_exhaustive()
    }
}
