//! Frames come back, notice every change, and are stored uncompressed when that is smaller.

use super::*;
use model::Custody;
use proptest::prelude::*;

fn keyring() -> Keyring {
    Keyring::create(VaultId::random(), Custody::Managed)
}

fn cipher(keyring: &Keyring, kind: PackKind) -> PackCipher {
    let context = FrameContext {
        vault: keyring.vault(),
        pack: PackId::random(),
        kind,
        key_generation: 1,
        salt: model::ids::random_bytes(),
    };
    PackCipher::new(keyring, context).unwrap()
}

fn build(cipher: &PackCipher, keyring: &Keyring, number: u32, chunks: &[Vec<u8>]) -> BuiltFrame {
    let ids = keyring.id_keys();
    let mut builder = FrameBuilder::new();
    for chunk in chunks {
        builder.push(ids.chunk_id(chunk), chunk);
    }
    builder.seal(cipher, number, &mut Compressor::new(3)).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn chunks_come_back(chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..3000), 1..40), number in 0u32..8192) {
        let keyring = keyring();
        let cipher = cipher(&keyring, PackKind::Data);
        let mut built = build(&cipher, &keyring, number, &chunks);
        let open = cipher.open(number, &built.ids, &mut built.ciphertext).unwrap();
        prop_assert_eq!(open.len(), chunks.len());
        for (ordinal, chunk) in chunks.iter().enumerate() {
            prop_assert_eq!(open.chunk(ordinal as u32).unwrap(), &chunk[..]);
        }
        prop_assert!(open.chunk(chunks.len() as u32).is_none());
        let count = chunks.len() as u32;
        for first in 0..count {
            let rest = chunks[first as usize..].concat();
            prop_assert_eq!(open.chunks(first, count - first).unwrap(), &rest[..]);
            prop_assert_eq!(open.chunks(first, 1), open.chunk(first));
        }
        prop_assert!(open.chunks(0, count + 1).is_none() && open.chunks(0, 0).is_none());
        prop_assert!(open.chunks(u32::MAX, u32::MAX).is_none());
    }

    #[test]
    fn any_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(frame) = SealedFrame::decode(&bytes) {
            prop_assert_eq!(frame.encode(), bytes);
        }
    }
}

#[test]
fn a_frame_opens_only_as_what_it_was_made() {
    let keyring = keyring();
    let data = cipher(&keyring, PackKind::Data);
    let built = build(&data, &keyring, 7, &[b"one".to_vec(), b"two".to_vec()]);
    let opens = |cipher: &PackCipher, number: u32, ids: &[ChunkId]| {
        cipher.open(number, ids, &mut built.ciphertext.clone()).is_ok()
    };
    assert!(opens(&data, 7, &built.ids));
    assert!(!opens(&data, 8, &built.ids));
    let mut swapped = built.ids.clone();
    swapped.swap(0, 1);
    assert!(!opens(&data, 7, &swapped));
    for change in 0..5 {
        let mut context = *data.context();
        match change {
            0 => context.kind = PackKind::Hunk,
            1 => context.pack = PackId::random(),
            2 => context.vault = VaultId::random(),
            3 => context.salt[0] ^= 1,
            _ => context.key_generation = 2,
        }
        let other = PackCipher::new(&keyring, context);
        assert!(other.is_err() || !opens(&other.unwrap(), 7, &built.ids), "change {change}");
    }
    for at in 0..built.ciphertext.len() {
        let mut broken = built.ciphertext.clone();
        broken[at] ^= 1;
        assert!(data.open(7, &built.ids, &mut broken).is_err());
    }
}

#[test]
fn incompressible_content_is_stored_as_it_is() {
    let keyring = keyring();
    let cipher = cipher(&keyring, PackKind::Data);
    let mut noise = vec![0u8; 1 << 20];
    blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut noise);
    let built = build(&cipher, &keyring, 0, std::slice::from_ref(&noise));
    assert!(built.ciphertext.len() < noise.len() + 64);
    let text = b"the same words again and again ".repeat(30_000);
    let built = build(&cipher, &keyring, 1, std::slice::from_ref(&text));
    assert!(built.ciphertext.len() < text.len() / 20);
    // Evenly spread bytes that do compress: the probe must see it.
    let counter: Vec<u8> = (0..1 << 20).map(|at: u32| (at % 256) as u8).collect();
    let built = build(&cipher, &keyring, 2, &[counter]);
    assert!(built.ciphertext.len() < 100_000);
}

#[test]
fn a_builder_says_when_it_is_full() {
    let mut builder = FrameBuilder::new();
    let id = ChunkId::random();
    for _ in 0..limits::FRAME_CHUNKS_MAX {
        assert!(!builder.is_full());
        builder.push(id, b"x");
    }
    assert!(builder.is_full());
    let mut builder = FrameBuilder::new();
    builder.push(id, &vec![0; limits::FRAME_TARGET]);
    assert!(builder.is_full());
}

#[test]
fn a_sealed_frame_survives_the_network() {
    let frame = SealedFrame {
        context: FrameContext {
            vault: VaultId::random(),
            pack: PackId::random(),
            kind: PackKind::Hunk,
            key_generation: 3,
            salt: [7; 32],
        },
        number: 9,
        ids: vec![ChunkId::random(), ChunkId::random()],
        references: vec![RangeList::new(), RangeList::new()],
        ciphertext: vec![1, 2, 3],
    };
    assert_eq!(SealedFrame::decode(&frame.encode()).unwrap(), frame);
}
