//! A private vault: names, paths and contents that were planted on the device are nowhere at the server, in no form
//! that they could be found by, and only whoever has a device or the recovery file reads them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod custody;
mod database;
mod needles;
mod planted;
