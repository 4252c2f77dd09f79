//! What an open file can tell and take beyond the standard library's part for every system: attributes, reads and
//! writes at an offset, where its data lies, hints to the cache, a lock.

use crate::{Node, Result, Stat, sys};
use std::fs::File;

/// A run of bytes that a file really stores; what lies between segments reads as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// First byte.
    pub offset: u64,
    /// Number of bytes, never 0.
    pub len: u64,
}

/// The attributes of an open file.
pub fn stat(file: &File) -> Result<Stat> {
    sys::stat(Node::File(file))
}

/// The stored segments of `file` below `size_bytes`, in order. Where the file system cannot tell, one segment
/// covers all. Moves the file's position: read with offsets (`read_at`).
pub const fn segments(file: &File, size_bytes: u64) -> Segments<'_> {
    Segments { file, at: 0, end: size_bytes }
}

/// Iterator over the stored segments of a file; ends after an error.
#[derive(Debug)]
pub struct Segments<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Iterator for Segments<'_> {
    type Item = Result<Segment>;

    fn next(&mut self) -> Option<Result<Segment>> {
        if self.at >= self.end {
            return None;
        }
        let from = std::mem::replace(&mut self.at, self.end);
        match sys::next_segment(self.file, from) {
            Ok(Some((offset, end))) if offset < self.end && end > offset => {
                self.at = end.min(self.end);
                Some(Ok(Segment { offset, len: self.at - offset }))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

/// Reads up to `buffer.len()` bytes at `offset`, and gives their number; 0 at the end. An interrupted call is made
/// again.
pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> Result<usize> {
    sys::read_at(file, buffer, offset)
}

/// Writes all of `bytes` at `offset`.
pub fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> Result<()> {
    sys::write_all_at(file, bytes, offset)
}

/// Tells the kernel that the file will be read from front to back. Only a hint: a kernel that takes none is no error.
pub fn will_read_through(file: &File) -> Result<()> {
    sys::will_read_through(file)
}

/// Asks for `len_bytes` that were written at `offset` to go to the medium soon, without waiting for it. Only a hint.
pub fn start_writeback(file: &File, offset: u64, len_bytes: u64) -> Result<()> {
    sys::start_writeback(file, offset, len_bytes)
}

/// Takes the exclusive lock between processes on this file unless another has it, which is false. It ends when the
/// file is closed.
pub fn try_lock(file: &File) -> Result<bool> {
    sys::try_lock(file)
}
