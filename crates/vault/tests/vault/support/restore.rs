//! A restore with all checks of a reader with keys: the proof that a snapshot is whole.

use super::agent::{Agent, File};
use format::frame::{OpenFrame, PackCipher, SealedFrame};
use format::hunk::Hunk;
use format::ranges::{Address, RangeList};
use format::snapshot::SnapshotRecord;
use model::{ChunkId, SnapshotId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use vault::{FrameId, Scope, Vault};

struct Opened {
    sealed: SealedFrame,
    content: OpenFrame,
}

impl Opened {
    fn chunk(&self, ordinal: u32) -> Result<(ChunkId, &[u8]), String> {
        let content = self.content.chunk(ordinal).ok_or("no such chunk")?;
        Ok((self.sealed.ids[ordinal as usize], content))
    }
}

/// Opens frames of a snapshot and checks their tags.
fn open(
    vault: &Arc<Vault>,
    agent: &Agent,
    snapshot: SnapshotId,
    list: &RangeList,
) -> Result<HashMap<FrameId, Opened>, String> {
    let wanted: BTreeSet<FrameId> =
        list.as_slice().iter().map(|range| FrameId { pack: range.pack, frame: range.frame }).collect();
    let mut opened = HashMap::new();
    let frames = vault.frames(Scope::Snapshot(snapshot), wanted.into_iter().collect());
    for answer in frames.map_err(|error| format!("{error:?}"))? {
        let sealed = answer.frame.map_err(|error| format!("{}: {error:?}", answer.id))?;
        let cipher = PackCipher::new(&agent.keyring, sealed.context).map_err(|error| error.to_string())?;
        let mut ciphertext = sealed.ciphertext.clone();
        let content =
            cipher.open(sealed.number, &sealed.ids, &mut ciphertext).map_err(|error| error.to_string())?;
        opened.insert(answer.id, Opened { sealed, content });
    }
    Ok(opened)
}

fn frame_of(address: &Address) -> FrameId {
    FrameId { pack: address.pack, frame: address.frame }
}

/// Everything that a snapshot holds: path and content.
pub(crate) fn restore(
    vault: &Arc<Vault>,
    agent: &Agent,
    snapshot: SnapshotId,
) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let text = |error: &dyn std::fmt::Debug| format!("{error:?}");
    let record = vault.snapshot_record(snapshot).map_err(|error| text(&error))?;
    let record = SnapshotRecord::decode(&record).map_err(|error| text(&error))?;
    let sealed = record.open(&agent.keyring).map_err(|error| text(&error))?;
    let opened = open(vault, agent, snapshot, &record.clear.hunks)?;
    let mut files = BTreeMap::new();
    for (address, expected) in record.clear.hunks.addresses().zip(&sealed.hunks) {
        let frame = &opened[&frame_of(&address)];
        let (id, bytes) = frame.chunk(address.ordinal)?;
        if id != expected.id || agent.keys.hunk_id(bytes) != id {
            return Err("a hunk has another id".to_owned());
        }
        let hunk = Hunk::decode(bytes).map_err(|error| text(&error))?;
        if hunk.references != frame.sealed.references[address.ordinal as usize] {
            return Err("sealed and clear list of a hunk differ".to_owned());
        }
        let content = open(vault, agent, snapshot, &hunk.references)?;
        let mut ids = Vec::new();
        for entry in &hunk.entries {
            let mut bytes = Vec::new();
            for address in entry.content.addresses() {
                let (id, chunk) = content[&frame_of(&address)].chunk(address.ordinal)?;
                if agent.keys.chunk_id(chunk) != id {
                    return Err("a chunk has another id".to_owned());
                }
                ids.push(id);
                bytes.extend_from_slice(chunk);
            }
            files.insert(String::from_utf8(entry.path.clone()).unwrap(), bytes);
        }
        if agent.keys.digest(&ids) != hunk.digest {
            return Err("a hunk has another digest".to_owned());
        }
    }
    Ok(files)
}

/// What a restore of these files must give.
pub(crate) fn expected(files: &[File]) -> BTreeMap<String, Vec<u8>> {
    let content = |file: &File| file.chunks.iter().flat_map(|chunk| chunk.content.clone()).collect();
    files.iter().map(|file| (file.path.clone(), content(file))).collect()
}

/// Fails the test unless the snapshot is whole.
pub(crate) fn assert_restores(vault: &Arc<Vault>, agent: &Agent, snapshot: SnapshotId, files: &[File]) {
    let found = restore(vault, agent, snapshot).unwrap();
    assert!(found == expected(files), "{snapshot} has other content");
}
