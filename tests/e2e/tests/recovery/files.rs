//! Recovery files and backups that do not fit: refused, and nothing is made of them.

use crate::{History, lose_all_but_the_store, refused, take_recovery_file};
use e2e::{Outcome, Site};
use model::Code;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies a folder or file with all its attributes.
pub(crate) fn copy(from: &Path, to: &Path) {
    Outcome::of(Command::new("cp").arg("-a").arg(from).arg(to)).ok();
}

#[track_caller]
fn recover(site: &Site, recovery: &Path, backup: Option<&Path>) -> Outcome {
    let mut command = site.server.command();
    command.arg("recover").arg("--recovery-file").arg(recovery);
    if let Some(backup) = backup {
        command.arg("--backup").arg(backup);
    }
    Outcome::of(&mut command)
}

/// What lies in the data folder beside the store and what every command may leave.
fn beside_the_store(site: &Site) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(site.server.data()).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| !path.ends_with("store") && !path.ends_with("lock")).collect()
}

#[test]
fn files_that_do_not_fit_are_refused_and_leave_nothing() {
    let mut site = Site::new();
    let recovery = take_recovery_file(&site);
    let other = Site::new();
    let other_recovery = take_recovery_file(&other);
    let other_backup = site.path("other-backup");
    other.server.run([Path::new("backup"), &other_backup]).ok();
    let mut laptop = History::new(&site, "laptop");
    laptop.back_up();
    let backup = site.path("backup");
    site.server.run([Path::new("backup"), &backup]).ok();
    site.server.stop();
    lose_all_but_the_store(site.server.data());

    let text = site.path("text");
    std::fs::write(&text, "no recovery file").unwrap();
    let binary = site.path("binary");
    std::fs::write(&binary, [0xff, 0xfe, 0]).unwrap();
    let key = std::fs::read_to_string(&recovery).unwrap();
    let cut = site.path("cut");
    std::fs::write(&cut, &key.trim_end()[..key.trim_end().len() - 1]).unwrap();
    for wrong in [&other_recovery, &text, &binary, &cut] {
        refused(recover(&site, wrong, None), Code::RecoveryWrong);
        refused(recover(&site, wrong, Some(&backup)), Code::RecoveryWrong);
    }
    refused(recover(&site, &site.path("none"), None), Code::PathMissing);
    refused(recover(&site, &recovery, Some(&site.path("none"))), Code::PathMissing);
    // A backup of another server, for which even its own recovery file does not help.
    refused(recover(&site, &recovery, Some(&other_backup)), Code::RecoveryWrong);
    refused(recover(&site, &other_recovery, Some(&other_backup)), Code::RecoveryWrong);
    let whole = std::fs::read(&backup).unwrap();
    let damaged = site.path("damaged");
    let mut turned = whole.clone();
    turned[whole.len() / 2] ^= 1;
    for bytes in [&whole[..whole.len() / 2], &whole[..whole.len() - 1], b"", b"no backup", &turned] {
        std::fs::write(&damaged, bytes).unwrap();
        let outcome = recover(&site, &recovery, Some(&damaged)).fails_with(Code::DatabaseDamaged);
        assert!(outcome.stderr.contains("or recover without --backup"), "{outcome}");
    }
    assert_eq!(beside_the_store(&site), [] as [PathBuf; 0], "a refused recovery leaves nothing");

    recover(&site, &recovery, Some(&backup)).ok();
    site.server.start();
    laptop.assert_all_restore(&site, &[]);
    laptop.back_up();
    site.server.verify();
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
    // What cannot have its name is not left under another one.
    let folder = site.path("folder");
    std::fs::create_dir_all(folder.join("taken")).unwrap();
    refused(site.server.run([Path::new("backup"), &folder.join("taken")]), Code::Usage);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    refused(site.server.run([Path::new("backup"), &site.path("no/folder/here")]), Code::PathMissing);
}
