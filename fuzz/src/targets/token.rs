//! Activation tokens: what is read is written the same, within the limits, and the secret is not shown.
//! An input is a token's text after a byte 0, else the token's bytes, which get their check sum here.

use crate::memory::{BASE, within};
use api::{Pin, Secret, Token, limits};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(super) fn run(input: &[u8]) -> bool {
    let Some((form, rest)) = input.split_first() else { return false };
    let text = if *form == 0 {
        String::from_utf8_lossy(rest).into_owned()
    } else {
        let sum = blake3::hash(rest);
        format!("hf1-{}", URL_SAFE_NO_PAD.encode([rest, &sum.as_bytes()[..4]].concat()))
    };
    let Ok(token) = within(BASE + 8 * text.len(), || Token::parse(&text)) else { return false };
    assert!((1..=limits::URLS).contains(&token.urls().len()));
    assert!(token.urls().iter().all(|url| url.len() <= limits::URL && url.starts_with("https://")));
    let plain: String = text.split_whitespace().collect();
    assert_eq!(token.to_text(), plain);
    assert_eq!(Token::parse(&plain).unwrap(), token);
    assert!(!format!("{token:?}").contains(&token.secret().to_text()), "a secret is shown");
    true
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let token = |urls: &[&str], pin| {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        Token::new(urls, pin, Secret::from_bytes([9; 32])).unwrap().to_text()
    };
    let texts = [
        token(&["https://backup.example.org:8443", "https://192.0.2.7"], Pin::Authority([1; 32])),
        token(&["https://backup.example.org"], Pin::Os),
    ];
    let bytes = |text: &String| {
        let bytes = URL_SAFE_NO_PAD.decode(&text[4..]).unwrap();
        [&[1], &bytes[..bytes.len() - 4]].concat()
    };
    let texts_as_they_are = texts.iter().map(|text| [&[0], text.as_bytes()].concat());
    texts_as_they_are.chain(texts.iter().map(bytes)).collect()
}
