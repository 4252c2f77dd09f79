//! Finds the snapshot to compare with: in the cache, else at the server, from where the cache is filled again.

use super::BackupRequest;
use super::base::{BaseEntries, BaseHeader};
use super::cache::{self, CacheReader, CacheWriter};
use super::held::HeldClasses;
use super::index::Index;
use crate::remote::Remote;
use crate::{EngineError, frames::FrameName, reader::SnapshotReader};
use format::classes::Classes;
use format::keys::Keyring;
use format::ranges::{Address, RangeList};
use model::{ChunkId, SetId, SnapshotId};
use std::collections::HashMap;

/// Frames whose ids are asked for with one request.
const FRAMES_PER_REQUEST: usize = 256;

/// Ids that are held between two hunks at most; beyond that they are asked for again.
const IDS_HELD: usize = 1 << 20;

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
            // The end is told: a thread that broke off must not look like a base that ends there.
            for hunk in reader.map(Some).chain([None]) {
                if send.send(hunk).is_err() {
                    return;
                }
            }
        });
        let broke_off = || Some(Err(EngineError::Defect("reading the base broke off")));
        BaseEntries::new(std::iter::from_fn(move || receive.recv().unwrap_or_else(|_| broke_off())).fuse())
    }
}

/// The base of this run: the first of the `newest` snapshots of the set that can be read. One that is damaged or lost must not end all backups
/// that follow it, and the one before knows nearly as much.
pub(super) fn open(
    remote: &dyn Remote,
    keyring: &Keyring,
    request: &BackupRequest,
    set: SetId,
    newest: &[SnapshotId],
    index: &Index,
    classes: &Classes,
) -> Result<Base, EngineError> {
    let cached = || CacheReader::open(&request.cache, keyring.vault(), request.device, set);
    for snapshot in newest.iter().copied() {
        let mut reader = cached().filter(|reader| reader.header.snapshot == snapshot);
        if reader.is_none() {
            match fill_cache(remote, keyring, request, set, (index, classes), snapshot) {
                Err(error) if error.code().is_data_lost() => {
                    tracing::warn!(%snapshot, %error, "a snapshot cannot be read; comparing with the one before");
                    continue;
                }
                filled => filled?,
            }
            // It may have vanished again. Without a base what is out of reach would not be kept.
            reader = Some(cached().ok_or_else(|| cache::vanished(&request.cache, set))?);
        }
        return Ok(Base { header: reader.as_ref().map(|reader| reader.header.clone()), reader });
    }
    Ok(Base { header: None, reader: None })
}

/// A second reader of the base, for the part that a checkpoint takes over.
pub(super) fn reopen(keyring: &Keyring, request: &BackupRequest, set: SetId) -> Option<CacheReader> {
    CacheReader::open(&request.cache, keyring.vault(), request.device, set)
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
    let mut ids =
        Ids { listed: index.ids_by_frame(), fetched: HashMap::new(), fetched_ids: 0, reader: &reader };
    // Another snapshot's would only take up room.
    cache::remove(&request.cache, set);
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

/// Ids of chunks by their address: from the index, and for frames that it does not list from the server, which may say
/// any: they are compared with the digest in their hunk.
struct Ids<'r, 'a> {
    listed: HashMap<FrameName, Vec<Option<ChunkId>>>,
    fetched: HashMap<FrameName, Vec<ChunkId>>,
    fetched_ids: usize,
    reader: &'r SnapshotReader<'a>,
}

impl Ids<'_, '_> {
    fn of(&mut self, ranges: &RangeList) -> Result<Vec<ChunkId>, EngineError> {
        if self.fetched_ids > IDS_HELD {
            self.fetched.clear();
            self.fetched_ids = 0;
        }
        let unknown = ranges.addresses().filter(|address| self.get(address).is_none());
        let mut names: Vec<FrameName> = unknown.map(|address| (address.pack, address.frame)).collect();
        names.sort_unstable();
        names.dedup();
        let snapshot = self.reader.clear().snapshot;
        for names in names.chunks(FRAMES_PER_REQUEST) {
            self.reader.remote().frame_ids(snapshot, names, &mut |name, ids| {
                let ids = ids?;
                self.fetched_ids += ids.len();
                self.fetched.insert(name, ids);
                Ok(())
            })?;
        }
        let found: Option<Vec<ChunkId>> = ranges.addresses().map(|address| self.get(&address)).collect();
        let short = format::Error::Mismatch { what: "frame", check: "number of chunks" };
        found.ok_or_else(|| EngineError::damaged(format!("ids of snapshot {snapshot}"), short))
    }

    fn get(&self, address: &Address) -> Option<ChunkId> {
        let (name, ordinal) = ((address.pack, address.frame), address.ordinal as usize);
        let listed = self.listed.get(&name).and_then(|ids| ids.get(ordinal).copied().flatten());
        listed.or_else(|| self.fetched.get(&name)?.get(ordinal).copied())
    }
}
