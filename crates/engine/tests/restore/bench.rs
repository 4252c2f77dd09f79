//! A vault in memory, a folder for targets, and the requests of the tests.

use engine::EngineError;
use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use engine::reader::SnapshotReader;
use engine::restore::{self, Conflict, Layout, Planned, RestorePlan, RestoreRequest, RestoreSummary, Target};
use format::classes::Classes;
use format::keys::Keyring;
use model::{Clock, Custody, DeviceId, FindingReason, SnapshotId, VaultId};
use platform::Names;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use testkit::tree::{self, Look};
use testkit::{MemoryRemote, SnapshotWriter};

pub(crate) struct Bench {
    pub(crate) remote: MemoryRemote,
    pub(crate) keyring: Keyring,
    folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let keyring = Keyring::create(VaultId::random(), Custody::Managed);
        let remote = MemoryRemote::new(keyring.vault());
        Self { remote, keyring, folder: tempfile::tempdir().unwrap() }
    }

    /// A path in the bench's own folder; nothing is there yet.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub(crate) fn writer(&self) -> SnapshotWriter<'_> {
        SnapshotWriter::new(&self.remote, &self.keyring)
    }

    /// Backs a folder up.
    pub(crate) fn back_up(&self, root: &Path) -> SnapshotId {
        let request = BackupRequest {
            device: DeviceId::random(),
            device_name: "laptop".into(),
            set_name: "default".into(),
            paths: vec![root.to_owned()],
            exclusions: Vec::new(),
            exclude_caches: false,
            one_file_system: false,
            own_folders: Vec::new(),
            accept_changed_roots: false,
            cache: self.path("cache"),
            frame_target: format::limits::FRAME_TARGET,
            compression_level: 1,
            workers: 2,
            checkpoint_every: Duration::from_secs(900),
            renewal_limit_bytes: 1 << 30,
            index_ids_max: backup::INDEX_IDS_MAX,
            changed: None,
            count_ahead: false,
        };
        let summary = backup::run(
            &self.remote,
            &self.keyring,
            &Classes::default(),
            &request,
            &Clock::system(),
            &Progress::new(),
        )
        .unwrap();
        assert!(summary.findings.is_empty(), "{:?}", summary.findings);
        summary.snapshot
    }

    pub(crate) fn with_reader<T>(
        &self,
        snapshot: SnapshotId,
        run: impl FnOnce(&SnapshotReader<'_>) -> T,
    ) -> T {
        run(&SnapshotReader::open(&self.remote, &self.keyring, snapshot).unwrap())
    }

    pub(crate) fn try_restore(
        &self,
        snapshot: SnapshotId,
        request: &RestoreRequest,
    ) -> Result<RestoreSummary, EngineError> {
        self.with_reader(snapshot, |reader| restore::run(reader, request, &Names::new(), &Progress::new()))
    }

    pub(crate) fn restore(&self, snapshot: SnapshotId, request: &RestoreRequest) -> RestoreSummary {
        self.try_restore(snapshot, request).unwrap()
    }

    /// What a dry run tells.
    pub(crate) fn plan(&self, snapshot: SnapshotId, request: &RestoreRequest) -> (RestorePlan, Vec<Planned>) {
        let mut lines = Vec::new();
        let plan = self.with_reader(snapshot, |reader| {
            restore::plan(reader, request, &Progress::new(), &mut |line| lines.push(line.clone()))
        });
        (plan.unwrap(), lines)
    }
}

/// The contents of one path into a folder.
pub(crate) fn contents(path: impl AsRef<Path>, to: &Path) -> RestoreRequest {
    let selections = vec![path.as_ref().as_os_str().as_bytes().to_vec()];
    RestoreRequest {
        selections,
        label: "restored 2026-11-24 10.30".into(),
        ..RestoreRequest::into_folder(to, Layout::Contents)
    }
}

/// Paths as they were, below a folder; none means all.
pub(crate) fn absolute(paths: &[&Path], to: &Path) -> RestoreRequest {
    let selections = paths.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect();
    let label = "restored 2026-11-24 10.30".into();
    RestoreRequest { selections, label, ..RestoreRequest::into_folder(to, Layout::Absolute) }
}

/// One path to where it was.
pub(crate) fn in_place(path: &Path, conflict: Conflict) -> RestoreRequest {
    RestoreRequest { target: Target::InPlace, conflict, ..contents(path, Path::new("/")) }
}

/// The findings as text paths and reasons.
pub(crate) fn findings(summary: &RestoreSummary) -> Vec<(String, FindingReason, i32)> {
    assert_eq!(summary.findings.len() as u64, summary.finding_count);
    let line = |finding: &model::Finding| {
        (String::from_utf8_lossy(&finding.path).into_owned(), finding.reason, finding.errno)
    };
    summary.findings.iter().map(line).collect()
}

/// Fails unless the trees are equal in everything.
pub(crate) fn assert_equal(left: &Path, right: &Path) {
    assert_eq!(tree::compare(left, right, Look::default()).unwrap(), Vec::<String>::new());
}

/// Fails when a temporary name of a restore is left anywhere below.
pub(crate) fn assert_no_leftovers(top: &Path) {
    let prefix = String::from_utf8(restore::TEMP_PREFIX.to_vec()).unwrap();
    for path in tree::read(top).unwrap().keys() {
        let text = String::from_utf8_lossy(path);
        assert!(!text.contains(&prefix), "{text}");
    }
}

/// All names below a folder, sorted.
pub(crate) fn names(top: &Path) -> Vec<String> {
    let tree = tree::read(top).unwrap();
    tree.keys()
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect()
}
