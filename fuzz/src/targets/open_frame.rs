//! Frames behind their seal: the chunks fill the content, a changed bit is noticed, and what was opened can be
//! sealed again.
//!
//! An input is a byte of form and kind, a byte with the number of chunks, and what is sealed here with a known key:
//! as form 0 the whole plaintext, as 1 the content list as it is, as 2 the same compressed, as 3 the chunks as
//! pieces.

use crate::memory::{BASE, within};
use crate::{forms, keys};
use format::codec::Put;
use format::frame::{Compressor, FrameBuilder, OpenFrame, PackCipher, PackKind};
use format::{Error, limits};
use model::ChunkId;
use std::sync::OnceLock;

const NUMBER: u32 = 7;
const CONTENT_MAX: usize = limits::FRAME_CONTENT_MAX + 3 * limits::FRAME_CHUNKS_MAX;

pub(super) fn run(input: &[u8]) -> bool {
    let [form, count, rest @ ..] = input else { return false };
    let kind = if form & 4 == 0 { PackKind::Data } else { PackKind::Hunk };
    let mut count = usize::from(*count);
    let plain = match form & 3 {
        0 => rest.to_vec(),
        1 => plaintext(0, rest.len(), rest),
        2 => plaintext(1, rest.len(), &keys::compress(rest)),
        _ => {
            let chunks = forms::pieces(rest);
            count = chunks.len();
            let mut list = Vec::new();
            chunks.iter().for_each(|chunk| list.put_varint(chunk.len() as u64));
            chunks.iter().for_each(|chunk| list.extend_from_slice(chunk));
            plaintext(0, list.len(), &list)
        }
    };
    let ids = ids(count);
    let mut sealed = keys::seal_frame(kind, NUMBER, &ids, &plain);

    let mut changed = sealed.clone();
    let at = rest.iter().fold(0usize, |at, byte| (at * 31 + usize::from(*byte)) & 0xffff) % changed.len();
    changed[at] ^= 1 << (at % 8);
    let tag = Error::Mismatch { what: "frame", check: "authentication tag" };
    assert_eq!(cipher(kind).open(NUMBER, &ids, &mut changed).unwrap_err(), tag);

    let room = BASE + CONTENT_MAX + 2 * plain.len() + 8 * count;
    let opened = within(room, || cipher(kind).open(NUMBER, &ids, &mut sealed));
    let Ok(frame) = opened else { return false };
    check(&frame, count);
    reseal(kind, &frame, &ids);
    true
}

fn plaintext(method: u8, length: usize, content: &[u8]) -> Vec<u8> {
    [&[method], &(length as u32).to_le_bytes()[..], content].concat()
}

fn ids(count: usize) -> Vec<ChunkId> {
    (0..count).map(|at| ChunkId::from_bytes((at as u128).to_le_bytes())).collect()
}

fn cipher(kind: PackKind) -> &'static PackCipher {
    static CIPHERS: OnceLock<[PackCipher; 2]> = OnceLock::new();
    let new = |kind| PackCipher::new(&keys::keyring(), keys::context(kind)).unwrap();
    &CIPHERS.get_or_init(|| [new(PackKind::Data), new(PackKind::Hunk)])[usize::from(kind == PackKind::Hunk)]
}

fn check(frame: &OpenFrame, count: usize) {
    assert_eq!(frame.len(), count);
    assert_eq!(frame.is_empty(), count == 0);
    assert!(frame.size_bytes() <= CONTENT_MAX);
    let chunks: Vec<&[u8]> = (0..count as u32).map(|at| frame.chunk(at).unwrap()).collect();
    let mut lengths = Vec::new();
    chunks.iter().for_each(|chunk| lengths.put_varint(chunk.len() as u64));
    let bytes: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    assert_eq!(lengths.len() + bytes, frame.size_bytes());
    assert!(frame.chunk(count as u32).is_none() && frame.chunks(0, count as u32 + 1).is_none());
    if let Some(half) = count.checked_div(2).filter(|_| count > 0) {
        assert_eq!(frame.chunks(0, count as u32).unwrap(), chunks.concat());
        assert_eq!(frame.chunks(half as u32, (count - half) as u32).unwrap(), chunks[half..].concat());
    }
}

/// The writer's way of sealing gives the same chunks back.
fn reseal(kind: PackKind, frame: &OpenFrame, ids: &[ChunkId]) {
    if ids.is_empty() {
        return;
    }
    let mut builder = FrameBuilder::new();
    for (at, id) in ids.iter().enumerate() {
        builder.push(*id, frame.chunk(at as u32).unwrap());
    }
    let mut built = builder.seal(cipher(kind), NUMBER, &mut Compressor::new(1)).unwrap();
    assert_eq!(built.hash, *blake3::hash(&built.ciphertext).as_bytes());
    assert!(built.ciphertext.len() <= limits::FRAME_SEALED_MAX);
    let again = cipher(kind).open(NUMBER, ids, &mut built.ciphertext).unwrap();
    let count = ids.len() as u32;
    assert_eq!(again.chunks(0, count), frame.chunks(0, count));
    assert!((0..count).all(|at| again.chunk(at) == frame.chunk(at)));
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let chunks: [&[u8]; 3] = [b"one", &[0xff; 200], b""];
    let mut list = vec![3, 0xc8, 1, 0];
    chunks.iter().for_each(|chunk| list.extend_from_slice(chunk));
    vec![
        [&[0, 3], &plaintext(1, list.len(), &keys::compress(&list))[..]].concat(),
        [&[1, 3], &list[..]].concat(),
        [&[6, 3], &list[..]].concat(),
        [&[3, 0], &forms::join(&chunks)[..]].concat(),
        vec![0, 0, 0, 0, 0, 0, 0],
    ]
}
