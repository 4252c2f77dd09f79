//! The binary bodies: look-ups, lists of frames, and streams of records behind their lengths.
//! What a record holds is the storage format's business; here are only the lengths around it.

use crate::{Error, limits};
use model::{ChunkId, Damaged, PackId, SnapshotId};

const ID_LEN: usize = 16;
const FRAME_LEN: usize = ID_LEN + 4;
const PLACE_LEN: usize = ID_LEN + 4 + 4;

/// Where a chunk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The pack.
    pub pack: PackId,
    /// The frame's number in the pack.
    pub frame: u32,
    /// The chunk's place in the frame.
    pub ordinal: u32,
}

/// Body of a look-up.
pub fn write_ids(ids: &[ChunkId]) -> Vec<u8> {
    ids.iter().flat_map(|id| *id.as_bytes()).collect()
}

/// Reads the body of a look-up: 1 to [`limits::LOOKUP_IDS`] ids.
pub fn read_ids(body: &[u8]) -> Result<Vec<ChunkId>, Error> {
    let ids = rows::<ID_LEN>("look-up", body, limits::LOOKUP_IDS)?;
    Ok(ids.iter().map(|id| ChunkId::from_bytes(*id)).collect())
}

/// Answer of a look-up; `None` where the vault has no such chunk.
pub fn write_places(places: &[Option<Place>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(places.len() * PLACE_LEN);
    for place in places {
        let absent = Place { pack: PackId::from_bytes([0; ID_LEN]), frame: 0, ordinal: 0 };
        let place = place.unwrap_or(absent);
        out.extend_from_slice(place.pack.as_bytes());
        out.extend_from_slice(&place.frame.to_le_bytes());
        out.extend_from_slice(&place.ordinal.to_le_bytes());
    }
    out
}

/// Reads the answer of a look-up of `asked` ids.
pub fn read_places(body: &[u8], asked: usize) -> Result<Vec<Option<Place>>, Error> {
    let (rows, rest) = body.as_chunks::<PLACE_LEN>();
    if rows.len() != asked || !rest.is_empty() {
        return Err(Error::malformed("answer of the look-up", "24 bytes per id"));
    }
    let read = |row: &[u8; PLACE_LEN]| {
        let (pack, numbers) = row.split_first_chunk::<ID_LEN>()?;
        let (frame, ordinal) = numbers.split_first_chunk::<4>()?;
        let place = Place {
            pack: PackId::from_bytes(*pack),
            frame: u32::from_le_bytes(*frame),
            ordinal: u32::from_le_bytes(ordinal.try_into().ok()?),
        };
        (*row != [0; PLACE_LEN]).then_some(place)
    };
    Ok(rows.iter().map(read).collect())
}

/// Body of a request for frames.
pub fn write_frame_list(frames: &[(PackId, u32)]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.len() * FRAME_LEN);
    for (pack, frame) in frames {
        out.extend_from_slice(pack.as_bytes());
        out.extend_from_slice(&frame.to_le_bytes());
    }
    out
}

/// Reads the body of a request for frames: 1 to [`limits::FRAMES`] of them.
pub fn read_frame_list(body: &[u8]) -> Result<Vec<(PackId, u32)>, Error> {
    frames_of("list of frames", body, limits::FRAMES)
}

fn frames_of(what: &'static str, body: &[u8], limit: usize) -> Result<Vec<(PackId, u32)>, Error> {
    let rows = rows::<FRAME_LEN>(what, body, limit)?;
    let read = |row: &[u8; FRAME_LEN]| {
        let (pack, frame) = row.split_first_chunk::<ID_LEN>()?;
        Some((PackId::from_bytes(*pack), u32::from_le_bytes(frame.try_into().ok()?)))
    };
    Ok(rows.iter().filter_map(read).collect())
}

fn rows<'a, const N: usize>(
    what: &'static str,
    body: &'a [u8],
    limit: usize,
) -> Result<&'a [[u8; N]], Error> {
    let (rows, rest) = body.as_chunks::<N>();
    if rows.is_empty() || !rest.is_empty() {
        return Err(Error::malformed(what, "one or more rows of equal length"));
    }
    Error::limit(what, rows.len(), limit)?;
    Ok(rows)
}

/// The number of a frame that stands for all of a pack; no frame has it.
const WHOLE_PACK: u32 = u32::MAX;

/// Answer with what is damaged: at most [`limits::DAMAGED`] rows.
pub fn write_damage(damaged: &[Damaged]) -> Vec<u8> {
    let rows: Vec<_> = damaged.iter().map(|one| (one.pack, one.frame.unwrap_or(WHOLE_PACK))).collect();
    write_frame_list(&rows)
}

/// Reads the answer with what is damaged, which may be nothing.
pub fn read_damage(body: &[u8]) -> Result<Vec<Damaged>, Error> {
    if body.is_empty() {
        return Ok(Vec::new());
    }
    let rows = frames_of("list of damage", body, limits::DAMAGED)?;
    let read = |(pack, frame)| Damaged { pack, frame: (frame != WHOLE_PACK).then_some(frame) };
    Ok(rows.into_iter().map(read).collect())
}

/// What stands before each segment in the answer of the index.
pub fn segment_header(length: u32) -> [u8; 4] {
    length.to_le_bytes()
}

/// The record of a snapshot's labels in an answer: its id, then the object.
pub fn labels_record(snapshot: SnapshotId, object: &[u8]) -> Vec<u8> {
    let mut out = ((ID_LEN + object.len()) as u32).to_le_bytes().to_vec();
    out.extend_from_slice(snapshot.as_bytes());
    out.extend_from_slice(object);
    out
}

/// Reads what a record of [`labels_record`] holds.
pub fn read_labels(record: &[u8]) -> Result<(SnapshotId, &[u8]), Error> {
    let parts = record.split_first_chunk::<ID_LEN>();
    let parts = parts.map(|(id, object)| (SnapshotId::from_bytes(*id), object));
    parts.ok_or(Error::malformed("labels", "a record begins with the id of a snapshot"))
}

/// What stands before a frame of `length` bytes in an answer.
pub fn frame_header(length: u32) -> [u8; 5] {
    record_header(STATUS_FRAME, length)
}

/// The whole record of a frame that cannot be given.
pub fn frame_refusal(code: model::Code) -> Vec<u8> {
    let text = code.as_str().as_bytes();
    let mut out = record_header(STATUS_ERROR, text.len() as u32).to_vec();
    out.extend_from_slice(text);
    out
}

const STATUS_FRAME: u8 = 0;
const STATUS_ERROR: u8 = 1;
/// An error record holds a code, and codes are short.
const CODE_MAX: usize = 64;
/// Memory that is taken for a record before its bytes have come.
const RESERVE_MAX: usize = 1 << 20;

fn record_header(status: u8, length: u32) -> [u8; 5] {
    let [a, b, c, d] = length.to_le_bytes();
    [status, a, b, c, d]
}

/// One record of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// A segment or a sealed frame.
    Object(Vec<u8>),
    /// Why a frame cannot be given: a code.
    Refusal(String),
}

/// Cuts a stream of bytes into records, holding one at a time.
#[derive(Debug)]
pub struct RecordReader {
    what: &'static str,
    with_status: bool,
    limit: usize,
    head: Vec<u8>,
    body: Option<(u8, usize, Vec<u8>)>,
}

impl RecordReader {
    /// Reads the answer of the index.
    pub const fn segments() -> Self {
        Self::new("index", false, limits::SEGMENT)
    }

    /// Reads the answer with labels.
    pub const fn labels() -> Self {
        Self::new("answer with labels", false, ID_LEN + limits::LABELS)
    }

    /// Reads the answer of a request for frames.
    pub const fn frames() -> Self {
        Self::new("answer with frames", true, limits::FRAME_RECORD)
    }

    const fn new(what: &'static str, with_status: bool, limit: usize) -> Self {
        Self { what, with_status, limit, head: Vec::new(), body: None }
    }

    /// Takes bytes from the front of `input` until a record is whole or `input` is empty.
    pub fn next_record(&mut self, input: &mut &[u8]) -> Result<Option<Record>, Error> {
        if self.body.is_none() && !self.read_head(input)? {
            return Ok(None);
        }
        let Some((_, length, body)) = &mut self.body else { return Ok(None) };
        let (taken, rest) = input.split_at((*length - body.len()).min(input.len()));
        body.extend_from_slice(taken);
        *input = rest;
        if body.len() < *length {
            return Ok(None);
        }
        let Some((status, _, body)) = self.body.take() else { return Ok(None) };
        if status == STATUS_FRAME {
            return Ok(Some(Record::Object(body)));
        }
        let code = String::from_utf8(body).ok().filter(|code| code.bytes().all(|b| b.is_ascii_graphic()));
        let rule = "an error holds a code";
        code.map(|code| Some(Record::Refusal(code))).ok_or(Error::malformed(self.what, rule))
    }

    fn read_head(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let size = if self.with_status { 5 } else { 4 };
        let (taken, rest) = input.split_at((size - self.head.len()).min(input.len()));
        self.head.extend_from_slice(taken);
        *input = rest;
        if self.head.len() < size {
            return Ok(false);
        }
        let status = if self.with_status { self.head[0] } else { STATUS_FRAME };
        let Some(length) = self.head.last_chunk::<4>() else { return Ok(false) };
        let length = u32::from_le_bytes(*length) as usize;
        self.head.clear();
        let limit = match status {
            STATUS_FRAME => self.limit,
            STATUS_ERROR => CODE_MAX,
            _ => return Err(Error::malformed(self.what, "the status is 0 or 1")),
        };
        Error::limit(self.what, length, limit)?;
        self.body = Some((status, length, Vec::with_capacity(length.min(RESERVE_MAX))));
        Ok(true)
    }

    /// True between records. Asked at the end of the stream: anything else was cut short.
    pub const fn is_between(&self) -> bool {
        self.head.is_empty() && self.body.is_none()
    }
}

#[cfg(test)]
mod tests;
