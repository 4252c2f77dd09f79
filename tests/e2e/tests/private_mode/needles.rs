//! What is searched for, in all forms in which a server may keep it without meaning to, and the search.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use std::path::Path;

/// Secrets by their names, each in several forms.
pub(crate) struct Needles(Vec<(String, Vec<u8>)>);

impl Needles {
    /// The secret itself, in hexadecimal, in base64 at each of its three alignments, and behind hashes without a key.
    pub(crate) fn new(secrets: &[(&str, &[u8])]) -> Self {
        let mut all = Vec::new();
        for (name, secret) in secrets {
            assert!(secret.len() >= 12, "a short secret is found by chance");
            let mut add = |form: &str, bytes: Vec<u8>| all.push((format!("{name} {form}"), bytes));
            add("itself", secret.to_vec());
            let hexadecimal: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
            add("in capital hexadecimal", hexadecimal.to_ascii_uppercase().into_bytes());
            add("in hexadecimal", hexadecimal.into_bytes());
            add("in UTF-16", secret.iter().flat_map(|byte| [*byte, 0]).collect());
            for shift in 0..3 {
                for (form, engine) in [("in base64", STANDARD), ("in base64url", URL_SAFE)] {
                    add(&format!("{form}, shifted by {shift}"), shifted(&engine, secret, shift));
                }
            }
            let hash = blake3::hash(secret);
            add("as BLAKE3", hash.as_bytes()[..16].to_vec());
            add("as BLAKE3 in hexadecimal", hash.to_hex()[..32].as_bytes().to_vec());
        }
        Self(all)
    }

    /// What of it stands in these bytes.
    pub(crate) fn found_in(&self, bytes: &[u8]) -> Vec<&str> {
        let is_in = |needle: &[u8]| find(bytes, needle);
        self.0.iter().filter(|(_, needle)| is_in(needle)).map(|(name, _)| name.as_str()).collect()
    }

    /// Fails the test when anything of it stands in these bytes.
    #[track_caller]
    pub(crate) fn assert_absent(&self, what: &str, bytes: &[u8]) {
        let found = self.found_in(bytes);
        assert!(found.is_empty(), "{what} holds {found:?}");
    }

    /// The same for all files below a folder, their names included. Gives how many there were.
    #[track_caller]
    pub(crate) fn assert_absent_below(&self, folder: &Path) -> usize {
        let files = e2e::tree::files(folder);
        for file in &files {
            let name = file.strip_prefix(folder).unwrap().to_str().unwrap();
            self.assert_absent("a name", name.as_bytes());
            match std::fs::read(file) {
                Ok(bytes) => self.assert_absent(name, &bytes),
                // SQLite takes its side files away when the last connection closes.
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{name}"),
            }
        }
        files.len()
    }
}

/// The part of the base64 text that is the same whatever stands before and behind the secret.
fn shifted(engine: &impl Engine, secret: &[u8], shift: usize) -> Vec<u8> {
    let skipped = (3 - shift) % 3;
    let whole = (secret.len() - skipped) / 3 * 3;
    engine.encode(&secret[skipped..skipped + whole]).into_bytes()
}

/// Whether `needle` stands in `bytes`.
fn find(bytes: &[u8], needle: &[u8]) -> bool {
    let (first, rest) = needle.split_first().unwrap();
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| byte == first) {
        from += at + 1;
        if bytes[from..].starts_with(rest) {
            return true;
        }
    }
    false
}

#[test]
fn the_search_finds_every_form_of_a_secret() {
    let secret = b"a secret of some length".as_slice();
    let needles = Needles::new(&[("it", secret)]);
    assert_eq!(needles.found_in(b"nothing of the kind"), [] as [&str; 0]);
    assert_eq!(needles.found_in(&[b"before ", secret, b" behind"].concat()), ["it itself"]);
    for before in 0..5 {
        let text = STANDARD.encode([&b"12345"[..before], secret, b" behind"].concat());
        assert!(!needles.found_in(text.as_bytes()).is_empty(), "{before} bytes before it: {text}");
    }
    let hash = blake3::hash(secret);
    assert_eq!(needles.found_in(hash.as_bytes()), ["it as BLAKE3"]);
    assert_eq!(needles.found_in(hash.to_hex().as_bytes()), ["it as BLAKE3 in hexadecimal"]);
    let hexadecimal: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(needles.found_in(hexadecimal.as_bytes()), ["it in hexadecimal"]);
}
