//! The platform crate against real file systems, in the folder for temporary files.
//! All tests pass as root and as an ordinary user, but for those whose name begins with `root_`.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "helpers of tests, as in the tests themselves")]

mod attributes;
mod contents;
mod durable;
mod entries;
mod listing;
mod paths;
mod process;
mod safety;
mod socket;

use platform::{Dir, Error};
use tempfile::TempDir;

/// A new folder, open. The first value removes it when dropped.
fn folder() -> (TempDir, Dir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = Dir::open_root(temp.path()).unwrap();
    (temp, dir)
}

/// Makes the file `name` with this content.
fn write(dir: &Dir, name: &[u8], content: &[u8]) {
    use std::io::Write;
    dir.create_file(name).unwrap().write_all(content).unwrap();
}

/// All of a file's content, without following a link.
fn read(dir: &Dir, name: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut content = Vec::new();
    dir.open_file(name).unwrap().read_to_end(&mut content).unwrap();
    content
}

/// EOPNOTSUPP, the answer of file systems without extended attributes of some kind.
fn is_not_supported(error: &Error) -> bool {
    error.errno() == Some(95)
}
