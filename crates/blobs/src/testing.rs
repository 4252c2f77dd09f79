//! For tests of this crate and of its users: the conformance suite and the simulated disk.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "these are parts of tests"
)]

pub mod conformance;
mod simulated;

pub use simulated::SimulatedDisk;
