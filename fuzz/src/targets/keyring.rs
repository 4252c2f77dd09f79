//! Keyrings: known fields come back, and every key that was read opens what it sealed.

use crate::forms;
use crate::memory::{BASE, within};
use format::frame::{FrameContext, PackCipher, PackKind};
use format::keys::Keyring;
use model::PackId;

pub(super) fn run(input: &[u8]) -> bool {
    let Some(bytes) = forms::body(input) else { return false };
    // Room for as many keys as a small object can hold, whatever their number turns out to be.
    let Ok(keyring) = within(2 * BASE + 4 * bytes.len(), || Keyring::decode(&bytes)) else { return false };
    let again = keyring.encode();
    assert!(Keyring::decode(&again).unwrap() == keyring);
    let known = |tag| matches!(tag, 2 | 4 | 6 | 8);
    assert_eq!(forms::known_fields(&bytes, known), forms::known_fields(&again, known));

    let cipher = |key_generation| {
        let pack = PackId::from_bytes([0; 16]);
        let salt = [0; 32];
        let context =
            FrameContext { vault: keyring.vault(), pack, kind: PackKind::Data, key_generation, salt };
        PackCipher::new(&keyring, context)
    };
    let current = keyring.current_generation();
    assert!(cipher(current).is_ok());
    if let Some(next) = current.checked_add(1) {
        assert!(cipher(next).is_err());
        let mut rotated = keyring.clone();
        rotated.rotate();
        assert_eq!(rotated.current_generation(), next);
        assert!(Keyring::decode(&rotated.encode()).unwrap() == rotated);
    }
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    forms::both_forms(&crate::keys::keyring().encode())
}
