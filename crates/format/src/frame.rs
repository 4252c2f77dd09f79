//! Frames: chunks compressed and encrypted together (`docs/format/pack.md`).

use crate::codec::{Put, Reader};
use crate::keys::Keyring;
use crate::object::ObjectKind;
use crate::ranges::RangeList;
use crate::{Error, VERSION, limits};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use model::{ChunkId, PackId, VaultId};
use std::io::Cursor;
use std::ops::RangeInclusive;
use zstd_safe::CParameter;

const WHAT: &str = "frame";
const STORED: u8 = 0;
const ZSTD: u8 = 1;

/// What a pack is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PackKind {
    /// Content of files.
    Data,
    /// Hunks of snapshots.
    Hunk,
}

impl PackKind {
    /// The object kind of such a pack.
    pub const fn object(self) -> ObjectKind {
        match self {
            Self::Data => ObjectKind::DataPack,
            Self::Hunk => ObjectKind::HunkPack,
        }
    }

    pub(crate) fn from_number(number: u8, what: &'static str) -> Result<Self, Error> {
        match number {
            1 => Ok(Self::Data),
            2 => Ok(Self::Hunk),
            _ => Err(Error::malformed(what, "a pack holds data or hunks")),
        }
    }
}

/// Everything that a frame is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameContext {
    /// The vault.
    pub vault: VaultId,
    /// The pack.
    pub pack: PackId,
    /// What the pack is made for.
    pub kind: PackKind,
    /// The pack's key generation.
    pub key_generation: u32,
    /// The pack's salt.
    pub salt: [u8; 32],
}

/// The cipher of one pack. Making one derives the key, so keep it for the pack's frames.
pub struct PackCipher {
    key: LessSafeKey,
    context: FrameContext,
}

impl PackCipher {
    /// Derives the key of the pack.
    pub fn new(keyring: &Keyring, context: FrameContext) -> Result<Self, Error> {
        let key = keyring.pack_key(context.key_generation, &context.salt)?;
        let key = UnboundKey::new(&AES_256_GCM, &key)
            .map_err(|_| Error::malformed(WHAT, "AES-256 keys have 32 bytes"))?;
        Ok(Self { key: LessSafeKey::new(key), context })
    }

    /// What the frames of this pack are bound to.
    pub const fn context(&self) -> &FrameContext {
        &self.context
    }

    fn nonce(number: u32) -> Nonce {
        let mut nonce = [0u8; 12];
        nonce[..4].copy_from_slice(&number.to_le_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    fn additional_data(&self, number: u32, ids: &[ChunkId]) -> Aad<Vec<u8>> {
        let mut data = Vec::with_capacity(100);
        data.extend_from_slice(b"holdfast frame");
        data.push(VERSION);
        data.push(self.context.kind.object() as u8);
        data.extend_from_slice(self.context.vault.as_bytes());
        data.extend_from_slice(self.context.pack.as_bytes());
        data.extend_from_slice(&number.to_le_bytes());
        data.extend_from_slice(hash_ids(ids).as_bytes());
        Aad::from(data)
    }

    /// Opens a frame in place and checks its tag; the ids of the chunks are the caller's to check.
    pub fn open(&self, number: u32, ids: &[ChunkId], ciphertext: &mut [u8]) -> Result<OpenFrame, Error> {
        let plain = self
            .key
            .open_in_place(Self::nonce(number), self.additional_data(number, ids), ciphertext)
            .map_err(|_| Error::Mismatch { what: WHAT, check: "authentication tag" })?;
        let mut reader = Reader::new(plain, WHAT);
        let method = reader.u8()?;
        let length = reader.u32()? as usize;
        let most = limits::FRAME_CONTENT_MAX + 3 * limits::FRAME_CHUNKS_MAX;
        if length > most {
            return Err(Error::TooLarge { what: WHAT, value: length as u64, limit: most as u64 });
        }
        let content = match method {
            STORED => reader.rest().to_vec(),
            ZSTD => decompress(reader.rest(), length)?,
            _ => return Err(Error::TooNew { what: WHAT }),
        };
        if content.len() != length {
            return Err(Error::malformed(WHAT, "the content has the length that it says"));
        }
        OpenFrame::parse(content, ids.len())
    }
}

impl std::fmt::Debug for PackCipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackCipher").field("context", &self.context).finish_non_exhaustive()
    }
}

fn hash_ids(ids: &[ChunkId]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    for id in ids {
        hasher.update(id.as_bytes());
    }
    hasher.finalize()
}

fn decompress(bytes: &[u8], length: usize) -> Result<Vec<u8>, Error> {
    thread_local! {
        static CONTEXT: std::cell::RefCell<zstd_safe::DCtx<'static>> = std::cell::RefCell::new(zstd_safe::DCtx::create());
    }
    let mut content = Vec::with_capacity(length);
    CONTEXT
        .with_borrow_mut(|context| context.decompress(&mut content, bytes))
        .map_err(|_| Error::malformed(WHAT, "the content is zstd of the length that it says"))?;
    Ok(content)
}

/// The opened content of a frame.
#[derive(Debug, Clone)]
pub struct OpenFrame {
    content: Vec<u8>,
    /// End of each chunk in `content`; the first begins at `start`.
    ends: Vec<u32>,
    start: u32,
}

impl OpenFrame {
    fn parse(content: Vec<u8>, count: usize) -> Result<Self, Error> {
        let mut reader = Reader::new(&content, WHAT);
        let mut lengths = Vec::with_capacity(count.min(limits::FRAME_CHUNKS_MAX));
        for _ in 0..count {
            lengths.push(reader.bounded(limits::FRAME_CONTENT_MAX)? as u32);
        }
        let start = (content.len() - reader.remaining()) as u32;
        let mut end = start;
        for length in &mut lengths {
            end = end.saturating_add(*length);
            *length = end;
        }
        if end as usize != content.len() {
            return Err(Error::malformed(WHAT, "the chunks fill it exactly"));
        }
        Ok(Self { content, ends: lengths, start })
    }

    /// Number of chunks.
    pub const fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when it has no chunk, which the format forbids.
    pub const fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of content, with the list of lengths.
    pub const fn size_bytes(&self) -> usize {
        self.content.len()
    }

    /// The chunk with this ordinal.
    pub fn chunk(&self, ordinal: u32) -> Option<&[u8]> {
        let at = ordinal as usize;
        let end = *self.ends.get(at)? as usize;
        let start = if at == 0 { self.start } else { self.ends[at - 1] } as usize;
        self.content.get(start..end)
    }

    /// The content of `count` chunks from the ordinal `first` on, as one piece; `None` unless all are here.
    pub fn chunks(&self, first: u32, count: u32) -> Option<&[u8]> {
        let (first, last) = (first as usize, (first as usize).checked_add(count as usize)?.checked_sub(1)?);
        let end = *self.ends.get(last)? as usize;
        let start = if first == 0 { self.start } else { *self.ends.get(first - 1)? } as usize;
        self.content.get(start..end)
    }
}

/// Collects chunks for one frame. Reused from frame to frame, so that its memory is taken once.
#[derive(Debug)]
pub struct FrameBuilder {
    target: usize,
    lengths: Vec<u8>,
    content: Vec<u8>,
    ids: Vec<ChunkId>,
}

impl Default for FrameBuilder {
    fn default() -> Self {
        Self::with_target(limits::FRAME_TARGET)
    }
}

impl FrameBuilder {
    /// An empty builder with the target of new vaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty builder whose frames are full when they have so many bytes of content: the vault's frame target.
    pub const fn with_target(target: usize) -> Self {
        Self { target, lengths: Vec::new(), content: Vec::new(), ids: Vec::new() }
    }

    /// True when the next chunk should go into another frame.
    pub const fn is_full(&self) -> bool {
        self.content.len() >= self.target || self.ids.len() >= limits::FRAME_CHUNKS_MAX
    }

    /// True when there is no chunk.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Bytes of the chunks so far.
    pub const fn content_bytes(&self) -> usize {
        self.content.len()
    }

    /// Appends a chunk and gives its ordinal.
    pub fn push(&mut self, id: ChunkId, content: &[u8]) -> u32 {
        self.lengths.put_varint(content.len() as u64);
        self.content.extend_from_slice(content);
        self.ids.push(id);
        self.ids.len() as u32 - 1
    }

    /// Compresses and encrypts what was collected as frame `number` of the cipher's pack, and starts over.
    pub fn seal(
        &mut self,
        cipher: &PackCipher,
        number: u32,
        compressor: &mut Compressor,
    ) -> Result<BuiltFrame, Error> {
        // The lengths go in front of the content: moving them there costs less than keeping room for them.
        let prefix = self.lengths.len();
        self.lengths.append(&mut self.content);
        std::mem::swap(&mut self.lengths, &mut self.content);
        let plain_bytes = self.content.len() - prefix;
        let mut sealed = compressor.compress(&self.content)?;
        let ids = std::mem::take(&mut self.ids);
        let tag = cipher
            .key
            .seal_in_place_separate_tag(
                PackCipher::nonce(number),
                cipher.additional_data(number, &ids),
                &mut sealed,
            )
            .map_err(|_| Error::Compression)?;
        sealed.extend_from_slice(tag.as_ref());
        self.content.clear();
        self.lengths.clear();
        let hash = *blake3::hash(&sealed).as_bytes();
        Ok(BuiltFrame { number, ids, hash, ciphertext: sealed, plain_bytes })
    }
}

/// A frame ready for its pack.
#[derive(Debug, Clone)]
pub struct BuiltFrame {
    /// Its number in the pack.
    pub number: u32,
    /// The ids of its chunks.
    pub ids: Vec<ChunkId>,
    /// BLAKE3 of the ciphertext.
    pub hash: [u8; 32],
    /// The ciphertext with its tag.
    pub ciphertext: Vec<u8>,
    /// Bytes of its chunks.
    pub plain_bytes: usize,
}

/// The levels at which zstd searches with a table for long matches and one for short ones.
const DOUBLE_FAST_LEVELS: RangeInclusive<i32> = 3..=4;
/// Those tables, half as large as zstd would make them: 384 KiB stay in a core's own cache of 512 KiB. A tenth less
/// processor time for a source tree that grows by 0.3 % (`docs/performance.md`).
const TABLES: [CParameter; 2] = [CParameter::HashLog(16), CParameter::ChainLog(15)];

/// One zstd context; each worker keeps its own.
pub struct Compressor {
    context: zstd_safe::CCtx<'static>,
    level: i32,
}

impl Compressor {
    /// A compressor of this zstd level (1 to 19; 3 is the default of the product).
    pub fn new(level: i32) -> Self {
        let mut context = zstd_safe::CCtx::create();
        let tables = if DOUBLE_FAST_LEVELS.contains(&level) { &TABLES[..] } else { &[] };
        for parameter in [CParameter::CompressionLevel(level)].iter().chain(tables) {
            let set = context.set_parameter(*parameter);
            debug_assert!(set.is_ok(), "zstd takes these for a frame of any size");
        }
        Self { context, level }
    }

    /// Method byte, length and the content, compressed where that makes it smaller.
    fn compress(&mut self, content: &[u8]) -> Result<Vec<u8>, Error> {
        let mut out =
            Vec::with_capacity(5 + zstd_safe::compress_bound(content.len()).max(content.len()) + 16);
        out.push(ZSTD);
        out.extend_from_slice(&(content.len() as u32).to_le_bytes());
        if !self.looks_incompressible(content) {
            let mut behind = Cursor::new(out);
            behind.set_position(5);
            self.context.compress2(&mut behind, content).map_err(|_| Error::Compression)?;
            out = behind.into_inner();
            if out.len() < 5 + content.len() {
                return Ok(out);
            }
            out.truncate(5);
        }
        out[0] = STORED;
        out.extend_from_slice(content);
        Ok(out)
    }

    /// True for content such as pictures and archives: its bytes are spread evenly and a probe does not shrink.
    /// zstd would find that out too, at several times the cost.
    fn looks_incompressible(&mut self, content: &[u8]) -> bool {
        const SAMPLES: usize = 4096;
        const PROBE: usize = 64 << 10;
        if content.len() < 4 * PROBE {
            return false;
        }
        let mut counts = [0u32; 256];
        for byte in content.iter().step_by(content.len() / SAMPLES).take(SAMPLES) {
            counts[*byte as usize] += 1;
        }
        // For evenly spread bytes the squares add up to about SAMPLES + SAMPLES² / 256 = 69,632, give or take 700.
        let squares: u64 = counts.iter().map(|count| u64::from(*count) * u64::from(*count)).sum();
        if squares > 73_000 {
            return false;
        }
        let middle = content.len() / 2;
        let mut probe = Vec::with_capacity(zstd_safe::compress_bound(PROBE));
        // With zstd's level 1, whatever that of the frames.
        self.context
            .compress(&mut probe, &content[middle..middle + PROBE], 1)
            .is_ok_and(|compressed| compressed > PROBE - PROBE / 50)
    }
}

impl std::fmt::Debug for Compressor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Compressor").field("level", &self.level).finish_non_exhaustive()
    }
}

/// A frame as it travels to a reader with keys: everything that is needed to open and check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFrame {
    /// What it is bound to.
    pub context: FrameContext,
    /// Its number in the pack.
    pub number: u32,
    /// The ids of its chunks.
    pub ids: Vec<ChunkId>,
    /// For frames of hunks, the clear range list of each.
    pub references: Vec<RangeList>,
    /// The ciphertext with its tag.
    pub ciphertext: Vec<u8>,
}

impl SealedFrame {
    /// The frame as bytes for the network.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(100 + 16 * self.ids.len() + self.ciphertext.len());
        out.push(self.context.kind.object() as u8);
        out.extend_from_slice(self.context.vault.as_bytes());
        out.extend_from_slice(self.context.pack.as_bytes());
        out.extend_from_slice(&self.context.key_generation.to_le_bytes());
        out.extend_from_slice(&self.context.salt);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.put_varint(self.ids.len() as u64);
        for id in &self.ids {
            out.extend_from_slice(id.as_bytes());
        }
        for list in &self.references {
            list.encode(&mut out);
        }
        out.put_bytes(&self.ciphertext);
        out
    }

    /// Reads what [`SealedFrame::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes, WHAT);
        let kind = PackKind::from_number(reader.u8()?, WHAT)?;
        let context = FrameContext {
            kind,
            vault: VaultId::from_bytes(reader.array()?),
            pack: PackId::from_bytes(reader.array()?),
            key_generation: reader.u32()?,
            salt: reader.array()?,
        };
        let number = reader.u32()?;
        let count = reader.bounded(limits::FRAME_CHUNKS_MAX.min(reader.remaining() / 16))?;
        let ids = read_ids(&mut reader, count)?;
        let mut references = Vec::new();
        if kind == PackKind::Hunk {
            for _ in 0..count {
                references.push(RangeList::decode(&mut reader, limits::HUNK_RANGES_MAX)?);
            }
        }
        let ciphertext = reader.bytes()?.to_vec();
        reader.finish()?;
        if ciphertext.len() > limits::FRAME_SEALED_MAX {
            let (value, limit) = (ciphertext.len() as u64, limits::FRAME_SEALED_MAX as u64);
            return Err(Error::TooLarge { what: WHAT, value, limit });
        }
        Ok(Self { context, number, ids, references, ciphertext })
    }
}

pub(crate) fn read_ids(reader: &mut Reader<'_>, count: usize) -> Result<Vec<ChunkId>, Error> {
    let bytes = reader.take(count * 16)?;
    Ok(bytes.as_chunks::<16>().0.iter().map(|id| ChunkId::from_bytes(*id)).collect())
}

#[cfg(test)]
mod tests;
