//! One generation of a pack, opened and its table checked.

use crate::Error;
use crate::objects::Objects;
use blobs::{BlobReader, Key};
use format::limits;
use format::pack::{FrameRow, HEADER_LEN, PackTable, TRAILER_LEN};
use model::{PackId, VaultId};

const WHAT: &str = "pack";

pub(crate) struct PackFile {
    pub(crate) key: Key,
    pub(crate) generation: u32,
    pub(crate) table: PackTable,
    reader: Box<dyn BlobReader>,
}

impl PackFile {
    /// Opens a generation that is complete and is what its name says.
    pub(super) fn open(
        objects: &Objects,
        vault: VaultId,
        pack: PackId,
        generation: u32,
    ) -> Result<Self, Error> {
        let key = objects.names.pack(pack, generation)?;
        let reader = objects.store.open(&key)?;
        let size = reader.size_bytes();
        let damaged = |source| Error::Damaged { key: key.clone(), source };
        if size > limits::PACK_MAX as u64 {
            let limit = limits::PACK_MAX as u64;
            return Err(damaged(format::Error::TooLarge { what: WHAT, value: size, limit }));
        }
        if size < (HEADER_LEN + TRAILER_LEN) as u64 {
            return Err(damaged(format::Error::Truncated { what: WHAT }));
        }
        let (mut header, mut trailer) = ([0; HEADER_LEN], [0; TRAILER_LEN]);
        reader.read_at(0, &mut header)?;
        reader.read_at(size - TRAILER_LEN as u64, &mut trailer)?;
        let tail_len = PackTable::tail_len(&trailer, size).map_err(damaged)?;
        let mut tail = vec![0; tail_len];
        reader.read_at(size - tail_len as u64, &mut tail)?;
        let table = PackTable::open(&header, &tail).map_err(damaged)?;
        let context = &table.header.context;
        if (context.vault, context.pack, table.header.generation) != (vault, pack, generation) {
            return Err(damaged(format::Error::Mismatch { what: WHAT, check: "name" }));
        }
        let content = HEADER_LEN as u64..size - tail_len as u64;
        let inside = |row: &FrameRow| {
            let start = u64::from(row.offset);
            content.contains(&start) && start + u64::from(row.length) <= content.end
        };
        if !table.frames.iter().all(inside) {
            return Err(damaged(format::Error::Malformed {
                what: WHAT,
                rule: "frames lie before the table",
            }));
        }
        Ok(Self { key, generation, table, reader })
    }

    /// Bytes of the object.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.reader.size_bytes()
    }

    /// Fills `bytes` from `offset` on.
    pub(super) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        Ok(self.reader.read_at(offset, bytes)?)
    }

    /// The ciphertext of a frame of this table, if its hash is right.
    pub(crate) fn read_frame(&self, row: &FrameRow) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; row.length as usize];
        self.read_at(u64::from(row.offset), &mut bytes)?;
        if blake3::hash(&bytes).as_bytes() == &row.hash {
            return Ok(bytes);
        }
        let source = format::Error::Mismatch { what: "frame", check: "hash" };
        Err(Error::Damaged { key: self.key.clone(), source })
    }

    /// What the table takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        let lists =
            |row: &FrameRow| row.references.iter().map(|list| 24 + 28 * list.as_slice().len()).sum::<usize>();
        512 + self.table.frames.iter().map(|row| 96 + 16 * row.ids.len() + lists(row)).sum::<usize>()
    }
}
