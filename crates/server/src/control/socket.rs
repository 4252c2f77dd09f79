//! The socket's path. The system takes about 100 bytes, data folders may lie deeper: then the path goes through an
//! open handle on the folder.

use crate::data::{DataDir, file_error};
use crate::{Error, Result};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// `sun_path` has 108 bytes, the last one zero.
const PATH_MAX: usize = 107;

/// A path to the socket that the system takes. It is good as long as this lives.
pub(super) struct SocketPath {
    path: PathBuf,
    _folder: Option<File>,
}

impl SocketPath {
    pub(super) fn of(data: &DataDir) -> Result<Self> {
        let path = data.socket();
        if path.as_os_str().as_bytes().len() <= PATH_MAX {
            return Ok(Self { path, _folder: None });
        }
        let folder = File::open(data.path()).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::DataMissing { path: data.path().to_owned() },
            _ => file_error(data.path(), &error, "open folder"),
        })?;
        let name = path.file_name().unwrap_or_default();
        let path = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}
