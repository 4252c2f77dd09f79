//! Tests across the modules of the crate: the conformance suite on every store and decorator, losses of power,
//! killed processes, full disks.

mod conformance;
mod full;
mod kill;
mod power;
mod steps;

use crate::Key;

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}
