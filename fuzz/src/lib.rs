//! Fuzz targets for the decoders of `format` and of the protocol's binary bodies.
//!
//! A target is a function from bytes to checks: it panics when a decoder breaks a promise. `src/main.rs` hands
//! targets to libFuzzer, `tests/replay.rs` runs the committed corpus through them; neither knows what they check.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a target reports by panicking")]

pub mod forms;
pub mod keys;
pub mod memory;
pub mod targets;

pub use targets::{TARGETS, Target};
