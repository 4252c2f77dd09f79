//! Checks a pack while its bytes arrive: every frame's hash, the table, the trailer.

use super::{FRAME_HEADER_LEN, HEADER_LEN, PackHeader, PackTable, TRAILER_LEN, WHAT};
use crate::{Error, limits};

/// Fed with a pack's bytes in pieces of any size; keeps only the table and the frames' hashes.
#[derive(Debug)]
pub struct PackScanner {
    state: State,
    /// Bytes of the part that is being collected.
    buffer: Vec<u8>,
    header: Option<([u8; HEADER_LEN], PackHeader)>,
    seen: Vec<Seen>,
    hasher: blake3::Hasher,
    position: u64,
}

#[derive(Debug)]
struct Seen {
    number: u32,
    offset: u32,
    length: u32,
    hash: [u8; 32],
}

#[derive(Debug, Clone, Copy)]
enum State {
    Header,
    FrameHeader,
    Frame { left: usize },
    Tail,
}

impl Default for PackScanner {
    fn default() -> Self {
        Self::new()
    }
}

impl PackScanner {
    /// Begins at the first byte of a pack.
    pub fn new() -> Self {
        Self {
            state: State::Header,
            buffer: Vec::new(),
            header: None,
            seen: Vec::new(),
            hasher: blake3::Hasher::new(),
            position: 0,
        }
    }

    /// Takes the next bytes; an error means that this is no pack, whatever follows.
    pub fn feed(&mut self, mut bytes: &[u8]) -> Result<(), Error> {
        if self.position + bytes.len() as u64 > limits::PACK_MAX as u64 {
            let value = self.position + bytes.len() as u64;
            return Err(Error::TooLarge { what: WHAT, value, limit: limits::PACK_MAX as u64 });
        }
        while !bytes.is_empty() {
            let used = match self.state {
                State::Header => self.collect(bytes, HEADER_LEN),
                State::FrameHeader => self.collect(bytes, FRAME_HEADER_LEN),
                State::Frame { left } => self.hash(&bytes[..bytes.len().min(left)], left),
                State::Tail => {
                    self.buffer.extend_from_slice(bytes);
                    bytes.len()
                }
            };
            bytes = &bytes[used..];
            self.position += used as u64;
            self.advance()?;
        }
        Ok(())
    }

    /// Moves bytes into the buffer until it holds `wanted`.
    fn collect(&mut self, bytes: &[u8], wanted: usize) -> usize {
        let used = bytes.len().min(wanted - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..used]);
        used
    }

    fn hash(&mut self, bytes: &[u8], left: usize) -> usize {
        self.hasher.update(bytes);
        self.state = State::Frame { left: left - bytes.len() };
        bytes.len()
    }

    /// Goes to the next part when the present one is whole.
    fn advance(&mut self) -> Result<(), Error> {
        match self.state {
            State::Header if self.buffer.len() == HEADER_LEN => {
                let mut bytes = [0u8; HEADER_LEN];
                bytes.copy_from_slice(&self.buffer);
                self.header = Some((bytes, PackHeader::decode(&bytes)?));
                self.next(State::FrameHeader);
            }
            State::FrameHeader if self.buffer.len() == FRAME_HEADER_LEN => self.begin_frame()?,
            State::Frame { left: 0 } => {
                let hash = *self.hasher.finalize().as_bytes();
                if let Some(seen) = self.seen.last_mut() {
                    seen.hash = hash;
                }
                self.hasher.reset();
                self.next(State::FrameHeader);
            }
            _ => {}
        }
        Ok(())
    }

    fn begin_frame(&mut self) -> Result<(), Error> {
        let word = |at: usize| {
            let mut bytes = [0u8; 4];
            bytes.copy_from_slice(&self.buffer[at..at + 4]);
            u32::from_le_bytes(bytes)
        };
        let (length, number) = (word(0), word(4));
        if length == 0 && number == u32::MAX {
            self.next(State::Tail);
            return Ok(());
        }
        if length as usize > limits::FRAME_SEALED_MAX
            || length <= 16
            || self.seen.len() >= limits::PACK_FRAMES_MAX
        {
            return Err(Error::malformed(WHAT, "its frames stay in bounds"));
        }
        self.seen.push(Seen { number, offset: self.position as u32, length, hash: [0; 32] });
        self.next(State::Frame { left: length as usize });
        Ok(())
    }

    fn next(&mut self, state: State) {
        self.buffer.clear();
        self.state = state;
    }

    /// The header, once its bytes were fed.
    pub fn header(&self) -> Option<&PackHeader> {
        self.header.as_ref().map(|(_, header)| header)
    }

    /// How many bytes were fed before what follows the frames, once that has begun. The scanner keeps all of the rest
    /// in memory.
    pub fn frames_end(&self) -> Option<u64> {
        matches!(self.state, State::Tail).then(|| self.position - self.buffer.len() as u64)
    }

    /// The table, when the pack is whole and every hash in it is that of the bytes that were fed.
    pub fn finish(mut self) -> Result<PackTable, Error> {
        let Some((header, _)) = self.header else { return Err(Error::Truncated { what: WHAT }) };
        if !matches!(self.state, State::Tail) || self.buffer.len() < TRAILER_LEN {
            return Err(Error::Truncated { what: WHAT });
        }
        let table = PackTable::open(&header, &self.buffer)?;
        self.seen.sort_by_key(|seen| seen.number);
        let as_told = table.frames.len() == self.seen.len()
            && table.frames.iter().zip(&self.seen).all(|(row, seen)| {
                (row.number, row.offset, row.length) == (seen.number, seen.offset, seen.length)
                    && row.hash == seen.hash
            });
        if as_told { Ok(table) } else { Err(Error::Mismatch { what: WHAT, check: "table" }) }
    }
}
