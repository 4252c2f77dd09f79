//! Sealing what only those with keys read, bound to the clear part that stands before it.

use crate::{Error, VERSION};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Encrypts `bytes` in place and appends the tag. `what` names the kind of object, as in `holdfast snapshot`.
pub(crate) fn seal(
    what: &'static str,
    key: &[u8; 32],
    clear: &[u8],
    bytes: &mut Vec<u8>,
) -> Result<(), Error> {
    cipher(what, key)?
        .seal_in_place_append_tag(nonce(), additional_data(what, clear), bytes)
        .map_err(|_| Error::Compression)
}

/// Decrypts what [`seal`] wrote, in place.
pub(crate) fn open<'a>(
    what: &'static str,
    key: &[u8; 32],
    clear: &[u8],
    bytes: &'a mut [u8],
) -> Result<&'a [u8], Error> {
    cipher(what, key)?
        .open_in_place(nonce(), additional_data(what, clear), bytes)
        .map(|plain| &*plain)
        .map_err(|_| Error::Mismatch { what, check: "authentication tag" })
}

fn cipher(what: &'static str, key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    let key = UnboundKey::new(&AES_256_GCM, key)
        .map_err(|_| Error::malformed(what, "AES-256 keys have 32 bytes"))?;
    Ok(LessSafeKey::new(key))
}

/// The key serves one object only, since its salt is random, so the nonce can be zero.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0u8; 12])
}

fn additional_data(what: &str, clear: &[u8]) -> Aad<Vec<u8>> {
    let mut data = format!("holdfast {what}").into_bytes();
    data.push(VERSION);
    data.extend_from_slice(blake3::hash(clear).as_bytes());
    Aad::from(data)
}
