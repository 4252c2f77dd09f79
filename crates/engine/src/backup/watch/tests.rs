//! What is told of folders, without runs.

use super::*;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The folders of a tree with nobody who takes in what happens but the test.
struct Bench {
    rules: Rules,
    roots: Vec<Vec<u8>>,
    folders: Folders,
}

impl Bench {
    fn new(roots: &[&Path], rules: &[&str]) -> Self {
        let rules: Vec<String> = rules.iter().map(|rule| (*rule).to_owned()).collect();
        let rules = Rules::new(&rules, true, &[]).unwrap();
        let roots: Vec<_> = roots.iter().map(|root| root.as_os_str().as_bytes().to_vec()).collect();
        let mut bench = Self { rules, folders: Folders::new(&roots).unwrap(), roots };
        bench.take_in();
        bench
    }

    /// What changed since the last time, as the next run would be told.
    fn take_in(&mut self) -> Changed {
        let tree = Tree { rules: &self.rules, roots: &self.roots, one_file_system: false };
        self.folders.take_in(&tree);
        self.folders.try_again(&tree);
        let taken = self.folders.take();
        self.folders.changed(SnapshotId::from_bytes([1; 16]), &taken).unwrap()
    }
}

fn spares(changed: &Changed, folder: &Path) -> bool {
    changed.spares(folder.as_os_str().as_bytes())
}

#[test]
fn when_the_system_drops_events_everything_is_walked_once() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("a/b")).unwrap();
    let mut bench = Bench::new(&[&root], &[]);
    assert!(spares(&bench.take_in(), &root));
    let most = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    for number in 0..most.trim().parse::<usize>().unwrap() {
        fs::write(root.join(format!("a/{}", number % 2)), b"").unwrap();
    }
    let changed = bench.take_in();
    assert!(!spares(&changed, &root) && !spares(&changed, &root.join("a/b")));
    assert!(spares(&bench.take_in(), &root), "what happens is told again");
    fs::write(root.join("a/b/file"), b"").unwrap();
    let changed = bench.take_in();
    assert!(!spares(&changed, &root.join("a/b")) && !spares(&changed, &root.join("a")));
}

#[test]
fn what_is_left_out_is_not_heard_of() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    for path in ["skip/deep", "cache/deep", "kept"] {
        fs::create_dir_all(root.join(path)).unwrap();
    }
    let tag = "Signature: 8a477f597d28d172789f06886806bc55";
    fs::write(root.join("cache/CACHEDIR.TAG"), tag).unwrap();
    let mut bench = Bench::new(&[&root], &["skip/"]);
    fs::write(root.join("skip/deep/file"), b"").unwrap();
    fs::write(root.join("cache/deep/file"), b"").unwrap();
    assert!(spares(&bench.take_in(), &root));
    // A folder that is none of them any more is walked.
    fs::remove_file(root.join("cache/CACHEDIR.TAG")).unwrap();
    let changed = bench.take_in();
    assert!(!spares(&changed, &root.join("cache")));
}

#[test]
fn a_root_that_comes_later_is_watched_then() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("later");
    let mut bench = Bench::new(&[&root], &[]);
    assert!(!spares(&bench.take_in(), &root));
    fs::create_dir_all(root.join("a")).unwrap();
    assert!(!spares(&bench.take_in(), &root.join("a")));
    assert!(spares(&bench.take_in(), &root.join("a")));
    fs::remove_dir_all(&root).unwrap();
    fs::create_dir_all(root.join("a")).unwrap();
    assert!(!spares(&bench.take_in(), &root.join("a")), "another folder");
    assert!(spares(&bench.take_in(), &root.join("a")));
}

#[test]
fn a_tree_too_deep_for_watches_is_always_walked_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("beside")).unwrap();
    let deep = (0..150).fold(root.clone(), |path, _| path.join("d"));
    fs::create_dir_all(&deep).unwrap();
    let mut bench = Bench::new(&[&root], &[]);
    let changed = bench.take_in();
    assert!(spares(&changed, &root.join("beside")));
    assert!(!spares(&changed, &root.join("d/d")) && !spares(&changed, &deep));
}

#[test]
fn a_run_that_came_to_nothing_gives_back_what_it_took() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir_all(root.join("a")).unwrap();
    let watch = Watch::start(WatchedSet {
        paths: vec![root.clone()],
        exclusions: Vec::new(),
        exclude_caches: true,
        one_file_system: false,
        own_folders: Vec::new(),
    })
    .unwrap();
    let snapshot = |number| SnapshotId::from_bytes([number; 16]);
    assert!(watch.begin().changed().is_none(), "no run has seen anything yet");
    watch.begin().committed(snapshot(1));
    fs::write(root.join("a/file"), b"").unwrap();
    for _ in 0..2 {
        let changed = watch.begin().changed().unwrap();
        assert!(!spares(&changed, &root.join("a")), "it was not committed");
    }
    watch.begin().committed(snapshot(2));
    assert!(spares(&watch.begin().changed().unwrap(), &root.join("a")));
}
