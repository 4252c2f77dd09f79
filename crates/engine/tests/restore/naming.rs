//! New folders have a temporary name while the first entries are made in them.

use crate::bench::{Bench, assert_equal, assert_no_leftovers, contents, findings, names};
use engine::restore::TEMP_PREFIX;
use model::Code;
use std::fs;
use std::sync::{Arc, Mutex};
use testkit::memory_remote::Call;

#[test]
fn a_folder_is_there_with_what_is_in_it() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    fs::create_dir_all(tree.join("a/inner")).unwrap();
    for name in ["a/1", "a/2", "a/inner/3", "a/z"] {
        fs::write(tree.join(name), format!("content of {name}")).unwrap();
    }
    let snapshot = bench.back_up(&tree);
    let to = bench.path("to");
    let seen = Arc::new(Mutex::new(Vec::new()));
    bench.remote.fail_when({
        let (to, seen) = (to.clone(), Arc::clone(&seen));
        move |call, _| {
            if call == Call::Frames && to.exists() {
                seen.lock().unwrap().push(names(&to));
            }
            None
        }
    });
    let summary = bench.restore(snapshot, &contents(&tree, &to));
    assert_eq!((findings(&summary), summary.files), (vec![], 4));
    assert_equal(&tree, &to);
    assert_no_leftovers(&to);
    // When the first content was asked for, the folder was there under no name of its own.
    let seen = seen.lock().unwrap();
    let prefix = std::str::from_utf8(TEMP_PREFIX).unwrap();
    let first = seen.iter().find(|names| !names.is_empty()).unwrap();
    assert!(first.iter().all(|name| name.starts_with(prefix)), "{seen:?}");
}

#[test]
fn a_folder_with_more_than_may_be_lost_is_there_before_its_end() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    fs::create_dir_all(tree.join("many")).unwrap();
    for number in 0..12_500 {
        fs::write(tree.join(format!("many/{number:05}")), number.to_string()).unwrap();
    }
    fs::hard_link(tree.join("many/00001"), tree.join("many/99999 linked")).unwrap();
    // More levels than stay open, with a name of a file above them.
    let mut deep = tree.join("one");
    fs::create_dir(&deep).unwrap();
    fs::write(deep.join("0"), "linked").unwrap();
    for _ in 0..150 {
        deep.push("level");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::hard_link(tree.join("one/0"), deep.join("second")).unwrap();
    let snapshot = bench.back_up(&tree);
    let to = bench.path("to");
    let summary = bench.restore(snapshot, &contents(&tree, &to));
    assert_eq!(findings(&summary), []);
    assert_equal(&tree, &to);
    assert_no_leftovers(&to);
}

#[test]
fn a_restore_that_ends_early_leaves_folders_with_their_names() {
    let bench = Bench::new();
    let tree = bench.path("tree");
    fs::create_dir_all(tree.join("a/b")).unwrap();
    for name in ["a/1", "a/b/2"] {
        fs::write(tree.join(name), name.repeat(100)).unwrap();
    }
    let snapshot = bench.back_up(&tree);
    let to = bench.path("to");
    let begun = to.clone();
    bench.remote.fail_when(move |call, _| {
        let is_cut = call == Call::Frames && begun.exists() && !names(&begun).is_empty();
        is_cut.then(|| testkit::memory_remote::refusal(Code::ServerUnreachable, "cut"))
    });
    let error = bench.try_restore(snapshot, &contents(&tree, &to)).unwrap_err();
    assert_eq!(error.code(), Code::ServerUnreachable, "{error}");
    assert_no_leftovers(&to);
    assert!(to.join("a").is_dir(), "{:?}", names(&to));
}
