//! Uploads: what is stored, what is refused, what a repeated or hostile upload gets.

use crate::support::agent::{BuiltPack, frames, noise};
use crate::support::{DAY, World, upload};
use blobs::{BlobStore, Key, PutMode};
use format::pack::{HEADER_LEN, PackScanner, TRAILER_LEN};
use model::{PackId, VaultId};
use proptest::prelude::*;
use std::collections::HashSet;
use vault::{Error, PackFault};

fn key(world: &World, pack: PackId, generation: u32) -> Key {
    let hex = pack.to_string();
    Key::parse(&format!("vaults/{}/packs/{}/{hex}.{generation}", world.agent.vault, &hex[..2])).unwrap()
}

#[test]
fn a_pack_is_stored_once_and_then_known() {
    let world = World::new();
    let lease = world.grant();
    let pack = world.agent.data_pack(&frames(1, 2, 2));
    let first = world.upload(lease, &pack).unwrap();
    assert!(first.stored && first.sequence == 2);
    assert_eq!(world.store.read(&key(&world, pack.id, 0)).unwrap(), pack.bytes);
    let again = world.upload(lease, &pack).unwrap();
    assert!(!again.stored && again.sequence == 2);
    assert_eq!(world.vault.position().unwrap().sequence, 2);
    let ids: Vec<_> = pack.table.frames.iter().flat_map(|row| row.ids.clone()).collect();
    let found = world.vault.look_up(&ids, &HashSet::new()).unwrap();
    assert_eq!(found, [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(frame, ordinal)| Some(pack.at(frame, ordinal))));
}

#[test]
fn chunks_that_come_again_in_a_pack_of_another_run_are_counted() {
    let world = World::new();
    let (one, two) = (world.grant(), world.grant());
    let receipt = |lease, pack: &BuiltPack| {
        let receipt = world.upload(lease, pack).unwrap();
        (receipt.stored, receipt.chunks, receipt.known_chunks)
    };
    let first = world.agent.data_pack(&frames(1, 2, 3));
    assert_eq!(receipt(one, &first), (true, 6, 0));
    assert_eq!(receipt(one, &first), (false, 6, 0));
    let mixed: Vec<_> = frames(1, 1, 3).into_iter().chain(frames(9, 1, 3)).collect();
    assert_eq!(receipt(one, &world.agent.data_pack(&mixed)), (true, 6, 0));
    assert_eq!(receipt(two, &world.agent.data_pack(&mixed)), (true, 6, 6));
}

#[test]
fn hunks_are_not_found_by_look_ups() {
    let world = World::new();
    let tree = world.agent.tree(&frames(1, 1, 1));
    world.back_up(world.grant(), &tree);
    let id = tree.hunks.table.frames[0].ids[0];
    assert_eq!(world.vault.look_up(&[id], &HashSet::new()).unwrap(), [None]);
}

/// A pack whose table is what `change` made of it, with a trailer that fits.
fn forged(pack: &BuiltPack, change: impl FnOnce(&mut format::pack::PackTable)) -> Vec<u8> {
    let mut table = pack.table.clone();
    change(&mut table);
    let mut bytes = pack.bytes[..pack.bytes.len() - pack.table.encode_tail().len()].to_vec();
    bytes[..HEADER_LEN].copy_from_slice(&table.header.encode());
    bytes.extend_from_slice(&table.encode_tail());
    bytes
}

fn refused(world: &World, pack: PackId, bytes: &[u8]) -> PackFault {
    let lease = world.grant();
    let before = world.vault.position().unwrap();
    let error = upload(&world.vault, lease.id, pack, bytes).unwrap_err();
    assert_eq!(world.vault.position().unwrap(), before);
    assert!(world.objects("packs").is_empty(), "something was left");
    world.end(lease);
    match error {
        Error::PackInvalid { pack: named, source } if named == pack => source,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lies_about_a_pack_are_refused_and_leave_nothing() {
    let world = World::new();
    let pack = world.agent.data_pack(&frames(1, 3, 2));
    let refuse = |bytes: &[u8]| refused(&world, pack.id, bytes);
    let is_format = |fault: &PackFault| matches!(fault, PackFault::Format(_));
    // A table that lies.
    assert!(is_format(&refuse(&forged(&pack, |table| table.frames[1].hash[0] ^= 1))));
    assert!(is_format(&refuse(&forged(&pack, |table| table.frames[1].length += 1))));
    assert!(is_format(&refuse(&forged(&pack, |table| table.frames[1].offset += 1))));
    assert!(is_format(&refuse(&forged(&pack, |table| table.frames[1].number = 9))));
    assert!(is_format(&refuse(&forged(&pack, |table| table.frames[1].ids.clear()))));
    // A frame that is not told of, and one that is missing.
    assert!(is_format(&refuse(&forged(&pack, |table| drop(table.frames.pop())))));
    assert!(is_format(&refuse(&forged(&pack, |table| {
        let more = format::pack::FrameRow { number: 7, ..table.frames[2].clone() };
        table.frames.push(more);
    }))));
    // Cut, longer, oversize.
    for length in [0, 7, HEADER_LEN, pack.bytes.len() - TRAILER_LEN, pack.bytes.len() - 1] {
        assert!(is_format(&refuse(&pack.bytes[..length])), "{length}");
    }
    assert!(is_format(&refuse(&[&pack.bytes[..], b"x"].concat())));
    // Another vault, another id, another generation.
    let other_vault =
        |table: &mut format::pack::PackTable| table.header.context.vault = VaultId::from_bytes([1; 16]);
    assert!(matches!(refuse(&forged(&pack, other_vault)), PackFault::OtherVault));
    assert!(matches!(refused(&world, PackId::random(), &pack.bytes), PackFault::OtherId));
    assert!(matches!(refuse(&forged(&pack, |table| table.header.generation = 1)), PackFault::Generation));
    // It is the same pack that is accepted at last.
    assert!(world.upload(world.grant(), &pack).unwrap().stored);
}

#[test]
fn a_pack_that_does_not_end_is_refused_at_its_bound() {
    let world = World::new();
    let pack = world.agent.data_pack(&frames(1, 1, 1));
    let mut receiver = world.vault.receive_pack(world.grant().id, pack.id).unwrap();
    receiver.feed(&pack.bytes[..pack.bytes.len() - 1]).unwrap();
    let zeros = vec![0; 1 << 20];
    let ended = (0..41).find_map(|_| receiver.feed(&zeros).err());
    assert!(matches!(ended, Some(Error::PackInvalid { .. })));
    drop(receiver);
    assert!(world.objects("packs").is_empty());
}

#[test]
fn another_pack_under_a_known_id_is_a_conflict() {
    let world = World::new();
    let lease = world.grant();
    let pack = world.agent.data_pack(&frames(1, 2, 2));
    world.upload(lease, &pack).unwrap();
    // Equal but for the salt: complete, with right hashes, and not the same.
    let other = forged(&pack, |table| table.header.context.salt[0] ^= 1);
    let error = upload(&world.vault, lease.id, pack.id, &other).unwrap_err();
    assert!(matches!(error, Error::PackConflict { pack: named } if named == pack.id));
    assert_eq!(world.store.read(&key(&world, pack.id, 0)).unwrap(), pack.bytes);
}

#[test]
fn a_pack_without_a_log_entry_is_taken_when_it_comes_again() {
    let mut world = World::new();
    let pack = world.agent.data_pack(&frames(1, 2, 2));
    world.store.put(&key(&world, pack.id, 0), &pack.bytes, PutMode::CreateNew).unwrap();
    let other = forged(&pack, |table| table.header.context.salt[0] ^= 1);
    let lease = world.grant();
    assert!(matches!(upload(&world.vault, lease.id, pack.id, &other), Err(Error::PackConflict { .. })));
    assert!(world.upload(lease, &pack).unwrap().stored);
    world.reopen();
    assert!(!world.upload(lease, &pack).unwrap().stored);
    world.assert_clean();
}

#[test]
fn debris_of_an_earlier_pack_gives_way() {
    let world = World::new();
    let pack = world.agent.data_pack(&frames(1, 2, 2));
    world.store.put(&key(&world, pack.id, 0), &pack.bytes[..200], PutMode::CreateNew).unwrap();
    world.store.put(&key(&world, pack.id, 3), b"something", PutMode::CreateNew).unwrap();
    assert!(world.upload(world.grant(), &pack).unwrap().stored);
    assert_eq!(world.objects("packs").len(), 1);
    world.assert_clean();
}

#[test]
fn a_pack_that_was_rewritten_is_still_known() {
    let world = World::new();
    let lease = world.grant();
    let frames = frames(1, 4, 1);
    let pack = world.agent.data_pack(&frames);
    world.upload(lease, &pack).unwrap();
    let tree = world.agent.tree_of(world.agent.files_of(&pack, &frames)[..2].to_vec(), None);
    world.back_up(lease, &tree);
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    assert_eq!(world.sweep().removed.frames, 2);
    assert!(!world.upload(world.grant(), &pack).unwrap().stored);
    let other = forged(&pack, |table| table.header.context.salt[0] ^= 1);
    let error = upload(&world.vault, world.grant().id, pack.id, &other).unwrap_err();
    assert!(matches!(error, Error::PackConflict { .. }));
    world.assert_clean();
}

#[test]
fn a_removed_pack_may_come_again() {
    let mut world = World::new();
    let lease = world.grant();
    let frames = frames(1, 2, 1);
    let pack = world.agent.data_pack(&frames);
    world.upload(lease, &pack).unwrap();
    world.end(lease);
    world.mark();
    world.clock.advance(DAY);
    assert_eq!(world.sweep().packs_removed, 1);
    assert!(world.objects("packs").is_empty());
    let lease = world.grant();
    assert!(world.upload(lease, &pack).unwrap().stored);
    let tree = world.agent.tree_of(world.agent.files_of(&pack, &frames), None);
    let snapshot = world.back_up(lease, &tree);
    for _ in 0..80 {
        world.upload(lease, &world.agent.data_pack(&[vec![noise(1, 10)]])).unwrap();
    }
    assert!(world.vault.merge_segments().unwrap().merged_segments > 0);
    world.reopen();
    crate::support::restore::assert_restores(&world.vault, &world.agent, snapshot, &tree.files);
    world.assert_clean();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_change_of_a_byte_is_refused(at: prop::sample::Index, to: u8) {
        let world = World::new();
        let pack = world.agent.data_pack(&frames(1, 2, 2));
        let mut bytes = pack.bytes.clone();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let mut scanner = PackScanner::new();
        prop_assert!(scanner.feed(&bytes).and_then(|()| scanner.finish().map(drop)).is_err());
        refused(&world, pack.id, &bytes);
    }
}
