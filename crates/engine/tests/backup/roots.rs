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
