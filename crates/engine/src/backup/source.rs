//! Finds the snapshot to compare with: in the cache, else at the server, from where the cache is filled again.

use super::BackupRequest;
use super::base::{BaseEntries, BaseHeader};
use super::cache::{CacheReader, CacheWriter};
use super::held::HeldClasses;
use super::index::Index;
use crate::remote::Remote;
use crate::{EngineError, frames, reader::SnapshotReader};
use format::classes::Classes;
use format::frame::PackKind;
use format::keys::Keyring;
use model::{ChunkId, PackId, SetId, SnapshotId};
use std::collections::HashMap;

/// Frames whose ids are asked for with one request.
const FRAMES_PER_REQUEST: usize = 16;

/// Snapshots that are tried as base before a run goes without one.
const BASES_MAX: usize = 8;

/// The base of a run; without one when the set was never backed up.
pub(super) struct Base {
    pub(super) header: Option<BaseHeader>,
    reader: Option<CacheReader>,
}

impl Base {
    /// Its entries, decoded ahead on a thread of `scope`.
    pub(super) fn entries<'scope, 'env: 'scope>(
        &mut self,
        scope: &'scope std::thread::Scope<'scope, 'env>,
    ) -> BaseEntries<'scope> {
        let Some(reader) = self.reader.take() else { return BaseEntries::none() };
        let (send, receive) = crossbeam_channel::bounded(8);
        scope.spawn(move || {
            for hunk in reader {
                if send.send(hunk).is_err() {
                    return;
                }
            }
        });
        BaseEntries::new(receive.into_iter())
    }
}

/// The base of this run: the newest snapshot that can be read. One that is damaged or lost must not end all backups
/// that follow it, and the one before knows nearly as much.
pub(super) fn open(
    remote: &dyn Remote,
    keyring: &Keyring,
    request: &BackupRequest,
    set: SetId,
    index: &Index,
    classes: &Classes,
) -> Result<Base, EngineError> {
    let cached = || CacheReader::open(&request.cache, keyring.vault(), request.device, set);
    for snapshot in newest_snapshots(remote, request, set)? {
        let mut reader = cached().filter(|reader| reader.header.snapshot == snapshot);
        if reader.is_none() {
            match fill_cache(remote, keyring, request, set, (index, classes), snapshot) {
                Err(error) if error.code().is_data_lost() => {
                    tracing::warn!(%snapshot, %error, "a snapshot cannot be read; comparing with the one before");
                    continue;
                }
                filled => filled?,
            }
            reader = cached();
        }
        return Ok(Base { header: reader.as_ref().map(|reader| reader.header.clone()), reader });
    }
    Ok(Base { header: None, reader: None })
}

/// A second reader of the base, for the part that a checkpoint takes over.
pub(super) fn reopen(keyring: &Keyring, request: &BackupRequest, set: SetId) -> Option<CacheReader> {
    CacheReader::open(&request.cache, keyring.vault(), request.device, set)
}

/// The newest snapshots of the set, checkpoints included, the very newest first.
fn newest_snapshots(
    remote: &dyn Remote,
    request: &BackupRequest,
    set: SetId,
) -> Result<Vec<SnapshotId>, EngineError> {
    let mut snapshots = remote.snapshots()?;
    snapshots.retain(|snapshot| snapshot.set == set && snapshot.device == request.device);
    snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.sequence));
    Ok(snapshots.iter().take(BASES_MAX).map(|snapshot| snapshot.id).collect())
}

/// Writes the cache of a snapshot from what the server has.
fn fill_cache(
    remote: &dyn Remote,
    keyring: &Keyring,
    request: &BackupRequest,
    set: SetId,
    (index, classes): (&Index, &Classes),
    snapshot: SnapshotId,
) -> Result<(), EngineError> {
    let reader = SnapshotReader::open(remote, keyring, snapshot)?;
    let mut ids = Ids { known: index.ids_by_frame(), reader: &reader };
    let mut cache = CacheWriter::create(&request.cache, set)?;
    let all = 0..reader.hunk_addresses().len();
    let mut hunks = reader.hunks(all);
    let mut held = HeldClasses::default();
    while let Some((number, hunk)) = hunks.next_raw() {
        let hunk = hunk?;
        hunk.decoded.entries.iter().for_each(|entry| held.note(classes, entry));
        let ids = ids.of(&hunk.decoded.references)?;
        if reader.id_keys().digest(&ids) != hunk.decoded.digest {
            let source = format::Error::Mismatch { what: "hunk", check: "content digest" };
            return Err(EngineError::damaged(format!("hunk {number} of snapshot {snapshot}"), source));
        }
        let id = reader.sealed().hunks[number].id;
        cache.push(id, reader.hunk_addresses()[number], &hunk.bytes, &ids)?;
    }
    cache.finish(&BaseHeader {
        vault: keyring.vault(),
        device: request.device,
        set,
        snapshot,
        complete: reader.clear().complete,
        findings: reader.sealed().findings.clone(),
        roots: reader.sealed().roots.clone(),
        held,
    })
}

/// Ids of chunks by their address: from the index, and for frames it does not list from the frames themselves.
struct Ids<'r, 'a> {
    known: HashMap<(PackId, u32), Vec<Option<ChunkId>>>,
    reader: &'r SnapshotReader<'a>,
}

impl Ids<'_, '_> {
    fn of(&mut self, ranges: &format::ranges::RangeList) -> Result<Vec<ChunkId>, EngineError> {
        let unknown = |known: &HashMap<(PackId, u32), Vec<Option<ChunkId>>>| {
            let missing = ranges.addresses().filter(|address| {
                let frame = known.get(&(address.pack, address.frame));
                frame.and_then(|ids| ids.get(address.ordinal as usize)).copied().flatten().is_none()
            });
            let mut names: Vec<_> = missing.map(|address| (address.pack, address.frame)).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        for names in unknown(&self.known).chunks(FRAMES_PER_REQUEST) {
            let (reader, known) = (self.reader, &mut self.known);
            frames::fetch(
                reader.remote(),
                reader.keyring(),
                reader.id_keys(),
                PackKind::Data,
                reader.clear().snapshot,
                names,
                &mut |name, frame| {
                    known.insert(name, frame?.ids.into_iter().map(Some).collect());
                    Ok(())
                },
            )?;
        }
        let missing = EngineError::Defect("the ids of a frame were fetched and are not there");
        let found = ranges.addresses().map(|address| {
            let frame = self.known.get(&(address.pack, address.frame))?;
            frame.get(address.ordinal as usize).copied().flatten()
        });
        found.collect::<Option<Vec<ChunkId>>>().ok_or(missing)
    }
}
