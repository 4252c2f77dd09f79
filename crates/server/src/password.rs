//! Administrators' passwords: made here, shown once, kept as a hash.

use crate::{Error, Result};
use argon2::{Argon2, PasswordHasher};

/// Letters and digits that nobody mistakes for one another.
const ALPHABET: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789A";
const GROUPS: usize = 4;
const GROUP_LEN: usize = 5;

/// A new random password of 100 bits, in groups for whoever types it.
pub fn generate() -> zeroize::Zeroizing<String> {
    let random: [u8; GROUPS * GROUP_LEN] = model::ids::random_bytes();
    let mut text = zeroize::Zeroizing::new(String::new());
    for (place, byte) in random.iter().enumerate() {
        if place > 0 && place % GROUP_LEN == 0 {
            text.push('-');
        }
        // 256 is a multiple of 32, so every letter is as likely as the others.
        text.push(char::from(ALPHABET[usize::from(byte % 32)]));
    }
    text
}

/// The hash that the database keeps: argon2id as a PHC string.
pub fn hash(password: &str) -> Result<String> {
    let salt: [u8; 16] = model::ids::random_bytes();
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| Error::Broken { problem: format!("the password's hash: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    #[test]
    fn a_hash_fits_its_password_only() {
        let (one, other) = (generate(), generate());
        assert_ne!(*one, *other);
        assert_eq!(one.len(), GROUPS * GROUP_LEN + GROUPS - 1);
        let text = hash(&one).unwrap();
        assert!(text.starts_with("$argon2id$"), "{text}");
        let parsed = PasswordHash::new(&text).unwrap();
        assert!(Argon2::default().verify_password(one.as_bytes(), &parsed).is_ok());
        assert!(Argon2::default().verify_password(other.as_bytes(), &parsed).is_err());
    }
}
