//! Files that are there whole or not at all, also after a loss of power: written under a temporary name,
//! synced, renamed, and the directory synced.

use crate::{Dir, Error, Node, Result, sys};
use model::failpoint;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Begins every temporary name of this module. What a kill leaves behind is recognised by it.
pub const TEMP_PREFIX: &[u8] = b".holdfast-tmp-";

/// Puts `bytes` at `path` with exactly `mode`, replacing what is there; durable on return.
pub fn write_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let (dir, name) = Dir::open_parent_of(path)?;
    dir.write_file(&name, bytes, mode)
}

/// As [`write_file`], but a path that is taken is an error and stays as it is.
pub fn write_new_file(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let (dir, name) = Dir::open_parent_of(path)?;
    dir.write_new_file(&name, bytes, mode)
}

/// Makes the folder at `path` and those above it that are missing, each with exactly `mode` and durable on
/// return. Folders that exist keep their mode.
pub fn create_dir_all(path: &Path, mode: u32) -> Result<Dir> {
    match Dir::open_root(path) {
        Err(error) if error.is_not_found() => {}
        answer => return answer,
    }
    let (parent, name) = sys::split_last(path);
    let dir = create_dir_all(&parent, mode)?;
    match dir.create_dir(&name, 0o700) {
        Ok(()) => {
            let made = dir.open_child(&name)?;
            Node::Dir(&made).set_mode(mode)?;
            made.sync()?;
            dir.sync()?;
            Ok(made)
        }
        // Another process was faster, and may not have synced it yet.
        Err(error) if error.is_already_exists() => {
            dir.sync()?;
            dir.open_child(&name)
        }
        Err(error) => Err(error),
    }
}

/// Returns once the names in the directory at `path` are on stable storage.
pub fn sync_dir(path: &Path) -> Result<()> {
    Dir::open_root(path)?.sync()
}

impl Dir {
    /// Puts `bytes` at `name` with exactly `mode`, replacing what is there; durable on return.
    pub fn write_file(&self, name: &[u8], bytes: &[u8], mode: u32) -> Result<()> {
        self.write_durably(bytes, mode, |temp| self.rename_over(temp, name))
    }

    /// As [`Self::write_file`], but a name that is taken is an error and stays as it is. Where the file system
    /// allows it, the file has no name before it is whole, so that a kill leaves nothing of it in a folder that may
    /// be the user's.
    pub fn write_new_file(&self, name: &[u8], bytes: &[u8], mode: u32) -> Result<()> {
        failpoint::hit("durable.before_create");
        let Some(mut file) = self.create_unnamed()? else {
            return self.write_durably(bytes, mode, |temp| self.rename_noreplace(temp, name));
        };
        write_all(&mut file, bytes, mode)?;
        self.name_unnamed(&file, name)?;
        self.sync_renamed()
    }

    fn write_durably(&self, bytes: &[u8], mode: u32, rename: impl FnOnce(&[u8]) -> Result<()>) -> Result<()> {
        failpoint::hit("durable.before_create");
        let (temp, mut file) = self.create_temp(TEMP_PREFIX)?;
        let written = write_all(&mut file, bytes, mode).and_then(|()| rename(&temp));
        if written.is_err() {
            // The first error is the one to report; the leftover is recognisable.
            let _ = self.remove_file(&temp);
        }
        written?;
        self.sync_renamed()
    }

    fn sync_renamed(&self) -> Result<()> {
        failpoint::hit("durable.after_rename");
        self.sync()?;
        failpoint::hit("durable.after_sync");
        Ok(())
    }

    /// Removes temporary files of this module that a kill left behind, and gives their number. The caller
    /// holds a lock on the directory: a writer at work would lose its file.
    pub fn remove_leftovers(&self) -> Result<usize> {
        let mut removed = 0;
        for entry in &self.names()? {
            if entry.name.starts_with(TEMP_PREFIX) {
                self.remove_file(entry.name)?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

fn write_all(file: &mut File, bytes: &[u8], mode: u32) -> Result<()> {
    failpoint::hit("durable.before_write");
    file.write_all(bytes).map_err(|error| Error::from_io("write file", &error))?;
    Node::File(file).set_mode(mode)?;
    failpoint::hit("durable.before_sync");
    file.sync_all().map_err(|error| Error::from_io("sync file", &error))?;
    failpoint::hit("durable.before_rename");
    Ok(())
}
