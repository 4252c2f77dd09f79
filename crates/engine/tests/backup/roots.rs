//! A root of the set at whose path something else stands than in the last backup.

use super::Bench;
use engine::backup::BackupRequest;
use format::entry::{EntryKind, flags};
use model::FindingReason;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

#[test]
fn a_root_folder_that_is_something_else_now_is_kept_until_the_user_agrees() {
    let bench = Bench::new();
    bench.write("docs/a", b"one");
    bench.write("docs/sub/b", b"two");
    let (docs, aside) = (bench.root().join("docs"), bench.root().join("aside"));
    let request = BackupRequest { paths: vec![docs.clone()], ..bench.request() };
    bench.try_run(&request).unwrap();
    fs::rename(&docs, &aside).unwrap();
    for (kind, replace) in [
        (EntryKind::File, Box::new(|| fs::write(&docs, b"now a file").unwrap()) as Box<dyn Fn()>),
        (EntryKind::Symlink, Box::new(|| symlink(&aside, &docs).unwrap())),
        (EntryKind::Socket, Box::new(|| drop(UnixListener::bind(&docs).unwrap()))),
    ] {
        replace();
        let mut first_seen = Vec::new();
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            let [finding] = &summary.findings[..] else { panic!("{:?}", summary.findings) };
            assert_eq!(finding.path, docs.as_os_str().as_encoded_bytes());
            assert_eq!(
                (finding.reason, finding.kept_previous),
                (FindingReason::RootReplaced, true),
                "{kind:?}"
            );
            first_seen.push(finding.first_seen);
            let entries = bench.entries(summary.snapshot);
            assert_eq!(entries[Path::new("docs")].kind, EntryKind::Dir);
            for (path, content) in [("docs/a", b"one"), ("docs/sub/b", b"two")] {
                let kept = &entries[Path::new(path)];
                assert!(kept.has(flags::KEPT));
                assert_eq!(bench.content(summary.snapshot, kept), content);
            }
        }
        assert_eq!(first_seen[0], first_seen[1], "{kind:?}");
        // The folder is back.
        fs::remove_file(&docs).unwrap();
        fs::rename(&aside, &docs).unwrap();
        assert_eq!(bench.try_run(&request).unwrap().findings, []);
        fs::rename(&docs, &aside).unwrap();
    }
    fs::write(&docs, b"a file for good").unwrap();
    let agreed = BackupRequest { accept_changed_roots: true, ..request.clone() };
    for request in [agreed, request] {
        let summary = bench.try_run(&request).unwrap();
        assert_eq!(summary.findings, []);
        let entries = bench.entries(summary.snapshot);
        assert_eq!(bench.content(summary.snapshot, &entries[Path::new("docs")]), b"a file for good");
        assert!(!entries.contains_key(Path::new("docs/a")));
    }
}

#[test]
fn a_root_file_that_became_a_link_is_kept_and_one_that_became_a_folder_is_what_it_is() {
    let bench = Bench::new();
    bench.write("note", b"one");
    let note = bench.root().join("note");
    let request = BackupRequest { paths: vec![note.clone()], ..bench.request() };
    bench.try_run(&request).unwrap();
    fs::rename(&note, bench.root().join("aside")).unwrap();
    symlink("aside", &note).unwrap();
    let summary = bench.try_run(&request).unwrap();
    assert_eq!(summary.findings.len(), 1);
    assert_eq!(
        (summary.findings[0].reason, summary.findings[0].kept_previous),
        (FindingReason::RootReplaced, true)
    );
    let entries = bench.entries(summary.snapshot);
    assert_eq!(bench.content(summary.snapshot, &entries[Path::new("note")]), b"one");

    fs::remove_file(&note).unwrap();
    bench.write("note/inner", b"two");
    let summary = bench.try_run(&request).unwrap();
    assert_eq!(summary.findings, []);
    let entries = bench.entries(summary.snapshot);
    assert_eq!(bench.content(summary.snapshot, &entries[Path::new("note/inner")]), b"two");
}

#[test]
fn an_empty_root_folder_that_became_a_file_is_what_it_is() {
    let bench = Bench::new();
    let docs = bench.root().join("docs");
    fs::create_dir(&docs).unwrap();
    let request = BackupRequest { paths: vec![docs.clone()], ..bench.request() };
    bench.try_run(&request).unwrap();
    fs::remove_dir(&docs).unwrap();
    fs::write(&docs, b"now a file").unwrap();
    let summary = bench.try_run(&request).unwrap();
    assert_eq!(summary.findings, []);
    let entries = bench.entries(summary.snapshot);
    assert_eq!(bench.content(summary.snapshot, &entries[Path::new("docs")]), b"now a file");
}

/// Paths of a snapshot below the tree, each with whether it is marked as a folder above a root.
fn paths(bench: &Bench, snapshot: model::SnapshotId) -> Vec<(String, bool)> {
    let entries = bench.entries(snapshot);
    entries.iter().map(|(path, entry)| (path.display().to_string(), entry.has(flags::PARENT))).collect()
}

#[test]
fn a_root_that_no_snapshot_can_hold_is_refused_before_anything_is_sent() {
    let bench = Bench::new();
    bench.write("docs/a", b"one");
    let roundabout = bench.root().join("docs/../docs");
    let request = BackupRequest { paths: vec![bench.root().join("docs"), roundabout], ..bench.request() };
    assert_eq!(bench.try_run(&request).unwrap_err().code(), model::Code::Usage);
    assert_eq!(bench.remote.pack_bytes_received(), 0);
}

#[test]
fn a_root_inside_another_is_backed_up_whatever_leaves_it_out_there() {
    let bench = Bench::new();
    for path in [
        "r/a",
        "r/.cache/other",
        "r/.cache/important/x",
        "r/.cache/important/no.skip",
        "r/tagged/junk",
        "r/tagged/keep/y",
        "r/tagged/keep/deep/z",
        "r/plain/inner/w",
        "r/single.skip",
        "r/z",
    ] {
        bench.write(path, path.as_bytes());
    }
    bench.write("r/tagged/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55");
    let inner = ["r", "r/.cache/important", "r/tagged/keep", "r/plain/inner", "r/single.skip", "r/gone/root"];
    let request = BackupRequest {
        paths: inner.map(|path| bench.root().join(path)).into(),
        exclusions: vec!["*.skip".into(), ".cache/".into(), "important/".into()],
        ..bench.request()
    };
    Bench::settle();
    for run in 0..2 {
        let summary = bench.try_run(&request).unwrap();
        let [finding] = &summary.findings[..] else { panic!("{:?}", summary.findings) };
        assert_eq!(finding.reason, FindingReason::RootMissing);
        let wanted = [
            ("", true),
            ("r", false),
            ("r/.cache", true),
            ("r/.cache/important", false),
            ("r/.cache/important/x", false),
            ("r/a", false),
            ("r/plain", false),
            ("r/plain/inner", false),
            ("r/plain/inner/w", false),
            ("r/single.skip", false),
            ("r/tagged", false),
            ("r/tagged/CACHEDIR.TAG", false),
            ("r/tagged/keep", false),
            ("r/tagged/keep/deep", false),
            ("r/tagged/keep/deep/z", false),
            ("r/tagged/keep/y", false),
            ("r/z", false),
        ];
        assert_eq!(paths(&bench, summary.snapshot), wanted.map(|(path, above)| (path.to_owned(), above)));
        assert_eq!(run > 0, summary.read_bytes == 0, "{run}: {}", summary.read_bytes);
    }
}

#[test]
fn roots_inside_one_that_is_gone_or_replaced_are_kept_each_once() {
    let bench = Bench::new();
    for path in ["r/a", "r/m/b", "r/m/inner/c", "r/m/n", "r/z"] {
        bench.write(path, path.as_bytes());
    }
    let request = BackupRequest {
        paths: vec![bench.root().join("r"), bench.root().join("r/m/inner")],
        ..bench.request()
    };
    let first = bench.try_run(&request).unwrap();
    let before = paths(&bench, first.snapshot);
    fs::rename(bench.root().join("r"), bench.root().join("aside")).unwrap();
    for replaced in [false, true] {
        if replaced {
            fs::write(bench.root().join("r"), b"a file").unwrap();
        }
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            let found = paths(&bench, summary.snapshot);
            assert_eq!(
                found.iter().map(|(path, _)| path).collect::<Vec<_>>(),
                before.iter().map(|(path, _)| path).collect::<Vec<_>>()
            );
            let findings: Vec<_> = summary.findings.iter().map(|finding| finding.kept_previous).collect();
            assert_eq!(findings, [true, true], "{:?}", summary.findings);
        }
    }
    // The outer root is back without the folder that leads to the inner one.
    fs::remove_file(bench.root().join("r")).unwrap();
    bench.write("r/new", b"new");
    let summary = bench.try_run(&request).unwrap();
    let found: Vec<String> = paths(&bench, summary.snapshot).into_iter().map(|(path, _)| path).collect();
    assert_eq!(found, ["", "r", "r/m", "r/m/inner", "r/m/inner/c", "r/new"]);
}

#[test]
fn a_folder_above_a_root_stays_a_folder_when_a_link_or_a_file_takes_its_place() {
    let bench = Bench::new();
    bench.write("p/data/docs/a", b"one");
    let docs = bench.root().join("p/data/docs");
    let request = BackupRequest { paths: vec![docs.clone()], ..bench.request() };
    bench.try_run(&request).unwrap();
    let (data, moved) = (bench.root().join("p/data"), bench.root().join("p/moved"));
    fs::rename(&data, &moved).unwrap();
    let check = |is_there: bool| {
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            assert_eq!(summary.findings.is_empty(), is_there, "{:?}", summary.findings);
            let entries = bench.entries(summary.snapshot);
            let above = &entries[Path::new("p/data")];
            assert_eq!((above.kind, above.has(flags::PARENT)), (EntryKind::Dir, true));
            assert!(above.content.is_empty());
            let names: Vec<_> = entries.keys().map(|path| path.display().to_string()).collect();
            assert_eq!(names, ["", "p", "p/data", "p/data/docs", "p/data/docs/a"]);
            assert_eq!(bench.content(summary.snapshot, &entries[Path::new("p/data/docs/a")]), b"one");
        }
    };
    symlink("moved", &data).unwrap();
    check(true);
    fs::remove_file(&data).unwrap();
    symlink("nowhere", &data).unwrap();
    check(false);
    fs::remove_file(&data).unwrap();
    fs::write(&data, b"outside of the set").unwrap();
    check(false);
}

#[test]
fn a_cache_that_is_named_is_backed_up_and_an_object_store_is_told() {
    let bench = Bench::new();
    bench.write("cache/CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55");
    bench.write("cache/a", b"one");
    bench.write("store/HOLDFAST-STORE", b"Holdfast object store\nversion = 1\n");
    bench.write("store/objects/x", b"two");
    let named = ["cache", "store"].map(|path| bench.root().join(path));
    let summary = bench.try_run(&BackupRequest { paths: named.to_vec(), ..bench.request() }).unwrap();
    let [finding] = &summary.findings[..] else { panic!("{:?}", summary.findings) };
    assert_eq!(finding.path, named[1].as_os_str().as_encoded_bytes());
    assert_eq!((finding.reason, finding.kept_previous), (FindingReason::ObjectStore, false));
    let names: Vec<_> = paths(&bench, summary.snapshot).into_iter().map(|(path, _)| path).collect();
    assert_eq!(names, ["", "cache", "cache/CACHEDIR.TAG", "cache/a", "store", "store/HOLDFAST-STORE"]);
}

#[test]
fn a_root_on_a_pseudo_file_system_is_refused() {
    let bench = Bench::new();
    bench.write("docs/a", b"one");
    let paths = ["/proc", "/proc/version"].map(std::path::PathBuf::from);
    let request = BackupRequest {
        paths: paths.iter().cloned().chain([bench.root().join("docs")]).collect(),
        ..bench.request()
    };
    let summary = bench.try_run(&request).unwrap();
    let told: Vec<_> = summary.findings.iter().map(|finding| (&finding.path[..], finding.reason)).collect();
    assert_eq!(
        told,
        ["/proc", "/proc/version"].map(|path| (path.as_bytes(), FindingReason::PseudoFileSystem))
    );
    assert_eq!(summary.files, 1);
}

#[test]
fn a_link_or_a_file_between_two_roots_leaves_the_folder_above_the_inner_one() {
    let bench = Bench::new();
    for path in ["r/m/b", "r/m/inner/c", "r/z"] {
        bench.write(path, path.as_bytes());
    }
    let request = BackupRequest {
        paths: vec![bench.root().join("r"), bench.root().join("r/m/inner")],
        ..bench.request()
    };
    bench.try_run(&request).unwrap();
    let (folder, moved) = (bench.root().join("r/m"), bench.root().join("moved"));
    fs::rename(&folder, &moved).unwrap();
    for is_link in [true, false] {
        if is_link {
            symlink(&moved, &folder).unwrap();
        } else {
            fs::write(&folder, b"a file").unwrap();
        }
        for _ in 0..2 {
            let summary = bench.try_run(&request).unwrap();
            let reasons: Vec<_> = summary.findings.iter().map(|finding| finding.reason).collect();
            assert_eq!(reasons, if is_link { vec![] } else { vec![FindingReason::RootMissing] });
            let wanted = ["", "r", "r/m", "r/m/inner", "r/m/inner/c", "r/z"];
            let found = paths(&bench, summary.snapshot);
            assert_eq!(found.iter().map(|(path, _)| &path[..]).collect::<Vec<_>>(), wanted);
            let entries = bench.entries(summary.snapshot);
            assert_eq!(entries[Path::new("r/m")].kind, EntryKind::Dir);
            assert_eq!(summary.entries, bench.root().ancestors().count() as u64 - 1 + wanted.len() as u64);
        }
        if is_link {
            fs::remove_file(&folder).unwrap();
        }
    }
    // The file is no part of a snapshot before the set does without what was below it, and that is told.
    let agreed = BackupRequest { accept_changed_roots: true, ..request.clone() };
    for request in [&agreed, &request] {
        let summary = bench.try_run(request).unwrap();
        let [finding] = &summary.findings[..] else { panic!("{:?}", summary.findings) };
        assert_eq!((finding.reason, finding.kept_previous), (FindingReason::RootMissing, false));
    }
    let outer = BackupRequest { paths: vec![bench.root().join("r")], ..request };
    let summary = bench.try_run(&outer).unwrap();
    assert_eq!(summary.findings, []);
    let entries = bench.entries(summary.snapshot);
    assert_eq!(bench.content(summary.snapshot, &entries[Path::new("r/m")]), b"a file");
}
