//! A vault in memory with snapshots that are written entry by entry, and real ones.

use engine::backup::{self, BackupRequest};
use engine::progress::Progress;
use engine::reader::SnapshotReader;
use format::classes::Classes;
use format::entry::Entry;
use format::frame::PackKind;
use format::keys::Keyring;
use model::{Clock, Custody, DeviceId, SnapshotId, VaultId};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use testkit::{MemoryRemote, SnapshotWriter};

pub(crate) struct Bench {
    pub(crate) remote: MemoryRemote,
    pub(crate) keyring: Keyring,
    pub(crate) device: DeviceId,
    pub(crate) folder: TempDir,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let keyring = Keyring::create(VaultId::random(), Custody::Managed);
        let remote = MemoryRemote::new(keyring.vault());
        Self { remote, keyring, device: DeviceId::random(), folder: tempfile::tempdir().unwrap() }
    }

    /// A snapshot of the bench's device, in hunks of ten entries.
    pub(crate) fn writer(&self) -> SnapshotWriter<'_> {
        SnapshotWriter::new(&self.remote, &self.keyring).of_device(self.device).with_hunks_of(10)
    }

    /// A snapshot of entries without content.
    pub(crate) fn write(&self, entries: &[Entry]) -> SnapshotId {
        let mut writer = self.writer();
        for entry in entries {
            writer.add(entry.clone());
        }
        writer.commit()
    }

    pub(crate) fn open(&self, snapshot: SnapshotId) -> SnapshotReader<'_> {
        SnapshotReader::open(&self.remote, &self.keyring, snapshot).unwrap()
    }

    /// Backs a folder up as an agent does.
    pub(crate) fn back_up(&self, root: &Path) -> SnapshotId {
        let request = BackupRequest {
            device: self.device,
            device_name: "laptop".into(),
            set_name: "default".into(),
            paths: vec![root.to_owned()],
            exclusions: Vec::new(),
            exclude_caches: false,
            one_file_system: false,
            own_folders: Vec::new(),
            accept_changed_roots: false,
            cache: self.folder.path().join("cache"),
            frame_target: format::limits::FRAME_TARGET,
            compression_level: 1,
            workers: 2,
            checkpoint_every: Duration::from_secs(900),
            renewal_limit_bytes: 1 << 30,
            index_ids_max: backup::INDEX_IDS_MAX,
            changed: None,
            count_ahead: false,
        };
        let (classes, clock, progress) = (Classes::default(), Clock::system(), Progress::new());
        backup::run(&self.remote, &self.keyring, &classes, &request, &clock, &progress).unwrap().snapshot
    }

    /// Frames of hunks that the server stores.
    pub(crate) fn hunk_frames(&self) -> u64 {
        let tables = self.remote.tables();
        let of_hunks = tables.iter().filter(|table| table.header.context.kind == PackKind::Hunk);
        of_hunks.map(|table| table.frames.len() as u64).sum()
    }
}
