//! The header that every object starts with, and the envelope of the small ones.

use crate::codec::Reader;
use crate::{Error, VERSION};

/// Length of the common header in bytes.
pub const HEADER_LEN: usize = 8;
const MAGIC: &[u8; 4] = b"HOLD";

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ObjectKind {
    /// A pack of file content.
    DataPack = 1,
    /// A pack of hunks.
    HunkPack = 2,
    /// A vault's format record.
    FormatRecord = 3,
    /// A segment of a vault's index.
    Segment = 4,
    /// A snapshot.
    Snapshot = 5,
    /// A deletion record.
    Deletion = 6,
    /// The labels of a snapshot.
    Labels = 7,
}

impl ObjectKind {
    const fn what(self) -> &'static str {
        match self {
            Self::DataPack | Self::HunkPack => "pack",
            Self::FormatRecord => "format record",
            Self::Segment => "index segment",
            Self::Snapshot => "snapshot",
            Self::Deletion => "deletion record",
            Self::Labels => "labels",
        }
    }
}

/// The 8 bytes of a header.
pub const fn header(kind: ObjectKind) -> [u8; HEADER_LEN] {
    [MAGIC[0], MAGIC[1], MAGIC[2], MAGIC[3], kind as u8, VERSION, 0, 0]
}

/// Reads a header and says which of the expected kinds it is.
pub fn read_header(reader: &mut Reader<'_>, expected: &[ObjectKind]) -> Result<ObjectKind, Error> {
    let what = expected.first().map_or("object", |kind| kind.what());
    if &reader.array::<4>()? != MAGIC {
        return Err(Error::malformed(what, "it starts with HOLD"));
    }
    let (kind, version, flags) = (reader.u8()?, reader.u8()?, reader.u16()?);
    if version > VERSION || flags != 0 {
        return Err(Error::TooNew { what });
    }
    let kind = expected.iter().copied().find(|candidate| *candidate as u8 == kind);
    match kind {
        Some(kind) if version == VERSION => Ok(kind),
        _ => Err(Error::malformed(what, "kind and version are known")),
    }
}

/// Wraps the body of a small object: header, length, body, hash.
pub fn seal_envelope(kind: ObjectKind, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + 4 + body.len() + 32);
    out.extend_from_slice(&header(kind));
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    out.extend_from_slice(body);
    let hash = blake3::hash(&out);
    out.extend_from_slice(hash.as_bytes());
    out
}

/// Checks a small object and gives its body.
pub fn open_envelope(bytes: &[u8], kind: ObjectKind) -> Result<&[u8], Error> {
    let what = kind.what();
    let mut reader = Reader::new(bytes, what);
    read_header(&mut reader, &[kind])?;
    let length = reader.u32()? as usize;
    let body = reader.take(length)?;
    let hash = reader.array::<32>()?;
    reader.finish()?;
    if blake3::hash(&bytes[..HEADER_LEN + 4 + length]).as_bytes() != &hash {
        return Err(Error::Mismatch { what, check: "hash" });
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let sealed = seal_envelope(ObjectKind::Deletion, b"body");
        assert_eq!(open_envelope(&sealed, ObjectKind::Deletion).unwrap(), b"body");
        assert!(open_envelope(&sealed, ObjectKind::Snapshot).is_err());
        for bit in 0..sealed.len() * 8 {
            let mut broken = sealed.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(open_envelope(&broken, ObjectKind::Deletion).is_err(), "bit {bit}");
        }
    }
}
