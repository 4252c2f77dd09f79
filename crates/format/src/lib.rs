//! The storage format: bytes to structs and back, chunking and encryption, as `docs/format/` says.
//! No input or output, no clock; every decoder is bounded, returns errors for any input and is fuzzed.

pub mod chunker;
pub mod classes;
pub mod codec;
pub mod deletion;
pub mod entry;
pub mod error;
pub mod frame;
pub mod hunk;
pub mod keys;
pub mod labels;
pub mod limits;
pub mod object;
pub mod pack;
pub mod path;
pub mod ranges;
pub mod record;
mod seal;
pub mod segment;
pub mod snapshot;
pub mod wrap;

pub use error::Error;

/// The format version that this crate writes and reads.
pub const VERSION: u8 = 1;
