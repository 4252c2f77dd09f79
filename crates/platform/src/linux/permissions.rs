//! Modes and owners by path.

use crate::{Error, Result};
use std::fs::{File, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

pub(crate) fn path_mode(path: &Path) -> Result<u32> {
    metadata("read mode", path).map(|found| found.mode() & 0o7777)
}

pub(crate) fn path_owner(path: &Path) -> Result<u32> {
    metadata("read owner", path).map(|found| found.uid())
}

fn metadata(op: &'static str, path: &Path) -> Result<std::fs::Metadata> {
    std::fs::metadata(path).map_err(|error| Error::from_io(op, &error))
}

pub(crate) fn set_path_mode(path: &Path, mode: u32) -> Result<()> {
    std::fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|error| Error::from_io("set mode", &error))
}

pub(crate) fn create_new_file(path: &Path, mode: u32) -> Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|error| Error::from_io("create file", &error))
}
