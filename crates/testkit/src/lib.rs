//! What tests of several crates share: a server in memory. No program uses this crate.

pub mod memory_remote;

pub use memory_remote::MemoryRemote;
