//! An agent that somebody else wrote, with the real credentials of a device: what it sends wrong is refused with its
//! code, what it sends twice is answered as the first time, and nothing of it becomes visible or harms others.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod attacker;
mod commits;
mod leases;
mod limits;
mod others;
mod packs;
mod remote;
