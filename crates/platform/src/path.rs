//! Names and paths of this system as bytes, the form that snapshots keep them in.

use crate::sys;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The bytes of a name or path.
pub fn bytes<T: AsRef<OsStr> + ?Sized>(path: &T) -> &[u8] {
    sys::path_bytes(path.as_ref())
}

/// The path that has these bytes.
pub fn from_bytes(bytes: &[u8]) -> &Path {
    sys::path_from_bytes(bytes)
}

/// The path that has these bytes, which it takes over.
pub fn from_vec(bytes: Vec<u8>) -> PathBuf {
    sys::path_from_vec(bytes)
}
