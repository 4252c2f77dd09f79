//! The desktop with real parts: a message bus of the test's own, a notification daemon that really shows things, and
//! doubles of daemon and tray that tell what reached them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod daemon;
mod dunst;
mod kit;
mod popups;
mod tray;
