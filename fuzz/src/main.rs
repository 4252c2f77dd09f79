//! The libFuzzer program: hands its inputs to the target that `HOLDFAST_FUZZ_TARGET` names.
#![no_main]
#![allow(clippy::expect_used, reason = "a missing name ends the program before anything is fuzzed")]

use fuzz::{TARGETS, Target};
use libfuzzer_sys::fuzz_target;
use std::sync::OnceLock;

fn target() -> &'static Target {
    static TARGET: OnceLock<&Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        let name = std::env::var("HOLDFAST_FUZZ_TARGET").unwrap_or_default();
        let found = TARGETS.iter().find(|target| target.name == name);
        found.expect("HOLDFAST_FUZZ_TARGET names a target of fuzz/src/targets.rs")
    })
}

fuzz_target!(init: target(), |data: &[u8]| {
    (target().run)(data);
});
