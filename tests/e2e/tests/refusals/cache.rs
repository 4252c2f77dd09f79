//! The agent's cache may vanish or break at any time: a run then costs more, and nothing else.

use crate::{assert_all_is_well, documents};
use e2e::random::Random;
use e2e::{Agent, Site, tree};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

fn cache(agent: &Agent) -> PathBuf {
    agent.state().join("cache")
}

/// The summary of a run that must have sent nothing new.
#[track_caller]
fn assert_nothing_new(agent: &Agent, documents: &Path) {
    let summary = agent.backup(&[documents]);
    assert_eq!((&summary["new_bytes"], &summary["findings"]), (&0.into(), &0.into()), "{summary}");
}

#[test]
fn a_cache_that_is_gone_or_broken_between_runs() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    std::fs::remove_dir_all(cache(&agent)).unwrap();
    assert_nothing_new(&agent, &documents);
    assert_all_is_well(&site, &agent, &documents);

    let kept = tree::files(&cache(&agent));
    assert!(!kept.is_empty(), "a run leaves a cache");
    let mut random = Random::new();
    for damage in 0..4 {
        for file in tree::files(&cache(&agent)) {
            let mut bytes = std::fs::read(&file).unwrap();
            match damage {
                0 => bytes.clear(),
                1 => bytes.truncate(bytes.len() / 2),
                2 => bytes = random.bytes(5_000),
                _ => {
                    let at = random.below(bytes.len() as u64) as usize;
                    bytes[at] ^= 1;
                }
            }
            std::fs::write(&file, bytes).unwrap();
        }
        assert_nothing_new(&agent, &documents);
        assert_all_is_well(&site, &agent, &documents);
    }
    // A folder where a file should be, and the other way round.
    for file in tree::files(&cache(&agent)) {
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
    }
    let outcome = agent.run([Path::new("backup"), &documents]);
    assert!([0, 8].contains(&outcome.status), "{outcome}");
    std::fs::remove_dir_all(cache(&agent)).unwrap();
    assert_all_is_well(&site, &agent, &documents);
    assert_eq!(site.server.json(["stats"])["uploads"]["duplicate_chunks"], 0);
}

#[test]
fn the_cache_of_another_device_or_an_older_run_is_not_believed() {
    let site = Site::new();
    let documents = documents(&site);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let old = site.path("old-cache");
    std::fs::rename(cache(&agent), &old).unwrap();
    tree::change(&documents, 30, &mut Random::new());
    assert_all_is_well(&site, &agent, &documents);
    // As from a restored disk.
    std::fs::remove_dir_all(cache(&agent)).unwrap();
    std::fs::rename(&old, cache(&agent)).unwrap();
    assert_nothing_new(&agent, &documents);
    assert_all_is_well(&site, &agent, &documents);

    let other_documents = site.path("other");
    tree::make(&other_documents, 20, &mut Random::new());
    let other = site.device("desktop");
    other.backup(&[&other_documents]);
    std::fs::remove_dir_all(cache(&agent)).unwrap();
    std::fs::rename(cache(&other), cache(&agent)).unwrap();
    assert_nothing_new(&agent, &documents);
    assert_all_is_well(&site, &agent, &documents);
    assert_all_is_well(&site, &other, &other_documents);
}

#[test]
fn a_cache_that_vanishes_again_and_again_during_runs() {
    let site = Site::new();
    let mut random = Random::new();
    let documents = site.path("documents");
    tree::make(&documents, 200, &mut random);
    let agent = site.device("laptop");
    assert_all_is_well(&site, &agent, &documents);
    let done = AtomicBool::new(false);
    let mut good = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // The run may just be making what is removed.
                let _ = std::fs::remove_dir_all(cache(&agent));
                std::thread::yield_now();
            }
        });
        for _ in 0..6 {
            tree::change(&documents, 10, &mut random);
            let outcome = agent.run([Path::new("backup"), &documents]);
            // Either it is complete or it ends with the code of a local failure.
            assert!([0, 8].contains(&outcome.status), "{outcome}");
            good += u32::from(outcome.status == 0);
        }
        done.store(true, Ordering::Relaxed);
    });
    println!("{good} of 6 runs were complete");
    assert_eq!(
        agent.snapshots().len() as u32,
        1 + good,
        "a run is visible when it was complete, and only then"
    );
    assert_all_is_well(&site, &agent, &documents);
}
