//! The text of a token of an administrator: its id and a secret of which the server keeps the hash.

use api::Secret;
use model::AdminTokenId;

/// Tells these tokens from others, for people and for programs that look for secrets in texts.
const PREFIX: &str = "hfa1-";
const SCHEME: &str = "Bearer ";

/// A token as its holder has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminSecret {
    /// Which token.
    pub id: AdminTokenId,
    /// Its secret.
    pub secret: Secret,
}

impl AdminSecret {
    /// The text, one line. It holds the secret.
    pub fn to_text(&self) -> String {
        format!("{PREFIX}{}.{}", self.id, self.secret.to_text())
    }

    /// Reads the value of the header `authorization`. The scheme's case does not matter (RFC 9110).
    pub fn of_header(value: &str) -> Option<Self> {
        let (scheme, text) = value.split_at_checked(SCHEME.len())?;
        let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
        if !scheme.eq_ignore_ascii_case(SCHEME) {
            return None;
        }
        Some(Self { id: id.parse().ok()?, secret: Secret::parse(secret)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_header_and_nothing_else_is_one() {
        let token = AdminSecret { id: AdminTokenId::random(), secret: Secret::random() };
        let text = token.to_text();
        assert_eq!(AdminSecret::of_header(&format!("bearer {text}")), Some(token));
        for header in
            ["", "Bearer ", "Bearer hfa1-", &text, &format!("Basic {text}"), &format!("Bearer {text}x")]
        {
            assert_eq!(AdminSecret::of_header(header), None, "{header}");
        }
    }
}
