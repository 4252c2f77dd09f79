//! Processes that are killed while they write into a folder store. The test binary starts itself as the process to
//! be killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::key;
use super::steps::STEPS;
use crate::{BlobStore, Error, FolderStore, MemoryStore, PutMode};

const FOLDER: &str = "HOLDFAST_TEST_STORE";
const READY: &str = "the writer is open";
const DONE: &str = "steps done: ";

/// Not a test by itself: what the killed process does. Without the variable it is the parent's run, which has
/// nothing to do here.
#[test]
fn killed_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = FolderStore::open(Path::new(&folder), None).unwrap();
    let mut writer = store.create(&key("a/unfinished"), PutMode::CreateNew).unwrap();
    writer.write_all(&vec![7; 5 << 20]).unwrap();
    store.put(&key("a/finished"), b"whole", PutMode::CreateNew).unwrap();
    println!("{READY}");
    loop {
        std::thread::park();
    }
}

fn start(folder: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::kill::killed_process", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.contains(READY));
    assert!(ready, "the process to be killed ended by itself");
    child
}

#[test]
fn what_a_killed_process_left_is_removed_and_never_shown() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("store");
    drop(FolderStore::init(&folder).unwrap());
    let temporary = || folder.join("tmp").read_dir().unwrap().count();
    let shown = |store: &FolderStore| {
        store.list("").unwrap().into_iter().map(|blob| blob.key.as_str().to_owned()).collect::<Vec<_>>()
    };

    let mut child = start(&folder);
    assert_eq!(temporary(), 1);
    // While the other process lives, nobody else gets the store, and its file is left alone.
    let beside = FolderStore::open(&folder, None).map(drop).unwrap_err();
    assert!(matches!(&beside, Error::Locked { path } if *path == folder), "{beside:?}");
    assert!(beside.to_string().contains(folder.to_str().unwrap()), "{beside}");
    FolderStore::look(&folder, None).unwrap();
    assert_eq!(temporary(), 1);

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(temporary(), 1);
    let after = FolderStore::open(&folder, None).unwrap();
    assert_eq!((after.removed_files(), temporary()), (1, 0));
    assert_eq!(shown(&after), ["a/finished"]);
    assert_eq!(after.read(&key("a/finished")).unwrap(), b"whole");
    after.put(&key("a/unfinished"), b"again", PutMode::CreateNew).unwrap();
}

/// Not a test by itself: a process that ends itself at the fail point named in its environment.
#[test]
fn process_with_a_fail_point() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let store = FolderStore::open(Path::new(&folder), None).unwrap();
    for (number, step) in STEPS.iter().enumerate() {
        step.run(&store);
        println!("{DONE}{}", number + 1);
    }
}

/// Runs the steps in a process of their own, until the `n`th fail point or, without one, to their end. Gives how
/// many steps were done.
fn run_steps(folder: &Path, log: &Path, fail_at: Option<usize>) -> usize {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::kill::process_with_a_fail_point", "--nocapture"]);
    command.env(FOLDER, folder).env("HOLDFAST_FAIL_LOG", log).stderr(Stdio::null());
    if let Some(n) = fail_at {
        command.env("HOLDFAST_FAIL", format!("*:{n}"));
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.success(), fail_at.is_none(), "fail point {fail_at:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter(|line| line.contains(DONE)).count()
}

fn contents(store: &dyn BlobStore) -> BTreeMap<String, Vec<u8>> {
    let blobs = store.list("").unwrap();
    blobs.into_iter().map(|blob| (blob.key.to_string(), store.read(&blob.key).unwrap())).collect()
}

#[test]
fn a_kill_at_any_fail_point_leaves_the_state_before_or_after_the_step() {
    let expected: Vec<_> = (0..=STEPS.len())
        .map(|done| {
            let store = MemoryStore::new();
            STEPS[..done].iter().for_each(|step| drop(step.run(&store)));
            contents(&store)
        })
        .collect();

    let root = tempfile::tempdir().unwrap();
    let make = |number: usize| {
        let folder = root.path().join(number.to_string());
        drop(FolderStore::init(&folder).unwrap());
        (folder, root.path().join(format!("{number}.log")))
    };
    let (folder, log) = make(0);
    assert_eq!(run_steps(&folder, &log, None), STEPS.len());
    assert_eq!(contents(&FolderStore::open(&folder, None).unwrap()), expected[STEPS.len()]);
    let passed = fs::read_to_string(&log).unwrap();
    let names: BTreeSet<_> = passed.lines().collect();
    assert_eq!(names.len(), 14, "{names:?}");

    for n in 1..=passed.lines().count() {
        let (folder, log) = make(n);
        let done = run_steps(&folder, &log, Some(n));
        let point = fs::read_to_string(&log).unwrap().lines().last().unwrap_or_default().to_owned();
        let store = FolderStore::open(&folder, None).unwrap();
        let found = contents(&store);
        let after = &expected[(done + 1).min(STEPS.len())];
        assert!(found == expected[done] || found == *after, "{point} ({n}), {done} steps done");
        assert_eq!(folder.join("tmp").read_dir().unwrap().count(), 0, "{point} ({n})");
    }
}
