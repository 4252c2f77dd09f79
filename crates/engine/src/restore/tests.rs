//! Restores into a folder that is said to ignore case: few machines have one.

use super::*;
use crate::remote::{Committed, IdSink, IndexIds, Lease, LogPosition, PackReceipt, Remote, RemoteError};
use format::frame::SealedFrame;
use format::keys::Keyring;
use format::ranges::Address;
use format::segment::Segment;
use model::{ChunkId, Code, Custody, Damaged, LeaseId, PackId, SetId, SnapshotId, VaultId};
use std::os::unix::fs::PermissionsExt;
use testkit::engine::remote as outer;
use testkit::snapshot_writer::{file, folder};
use testkit::{MemoryRemote, SnapshotWriter};

/// The server in memory as this build of the engine sees it, for reading only.
struct Reading(MemoryRemote);

fn inner(error: outer::RemoteError) -> RemoteError {
    let outer::RemoteError { code, detail, retry_after_seconds, queue_place, missing } = error;
    RemoteError { code, detail, retry_after_seconds, queue_place, missing }
}

fn refused<T>() -> Result<T, RemoteError> {
    Err(inner(testkit::memory_remote::refusal(Code::Internal, "for reading only")))
}

impl Remote for Reading {
    fn vault(&self) -> VaultId {
        outer::Remote::vault(&self.0)
    }

    fn grant(&self, _: SetId) -> Result<Lease, RemoteError> {
        refused()
    }

    fn release(&self, _: LeaseId) -> Result<(), RemoteError> {
        refused()
    }

    fn index(
        &self,
        _: Option<LogPosition>,
        _: IndexIds,
        _: &mut dyn FnMut(Segment) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        refused()
    }

    fn damage(&self) -> Result<Vec<Damaged>, RemoteError> {
        refused()
    }

    fn look_up(&self, _: LeaseId, _: &[ChunkId]) -> Result<Vec<Option<Address>>, RemoteError> {
        refused()
    }

    fn send_pack(&self, _: LeaseId, _: PackId, _: bytes::Bytes) -> Result<PackReceipt, RemoteError> {
        refused()
    }

    fn commit(&self, _: LeaseId, _: SnapshotId, _: &[u8]) -> Result<Committed, RemoteError> {
        refused()
    }

    fn snapshot(&self, id: SnapshotId) -> Result<Vec<u8>, RemoteError> {
        outer::Remote::snapshot(&self.0, id).map_err(inner)
    }

    fn frames(
        &self,
        snapshot: SnapshotId,
        wanted: &[(PackId, u32)],
        sink: &mut dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        let mut answers = Vec::new();
        let asked = outer::Remote::frames(&self.0, snapshot, wanted, &mut |name, frame| {
            answers.push((name, frame.map_err(inner)));
            Ok(())
        });
        asked.map_err(inner)?;
        answers.into_iter().try_for_each(|(name, frame)| sink(name, frame))
    }

    fn frame_ids(&self, _: SnapshotId, _: &[(PackId, u32)], _: &mut IdSink<'_>) -> Result<(), RemoteError> {
        refused()
    }

    fn sample_frames(
        &self,
        _: LeaseId,
        _: &[(PackId, u32)],
        _: &mut dyn FnMut((PackId, u32), Result<SealedFrame, RemoteError>) -> Result<(), RemoteError>,
    ) -> Result<(), RemoteError> {
        refused()
    }
}

/// Restores a snapshot with these files into a folder of which `probe` tells whether it ignores case.
fn restore(
    files: &[&str],
    to: &std::path::Path,
    conflict: Conflict,
    probe: fn(&platform::Dir) -> platform::Result<bool>,
) -> Result<RestoreSummary, EngineError> {
    let keyring = Keyring::create(VaultId::random(), Custody::Managed);
    let remote = Reading(MemoryRemote::new(keyring.vault()));
    let mut writer = SnapshotWriter::new(&remote.0, &keyring);
    writer.add(folder(b"/")).add(folder(b"/x")).add(folder(b"/y"));
    for path in files {
        writer.add_file(file(path.as_bytes(), 1), b"x");
    }
    let snapshot = writer.commit();
    let reader = SnapshotReader::open(&remote, &keyring, snapshot).unwrap();
    let request = RestoreRequest { conflict, ..RestoreRequest::into_folder(to, Layout::Absolute) };
    planner::run(&reader, &request, &Names::new(), &Progress::new(), probe)
}

#[test]
fn what_may_cost_something_waits_for_the_disk() {
    let temp = tempfile::tempdir().unwrap();
    let local = Dir::open_root(temp.path()).unwrap();
    let request = |conflict, durable| RestoreRequest {
        conflict,
        durable,
        ..RestoreRequest::into_folder(temp.path(), Layout::Contents)
    };
    for conflict in [Conflict::Refuse, Conflict::Skip, Conflict::KeepBoth] {
        assert!(!request(conflict, false).waits_for_disk(&local), "{conflict:?}");
        assert!(request(conflict, true).waits_for_disk(&local), "{conflict:?}");
    }
    for conflict in [Conflict::Replace, Conflict::ReplaceIfNewer] {
        assert!(request(conflict, false).waits_for_disk(&local), "{conflict:?}");
    }
    // Whatever is not surely a disk of this machine.
    let elsewhere = Dir::open_root(std::path::Path::new("/proc")).unwrap();
    assert!(request(Conflict::Refuse, false).waits_for_disk(&elsewhere));
}

#[test]
fn names_that_differ_only_in_case_are_refused_where_case_is_ignored() {
    let temp = tempfile::tempdir().unwrap();
    let clashing: [&[&str]; 3] =
        [&["/x/A", "/x/a"], &["/X", "/z"], &["/y/stra\u{df}e", "/y/\u{c4}", "/y/\u{e4}"]];
    for (number, files) in clashing.into_iter().enumerate() {
        for conflict in [Conflict::Refuse, Conflict::Replace, Conflict::KeepBoth] {
            let to = temp.path().join(number.to_string());
            let error = restore(files, &to, conflict, |_| Ok(true)).unwrap_err();
            assert_eq!(error.code(), Code::TargetCaseClash, "{files:?}");
            assert!(!to.exists(), "the folder that was made for the restore is gone again");
        }
        let to = temp.path().join(format!("existing {number}"));
        std::fs::create_dir(&to).unwrap();
        std::fs::set_permissions(&to, std::fs::Permissions::from_mode(0o750)).unwrap();
        restore(files, &to, Conflict::Refuse, |_| Ok(true)).unwrap_err();
        let mode = std::fs::metadata(&to).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o750, "an empty folder of the user stays as it was");
        let to = temp.path().join(format!("told apart {number}"));
        let summary = restore(files, &to, Conflict::Refuse, |_| Ok(false)).unwrap();
        assert_eq!((summary.files, summary.finding_count), (files.len() as u64, 0));
    }
    let other_folders = ["/x/a", "/y/A", "/z"];
    let summary =
        restore(&other_folders, &temp.path().join("other"), Conflict::Refuse, |_| Ok(true)).unwrap();
    assert_eq!(summary.files, 3);
}

#[test]
fn a_restore_that_fails_before_its_first_entry_leaves_the_target_as_it_was() {
    let temp = tempfile::tempdir().unwrap();
    let failing = |_: &platform::Dir| Err(platform::Error::Os { op: "create file", errno: 5 });
    let existing = temp.path().join("existing");
    std::fs::create_dir(&existing).unwrap();
    std::fs::set_permissions(&existing, std::fs::Permissions::from_mode(0o750)).unwrap();
    let error = restore(&["/x/A", "/x/a"], &existing, Conflict::Refuse, failing).unwrap_err();
    assert_eq!(error.code(), Code::LocalFailed);
    assert_eq!(std::fs::metadata(&existing).unwrap().permissions().mode() & 0o7777, 0o750);
    let missing = temp.path().join("missing");
    restore(&["/x/A", "/x/a"], &missing, Conflict::Refuse, failing).unwrap_err();
    assert!(!missing.exists(), "the folder that was made for the restore is gone again");
}
