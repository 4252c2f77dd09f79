//! Packs: header, frames, clear table, trailer (`docs/format/pack.md`).
//!
//! [`PackWriter`] puts one together in memory, [`PackScanner`] checks one as its bytes arrive,
//! [`PackTable`] is what a reader needs of one that is stored.

use crate::codec::Reader;
use crate::frame::{BuiltFrame, FrameContext, PackKind, read_ids};
use crate::object::{self, ObjectKind};
use crate::ranges::RangeList;
use crate::{Error, limits};
use model::{ChunkId, PackId, VaultId};

mod scanner;
pub use scanner::PackScanner;

const WHAT: &str = "pack";
/// Length of a pack's header in bytes.
pub const HEADER_LEN: usize = 80;
/// Length of a pack's trailer in bytes.
pub const TRAILER_LEN: usize = 44;
const FRAME_HEADER_LEN: usize = 8;
/// Length of a frame's row in the table in bytes.
const ROW_LEN: usize = 48;
const END_OF_FRAMES: [u8; 8] = [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff];
const TRAILER_MAGIC: &[u8; 8] = b"HOLDPEND";

/// A pack's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackHeader {
    /// What the frames are bound to.
    pub context: FrameContext,
    /// 0 as the agent wrote it; one more for each rewrite.
    pub generation: u32,
}

impl PackHeader {
    /// The 80 bytes.
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0u8; HEADER_LEN];
        out[..8].copy_from_slice(&object::header(self.context.kind.object()));
        out[8..12].copy_from_slice(&self.context.key_generation.to_le_bytes());
        out[12..16].copy_from_slice(&self.generation.to_le_bytes());
        out[16..32].copy_from_slice(self.context.pack.as_bytes());
        out[32..64].copy_from_slice(&self.context.salt);
        out[64..80].copy_from_slice(self.context.vault.as_bytes());
        out
    }

    /// Reads a header.
    pub fn decode(bytes: &[u8; HEADER_LEN]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, WHAT);
        let kind = object::read_header(&mut reader, &[ObjectKind::DataPack, ObjectKind::HunkPack])?;
        let kind = if kind == ObjectKind::DataPack { PackKind::Data } else { PackKind::Hunk };
        let (key_generation, generation) = (reader.u32()?, reader.u32()?);
        if generation > limits::PACK_GENERATION_MAX {
            let (value, limit) = (u64::from(generation), u64::from(limits::PACK_GENERATION_MAX));
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        let pack = PackId::from_bytes(reader.array()?);
        let salt = reader.array()?;
        let vault = VaultId::from_bytes(reader.array()?);
        Ok(Self { context: FrameContext { vault, pack, kind, key_generation, salt }, generation })
    }
}

/// One frame in a pack's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameRow {
    /// Its number.
    pub number: u32,
    /// Where its ciphertext begins in the object.
    pub offset: u32,
    /// Length of the ciphertext.
    pub length: u32,
    /// BLAKE3 of the ciphertext.
    pub hash: [u8; 32],
    /// The ids of its chunks.
    pub ids: Vec<ChunkId>,
    /// For a pack of hunks, the range list of each.
    pub references: Vec<RangeList>,
}

/// The clear table of a pack, frames ascending by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackTable {
    /// The header that the table belongs to.
    pub header: PackHeader,
    /// The frames that are here.
    pub frames: Vec<FrameRow>,
}

impl PackTable {
    /// The frame with this number.
    pub fn frame(&self, number: u32) -> Option<&FrameRow> {
        self.frames.binary_search_by_key(&number, |row| row.number).ok().map(|at| &self.frames[at])
    }

    /// The table's bytes.
    fn encode(&self) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(4 + self.frames.iter().map(|row| 48 + 16 * row.ids.len()).sum::<usize>());
        out.extend_from_slice(&(self.frames.len() as u32).to_le_bytes());
        for row in &self.frames {
            for number in [row.number, row.offset, row.length, row.ids.len() as u32] {
                out.extend_from_slice(&number.to_le_bytes());
            }
            out.extend_from_slice(&row.hash);
        }
        for id in self.frames.iter().flat_map(|row| &row.ids) {
            out.extend_from_slice(id.as_bytes());
        }
        for list in self.frames.iter().flat_map(|row| &row.references) {
            list.encode(&mut out);
        }
        out
    }

    fn decode(header: PackHeader, bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, WHAT);
        let count = reader.u32()? as usize;
        if count == 0 || count > limits::PACK_FRAMES_MAX {
            return Err(Error::malformed(WHAT, "it has between 1 and 8,192 frames"));
        }
        if count > reader.remaining() / ROW_LEN {
            return Err(Error::Truncated { what: WHAT });
        }
        let mut frames: Vec<FrameRow> = Vec::with_capacity(count);
        let mut chunk_counts = Vec::with_capacity(count);
        let mut stored_bytes = HEADER_LEN;
        for _ in 0..count {
            let (number, offset, length, chunks) =
                (reader.u32()?, reader.u32()?, reader.u32()?, reader.u32()? as usize);
            let hash = reader.array()?;
            if frames.last().is_some_and(|last| number <= last.number)
                || number as usize >= limits::PACK_FRAMES_MAX
            {
                return Err(Error::malformed(WHAT, "frame numbers ascend and stay in bounds"));
            }
            if chunks == 0 || chunks > limits::FRAME_CHUNKS_MAX || length as usize > limits::FRAME_SEALED_MAX
            {
                return Err(Error::malformed(WHAT, "a frame has chunks and stays in bounds"));
            }
            stored_bytes += FRAME_HEADER_LEN + length as usize;
            if stored_bytes > limits::PACK_MAX {
                let (value, limit) = (stored_bytes as u64, limits::PACK_MAX as u64);
                return Err(Error::TooLarge { what: WHAT, value, limit });
            }
            chunk_counts.push(chunks);
            frames.push(FrameRow { number, offset, length, hash, ids: Vec::new(), references: Vec::new() });
        }
        for (row, chunks) in frames.iter_mut().zip(chunk_counts) {
            row.ids = read_ids(&mut reader, chunks)?;
        }
        if header.context.kind == PackKind::Hunk {
            for row in &mut frames {
                for _ in 0..row.ids.len() {
                    row.references.push(RangeList::decode(&mut reader, limits::HUNK_RANGES_MAX)?);
                }
            }
        }
        reader.finish()?;
        Ok(Self { header, frames })
    }

    /// Table, length, hash and magic: what follows the end of the frames.
    pub fn encode_tail(&self) -> Vec<u8> {
        let table = self.encode();
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.header.encode()).update(&table);
        let mut out = END_OF_FRAMES.to_vec();
        out.extend_from_slice(&table);
        out.extend_from_slice(&(table.len() as u32).to_le_bytes());
        out.extend_from_slice(hasher.finalize().as_bytes());
        out.extend_from_slice(TRAILER_MAGIC);
        out
    }

    /// How many bytes before the end of an object of `size` bytes hold table and trailer, read from its trailer.
    pub fn tail_len(trailer: &[u8; TRAILER_LEN], size: u64) -> Result<usize, Error> {
        let mut reader = Reader::new(trailer, WHAT);
        let length = reader.u32()? as usize;
        let most =
            limits::PACK_TABLE_MAX.min(size.saturating_sub((HEADER_LEN + TRAILER_LEN) as u64) as usize);
        if !trailer.ends_with(TRAILER_MAGIC) || length > most {
            return Err(Error::malformed(WHAT, "it ends with its trailer"));
        }
        Ok(length + TRAILER_LEN)
    }

    /// Checks header and tail (table and trailer, without the end of frames) of a stored pack.
    pub fn open(header: &[u8; HEADER_LEN], tail: &[u8]) -> Result<Self, Error> {
        let parsed = PackHeader::decode(header)?;
        let table_len = tail.len().checked_sub(TRAILER_LEN).ok_or(Error::Truncated { what: WHAT })?;
        let (table, trailer) = tail.split_at(table_len);
        let mut hasher = blake3::Hasher::new();
        hasher.update(header).update(table);
        if trailer[..4] != (table_len as u32).to_le_bytes() || !trailer.ends_with(TRAILER_MAGIC) {
            return Err(Error::malformed(WHAT, "it ends with its trailer"));
        }
        if &trailer[4..36] != hasher.finalize().as_bytes() {
            return Err(Error::Mismatch { what: WHAT, check: "hash" });
        }
        Self::decode(parsed, table)
    }

    /// The frames that `keep` names, at the offsets that a rewrite gives them, under the next generation.
    /// Also gives, in file order, what to copy: the old rows.
    pub fn rewritten(&self, keep: impl Fn(u32) -> bool) -> (Self, Vec<FrameRow>) {
        let header = PackHeader { generation: self.header.generation + 1, ..self.header };
        let kept: Vec<FrameRow> = self.frames.iter().filter(|row| keep(row.number)).cloned().collect();
        let mut offset = HEADER_LEN as u32;
        let mut frames = kept.clone();
        for row in &mut frames {
            offset += FRAME_HEADER_LEN as u32;
            row.offset = offset;
            offset += row.length;
        }
        (Self { header, frames }, kept)
    }
}

/// The 8 bytes before a frame's ciphertext.
pub fn frame_header(number: u32, length: u32) -> [u8; FRAME_HEADER_LEN] {
    let mut out = [0u8; FRAME_HEADER_LEN];
    out[..4].copy_from_slice(&length.to_le_bytes());
    out[4..].copy_from_slice(&number.to_le_bytes());
    out
}

/// Puts a pack of generation 0 together in memory.
#[derive(Debug)]
pub struct PackWriter {
    bytes: Vec<u8>,
    table: PackTable,
    tail_bytes: usize,
}

impl PackWriter {
    /// Begins a pack. The context must carry a fresh random id and salt.
    pub fn new(context: FrameContext) -> Self {
        let header = PackHeader { context, generation: 0 };
        let mut bytes = Vec::with_capacity(256 << 10);
        bytes.extend_from_slice(&header.encode());
        let table = PackTable { header, frames: Vec::new() };
        let tail_bytes = table.encode_tail().len();
        Self { bytes, table, tail_bytes }
    }

    /// The pack's id.
    pub const fn id(&self) -> PackId {
        self.table.header.context.pack
    }

    /// Bytes of the pack if it were closed now. Of tiny chunks the table is larger than the frames.
    pub const fn size_bytes(&self) -> usize {
        self.bytes.len() + self.tail_bytes
    }

    /// Number of frames so far.
    pub const fn frames(&self) -> usize {
        self.table.frames.len()
    }

    /// Appends a frame; `references` holds a hunk pack's range lists, one per chunk.
    pub fn push(&mut self, frame: BuiltFrame, references: Vec<RangeList>) {
        let length = frame.ciphertext.len() as u32;
        self.bytes.extend_from_slice(&frame_header(frame.number, length));
        let offset = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&frame.ciphertext);
        let mut lists = Vec::new();
        references.iter().for_each(|list| list.encode(&mut lists));
        self.tail_bytes += ROW_LEN + 16 * frame.ids.len() + lists.len();
        let row =
            FrameRow { number: frame.number, offset, length, hash: frame.hash, ids: frame.ids, references };
        self.table.frames.push(row);
    }

    /// Closes the pack: its bytes and its table.
    pub fn finish(mut self) -> (Vec<u8>, PackTable) {
        self.table.frames.sort_by_key(|row| row.number);
        self.bytes.extend_from_slice(&self.table.encode_tail());
        (self.bytes, self.table)
    }
}

#[cfg(test)]
mod tests;
