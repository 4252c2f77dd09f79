//! Modes and owners of what is reached by its path; symbolic links are followed.

use crate::{Result, sys};
use std::fs::File;
use std::path::Path;

/// The permission bits of what is at `path`, `0o7777` at most.
pub fn mode(path: &Path) -> Result<u32> {
    sys::path_mode(path)
}

/// Sets the permission bits of what is at `path`, whatever the umask.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    sys::set_path_mode(path, mode)
}

/// The user that owns what is at `path`.
pub fn owner(path: &Path) -> Result<u32> {
    sys::path_owner(path)
}

/// Makes a file for writing that has `mode`, less the umask, from its first moment; a path that is taken is an error.
pub fn create_new_file(path: &Path, mode: u32) -> Result<File> {
    sys::create_new_file(path, mode)
}
