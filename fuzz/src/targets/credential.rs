//! The header `authorization`, secrets, hashes and incarnations: what is read from text is written the same.

use api::{Credential, Hash, Incarnation, Secret};
use model::DeviceId;

pub(super) fn run(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let secret = Secret::parse(text);
    let hash = Hash::parse(text);
    let incarnation = Incarnation::parse(text);
    assert!(secret.as_ref().is_none_or(|secret| secret.to_text() == text));
    assert!(hash.is_none_or(|hash| hash.to_string() == text));
    assert!(incarnation.is_none_or(|incarnation| incarnation.to_string() == text));
    let Ok(credential) = Credential::parse(text) else {
        return secret.is_some() || hash.is_some() || incarnation.is_some();
    };
    let header = credential.to_header();
    let (scheme_and_id, secret) = text.rsplit_once('.').unwrap();
    let (again, same_secret) = header.rsplit_once('.').unwrap();
    assert!(scheme_and_id.eq_ignore_ascii_case(again), "the scheme and an id's digits have any case");
    assert_eq!(secret, same_secret);
    assert_eq!(Credential::parse(&header).unwrap(), credential);
    assert!(!format!("{credential:?}").contains(&credential.secret.to_text()), "a secret is shown");
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let secret = Secret::from_bytes([9; 32]);
    let texts = [
        secret.to_text(),
        secret.hash().to_string(),
        Incarnation([5; 16]).to_string(),
        Credential { device: DeviceId::from_bytes([4; 16]), secret }.to_header(),
    ];
    texts.into_iter().map(String::into_bytes).collect()
}
