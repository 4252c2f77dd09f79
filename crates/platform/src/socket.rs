//! A socket at a path, by which programs of one machine talk. The path may be longer than the system takes for
//! sockets.

use crate::{Result, sys};
use std::path::Path;
use std::time::Duration;

/// The asking side; its calls block.
pub type Stream = sys::Stream;

/// The answering side of one connection.
pub type Connection = sys::Connection;

/// Connects to who listens at `path`. Reads and writes that wait longer than `patience` fail with `WouldBlock` or
/// `TimedOut`; `NotFound` and `ConnectionRefused` mean that nobody listens.
pub fn connect(path: &Path, patience: Duration) -> Result<Stream> {
    sys::connect(path, patience)
}

/// Takes connections.
#[derive(Debug)]
pub struct Listener(sys::Listener);

impl Listener {
    /// Listens at `path`, which must be free, with these permission bits. Called inside a runtime. The name stays
    /// when this is dropped.
    pub fn bind(path: &Path, mode: u32) -> Result<Self> {
        sys::bind(path, mode).map(Self)
    }

    /// The next connection, and the user whose program made it as the kernel knows it.
    pub async fn accept(&self) -> Result<(Connection, u32)> {
        sys::accept(&self.0).await
    }
}
