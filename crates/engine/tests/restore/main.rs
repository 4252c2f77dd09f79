//! Whole restores from a server in memory: what a backup stored comes back, and whatever stands against that is told.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, as in the tests themselves")]

mod bench;
mod browsing;
mod conflicts;
mod extremes;
mod hostile;
mod kill;
mod naming;
mod ordinary;
mod reading;
mod restart;
mod root;
mod round_trip;
