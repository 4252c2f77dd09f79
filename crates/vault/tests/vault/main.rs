//! Tests of the vault through its public face, with real packs and snapshots that a small agent with keys makes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this whole program is tests")]

mod support;

mod bad_spots;
mod cleanup;
mod commit;
mod crash;
mod damage;
mod index;
mod kill;
mod labels;
mod lifecycle;
mod model;
mod reading;
mod refusals;
mod threads;
mod upload;
mod verify;
