//! A vault's keyring and the sub-keys derived from it (`docs/format/keys.md`).

use crate::codec::{Fields, Put, required};
use crate::{Error, limits};
use model::{ChunkId, Custody, VaultId};
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

const WHAT: &str = "keyring";

/// The secrets of one vault. Zeroed when dropped; never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Keyring {
    #[zeroize(skip)]
    vault: VaultId,
    #[zeroize(skip)]
    custody: Custody,
    id_root: [u8; 32],
    keys: Vec<(u32, [u8; 32])>,
}

impl Keyring {
    /// New random secrets of generation 1.
    pub fn create(vault: VaultId, custody: Custody) -> Self {
        let keys = vec![(1, model::ids::random_bytes())];
        Self { vault, custody, id_root: model::ids::random_bytes(), keys }
    }

    /// Secrets that are the same for each `seed`: for tests and fuzzing, where a run must be repeatable.
    pub fn for_tests(vault: VaultId, custody: Custody, seed: u8) -> Self {
        Self { vault, custody, id_root: [seed; 32], keys: vec![(1, [seed.wrapping_add(1); 32])] }
    }

    /// The vault they belong to.
    pub const fn vault(&self) -> VaultId {
        self.vault
    }

    /// The vault's custody.
    pub const fn custody(&self) -> Custody {
        self.custody
    }

    /// The generation that writers use: the highest.
    pub fn current_generation(&self) -> u32 {
        self.keys.last().map_or(0, |(generation, _)| *generation)
    }

    /// Adds a random key of the next generation, which writers use from then on.
    pub fn rotate(&mut self) {
        let generation = self.current_generation() + 1;
        self.keys.push((generation, model::ids::random_bytes()));
    }

    /// The keyring as bytes, to be wrapped.
    pub fn encode(&self) -> zeroize::Zeroizing<Vec<u8>> {
        let mut out = zeroize::Zeroizing::new(Vec::with_capacity(256));
        out.put_field(2, self.vault.as_bytes());
        out.put_field(4, &[custody_number(self.custody)]);
        out.put_field(6, &self.id_root);
        let mut keys = zeroize::Zeroizing::new(Vec::with_capacity(128));
        keys.put_varint(self.keys.len() as u64);
        for (generation, key) in &self.keys {
            keys.put_varint(u64::from(*generation));
            keys.extend_from_slice(key);
        }
        out.put_field(8, &keys);
        out
    }

    /// Reads what [`Keyring::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let (mut vault, mut custody, mut id_root, mut keys) = (None, None, None, None);
        let mut fields = Fields::new(bytes, WHAT);
        while let Some((tag, mut reader)) = fields.next_field()? {
            match tag {
                2 => vault = Some(VaultId::from_bytes(reader.array()?)),
                4 => custody = Some(custody_of(reader.u8()?, WHAT)?),
                6 => id_root = Some(reader.array::<32>()?),
                8 => {
                    let count = reader.bounded(limits::SMALL_OBJECT_MAX / 33)?;
                    let mut list: Vec<(u32, [u8; 32])> = Vec::with_capacity(count);
                    for _ in 0..count {
                        let generation = reader.varint_u32()?;
                        if list.last().is_some_and(|(last, _)| generation <= *last) {
                            return Err(Error::malformed(WHAT, "generations ascend"));
                        }
                        list.push((generation, reader.array()?));
                    }
                    keys = Some(list);
                }
                other => {
                    fields.unknown(other)?;
                    continue;
                }
            }
            reader.finish()?;
        }
        let keys = required(keys, WHAT)?;
        if keys.is_empty() {
            return Err(Error::malformed(WHAT, "there is at least one key"));
        }
        Ok(Self {
            vault: required(vault, WHAT)?,
            custody: required(custody, WHAT)?,
            id_root: required(id_root, WHAT)?,
            keys,
        })
    }

    /// The keys that give chunks and hunks their ids; the same for the life of the vault.
    pub fn id_keys(&self) -> IdKeys {
        let derive = |context: &str| blake3::derive_key(context, &self.id_root);
        let mut table = [0u8; 2048];
        let mut hasher = blake3::Hasher::new_derive_key("holdfast 2026-11 v1 gear");
        hasher.update(&self.id_root).finalize_xof().fill(&mut table);
        let mut gear = [0u64; 256];
        for (slot, bytes) in gear.iter_mut().zip(table.as_chunks::<8>().0) {
            *slot = u64::from_le_bytes(*bytes);
        }
        IdKeys {
            chunk: derive("holdfast 2026-11 v1 chunk id"),
            hunk: derive("holdfast 2026-11 v1 hunk id"),
            digest: derive("holdfast 2026-11 v1 content digest"),
            path_cut: derive("holdfast 2026-11 v1 path cut"),
            gear: Arc::new(gear),
        }
    }

    /// The AES-256 key of a pack.
    pub(crate) fn pack_key(&self, generation: u32, salt: &[u8; 32]) -> Result<[u8; 32], Error> {
        self.salted("holdfast 2026-11 v1 pack", generation, salt)
    }

    /// The AES-256 key of a snapshot's sealed part.
    pub(crate) fn snapshot_key(&self, generation: u32, salt: &[u8; 32]) -> Result<[u8; 32], Error> {
        self.salted("holdfast 2026-11 v1 snapshot", generation, salt)
    }

    /// The AES-256 key of a snapshot's labels.
    pub(crate) fn labels_key(&self, generation: u32, salt: &[u8; 32]) -> Result<[u8; 32], Error> {
        self.salted("holdfast 2026-11 v1 labels", generation, salt)
    }

    fn salted(&self, context: &str, generation: u32, salt: &[u8; 32]) -> Result<[u8; 32], Error> {
        let found = self.keys.iter().find(|(candidate, _)| *candidate == generation);
        let (_, key) = found.ok_or(Error::KeyMissing { generation })?;
        let mut material = zeroize::Zeroizing::new([0u8; 64]);
        material[..32].copy_from_slice(key);
        material[32..].copy_from_slice(salt);
        Ok(blake3::derive_key(context, material.as_slice()))
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("vault", &self.vault).finish_non_exhaustive()
    }
}

/// What the number of a custody means in records.
pub(crate) const fn custody_of(number: u8, what: &'static str) -> Result<Custody, Error> {
    match number {
        1 => Ok(Custody::Managed),
        2 => Ok(Custody::Private),
        _ => Err(Error::TooNew { what }),
    }
}

/// The number that records write for a custody.
pub(crate) const fn custody_number(custody: Custody) -> u8 {
    match custody {
        Custody::Managed => 1,
        Custody::Private => 2,
    }
}

/// Keys from which ids, cut points and digests are made. Zeroed when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct IdKeys {
    chunk: [u8; 32],
    hunk: [u8; 32],
    digest: [u8; 32],
    path_cut: [u8; 32],
    #[zeroize(skip)]
    gear: Arc<[u64; 256]>,
}

impl IdKeys {
    /// The id of a chunk of file content.
    pub fn chunk_id(&self, content: &[u8]) -> ChunkId {
        short(&blake3::keyed_hash(&self.chunk, content))
    }

    /// The id of a hunk.
    pub fn hunk_id(&self, content: &[u8]) -> ChunkId {
        short(&blake3::keyed_hash(&self.hunk, content))
    }

    /// The content digest over the ids of a hunk's chunks, in order.
    pub fn digest<'a>(&self, ids: impl IntoIterator<Item = &'a ChunkId>) -> [u8; 32] {
        let mut digest = self.content_digest();
        digest.update(ids);
        digest.finish()
    }

    /// A content digest that takes its ids piece by piece.
    pub fn content_digest(&self) -> ContentDigest {
        ContentDigest(blake3::Hasher::new_keyed(&self.digest))
    }

    /// True when a hunk may end after the entry with this path.
    pub fn cuts_after(&self, path: &[u8]) -> bool {
        let hash = blake3::keyed_hash(&self.path_cut, path);
        let mut first = [0u8; 4];
        first.copy_from_slice(&hash.as_bytes()[..4]);
        u32::from_le_bytes(first).is_multiple_of(limits::HUNK_CUT_MODULUS)
    }

    /// A chunker for chunks of `average` bytes.
    pub fn chunker(&self, average: u32) -> crate::chunker::Chunker {
        crate::chunker::Chunker::new(Arc::clone(&self.gear), average)
    }
}

/// Collects the ids of a hunk's chunks, in order, without keeping them.
pub struct ContentDigest(blake3::Hasher);

impl ContentDigest {
    /// Appends ids.
    pub fn update<'a>(&mut self, ids: impl IntoIterator<Item = &'a ChunkId>) {
        for id in ids {
            self.0.update(id.as_bytes());
        }
    }

    /// The digest over all ids so far.
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

impl std::fmt::Debug for ContentDigest {
    /// The state is keyed and stays out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentDigest(..)")
    }
}

impl std::fmt::Debug for IdKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdKeys(..)")
    }
}

fn short(hash: &blake3::Hash) -> ChunkId {
    let mut id = [0u8; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    ChunkId::from_bytes(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyring_survives_and_rotation_keeps_ids() {
        let mut keyring = Keyring::create(VaultId::random(), Custody::Private);
        let id = keyring.id_keys().chunk_id(b"content");
        keyring.rotate();
        let again = Keyring::decode(&keyring.encode()).unwrap();
        assert!(again == keyring);
        assert_eq!(again.current_generation(), 2);
        assert_eq!(again.id_keys().chunk_id(b"content"), id);
        assert!(again.pack_key(1, &[0; 32]).is_ok() && again.pack_key(3, &[0; 32]).is_err());
    }

    #[test]
    fn chunks_and_hunks_have_ids_of_their_own() {
        let keys = Keyring::create(VaultId::random(), Custody::Managed).id_keys();
        assert_ne!(keys.chunk_id(b"x"), keys.hunk_id(b"x"));
    }

    #[test]
    fn nothing_secret_is_printed() {
        let keyring = Keyring::create(VaultId::random(), Custody::Managed);
        let text = format!("{keyring:?} {:?}", keyring.id_keys());
        assert!(text.contains("Keyring") && text.len() < 120, "{text}");
    }
}
