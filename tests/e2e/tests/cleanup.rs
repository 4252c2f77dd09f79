//! Retention, deletion and cleanup over many generations of a changing tree, with backups, restores and reads
//! going on meanwhile; and two devices in one vault.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use e2e::random::Random;
use e2e::{Agent, Site, tree};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const DAY: i64 = 86_400;

/// Moves the clock of the server, and of agents that are told.
struct Clock {
    file: std::path::PathBuf,
    seconds: i64,
}

impl Clock {
    fn new(site: &mut Site) -> Self {
        let clock = Self { file: site.path("clock"), seconds: 0 };
        std::fs::write(&clock.file, "0").unwrap();
        site.server.stop();
        site.server.set("HOLDFAST_TEST_CLOCK", clock.file.to_str().unwrap());
        site.server.start();
        clock
    }

    fn advance(&mut self, seconds: i64) {
        self.seconds += seconds;
        let new = self.file.with_extension("new");
        std::fs::write(&new, self.seconds.to_string()).unwrap();
        std::fs::rename(new, &self.file).unwrap();
    }
}

fn stored_bytes(site: &Site) -> u64 {
    fn folder(path: &Path) -> u64 {
        let entries = std::fs::read_dir(path).unwrap().flatten();
        let size = |entry: std::fs::DirEntry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder(&entry.path()),
            Ok(metadata) => metadata.len(),
            // Cleanup removes files while we look.
            Err(_) => 0,
        };
        entries.map(size).sum()
    }
    folder(&site.server.data().join("store"))
}

/// Cleans up as the schedule would over two days: mark, and after the grace time sweep.
fn clean(site: &Site, clock: &mut Clock) {
    for _ in 0..2 {
        site.server.run(["cleanup"]).ok();
        clock.advance(DAY + 60);
    }
    site.server.run(["cleanup"]).ok();
}

#[test]
fn stored_bytes_stay_bounded_over_many_generations() {
    let mut site = Site::new();
    let mut clock = Clock::new(&mut site);
    let mut random = Random::new();
    let documents = site.path("documents");
    tree::make(&documents, 400, &mut random);
    let agent = site.device("laptop");
    site.server.run(["settings", "set", "--undo", "0s"]).ok();
    site.server
        .run([
            "retention",
            "set",
            "--keep-last",
            "3",
            "--hourly",
            "0",
            "--daily",
            "0",
            "--weekly",
            "0",
            "--monthly",
            "0",
        ])
        .ok();
    agent.backup(&[&documents]);
    let first = stored_bytes(&site);
    let mut largest = 0;
    for generation in 0..12 {
        tree::change(&documents, 8, &mut random);
        agent.backup(&[&documents]);
        clean(&site, &mut clock);
        largest = largest.max(stored_bytes(&site));
        assert!(agent.snapshots().len() <= 3, "generation {generation}");
    }
    site.server.verify();
    let target = site.path("restored");
    agent.restore(&format!("latest:{}", documents.display()), &target);
    tree::assert_equal(&documents, &target);
    // The newest state alone, in a vault of its own, is what could not be less.
    site.server.add_user("fresh", &[]);
    let fresh = Agent::at(&site.path("state-fresh"));
    fresh.activate(&site.server.token("fresh"), &[]);
    let before = stored_bytes(&site);
    fresh.backup(&[&documents]);
    let alone = stored_bytes(&site) - before;
    assert!(largest < 3 * alone.max(first), "{largest} bytes for states of {first} and {alone}");
}

#[test]
fn deleted_snapshots_come_back_until_their_time_is_over() {
    let mut site = Site::new();
    let mut clock = Clock::new(&mut site);
    let mut random = Random::new();
    let documents = site.path("documents");
    tree::make(&documents, 60, &mut random);
    let agent = site.device("laptop");
    let first = agent.backup(&[&documents])["snapshot"].as_str().unwrap().to_owned();
    let kept = site.path("kept");
    agent.restore(&format!("{first}:{}", documents.display()), &kept);
    std::fs::remove_dir_all(&documents).unwrap();
    std::fs::create_dir(&documents).unwrap();
    tree::make(&documents, 60, &mut random);
    agent.backup(&[&documents]);

    site.server.run(["snapshot", "delete", &first]).ok();
    assert_eq!(agent.snapshots().len(), 1);
    agent.run(["ls", &first]).fails_with(model::Code::SnapshotUnknown);
    clean(&site, &mut clock);
    site.server.run(["snapshot", "undelete", &first]).ok();
    let again = site.path("again");
    agent.restore(&format!("{first}:{}", documents.display()), &again);
    tree::assert_equal(&kept, &again);

    let before = stored_bytes(&site);
    site.server.run(["snapshot", "delete", &first]).ok();
    clock.advance(8 * DAY);
    clean(&site, &mut clock);
    assert!(stored_bytes(&site) < before * 3 / 4, "the space was not freed");
    assert_eq!(site.server.run(["snapshot", "undelete", &first]).status, 9);
    site.server.verify();
    assert_eq!(agent.snapshots().len(), 1);
}

#[test]
fn a_dry_run_removes_nothing() {
    let mut site = Site::new();
    let mut clock = Clock::new(&mut site);
    let documents = site.path("documents");
    tree::make(&documents, 60, &mut Random::new());
    let agent = site.device("laptop");
    let first = agent.backup(&[&documents])["snapshot"].as_str().unwrap().to_owned();
    std::fs::remove_dir_all(documents.join("folder1")).unwrap();
    agent.backup(&[&documents]);
    site.server.run(["settings", "set", "--undo", "0s"]).ok();
    site.server.run(["snapshot", "delete", &first]).ok();
    clock.advance(60);
    let before = stored_bytes(&site);
    site.server.json(["cleanup", "--dry-run"]);
    clock.advance(2 * DAY);
    site.server.json(["cleanup", "--dry-run"]);
    assert_eq!(stored_bytes(&site), before);
    clean(&site, &mut clock);
    assert!(stored_bytes(&site) < before);
}

#[test]
fn two_devices_share_a_vault_while_cleanup_works() {
    let mut site = Site::new();
    let mut clock = Clock::new(&mut site);
    site.server.run(["settings", "set", "--undo", "0s"]).ok();
    site.server
        .run([
            "retention",
            "set",
            "--keep-last",
            "2",
            "--hourly",
            "0",
            "--daily",
            "0",
            "--weekly",
            "0",
            "--monthly",
            "0",
        ])
        .ok();
    let mut random = Random::new();
    let common = site.path("common");
    tree::make(&common, 150, &mut random);
    let devices: Vec<_> = ["one", "two"].map(|name| (site.device(name), site.path(name))).into();
    for (_, documents) in &devices {
        tree::make(documents, 100, &mut random);
    }
    let done = AtomicBool::new(false);
    let rounds = if std::env::var_os("HOLDFAST_TEST_FULL").is_some() { 20 } else { 5 };
    std::thread::scope(|scope| {
        let workers: Vec<_> = devices
            .iter()
            .map(|(agent, documents)| {
                let mut random = Random::with_seed(random.next());
                let (common, site) = (&common, &site);
                scope.spawn(move || {
                    for round in 0..rounds {
                        tree::change(documents, 20, &mut random);
                        agent.backup(&[documents, common]);
                        let target =
                            site.path(&format!("back-{}-{round}", documents.display()).replace('/', "_"));
                        agent.restore(&format!("latest:{}", documents.display()), &target);
                        tree::assert_equal(documents, &target);
                    }
                })
            })
            .collect();
        let cleaner = scope.spawn(|| {
            let mut passes = 0;
            while !done.load(Ordering::Relaxed) {
                let outcome = site.server.run(["cleanup"]);
                // Another cleanup of this vault, or a commit that takes long, is no error of ours.
                assert!(matches!(outcome.status, 0 | 10), "{outcome}");
                clock.advance(DAY / 2 + 60);
                passes += 1;
            }
            passes
        });
        let results: Vec<_> = workers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(cleaner.join().unwrap() > 1);
        results.into_iter().for_each(|result| result.unwrap());
    });
    site.server.verify();
    for (agent, documents) in &devices {
        let snapshots = agent.snapshots();
        assert!(
            snapshots.iter().any(|snapshot: &Value| snapshot["files"].as_u64() > Some(200)),
            "{snapshots:?}"
        );
        let target = site.path(&format!("end{}", documents.display()).replace('/', "_"));
        agent.restore(&format!("latest:{}", common.display()), &target);
        tree::assert_equal(&common, &target);
    }
}
