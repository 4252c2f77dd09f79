//! How inputs are written so that a mutation in one place does not spoil the rest.
//!
//! A decoder's own bytes are full of lengths and hashes. Targets therefore also take *pieces*: byte strings with a
//! mark between them, from which they make lengths and hashes themselves. The first byte of an input says which
//! form the rest has.

use format::codec::{Fields, Put, Reader};

/// Between two pieces. A byte 0xFF of a piece is written as 0xFF 0x00.
const MARK: [u8; 2] = [0xff, 0xfe];

/// The pieces of an input; at least one.
pub fn pieces(mut input: &[u8]) -> Vec<Vec<u8>> {
    let mut pieces = vec![Vec::new()];
    while let [byte, rest @ ..] = input {
        input = rest;
        match (*byte, rest) {
            (0xff, [0xfe, after @ ..]) => {
                pieces.push(Vec::new());
                input = after;
                continue;
            }
            (0xff, [0x00, after @ ..]) => input = after,
            _ => {}
        }
        pieces.last_mut().unwrap().push(*byte);
    }
    pieces
}

/// The input that [`pieces`] reads as these.
pub fn join<P: AsRef<[u8]>>(pieces: &[P]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, piece) in pieces.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(&MARK);
        }
        for byte in piece.as_ref() {
            out.push(*byte);
            if *byte == 0xff {
                out.push(0);
            }
        }
    }
    out
}

/// A field list from pieces: the first byte of each is the tag.
pub fn field_list(pieces: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for piece in pieces {
        if let [tag, content @ ..] = &piece[..] {
            out.put_field(u64::from(*tag), content);
        }
    }
    out
}

/// The pieces of a field list, for seeds.
pub fn fields_as_pieces(list: &[u8]) -> Vec<Vec<u8>> {
    known_fields(list, |_| true)
        .into_iter()
        .map(|(tag, content)| [&[tag as u8], &content[..]].concat())
        .collect()
}

/// The fields of a list that is well formed, those with other tags left out.
pub fn known_fields(list: &[u8], is_known: impl Fn(u64) -> bool) -> Vec<(u64, Vec<u8>)> {
    let mut fields = Fields::new(list, "fuzz");
    let mut known = Vec::new();
    while let Some((tag, content)) = fields.next_field().unwrap() {
        if is_known(tag) {
            known.push((tag, content.rest().to_vec()));
        }
    }
    known
}

/// The bytes of an object from an input: form 0 takes its body as it is, others as pieces of a field list.
/// `None` for an empty input.
pub fn body(input: &[u8]) -> Option<Vec<u8>> {
    let (form, rest) = input.split_first()?;
    Some(if *form == 0 { rest.to_vec() } else { field_list(&pieces(rest)) })
}

/// The inputs of both forms that give this field list as a body, for seeds.
pub fn both_forms(list: &[u8]) -> Vec<Vec<u8>> {
    vec![[&[0], list].concat(), [vec![1], join(&fields_as_pieces(list))].concat()]
}

/// The body of a small object as it was sealed, for seeds: what stands between its length and its hash.
pub fn body_of(object: &[u8]) -> &[u8] {
    &object[12..object.len() - 32]
}

/// The first byte string of a sequence.
pub fn first_bytes(bytes: &[u8]) -> &[u8] {
    Reader::new(bytes, "fuzz").bytes().unwrap()
}
