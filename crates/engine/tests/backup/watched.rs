//! Runs under a watch: what did not change is not walked, and a run that spares folders stores what one that walks
//! everything would.

use super::*;
use engine::backup::{Changed, Hints, Watch, WatchedSet};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

/// Something that happens in the tree, with its name.
type Step<'a> = (&'a str, Box<dyn Fn() + 'a>);

struct Watched {
    bench: Bench,
    watch: Watch,
}

fn watch(request: &BackupRequest) -> Watch {
    Watch::start(WatchedSet {
        paths: request.paths.clone(),
        exclusions: request.exclusions.clone(),
        exclude_caches: request.exclude_caches,
        one_file_system: request.one_file_system,
        own_folders: request.own_folders.clone(),
    })
    .unwrap()
}

impl Watched {
    fn new(bench: Bench) -> Self {
        let watch = watch(&bench.request());
        Self { bench, watch }
    }

    /// One run; gives what it was told.
    fn run(&self) -> (BackupSummary, Option<Arc<Changed>>) {
        let hints = self.watch.begin();
        self.run_with(hints)
    }

    fn run_with(&self, hints: Hints) -> (BackupSummary, Option<Arc<Changed>>) {
        let changed = hints.changed();
        let request = BackupRequest { changed: changed.clone(), ..self.bench.request() };
        let summary = self.bench.try_run(&request).unwrap();
        hints.committed(summary.snapshot);
        (summary, changed)
    }

    /// One run that is told something; its snapshot is what the tree is.
    fn run_spared(&self) -> BackupSummary {
        let (summary, changed) = self.run();
        assert!(changed.is_some(), "nothing was known");
        self.bench.assert_stored(summary.snapshot);
        summary
    }
}

fn tree() -> Bench {
    let bench = Bench::new();
    for folder in ["a", "a/b", "a/b/c", "d", "d/e"] {
        for file in 0..5 {
            bench.write(&format!("{folder}/{file}"), format!("{folder} {file}").as_bytes());
        }
    }
    bench.write("left out.skip/file", b"no");
    Bench::settle();
    bench
}

/// Changes a file without a word to anybody who watches: by a name in a folder that is not watched.
fn change_unheard(bench: &Bench, file: &str, content: &[u8]) {
    let outside = TempDir::new_in(bench.tree.path().parent().unwrap()).unwrap();
    let name = outside.path().join("other name");
    fs::hard_link(bench.root().join(file), &name).unwrap();
    fs::write(&name, content).unwrap();
    fs::remove_file(name).unwrap();
}

#[test]
fn a_folder_in_which_nothing_happened_is_not_walked() {
    let watched = Watched::new(tree());
    let (first, changed) = watched.run();
    assert!(changed.is_none(), "before the first run nothing is known");
    Bench::settle();
    let second = watched.run_spared();
    let sums = |summary: &BackupSummary| (summary.files, summary.entries, summary.bytes);
    assert_eq!((sums(&second), second.read_bytes), (sums(&first), 0));
    // The proof that it is not walked: a change that nobody tells of is not seen, until all is walked.
    let file = Path::new("a/b/1");
    change_unheard(&watched.bench, "a/b/1", b"unheard");
    let content = |snapshot| {
        let entry = watched.bench.entries(snapshot)[file].clone();
        watched.bench.content(snapshot, &entry)
    };
    let (third, changed) = watched.run();
    assert!(changed.is_some());
    assert_eq!(content(third.snapshot), b"a/b 1");
    assert_eq!(content(watched.bench.run().snapshot), b"unheard");
}

#[test]
fn what_happens_in_folders_is_seen() {
    let watched = Watched::new(tree());
    watched.run();
    Bench::settle();
    let root = watched.bench.root();
    let steps: Vec<Step<'_>> = vec![
        ("a file is written", Box::new(|| fs::write(root.join("a/b/c/1"), b"longer than it was").unwrap())),
        ("a file is appended to and stays open", {
            let path = root.join("d/e/3");
            let held = std::cell::RefCell::new(None);
            Box::new(move || {
                let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
                file.write_all(b" and more").unwrap();
                *held.borrow_mut() = Some(file);
            })
        }),
        (
            "a file gets another mode",
            Box::new(|| {
                fs::set_permissions(root.join("a/2"), fs::Permissions::from_mode(0o600)).unwrap();
            }),
        ),
        (
            "a folder gets another mode",
            Box::new(|| {
                fs::set_permissions(root.join("a/b/c"), fs::Permissions::from_mode(0o700)).unwrap();
            }),
        ),
        (
            "a tree is made",
            Box::new(|| {
                fs::create_dir_all(root.join("new/x/y")).unwrap();
                fs::write(root.join("new/x/y/deep"), b"deep").unwrap();
            }),
        ),
        (
            "something happens in the tree that was made",
            Box::new(|| {
                fs::write(root.join("new/x/y/second"), b"second").unwrap();
            }),
        ),
        ("a tree is moved", Box::new(|| fs::rename(root.join("a/b"), root.join("d/moved")).unwrap())),
        (
            "something happens in the tree that was moved",
            Box::new(|| {
                fs::write(root.join("d/moved/c/after"), b"after").unwrap();
            }),
        ),
        (
            "another tree takes its place",
            Box::new(|| fs::rename(root.join("new"), root.join("a/b")).unwrap()),
        ),
        ("something happens there", Box::new(|| fs::write(root.join("a/b/x/third"), b"third").unwrap())),
        ("a tree is deleted", Box::new(|| fs::remove_dir_all(root.join("d/e")).unwrap())),
        (
            "two folders change places",
            Box::new(|| {
                fs::rename(root.join("a"), root.join("t")).unwrap();
                fs::rename(root.join("d"), root.join("a")).unwrap();
                fs::rename(root.join("t"), root.join("d")).unwrap();
            }),
        ),
        (
            "something happens in one of them",
            Box::new(|| fs::write(root.join("d/b/x/y/deep"), b"x").unwrap()),
        ),
        (
            "a folder becomes a link",
            Box::new(|| {
                fs::remove_dir_all(root.join("d/b/x")).unwrap();
                symlink("/etc", root.join("d/b/x")).unwrap();
            }),
        ),
        ("nothing happens", Box::new(|| {})),
    ];
    for (what, step) in &steps {
        step();
        eprintln!("{what}");
        watched.run_spared();
    }
}

#[test]
fn a_run_that_fails_leaves_its_hints_to_the_next_one() {
    let watched = Watched::new(tree());
    watched.run();
    Bench::settle();
    watched.bench.write("a/b/c/1", b"another content");
    drop(watched.watch.begin());
    let summary = watched.run_spared();
    assert!(summary.read_bytes > 0);
}

#[test]
fn what_happens_during_a_run_belongs_to_the_next_one() {
    let watched = Watched::new(tree());
    watched.run();
    Bench::settle();
    let hints = watched.watch.begin();
    watched.bench.write("d/e/1", b"after the run began");
    let (missed, _) = watched.run_with(hints);
    assert_eq!(missed.read_bytes, 0, "the folder was spared");
    let (summary, _) = watched.run();
    watched.bench.assert_stored(summary.snapshot);
}

#[test]
fn after_a_snapshot_of_somebody_else_everything_is_walked() {
    let watched = Watched::new(tree());
    watched.run();
    Bench::settle();
    let hints = watched.watch.begin();
    // Another program, which knows nothing of the watch, backs the set up meanwhile.
    watched.bench.run();
    change_unheard(&watched.bench, "d/1", b"unheard");
    let (summary, changed) = watched.run_with(hints);
    assert!(changed.is_some());
    watched.bench.assert_stored(summary.snapshot);
}

#[test]
fn a_file_with_further_names_is_looked_at() {
    let bench = tree();
    let outside = TempDir::new_in(bench.tree.path().parent().unwrap()).unwrap();
    let name = outside.path().join("further");
    fs::hard_link(bench.root().join("a/b/c/4"), &name).unwrap();
    let watched = Watched::new(bench);
    watched.run();
    Bench::settle();
    fs::write(&name, b"by another name").unwrap();
    watched.run_spared();
}

#[test]
fn a_root_that_was_replaced_by_another_folder_is_walked() {
    let bench = Bench::new();
    bench.write("above/root/file", b"old");
    bench.write("other/root/file", b"new content");
    let request = BackupRequest {
        paths: vec![bench.root().join("above/root")],
        accept_changed_roots: false,
        ..bench.request()
    };
    let watch = watch(&request);
    let run = |hints: Hints| {
        let request = BackupRequest { changed: hints.changed(), ..request.clone() };
        let summary = bench.try_run(&request).unwrap();
        hints.committed(summary.snapshot);
        summary
    };
    run(watch.begin());
    Bench::settle();
    // Above the root nobody watches.
    fs::rename(bench.root().join("above"), bench.root().join("gone")).unwrap();
    fs::rename(bench.root().join("other"), bench.root().join("above")).unwrap();
    let summary = run(watch.begin());
    let entry = &bench.entries(summary.snapshot)[Path::new("above/root/file")];
    assert_eq!(bench.content(summary.snapshot, entry), b"new content");
    // And what happens in the new one is heard.
    Bench::settle();
    run(watch.begin());
    bench.write("above/root/file", b"newer content");
    let summary = run(watch.begin());
    let entry = &bench.entries(summary.snapshot)[Path::new("above/root/file")];
    assert_eq!(bench.content(summary.snapshot, entry), b"newer content");
}
