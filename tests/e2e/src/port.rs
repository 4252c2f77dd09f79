//! Ports of the loopback interface that no other test takes.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Mutex, PoisonError};

/// Below the ports that the kernel gives to clients.
const PORTS: std::ops::Range<u16> = 12_000..32_000;

/// Locks of the ports that this process was given; they go with it.
static TAKEN: Mutex<Vec<File>> = Mutex::new(Vec::new());

/// A port that is free and stays so: tests are processes that run at the same time, and a server may be started
/// on its port again and again, so each port has a lock file.
pub fn free_port() -> u16 {
    let folder = std::env::temp_dir().join("holdfast-test-ports");
    // Root and ordinary users share it.
    let made = std::fs::create_dir(&folder);
    if made.is_ok() {
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(&folder, open).unwrap();
    }
    let first = std::process::id() as u16 % (PORTS.end - PORTS.start);
    let (before, after) = (PORTS.start..PORTS.start + first, PORTS.start + first..PORTS.end);
    let lock = |port: &u16| {
        let path = folder.join(port.to_string());
        let file = File::open(&path)
            .or_else(|_| File::options().read(true).write(true).create_new(true).mode(0o644).open(&path));
        file.ok().filter(|file| file.try_lock().is_ok())
    };
    for port in after.chain(before) {
        let Some(file) = lock(&port) else { continue };
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            TAKEN.lock().unwrap_or_else(PoisonError::into_inner).push(file);
            return port;
        }
    }
    panic!("no port is free")
}
