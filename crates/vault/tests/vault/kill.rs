//! Processes that end themselves at each fail point of the vault. The test binary starts itself as the process to be
//! killed; its journal tells what it had been answered.

use crate::support::scenario::{STEPS, Scenario};
use blobs::{BlobStore, FolderStore};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

const FOLDER: &str = "HOLDFAST_TEST_VAULT";

fn store(folder: &Path) -> Arc<dyn BlobStore> {
    let store = folder.join("store");
    let opened = if store.exists() { FolderStore::open(&store, None) } else { FolderStore::init(&store) };
    Arc::new(opened.unwrap())
}

fn answered(folder: &Path) -> usize {
    fs::read_to_string(folder.join("journal")).map_or(0, |text| text.lines().count())
}

/// Not a test by itself: the process that is killed. Without the variable it is the parent's run, which has nothing
/// to do here.
#[test]
fn killed_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let mut journal = fs::OpenOptions::new().create(true).append(true).open(folder.join("journal")).unwrap();
    let begin = answered(folder);
    // Other packs than the earlier process made: only steps that this one begins use them.
    let scenario = Scenario::new();
    assert_eq!(begin, 0, "a killed process is not started again");
    let mut enter = |step: usize| writeln!(journal, "{step}").unwrap();
    scenario.run(&store(folder), &mut enter, begin, &Scenario::clock).unwrap();
}

fn run(folder: &Path, point: Option<(&str, u64)>) -> bool {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::killed_process", "--nocapture"]).env(FOLDER, folder);
    command.env("HOLDFAST_FAIL_LOG", folder.join("points")).stdout(Stdio::null()).stderr(Stdio::null());
    if let Some((name, count)) = point {
        command.env("HOLDFAST_FAIL", format!("{name}:{count}"));
    }
    command.status().unwrap().success()
}

#[test]
fn a_process_that_ends_at_any_fail_point_loses_nothing() {
    let root = tempfile::tempdir().unwrap();
    assert!(run(root.path(), None));
    let mut points: BTreeMap<String, u64> = BTreeMap::new();
    for name in fs::read_to_string(root.path().join("points")).unwrap().lines() {
        if name.starts_with("vault.") {
            *points.entry(name.to_owned()).or_default() += 1;
        }
    }
    assert!(points.len() >= 20, "{points:?}");
    for (name, count) in points {
        let killed = tempfile::tempdir().unwrap();
        // The first time and, where there are several, one in the middle.
        let at = if count > 2 { count / 2 } else { 1 };
        assert!(!run(killed.path(), Some((&name, at))), "{name} {at}");
        let steps = answered(killed.path());
        assert!(steps < STEPS, "{name}");
        check(killed.path(), steps);
    }
}

/// Everything that is there is whole, and cleanup brings the store into order.
fn check(folder: &Path, steps: usize) {
    let store = store(folder);
    let vault = model::VaultId::from_bytes([0xaa; 16]);
    let vault = match vault::Vault::open(Arc::clone(&store), vault, Scenario::clock(STEPS)) {
        Ok(vault) => vault,
        Err(vault::Error::VaultUnknown { .. }) if steps == 0 => return,
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(vault.log_problem(), None);
    let list = vault.snapshots().unwrap();
    assert!(list.unreadable.is_empty());
    let must_be_there = [(1u8, 4..=11), (2, 6..=STEPS), (3, 15..=STEPS)];
    for (seed, range) in must_be_there {
        let id = model::SnapshotId::from_bytes([seed; 16]);
        assert!(!range.contains(&steps) || list.snapshots.iter().any(|info| info.id == id));
    }
    let agent = crate::support::agent::Agent::new(vault.id());
    let names = |snapshot| crate::support::restore::restore(&vault, &agent, snapshot).unwrap().len();
    let files: Vec<usize> = list.snapshots.iter().map(|info| names(info.id)).collect();
    assert!(
        list.snapshots
            .iter()
            .zip(&files)
            .all(|(info, files)| [0, 8, 6, 7][info.id.as_bytes()[0] as usize] == *files)
    );
    let verify = || vault.verify(true, &mut |_| std::ops::ControlFlow::Continue(())).unwrap();
    assert!(verify().is_clean());
    let ledger = crate::support::Ledger::default();
    let options = vault::CleanupOptions { grace: std::time::Duration::ZERO, ..Default::default() };
    for _ in 0..2 {
        vault.cleanup(&options, &ledger).unwrap();
        vault.merge_segments().unwrap();
    }
    assert!(verify().is_clean());
    let stats = vault.stats().unwrap();
    assert_eq!(stats.pack_objects.objects, stats.data.packs + stats.hunks.packs);
    assert_eq!(stats.segments.objects, vault.segments_after(None).unwrap().count() as u64);
}
