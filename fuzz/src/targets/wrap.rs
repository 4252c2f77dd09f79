//! Texts of age keys, recovery files and wrapped keyrings. An input is a text after a byte 0, a keyring to be
//! wrapped after a byte 1, else wrapped bytes.

use format::keys::Keyring;
use format::wrap::{Identity, Recipient, recovery_file};
use std::io::Read;
use std::sync::OnceLock;

/// A key pair for this target alone; it opens nothing else.
const FILE: &str = include_str!("wrap/identity.txt");

fn identity() -> &'static Identity {
    static IDENTITY: OnceLock<Identity> = OnceLock::new();
    IDENTITY.get_or_init(|| Identity::parse(FILE).unwrap())
}

pub(super) fn run(input: &[u8]) -> bool {
    match input.split_first() {
        Some((0, text)) => std::str::from_utf8(text).is_ok_and(read_text),
        Some((1, keyring)) => {
            let wrapped = identity().recipient().wrap_bytes(keyring).unwrap();
            assert_eq!(**identity().unwrap_bytes(&wrapped).unwrap(), *keyring);
            let read = identity().unwrap_keyring(&wrapped);
            assert!(read == Keyring::decode(keyring));
            read.is_ok()
        }
        Some((_, wrapped)) => open(wrapped),
        None => false,
    }
}

fn read_text(text: &str) -> bool {
    let recipient = Recipient::parse(text);
    if let Ok(recipient) = &recipient {
        assert!(recipient.to_string().eq_ignore_ascii_case(text.trim()));
    }
    let identity = Identity::parse(text);
    if let Ok(identity) = &identity {
        let again = Identity::parse(&recovery_file(identity, &["a comment"])).unwrap();
        assert!(again.recipient() == identity.recipient());
        assert!(!format!("{identity:?}").contains("SECRET"), "a secret is shown");
    }
    recipient.is_ok() || identity.is_ok()
}

/// Reading at once and reading as a stream agree.
fn open(wrapped: &[u8]) -> bool {
    let whole = identity().unwrap_bytes(wrapped);
    let mut streamed = Vec::new();
    let is_read =
        identity().unwrap_reader(wrapped).is_ok_and(|mut reader| reader.read_to_end(&mut streamed).is_ok());
    assert_eq!(whole.is_ok(), is_read);
    assert!(whole.as_ref().is_ok_and(|whole| **whole == streamed) || !is_read);
    whole.is_ok()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let keyring = crate::keys::keyring();
    vec![
        [&[0], FILE.as_bytes()].concat(),
        [&[0], identity().recipient().to_string().as_bytes()].concat(),
        [&[1], &keyring.encode()[..]].concat(),
        [&[2], &identity().recipient().wrap_keyring(&keyring).unwrap()[..]].concat(),
    ]
}
