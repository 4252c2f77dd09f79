//! Runs the committed corpus through the targets, without a fuzzer.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use fuzz::TARGETS;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(names_in(&corpus()), targets);
}

/// A seed that is refused no longer reaches what lies behind the first checks: `fuzz-seeds` writes new ones.
#[test]
fn seeds_are_accepted_and_other_inputs_do_no_harm() {
    for target in TARGETS {
        let folder = corpus().join(target.name);
        let mut seeds = 0;
        for name in names_in(&folder) {
            let accepted = (target.run)(&std::fs::read(folder.join(&name)).unwrap());
            let is_seed = name.starts_with("seed-");
            assert!(
                accepted || !is_seed,
                "{}/{name} is refused: run `cargo run -p fuzz --bin fuzz-seeds`",
                target.name
            );
            seeds += usize::from(is_seed);
        }
        assert!(seeds > 0, "{} has no seed", target.name);
    }
}

/// What the fuzzer tries first, so that a target that cannot stand it shows at once.
#[test]
fn short_and_cut_inputs_do_no_harm() {
    for target in TARGETS {
        (target.run)(&[]);
        for first in 0..=u8::MAX {
            (target.run)(&[first]);
            (target.run)(&[first; 40]);
        }
        for seed in (target.seeds)() {
            for length in (0..seed.len()).step_by(1 + seed.len() / 64) {
                (target.run)(&seed[..length]);
            }
        }
    }
}
