//! The keys of the targets, and sealing by hand: what `docs/format` says, written once more and apart from the
//! code that is tested, so that any plaintext can be put behind a seal.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use format::codec::Reader;
use format::frame::{FrameContext, PackKind};
use format::keys::Keyring;
use format::snapshot::SnapshotRecord;
use model::{ChunkId, Custody, PackId, VaultId};

const SEED: u8 = 7;
/// The salt of everything that is sealed here.
pub const SALT: [u8; 32] = [3; 32];

/// The vault of the targets.
pub fn vault() -> VaultId {
    VaultId::from_bytes([1; 16])
}

/// Its keyring, the same in every run.
pub fn keyring() -> Keyring {
    Keyring::for_tests(vault(), Custody::Managed, SEED)
}

/// What frames of a pack of this kind are bound to.
pub fn context(kind: PackKind) -> FrameContext {
    FrameContext { vault: vault(), pack: PackId::from_bytes([2; 16]), kind, key_generation: 1, salt: SALT }
}

/// Encrypts `plain` as frame `number` of [`context`]'s pack.
pub fn seal_frame(kind: PackKind, number: u32, ids: &[ChunkId], plain: &[u8]) -> Vec<u8> {
    let mut data = b"holdfast frame\x01".to_vec();
    data.push(if kind == PackKind::Data { 1 } else { 2 });
    data.extend_from_slice(vault().as_bytes());
    data.extend_from_slice(context(kind).pack.as_bytes());
    data.extend_from_slice(&number.to_le_bytes());
    let ids: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
    data.extend_from_slice(blake3::hash(&ids).as_bytes());
    let mut nonce = [0; 12];
    nonce[..4].copy_from_slice(&number.to_le_bytes());
    seal("holdfast 2026-11 v1 pack", nonce, data, plain)
}

/// Encrypts `plain` as the sealed part that belongs to these bytes of a clear part with [`SALT`].
pub fn seal_snapshot(clear: &[u8], plain: &[u8]) -> Vec<u8> {
    seal("holdfast 2026-11 v1 snapshot", [0; 12], snapshot_data(clear), plain)
}

/// Encrypts `plain` as the labels that belong to these bytes of a clear part with [`SALT`].
pub fn seal_labels(clear: &[u8], plain: &[u8]) -> Vec<u8> {
    let data = [b"holdfast labels\x01", &blake3::hash(clear).as_bytes()[..]].concat();
    seal("holdfast 2026-11 v1 labels", [0; 12], data, plain)
}

fn snapshot_data(clear: &[u8]) -> Vec<u8> {
    [b"holdfast snapshot\x01", &blake3::hash(clear).as_bytes()[..]].concat()
}

fn key(derivation: &str) -> LessSafeKey {
    let material = [[SEED + 1; 32], SALT].concat();
    let key = blake3::derive_key(derivation, &material);
    LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).unwrap())
}

fn seal(derivation: &str, nonce: [u8; 12], data: Vec<u8>, plain: &[u8]) -> Vec<u8> {
    let mut sealed = plain.to_vec();
    key(derivation)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(data), &mut sealed)
        .unwrap();
    sealed
}

/// zstd at its fastest.
pub fn compress(content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(zstd_safe::compress_bound(content.len()));
    zstd_safe::compress(&mut out, content, 1).unwrap();
    out
}

/// The field list behind the seal of a record.
pub fn open_snapshot(record: &SnapshotRecord) -> Vec<u8> {
    let bytes = record.encode();
    let mut reader = Reader::new(&bytes, "fuzz");
    let clear = reader.bytes().unwrap();
    let mut sealed = reader.rest().to_vec();
    let (key, data) = (key("holdfast 2026-11 v1 snapshot"), snapshot_data(clear));
    let plain =
        key.open_in_place(Nonce::assume_unique_for_key([0; 12]), Aad::from(data), &mut sealed).unwrap();
    let (length, compressed) = plain.split_first_chunk().unwrap();
    let mut list = Vec::with_capacity(u32::from_le_bytes(*length) as usize);
    zstd_safe::decompress(&mut list, compressed).unwrap();
    list
}
