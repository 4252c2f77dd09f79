//! The sealed part of a snapshot record: what was opened comes back when it is sealed anew, and a changed bit is
//! noticed. An input is, after a byte 0, the whole plaintext; else a field list in the forms of `forms::body`
//! behind that byte, which is compressed here; all are sealed with a known key.

use super::snapshot_clear;
use crate::memory::{BASE, within};
use crate::{forms, keys};
use format::codec::Put;
use format::snapshot::{HunkRef, Root, SealedPart, SnapshotRecord};
use format::{Error, limits};
use model::{ChunkId, Finding, FindingReason, Timestamp};
use std::sync::OnceLock;

pub(super) fn run(input: &[u8]) -> bool {
    let Some((form, rest)) = input.split_first() else { return false };
    let (plain, length) = if *form == 0 {
        let claimed = rest.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes) as usize);
        (rest.to_vec(), claimed.min(limits::SNAPSHOT_SEALED_MAX))
    } else {
        let Some(list) = forms::body(rest) else { return false };
        (plaintext(&list), list.len())
    };
    let record = record(&plain);
    // Hunks are the fields that grow most: their first paths are written as differences.
    let paths = limits::SNAPSHOT_PATHS_MAX.min(length * length / 19);
    let room = BASE + plain.len() + 80 * length + paths;
    let opened = within(room, || record.open(&keys::keyring()));
    let Ok(part) = opened else { return false };
    assert!(part.findings.len() <= limits::SNAPSHOT_FINDINGS_MAX);
    assert!(part.hunks.iter().all(|hunk| hunk.first_path.len() <= limits::PATH_MAX));
    let again = SnapshotRecord::seal(snapshot_clear::sample(), &part, &keys::keyring()).unwrap();
    let again = SnapshotRecord::decode(&again.encode()).unwrap();
    assert_eq!(again.open(&keys::keyring()).as_ref(), Ok(&part));

    let mut changed = record.encode();
    let last = changed.len() - 1;
    changed[last - rest.len() % 16] ^= 1 << (rest.len() % 8);
    let tag = Error::Mismatch { what: "snapshot", check: "authentication tag" };
    assert_eq!(SnapshotRecord::decode(&changed).unwrap().open(&keys::keyring()), Err(tag));
    true
}

fn plaintext(list: &[u8]) -> Vec<u8> {
    [&(list.len() as u32).to_le_bytes()[..], &keys::compress(list)].concat()
}

/// A record whose sealed part is `plain`, sealed as the format says.
fn record(plain: &[u8]) -> SnapshotRecord {
    static CLEAR: OnceLock<Vec<u8>> = OnceLock::new();
    let clear = CLEAR.get_or_init(|| snapshot_clear::encoded(snapshot_clear::sample()));
    let mut bytes = Vec::new();
    bytes.put_bytes(clear);
    bytes.extend_from_slice(&keys::seal_snapshot(clear, plain));
    SnapshotRecord::decode(&bytes).unwrap()
}

/// The field list of a part with everything in it, written by hand: the format gives it sealed alone.
fn sample() -> Vec<u8> {
    let part = SealedPart {
        hunks: vec![
            HunkRef { id: ChunkId::from_bytes([1; 16]), entries: 300, first_path: b"/".to_vec() },
            HunkRef { id: ChunkId::from_bytes([2; 16]), entries: 7, first_path: b"/home/anna".to_vec() },
            HunkRef { id: ChunkId::from_bytes([3; 16]), entries: 9, first_path: b"/home/bert".to_vec() },
        ],
        paths: vec![b"/home".to_vec(), b"/etc".to_vec()],
        set_name: b"default".to_vec(),
        device_name: b"laptop".to_vec(),
        started: Timestamp::from_secs(1_800_000_000),
        ended: Timestamp::from_secs(1_800_000_100),
        findings: vec![Finding {
            path: b"/home/anna/secret".to_vec(),
            reason: FindingReason::Denied,
            errno: 13,
            first_seen: Timestamp::from_secs(-5),
            kept_previous: true,
        }],
        exclusions: vec![b"*.tmp".to_vec()],
        roots: vec![Root { path: b"/home".to_vec(), fs_id: 9, mount_point: true, fs_type: b"ext4".to_vec() }],
    };
    keys::open_snapshot(&SnapshotRecord::seal(snapshot_clear::sample(), &part, &keys::keyring()).unwrap())
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let list = sample();
    let mut seeds: Vec<_> = forms::both_forms(&list).iter().map(|seed| [&[1], &seed[..]].concat()).collect();
    seeds.push([&[0], &plaintext(&list)[..]].concat());
    seeds.push([&[0], &plaintext(&[])[..]].concat());
    seeds
}
