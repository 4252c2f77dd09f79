//! Whether everything comes back as it was: every kind of entry, what a set leaves out, and every way to restore.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod exclusions;
mod kinds;
mod large;
mod make;
mod ordinary;
mod reading;
mod restores;
mod resume;
