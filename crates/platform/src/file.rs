//! What an open file can tell and take beyond the standard library: attributes, where its data lies, hints
//! to the cache, holes.

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

/// How a file will be read, for the kernel's cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// From front to back.
    Sequential,
    /// Soon: start reading it in.
    WillNeed,
    /// Not again: its pages may go, so that a backup does not push out the user's files.
    DontNeed,
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

/// Tells the kernel how `len_bytes` from `offset` will be used; 0 means to the end. Only a hint: a kernel
/// that takes none is no error.
pub fn advise(file: &File, offset: u64, len_bytes: u64, advice: Advice) -> Result<()> {
    sys::advise(file, offset, len_bytes, advice)
}

/// Turns a range into a hole that reads as zeros; the length of the file stays.
pub fn punch_hole(file: &File, offset: u64, len_bytes: u64) -> Result<()> {
    sys::punch_hole(file, offset, len_bytes)
}
