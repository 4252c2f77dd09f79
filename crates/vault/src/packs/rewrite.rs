//! Bringing a pack's objects into the state that the log gives: the generation with exactly its frames, read back,
//! and no other.

use super::{PackFile, Packs};
use crate::Error;
use crate::damage::is_damage;
use blobs::PutMode;
use format::limits;
use format::pack::{PackScanner, PackTable, frame_header};
use format::segment::PackRow;
use model::{PackId, failpoint};
use std::io::{BufWriter, Write};

const BUFFER_BYTES: usize = 1 << 20;

/// What settling a pack did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Settled {
    pub(crate) was_written: bool,
    pub(crate) deleted_objects: u64,
    /// Size of the objects that were deleted less that of the one written; 0 when it grew.
    pub(crate) freed_bytes: u64,
}

impl Packs {
    /// Makes the row's generation the pack's only object. Whoever calls has the pack alone.
    ///
    /// Reads that have an older generation open go on. A damaged frame stops this, and everything stays as it is.
    pub(crate) fn settle(&self, row: &PackRow) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        let generations = self.generations(row.id)?;
        let older: Vec<u32> = generations.iter().copied().filter(|number| *number < row.generation).collect();
        let is_there = generations.contains(&row.generation) && self.check(row, !older.is_empty())?;
        let mut written_bytes = 0;
        if !is_there {
            written_bytes = self.write_generation(row, &older)?;
            settled.was_written = true;
        }
        for generation in older {
            let key = self.objects.names.pack(row.id, generation)?;
            let size = self.objects.store.info(&key)?.map_or(0, |info| info.size_bytes);
            failpoint::hit("vault.rewrite.before_delete_old");
            self.objects.delete(&key)?;
            failpoint::hit("vault.rewrite.after_delete_old");
            settled.deleted_objects += 1;
            settled.freed_bytes += size;
        }
        settled.freed_bytes = settled.freed_bytes.saturating_sub(written_bytes);
        self.forget(row.id);
        Ok(settled)
    }

    /// Whether the row's generation is complete with the row's frames; with `deep`, whether each hash is right.
    fn check(&self, row: &PackRow, deep: bool) -> Result<bool, Error> {
        let file = match self.open_generation(row.id, row.generation) {
            Ok(file) => file,
            Err(error) if is_damage(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        Ok(holds(&file, row) && (!deep || is_intact(&file)?))
    }

    /// Copies the row's frames from the newest older generation that has them. Gives the size of the new object.
    fn write_generation(&self, row: &PackRow, older: &[u32]) -> Result<u64, Error> {
        let source = self.source(row, older)?;
        let (mut table, kept) = source.table.rewritten(|number| row.frame(number).is_some());
        table.header.generation = row.generation;
        let key = self.objects.names.pack(row.id, row.generation)?;
        failpoint::hit("vault.rewrite.before_create");
        let mut sink =
            BufWriter::with_capacity(BUFFER_BYTES, self.objects.store.create(&key, PutMode::Replace)?);
        let mut put = |bytes: &[u8]| {
            sink.write_all(bytes).map_err(|source| Error::from(blobs::Error::from_write(&key, source)))
        };
        put(&table.header.encode())?;
        for frame in &kept {
            put(&frame_header(frame.number, frame.length))?;
            put(&source.read_frame(frame)?)?;
        }
        put(&table.encode_tail())?;
        let writer = sink.into_inner().map_err(|error| blobs::Error::from_write(&key, error.into_error()))?;
        failpoint::hit("vault.rewrite.before_finish");
        writer.finish()?;
        failpoint::hit("vault.rewrite.after_finish");
        let error = match self.read_back(row, &table) {
            Ok(Some(size_bytes)) => {
                failpoint::hit("vault.rewrite.after_read_back");
                return Ok(size_bytes);
            }
            Ok(None) => {
                let source = format::Error::Mismatch { what: "pack", check: "hash" };
                Error::Damaged { key: key.clone(), source }
            }
            Err(error) => error,
        };
        // It must not stay: readers would take it for the newest.
        self.objects.delete(&key)?;
        Err(error)
    }

    /// The size of a generation that was just written; `None` when it is not what was written.
    fn read_back(&self, row: &PackRow, table: &PackTable) -> Result<Option<u64>, Error> {
        let back = match self.open_generation(row.id, row.generation) {
            Ok(back) => back,
            Err(error) if is_damage(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        Ok((back.table == *table && is_intact(&back)?).then(|| back.size_bytes()))
    }

    fn source(&self, row: &PackRow, older: &[u32]) -> Result<PackFile, Error> {
        let mut first_error = None;
        for generation in older.iter().rev() {
            match self.open_generation(row.id, *generation) {
                Ok(file) if has_all(&file.table, row) => return Ok(file),
                Ok(file) => first_error = first_error.or(Some(lacks_frames(file.key))),
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) => Err(error),
            None => Err(lacks_frames(self.objects.names.pack(row.id, row.generation)?)),
        }
    }

    /// Deletes every object of a pack that the log does not list. Whoever calls has the pack alone.
    pub(crate) fn delete_all(&self, pack: PackId) -> Result<Settled, Error> {
        let mut settled = Settled::default();
        for generation in self.generations(pack)? {
            let key = self.objects.names.pack(pack, generation)?;
            settled.freed_bytes += self.objects.store.info(&key)?.map_or(0, |info| info.size_bytes);
            failpoint::hit("vault.remove.before_delete_pack");
            self.objects.delete(&key)?;
            failpoint::hit("vault.remove.after_delete_pack");
            settled.deleted_objects += 1;
        }
        self.forget(pack);
        Ok(settled)
    }
}

fn has_all(table: &PackTable, row: &PackRow) -> bool {
    row.frames.iter().all(|frame| {
        let same = |there: &format::pack::FrameRow| {
            (there.length, there.ids.len() as u32) == (frame.length, frame.chunks)
        };
        table.frame(frame.number).is_some_and(same)
    })
}

/// Whether the file has the row's frames and no other.
fn holds(file: &PackFile, row: &PackRow) -> bool {
    file.table.frames.len() == row.frames.len() && has_all(&file.table, row)
}

fn lacks_frames(key: blobs::Key) -> Error {
    Error::Damaged {
        key,
        source: format::Error::Malformed { what: "pack", rule: "it has the frames of the log" },
    }
}

/// Reads the whole object and compares every hash.
fn is_intact(file: &PackFile) -> Result<bool, Error> {
    let mut scanner = PackScanner::new();
    let mut buffer = vec![0; BUFFER_BYTES];
    let size = file.size_bytes().min(limits::PACK_MAX as u64);
    let mut offset = 0;
    while offset < size {
        let count = buffer.len().min((size - offset) as usize);
        match file.read_at(offset, &mut buffer[..count]) {
            Err(error) if is_damage(&error) => return Ok(false),
            read => read?,
        }
        if scanner.feed(&buffer[..count]).is_err() {
            return Ok(false);
        }
        offset += count as u64;
    }
    Ok(scanner.finish().is_ok_and(|table| table == file.table))
}
