//! Reading a segment of any size with little memory: its data ids stay in the store.

use super::Log;
use crate::Error;
use crate::objects::Objects;
use blobs::{BlobReader, ErrorKind};
use format::segment::{Segment, SegmentScanner, SparseIds};

/// What is read at once, in bytes.
const PIECE: usize = 1 << 20;

/// A segment whose data ids stay in the store.
pub(super) struct Scanned {
    /// All of it but the data ids.
    pub(super) segment: Segment,
    /// Where these lie in the object.
    pub(super) data_ids: SparseIds,
    pub(super) object: Box<dyn BlobReader>,
}

/// Reads a segment to its end and checks it; `None` when it is not there.
pub(super) fn scan(objects: &Objects, from: u64, to: u64) -> Result<Option<Scanned>, Error> {
    let key = objects.names.segment(from, to)?;
    let object = match objects.store.open(&key) {
        Ok(object) => object,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let damaged = |source| Error::Damaged { key: key.clone(), source };
    let mut scanner = SegmentScanner::new();
    let (mut offset, size) = (0, object.size_bytes());
    let mut piece = vec![0; PIECE];
    while offset < size {
        let length = PIECE.min(usize::try_from(size - offset).unwrap_or(PIECE));
        object.read_at(offset, &mut piece[..length])?;
        scanner.feed(&piece[..length]).map_err(damaged)?;
        offset += length as u64;
    }
    let (segment, data_ids) = scanner.finish().map_err(damaged)?;
    Ok(Some(Scanned { segment, data_ids, object }))
}

impl Log {
    /// As [`scan`], of this log.
    pub(super) fn scan(&self, from: u64, to: u64) -> Result<Option<Scanned>, Error> {
        scan(&self.objects, from, to)
    }
}
