//! Making, renaming and removing entries of an open directory.
//! Nothing here follows a symbolic link, so nothing is ever written outside the directory.

use crate::dir::check_name;
use crate::{Dir, FileKind, Result, sys};
use std::fs::File;

impl Dir {
    /// Makes the directory `name`; the process's umask is taken off `mode`.
    pub fn create_dir(&self, name: &[u8], mode: u32) -> Result<()> {
        check_name("create folder", name)?;
        sys::create_dir(&self.handle, name, mode)
    }

    /// Makes a new file, mode 0600, open for reading and writing, and gives its name: `prefix` and 16
    /// random hexadecimal digits.
    pub fn create_temp(&self, prefix: &[u8]) -> Result<(Vec<u8>, File)> {
        // A name that is taken is next to impossible; a file system on which every name is must not hang us.
        let mut attempts = 16;
        loop {
            let name = temp_name(prefix)?;
            attempts -= 1;
            match self.create_file(&name) {
                Err(error) if error.is_already_exists() && attempts > 0 => {}
                answer => return answer.map(|file| (name, file)),
            }
        }
    }

    /// Makes the new file `name`, mode 0600, open for reading and writing; a name that is taken is an error.
    pub fn create_file(&self, name: &[u8]) -> Result<File> {
        self.create_file_as(name, 0o600)
    }

    /// The same with another mode, which need not allow what the open file does. The umask is taken off it.
    pub fn create_file_as(&self, name: &[u8], mode: u32) -> Result<File> {
        check_name("create file", name)?;
        sys::create_file(&self.handle, name, mode)
    }

    /// Makes a file without a name in this directory, mode 0600, open for reading and writing; it goes when it is
    /// closed. `None` where that cannot be, or could not be named afterwards.
    pub fn create_unnamed(&self) -> Result<Option<File>> {
        sys::create_unnamed(&self.handle)
    }

    /// Gives a file of [`Self::create_unnamed`] its name; a name that is taken is an error.
    pub fn name_unnamed(&self, file: &File, name: &[u8]) -> Result<()> {
        check_name("create file", name)?;
        sys::name_unnamed(&self.handle, file, name)
    }

    /// Opens the file `name` for reading and writing, without following a symbolic link or waiting for the
    /// other end of a named pipe; its content stays.
    pub fn open_file_to_write(&self, name: &[u8]) -> Result<File> {
        check_name("open file", name)?;
        sys::open_file_to_write(&self.handle, name)
    }

    /// Renames `from` to `to`, replacing what is there.
    pub fn rename_over(&self, from: &[u8], to: &[u8]) -> Result<()> {
        self.move_over(from, self, to)
    }

    /// Renames `from` to `to`; a name that is taken is an error, in one step without a gap.
    pub fn rename_noreplace(&self, from: &[u8], to: &[u8]) -> Result<()> {
        self.move_noreplace(from, self, to)
    }

    /// Moves `from` to the name `to` in another directory of the same file system, replacing what is there.
    pub fn move_over(&self, from: &[u8], dir: &Self, to: &[u8]) -> Result<()> {
        check_name("rename", from)?;
        check_name("rename", to)?;
        sys::move_over(&self.handle, from, &dir.handle, to)
    }

    /// As [`Self::move_over`]; a name that is taken is an error, in one step without a gap.
    pub fn move_noreplace(&self, from: &[u8], dir: &Self, to: &[u8]) -> Result<()> {
        check_name("rename", from)?;
        check_name("rename", to)?;
        sys::move_noreplace(&self.handle, from, &dir.handle, to)
    }

    /// Swaps the entries `a` and `b` in one step.
    pub fn exchange(&self, a: &[u8], b: &[u8]) -> Result<()> {
        check_name("exchange", a)?;
        check_name("exchange", b)?;
        sys::exchange(&self.handle, a, b)
    }

    /// Makes the symbolic link `name` that holds `target`.
    pub fn create_symlink(&self, target: &[u8], name: &[u8]) -> Result<()> {
        check_name("create symlink", name)?;
        sys::create_symlink(&self.handle, target, name)
    }

    /// Makes a named pipe, socket or device; `rdev` is its major and minor number. The umask is taken off
    /// `mode`. Other kinds are refused.
    pub fn create_special(&self, name: &[u8], kind: FileKind, rdev: (u32, u32), mode: u32) -> Result<()> {
        check_name("create special file", name)?;
        sys::create_special(&self.handle, name, kind, rdev, mode)
    }

    /// Gives the file `from_name` of `from` the further name `name` here; a symbolic link is linked itself.
    pub fn create_hard_link(&self, from: &Self, from_name: &[u8], name: &[u8]) -> Result<()> {
        check_name("create hard link", from_name)?;
        check_name("create hard link", name)?;
        sys::create_hard_link(&from.handle, from_name, &self.handle, name)
    }

    /// Removes the entry `name`, which is not a directory.
    pub fn remove_file(&self, name: &[u8]) -> Result<()> {
        check_name("remove file", name)?;
        sys::remove_file(&self.handle, name)
    }

    /// Removes the empty directory `name`.
    pub fn remove_dir(&self, name: &[u8]) -> Result<()> {
        check_name("remove folder", name)?;
        sys::remove_dir(&self.handle, name)
    }

    /// Returns once the directory's names are on stable storage.
    pub fn sync(&self) -> Result<()> {
        sys::sync_dir(&self.handle)
    }

    /// Returns once everything written to this directory's file system is on stable storage.
    pub fn sync_file_system(&self) -> Result<()> {
        sys::sync_file_system(&self.handle)
    }
}

/// A name that nobody has: `prefix` and 16 random hexadecimal digits. For entries other than files, which
/// are made under it and then renamed.
pub fn temp_name(prefix: &[u8]) -> Result<Vec<u8>> {
    let mut name = prefix.to_vec();
    name.extend_from_slice(format!("{:016x}", sys::random()?).as_bytes());
    Ok(name)
}
