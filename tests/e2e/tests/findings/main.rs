//! Honest results: what was missed, kept from before or read while it changed is named, never fails the run, and is
//! gone from the report when its cause is gone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod automounts;
mod changing;
mod disks;
mod report;
mod roots;
mod traceless;
mod unreadable;
