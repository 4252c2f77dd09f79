//! Recovery files and backups that do not fit: refused, and nothing is made of them.

use crate::{History, refused};
use e2e::{Outcome, Site};
use model::Code;
use std::path::Path;
use std::process::Command;

/// Copies a folder or file with all its attributes.
pub(crate) fn copy(from: &Path, to: &Path) {
    Outcome::of(Command::new("cp").arg("-a").arg(from).arg(to)).ok();
}

#[test]
fn a_backup_is_sealed_and_replaced_only_when_the_new_one_is_whole() {
    let site = Site::new();
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    let backup = site.path("backup");
    let run = || site.server.run([Path::new("backup"), &backup]);
    run().ok();
    let first = std::fs::read(&backup).unwrap();
    let authority = std::fs::read_to_string(site.server.data().join("tls/authority.pem")).unwrap();
    let secret = authority.lines().find(|line| line.len() > 40).unwrap();
    for needle in ["PRIVATE KEY", "AGE-SECRET-KEY", "SQLite format 3", "anna", secret] {
        let found = first.windows(needle.len()).any(|part| part == needle.as_bytes());
        assert!(!found, "{needle} stands in the backup in clear");
    }
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(backup.metadata().unwrap().permissions().mode() & 0o777, 0o600);

    laptop.back_up();
    run().ok();
    let second = std::fs::read(&backup).unwrap();
    assert!(second != first);
    // A place that cannot be written: the file that is there stays.
    std::fs::create_dir(site.path("backup.tmp")).unwrap();
    let outcome = run();
    assert_eq!(outcome.status, i32::from(Code::LocalFailed.exit_status()), "{outcome}");
    assert!(std::fs::read(&backup).unwrap() == second);
    refused(site.server.run([Path::new("backup"), &site.path("no/folder/here")]), Code::PathMissing);
}
