//! What tests of several crates share: a server in memory, a writer of snapshots entry by entry, and a comparison of
//! file trees; a process, message bus and network of a test's own; and a slow link, which measurements use. No program
//! uses this crate.

#![allow(clippy::expect_used, reason = "what cannot be set up ends the test that wants it")]

mod apart;
pub mod doubles;
pub mod link;
pub mod memory_remote;
pub mod message_bus;
pub mod network;
mod not_run;
pub mod snapshot_writer;
pub mod tray;
pub mod tree;

// The engine's own unit tests are another build of it, and reach the one that this crate uses through here.
pub use apart::{Apart, Around, Ended, wait_until};
pub use engine;
pub use memory_remote::MemoryRemote;
pub use not_run::not_run;
pub use snapshot_writer::SnapshotWriter;
