//! What commands read out of the lists of entries, of one snapshot and of many, from a server in memory that counts.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests, as in the tests themselves")]

mod bench;
mod diff;
mod find;
mod top;
