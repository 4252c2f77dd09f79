//! Unix sockets, by paths of any length.

use super::proc_path;
use crate::{Error, Result, permissions};
use rustix::fd::AsFd;
use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) type Stream = std::os::unix::net::UnixStream;
pub(crate) type Connection = tokio::net::UnixStream;
pub(crate) type Listener = tokio::net::UnixListener;

/// `sun_path` of unix(7) has 108 bytes, the last one zero.
const PATH_MAX: usize = 107;

pub(crate) fn connect(path: &Path, patience: Duration) -> Result<Stream> {
    let failed = |error| Error::from_io("connect", &error);
    let stream = at(path, |path| Stream::connect(path)).map_err(failed)?;
    stream.set_read_timeout(Some(patience)).map_err(failed)?;
    stream.set_write_timeout(Some(patience)).map_err(failed)?;
    Ok(stream)
}

pub(crate) fn bind(path: &Path, mode: u32) -> Result<Listener> {
    let listener =
        at(path, |path| Listener::bind(path)).map_err(|error| Error::from_io("make socket", &error))?;
    permissions::set_mode(path, mode)?;
    Ok(listener)
}

pub(crate) async fn accept(listener: &Listener) -> Result<(Connection, u32)> {
    let failed = |error| Error::from_io("accept", &error);
    let (connection, _) = listener.accept().await.map_err(failed)?;
    let peer = connection.peer_cred().map_err(failed)?;
    Ok((connection, peer.uid()))
}

/// Uses a path that the kernel takes: a longer one goes through an open handle on its folder.
fn at<T>(path: &Path, open: impl FnOnce(&Path) -> std::io::Result<T>) -> std::io::Result<T> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return open(path) };
    if path.as_os_str().len() <= PATH_MAX {
        return open(path);
    }
    let folder = File::open(folder)?;
    let short = proc_path::child(folder.as_fd(), name.as_bytes());
    open(&PathBuf::from(OsStr::from_bytes(short.as_bytes())))
}
