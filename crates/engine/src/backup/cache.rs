//! The cache file of a set: the last snapshot's hunks with the ids of their chunks.
//!
//! It is written beside the run and put in place after the commit; it may be deleted at any time.
//! A file that is damaged, cut or of another binding counts as absent.

use super::base::{BaseHeader, BaseHunk};
use super::held::HeldClasses;
use crate::EngineError;
use format::codec::{Put, Reader};
use format::hunk::Hunk;
use format::ranges::Address;
use format::snapshot::Root;
use model::{ChunkId, DeviceId, Finding, FindingReason, PackId, SetId, SnapshotId, Timestamp, VaultId};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"HFBASE02";
const HUNK: u8 = 1;
const HEADER: u8 = 2;
const WHAT: &str = "cache";
/// Of the hash after a section.
const HASH_LEN: usize = 16;
/// Length, type and hash around a section.
const SECTION_OVERHEAD: usize = 4 + 1 + HASH_LEN;
const SECTION_MAX: usize = 256 << 20;
/// The file ends with the length of the header's section, so that it can be found from the end.
const END_LEN: usize = 8;

/// A part of the file.
#[derive(Debug)]
pub(super) struct Section {
    bytes: Vec<u8>,
    /// The beginning of their BLAKE3.
    hash: [u8; HASH_LEN],
}

impl Section {
    fn new(bytes: Vec<u8>) -> Self {
        let mut hash = [0; HASH_LEN];
        hash.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..HASH_LEN]);
        Self { bytes, hash }
    }
}

/// The cache of the snapshot that a run makes. A run goes on without it when it cannot be written: the next one reads
/// its base from the server then.
pub(super) struct NextCache(Option<CacheWriter>);

impl NextCache {
    /// Begins it beside the cache in place.
    pub(super) fn create(cache: &Path, set: SetId) -> Self {
        Self::of(CacheWriter::create(cache, set))
    }

    /// Appends a hunk.
    pub(super) fn push(&mut self, id: ChunkId, address: Address, bytes: &[u8], ids: &[ChunkId]) {
        self.write(|writer| writer.push(id, address, bytes, ids));
    }

    /// Appends a hunk of the base as it stands there.
    pub(super) fn push_same(&mut self, hunk: &BaseHunk) {
        self.write(|writer| writer.section(HUNK, &hunk.section));
    }

    fn write(&mut self, write: impl FnOnce(&mut CacheWriter) -> Result<(), EngineError>) {
        if let Some(Err(error)) = self.0.as_mut().map(write) {
            *self = Self::of(Err(error));
        }
    }

    /// A copy of what was written so far, for a checkpoint.
    pub(super) fn fork(&mut self) -> Self {
        self.0.as_mut().map_or(Self(None), |writer| Self::of(writer.fork()))
    }

    /// Puts it in place.
    pub(super) fn finish(self, header: &BaseHeader) {
        if let Some(Err(error)) = self.0.map(|writer| writer.finish(header)) {
            Self::of(Err(error));
        }
    }

    fn of(writer: Result<CacheWriter, EngineError>) -> Self {
        Self(writer.inspect_err(|error| tracing::warn!(%error, "the cache cannot be kept")).ok())
    }
}

/// Writes a cache file beside the one in place. What was not finished is removed.
pub(super) struct CacheWriter {
    out: BufWriter<File>,
    temp: PathBuf,
    is_finished: bool,
}

impl CacheWriter {
    /// Begins a file in the folder `cache`, which is made when it is missing.
    pub(super) fn create(cache: &Path, set: SetId) -> Result<Self, EngineError> {
        let temp = cache.join(format!("base-{set}.writing"));
        let create = || {
            std::fs::create_dir_all(cache)?;
            let mut out = BufWriter::with_capacity(256 << 10, File::create(&temp)?);
            out.write_all(MAGIC)?;
            Ok(out)
        };
        let out = create().map_err(|error| local(&temp, &error))?;
        Ok(Self { out, temp, is_finished: false })
    }

    /// Appends a hunk.
    pub(super) fn push(
        &mut self,
        id: ChunkId,
        address: Address,
        bytes: &[u8],
        ids: &[ChunkId],
    ) -> Result<(), EngineError> {
        let mut section = Vec::with_capacity(64 + bytes.len() + 16 * ids.len());
        section.extend_from_slice(id.as_bytes());
        section.extend_from_slice(address.pack.as_bytes());
        section.put_varint(u64::from(address.frame));
        section.put_varint(u64::from(address.ordinal));
        section.put_bytes(bytes);
        ids.iter().for_each(|id| section.extend_from_slice(id.as_bytes()));
        self.section(HUNK, &Section::new(section))
    }

    /// Copies what was written so far into a second writer.
    fn fork(&mut self) -> Result<Self, EngineError> {
        let temp = self.temp.with_extension("checkpoint");
        let fork = |from: &mut Self| {
            from.out.flush()?;
            std::fs::copy(&from.temp, &temp)?;
            Ok(BufWriter::new(File::options().append(true).open(&temp)?))
        };
        let out = fork(self).map_err(|error| local(&temp, &error))?;
        Ok(Self { out, temp, is_finished: false })
    }

    /// Writes the header last, and puts the file in place.
    pub(super) fn finish(mut self, header: &BaseHeader) -> Result<(), EngineError> {
        let section = Section::new(encode_header(header));
        self.section(HEADER, &section)?;
        let place = self.temp.with_file_name(file_name(header.set));
        let put = |writer: &mut Self| {
            writer.out.write_all(&((section.bytes.len() + SECTION_OVERHEAD) as u64).to_le_bytes())?;
            writer.out.flush()?;
            std::fs::rename(&writer.temp, &place)?;
            writer.is_finished = true;
            Ok(())
        };
        put(&mut self).map_err(|error| local(&place, &error))
    }

    fn section(&mut self, kind: u8, section: &Section) -> Result<(), EngineError> {
        let write = |out: &mut BufWriter<File>| {
            out.write_all(&(section.bytes.len() as u32).to_le_bytes())?;
            out.write_all(&[kind])?;
            out.write_all(&section.bytes)?;
            out.write_all(&section.hash)
        };
        write(&mut self.out).map_err(|error| local(&self.temp, &error))
    }
}

impl Drop for CacheWriter {
    fn drop(&mut self) {
        if !self.is_finished {
            // What stays is replaced by the next run.
            let _ = std::fs::remove_file(&self.temp);
        }
    }
}

/// An opened cache file.
pub(super) struct CacheReader {
    input: BufReader<File>,
    path: PathBuf,
    /// Where the header's section begins: hunks end there.
    end: u64,
    position: u64,
    pub(super) header: BaseHeader,
}

impl CacheReader {
    /// Opens the set's cache; `None` when there is none that can be used.
    pub(super) fn open(cache: &Path, vault: VaultId, device: DeviceId, set: SetId) -> Option<Self> {
        let path = cache.join(file_name(set));
        let file = File::open(&path).ok()?;
        let reader = Self::read_header(file, path.clone());
        match reader {
            Ok(reader)
                if (reader.header.vault, reader.header.device, reader.header.set) == (vault, device, set) =>
            {
                Some(reader)
            }
            Ok(_) => None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "the cache cannot be used and is read from the server");
                None
            }
        }
    }

    fn read_header(file: File, path: PathBuf) -> io::Result<Self> {
        let size = file.metadata()?.len();
        let mut input = BufReader::with_capacity(256 << 10, file);
        let mut magic = [0u8; MAGIC.len()];
        input.read_exact(&mut magic)?;
        let mut end = [0u8; END_LEN];
        input.seek(SeekFrom::Start(size.checked_sub(END_LEN as u64).ok_or_else(cut)?))?;
        input.read_exact(&mut end)?;
        let header_start = (size - END_LEN as u64).checked_sub(u64::from_le_bytes(end)).ok_or_else(cut)?;
        if &magic != MAGIC || header_start < MAGIC.len() as u64 {
            return Err(cut());
        }
        input.seek(SeekFrom::Start(header_start))?;
        let (kind, section) = read_section(&mut input)?;
        let header = decode_header(&section.bytes).ok().filter(|_| kind == HEADER).ok_or_else(cut)?;
        let position = MAGIC.len() as u64;
        input.seek(SeekFrom::Start(position))?;
        Ok(Self { input, path, end: header_start, position, header })
    }
}

impl Iterator for CacheReader {
    type Item = Result<BaseHunk, EngineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.position >= self.end {
            return None;
        }
        let hunk = read_section(&mut self.input).and_then(|(kind, section)| {
            self.position += (section.bytes.len() + SECTION_OVERHEAD) as u64;
            decode_hunk(section).ok().filter(|_| kind == HUNK).ok_or_else(cut)
        });
        if hunk.is_err() {
            self.position = self.end;
        }
        Some(hunk.map_err(|error| local(&self.path, &error)))
    }
}

/// Removes a cache that turned out to be unusable.
pub(super) fn remove(cache: &Path, set: SetId) {
    // It may be gone already, and what stays is refused again at the next start.
    let _ = std::fs::remove_file(cache.join(file_name(set)));
}

/// The error of a run that cannot go on without the cache that was there just now.
pub(super) fn vanished(cache: &Path, set: SetId) -> EngineError {
    local(&cache.join(file_name(set)), &io::ErrorKind::NotFound.into())
}

fn file_name(set: SetId) -> String {
    format!("base-{set}")
}

fn cut() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the cache file is damaged")
}

fn local(path: &Path, error: &io::Error) -> EngineError {
    EngineError::Local { path: path.to_owned(), source: platform::Error::from_io("use cache", error) }
}

fn read_section(input: &mut BufReader<File>) -> io::Result<(u8, Section)> {
    let mut front = [0u8; 5];
    input.read_exact(&mut front)?;
    let length = u32::from_le_bytes([front[0], front[1], front[2], front[3]]) as usize;
    if length > SECTION_MAX {
        return Err(cut());
    }
    let mut bytes = vec![0u8; length];
    input.read_exact(&mut bytes)?;
    let mut hash = [0u8; HASH_LEN];
    input.read_exact(&mut hash)?;
    let section = Section::new(bytes);
    if section.hash != hash {
        return Err(cut());
    }
    Ok((front[4], section))
}

fn decode_hunk(section: Section) -> Result<BaseHunk, format::Error> {
    let mut reader = Reader::new(&section.bytes, WHAT);
    let id = ChunkId::from_bytes(reader.array()?);
    let pack = PackId::from_bytes(reader.array()?);
    let address = Address { pack, frame: reader.varint_u32()?, ordinal: reader.varint_u32()? };
    let hunk = Hunk::decode(reader.bytes()?)?;
    let ids = reader.rest().as_chunks::<16>().0.iter().map(|id| ChunkId::from_bytes(*id)).collect();
    BaseHunk::new(id, address, hunk, ids, section)
}

fn encode_header(header: &BaseHeader) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(header.vault.as_bytes());
    out.extend_from_slice(header.device.as_bytes());
    out.extend_from_slice(header.set.as_bytes());
    out.extend_from_slice(header.snapshot.as_bytes());
    out.push(u8::from(header.complete));
    out.put_varint(header.findings.len() as u64);
    for finding in &header.findings {
        out.put_bytes(&finding.path);
        out.push(finding.reason.number());
        out.put_zigzag(i64::from(finding.errno));
        out.put_zigzag(finding.first_seen.as_micros());
        out.push(u8::from(finding.kept_previous));
    }
    out.put_varint(header.roots.len() as u64);
    for root in &header.roots {
        out.put_bytes(&root.path);
        out.put_varint(root.fs_id);
        out.push(u8::from(root.mount_point));
        out.put_bytes(&root.fs_type);
    }
    header.held.encode(&mut out);
    out
}

fn decode_header(bytes: &[u8]) -> Result<BaseHeader, format::Error> {
    let mut reader = Reader::new(bytes, WHAT);
    let mut header = BaseHeader {
        vault: VaultId::from_bytes(reader.array()?),
        device: DeviceId::from_bytes(reader.array()?),
        set: SetId::from_bytes(reader.array()?),
        snapshot: SnapshotId::from_bytes(reader.array()?),
        complete: reader.u8()? != 0,
        findings: Vec::new(),
        roots: Vec::new(),
        held: HeldClasses::default(),
    };
    for _ in 0..reader.count()? {
        let path = reader.bytes()?.to_vec();
        let unknown = format::Error::TooNew { what: WHAT };
        let reason = FindingReason::from_number(reader.u8()?).ok_or(unknown)?;
        let errno = reader.zigzag()? as i32;
        let first_seen = Timestamp::from_micros(reader.zigzag()?);
        header.findings.push(Finding { path, reason, errno, first_seen, kept_previous: reader.u8()? != 0 });
    }
    for _ in 0..reader.count()? {
        let path = reader.bytes()?.to_vec();
        let (fs_id, mount_point) = (reader.varint()?, reader.u8()? != 0);
        header.roots.push(Root { path, fs_id, mount_point, fs_type: reader.bytes()?.to_vec() });
    }
    header.held = HeldClasses::decode(&mut reader)?;
    reader.finish()?;
    Ok(header)
}

#[cfg(test)]
mod tests;
