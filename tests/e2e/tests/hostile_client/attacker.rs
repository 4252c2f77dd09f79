//! A device's credentials and keys in the hands of a test, and packs, hunks and records as it likes them.

use agent::state::State;
use agent::state::counter::Counter;
use api::routes;
use client::CounterStore;
use e2e::raw::{Answer, Raw, Request, identity};
use e2e::{Agent, Site};
use format::entry::{Entry, EntryKind, FileTime, Owner, Rare};
use format::frame::{Compressor, FrameBuilder, FrameContext, PackCipher, PackKind};
use format::hunk::{BuiltHunk, HunkBuilder};
use format::keys::{IdKeys, Keyring};
use format::pack::PackWriter;
use format::ranges::{Address, RangeList};
use format::snapshot::{ClearPart, Counts, HunkRef, SealedPart, SnapshotRecord};
use model::{ChunkId, DeviceId, LeaseId, PackId, SetId, SnapshotId, VaultId};
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) struct Attacker {
    pub(crate) raw: Raw,
    pub(crate) vault: VaultId,
    pub(crate) device: DeviceId,
    pub(crate) set: SetId,
    pub(crate) keyring: Keyring,
    keys: IdKeys,
    state: PathBuf,
}

/// A lease with the number that came with it.
#[derive(Clone, Copy)]
pub(crate) struct Lease {
    pub(crate) id: LeaseId,
    pub(crate) counter: u64,
}

/// A pack ready to be sent.
#[derive(Clone)]
pub(crate) struct BuiltPack {
    pub(crate) id: PackId,
    pub(crate) bytes: Vec<u8>,
}

impl BuiltPack {
    pub(crate) const fn at(&self, frame: u32, ordinal: u32) -> Address {
        Address { pack: self.id, frame, ordinal }
    }
}

/// A snapshot of one file with everything that it needs.
pub(crate) struct Forged {
    pub(crate) data: BuiltPack,
    pub(crate) hunks: BuiltPack,
    pub(crate) snapshot: SnapshotId,
    pub(crate) record: Vec<u8>,
}

impl Attacker {
    /// In place of this device.
    pub(crate) fn of(site: &Site, agent: &Agent) -> Self {
        let identity = identity(agent);
        let keyring = identity.vault.keyring.clone();
        Self {
            raw: Raw::device(&site.server, agent),
            vault: keyring.vault(),
            device: identity.device,
            set: ClearPart::set_id(identity.device, b"forged"),
            keys: keyring.id_keys(),
            keyring,
            state: agent.state().to_owned(),
        }
    }

    fn counters(&self) -> Counter {
        Counter::of(&State::at(self.state.clone()))
    }

    /// Asks for a lease of a set as the real agent would.
    pub(crate) fn lease_of(&self, set: SetId) -> Lease {
        let request = json!({"set": set, "counter": self.counters().load().unwrap()});
        let answer = self.raw.request("POST", routes::leases(self.vault)).json(&request).send().expect(201);
        let answer: api::runs::LeaseAnswer = serde_json::from_slice(&answer.body).unwrap();
        self.counters().save(answer.counter).unwrap();
        Lease { id: answer.lease, counter: answer.counter }
    }

    pub(crate) fn lease(&self) -> Lease {
        self.lease_of(self.set)
    }

    /// A pack of content: each item a chunk of one frame.
    pub(crate) fn data_pack(&self, contents: &[&[u8]]) -> BuiltPack {
        self.data_pack_as(self.vault, PackId::random(), contents)
    }

    /// The same of this vault and id.
    pub(crate) fn data_pack_as(&self, vault: VaultId, id: PackId, contents: &[&[u8]]) -> BuiltPack {
        let chunks = contents.iter().map(|content| (self.keys.chunk_id(content), content.to_vec(), None));
        self.pack(vault, id, PackKind::Data, chunks.collect())
    }

    /// A pack with one hunk. `references` is what its clear table says, true or not.
    pub(crate) fn hunk_pack(&self, hunk: &BuiltHunk, references: RangeList) -> BuiltPack {
        let chunk = (hunk.id, hunk.bytes.clone(), Some(references));
        self.pack(self.vault, PackId::random(), PackKind::Hunk, vec![chunk])
    }

    fn pack(
        &self,
        vault: VaultId,
        pack: PackId,
        kind: PackKind,
        chunks: Vec<(ChunkId, Vec<u8>, Option<RangeList>)>,
    ) -> BuiltPack {
        let context = FrameContext {
            vault,
            pack,
            kind,
            key_generation: self.keyring.current_generation(),
            salt: model::ids::random_bytes(),
        };
        let cipher = PackCipher::new(&self.keyring, context).unwrap();
        let mut builder = FrameBuilder::new();
        let mut references = Vec::new();
        for (id, content, list) in chunks {
            builder.push(id, &content);
            references.extend(list);
        }
        let mut writer = PackWriter::new(context);
        writer.push(builder.seal(&cipher, 0, &mut Compressor::new(1)).unwrap(), references);
        BuiltPack { id: pack, bytes: writer.finish().0 }
    }

    /// A hunk with one file whose content lies at these addresses.
    pub(crate) fn hunk(&self, content: &RangeList, chunks: &[&[u8]]) -> BuiltHunk {
        let ids: Vec<ChunkId> = chunks.iter().map(|chunk| self.keys.chunk_id(chunk)).collect();
        let entry = Entry {
            path: b"/forged".to_vec(),
            kind: EntryKind::File,
            flags: 0,
            mode: 0o644,
            owner: Arc::new(Owner::default()),
            modified: FileTime::default(),
            changed: FileTime::default(),
            dev: 1,
            ino: 1,
            size: chunks.iter().map(|chunk| chunk.len() as u64).sum(),
            class: 0,
            rare: Rare::default(),
            content: content.clone(),
        };
        let mut builder = HunkBuilder::new();
        builder.push(&entry, &ids);
        builder.finish(&self.keys).unwrap()
    }

    /// The clear part of a record as an honest agent would write it.
    pub(crate) fn clear(&self, snapshot: SnapshotId, hunks: RangeList) -> ClearPart {
        ClearPart {
            snapshot,
            vault: self.vault,
            device: self.device,
            set: self.set,
            key_generation: self.keyring.current_generation(),
            salt: model::ids::random_bytes(),
            complete: true,
            hunks,
            counts: Counts { files: 1, entries: 1, ..Counts::default() },
            base: None,
        }
    }

    /// A record over one hunk.
    pub(crate) fn record(&self, clear: ClearPart, hunk: &BuiltHunk) -> Vec<u8> {
        let hunks = vec![HunkRef { id: hunk.id, entries: hunk.entries, first_path: hunk.first_path.clone() }];
        let sealed = SealedPart {
            hunks,
            paths: vec![b"/forged".to_vec()],
            set_name: b"forged".to_vec(),
            ..SealedPart::default()
        };
        SnapshotRecord::seal(clear, &sealed, &self.keyring).unwrap().encode()
    }

    /// A good snapshot of one file, nothing of which is sent.
    pub(crate) fn forge(&self, content: &[u8]) -> Forged {
        let data = self.data_pack(&[content]);
        let addresses: RangeList = [data.at(0, 0)].into_iter().collect();
        let hunk = self.hunk(&addresses, &[content]);
        let hunks = self.hunk_pack(&hunk, hunk.references.clone());
        let snapshot = SnapshotId::random();
        let clear = self.clear(snapshot, [hunks.at(0, 0)].into_iter().collect());
        Forged { record: self.record(clear, &hunk), data, hunks, snapshot }
    }

    /// The request that sends a pack.
    pub(crate) fn pack_request(&self, lease: Lease, pack: PackId) -> Request {
        self.raw
            .request("PUT", routes::pack(self.vault, lease.id, pack))
            .counter(lease.counter)
            .header("content-type", "application/octet-stream")
    }

    pub(crate) fn send_pack(&self, lease: Lease, pack: &BuiltPack) -> Answer {
        self.pack_request(lease, pack.id).binary(pack.bytes.clone()).send()
    }

    /// The same, and it must be stored.
    #[track_caller]
    pub(crate) fn store_pack(&self, lease: Lease, pack: &BuiltPack) {
        let answer = self.send_pack(lease, pack).expect(200);
        assert_eq!(answer.json()["stored"], true, "{answer}");
    }

    pub(crate) fn commit(&self, lease: Lease, snapshot: SnapshotId, record: &[u8]) -> Answer {
        let path = routes::commit(self.vault, lease.id, snapshot);
        self.raw.request("PUT", path).counter(lease.counter).binary(record).send()
    }

    /// Ids of the snapshots that the device may see.
    #[track_caller]
    pub(crate) fn snapshots(&self) -> Vec<SnapshotId> {
        let answer = self.raw.get(routes::snapshots(self.vault)).expect(200);
        let rows: Vec<api::runs::SnapshotRow> = serde_json::from_slice(&answer.body).unwrap();
        rows.into_iter().map(|row| row.id).collect()
    }
}
