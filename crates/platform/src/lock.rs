//! A lock between processes, held on a file that stays where it is.

use crate::{Dir, Error, Result, sys};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// An exclusive lock; ends when dropped or when the process ends, however it ends. The file is left, since
/// removing it would let two processes lock two files of one name.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock on the file at `path`, which is made when missing (mode 0600), without waiting.
    /// [`Error::Locked`] names the process that wrote its id there last, so most likely the holder.
    pub fn try_exclusive(path: &Path) -> Result<Self> {
        let (dir, name) = Dir::open_parent_of(path)?;
        let mut file = sys::open_lock_file(&dir.handle, &name)?;
        if !sys::try_lock(&file)? {
            return Err(Error::Locked { path: path.to_owned(), holder: read_holder(&mut file) });
        }
        // Only a help for people: a full disk must not stop anybody from locking.
        let _ = write_holder(&mut file);
        Ok(Self { _file: file })
    }
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}
