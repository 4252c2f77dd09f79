//! What is around a device: real routes in a namespace, and doubles of NetworkManager, UPower and logind that speak
//! their published interfaces on a bus of the test's own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod networks;
mod power;
mod sleep;

use std::time::Duration;
use surroundings::{Change, Surroundings};

/// The address of the test's own bus.
fn bus() -> String {
    std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap()
}

/// What is watched, and the changes that it told.
struct Watched {
    surroundings: Surroundings,
    changes: std::sync::mpsc::Receiver<Change>,
}

impl Watched {
    fn start() -> Self {
        let (sender, changes) = std::sync::mpsc::channel();
        // A change that is told while the test ends finds nobody.
        let changed = move |change| {
            let _ = sender.send(change);
        };
        Self { surroundings: Surroundings::watch(changed).unwrap(), changes }
    }

    /// Waits for a change of this kind.
    fn wait_for(&self, wanted: Change) {
        while self.changes.recv_timeout(Duration::from_mins(1)).expect("a change") != wanted {}
    }

    /// Forgets what was told until nothing more comes.
    fn settle(&self) {
        while self.changes.recv_timeout(Duration::from_millis(500)).is_ok() {}
    }
}
