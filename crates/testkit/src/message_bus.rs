//! A message bus of a test's own.

use crate::{Ended, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A bus that lets everybody say and hear everything, and starts no service.
const CONFIGURATION: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// A running bus. It ends when it is dropped.
pub struct MessageBus {
    address: String,
    socket: PathBuf,
    _daemon: Ended,
}

impl MessageBus {
    /// The address that a bus in this folder has.
    pub fn address_in(folder: &Path) -> String {
        format!("unix:path={}", socket_in(folder).display())
    }

    /// Starts a bus whose files lie in this folder, and waits until it takes connections.
    pub fn start(folder: &Path) -> Self {
        let (configuration, socket) = (folder.join("bus.conf"), socket_in(folder));
        let text = CONFIGURATION.replace("SOCKET", &socket.display().to_string());
        std::fs::write(&configuration, text).expect("the bus's configuration");
        let daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--nosyslog"])
            .arg(format!("--config-file={}", configuration.display()))
            .stdin(Stdio::null())
            .spawn();
        let daemon = Ended(daemon.expect("dbus-daemon, of the package dbus"));
        wait_until("the bus takes connections", || std::os::unix::net::UnixStream::connect(&socket).is_ok());
        Self { address: Self::address_in(folder), socket, _daemon: daemon }
    }

    /// Its address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Kills it.
    pub fn end(self) {
        let socket = self.socket.clone();
        drop(self);
        std::fs::remove_file(socket).expect("the bus's socket");
    }
}

fn socket_in(folder: &Path) -> PathBuf {
    folder.join("bus")
}
