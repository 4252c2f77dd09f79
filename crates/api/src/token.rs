//! The activation token: what an administrator hands to a user, as one line of text.

use crate::{Error, Secret, limits};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use zeroize::Zeroizing;

const PREFIX: &str = "hf1-";
const CHECK_LEN: usize = 4;

/// What the agent trusts when it meets the server for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pin {
    /// The operating system's certificate store.
    Os,
    /// The certificate authority with this SHA-256 of its certificate (DER).
    Authority([u8; 32]),
}

/// A token: where the server is, what to trust, and a secret that is good once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    urls: Vec<String>,
    pin: Pin,
    secret: Secret,
}

impl Token {
    /// A token for these addresses, tried in this order. Refuses other than `https://` and more or longer ones
    /// than the limits allow.
    pub fn new(urls: Vec<String>, pin: Pin, secret: Secret) -> Result<Self, Error> {
        if urls.is_empty() || urls.len() > limits::URLS {
            return Err(Error::malformed("the list of addresses", "it has one to eight"));
        }
        if !urls.iter().all(|url| is_address(url)) {
            return Err(Error::malformed("an address", "it is https:// and a host"));
        }
        Ok(Self { urls, pin, secret })
    }

    /// The server's addresses.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// What to trust.
    pub const fn pin(&self) -> Pin {
        self.pin
    }

    /// The secret.
    pub const fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The text, one line. It holds the secret.
    pub fn to_text(&self) -> String {
        let mut bytes = Zeroizing::new(vec![self.urls.len() as u8]);
        for url in &self.urls {
            bytes.extend_from_slice(&(url.len() as u16).to_le_bytes());
            bytes.extend_from_slice(url.as_bytes());
        }
        match &self.pin {
            Pin::Os => bytes.push(0),
            Pin::Authority(hash) => {
                bytes.push(1);
                bytes.extend_from_slice(hash);
            }
        }
        bytes.extend_from_slice(self.secret.as_bytes());
        let check = check(&bytes);
        bytes.extend_from_slice(&check);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// Reads what [`Token::to_text`] wrote. Spaces and line breaks do not matter.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.len() > limits::TOKEN {
            return Err(Error::Token { reason: "it is too long" });
        }
        let text: Zeroizing<String> = Zeroizing::new(text.split_whitespace().collect());
        let body = text.strip_prefix(PREFIX).ok_or(Error::Token { reason: "it does not start with hf1-" })?;
        let damaged = Error::Token { reason: "a part of it is missing or changed" };
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| damaged.clone())?);
        let (bytes, sum) = bytes.split_last_chunk::<CHECK_LEN>().ok_or(damaged.clone())?;
        if check(bytes) != *sum {
            return Err(damaged);
        }
        Self::read(bytes).ok_or(Error::Token { reason: "a newer version may have made it" })?
    }

    fn read(bytes: &[u8]) -> Option<Result<Self, Error>> {
        let (&count, mut rest) = bytes.split_first()?;
        let mut urls = Vec::new();
        for _ in 0..count {
            let (length, after) = rest.split_first_chunk::<2>()?;
            let (url, after) = after.split_at_checked(u16::from_le_bytes(*length).into())?;
            urls.push(std::str::from_utf8(url).ok()?.to_owned());
            rest = after;
        }
        let (kind, rest) = rest.split_first()?;
        let (pin, rest) = match kind {
            0 => (Pin::Os, rest),
            1 => rest.split_first_chunk().map(|(hash, rest)| (Pin::Authority(*hash), rest))?,
            _ => return None,
        };
        let secret = Secret::from_bytes(rest.try_into().ok()?);
        let token = Self::new(urls, pin, secret);
        Some(token.map_err(|_| Error::Token { reason: "its addresses cannot be used" }))
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os => f.write_str("os"),
            Self::Authority(hash) => hash.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

fn check(bytes: &[u8]) -> [u8; CHECK_LEN] {
    let hash = blake3::hash(bytes);
    let mut sum = [0; CHECK_LEN];
    sum.copy_from_slice(&hash.as_bytes()[..CHECK_LEN]);
    sum
}

/// The form only: whether the host exists shows when it is asked.
fn is_address(url: &str) -> bool {
    let host = url.strip_prefix("https://").unwrap_or("");
    url.len() <= limits::URL
        && !host.is_empty()
        && !host.starts_with(['/', ':', '?', '#'])
        && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"@?#\"<>\\^`{|}".contains(&byte))
        && has_usable_port(host.split('/').next().unwrap_or(host))
}

/// Without a port it is that of HTTPS; the colons in brackets are those of an IPv6 address.
fn has_usable_port(authority: &str) -> bool {
    let after_brackets = authority.rsplit_once(']').map_or(authority, |(_, after)| after);
    match after_brackets.split_once(':') {
        None => true,
        Some((_, port)) => port.parse::<u16>().is_ok_and(|port| port != 0) && !port.starts_with('+'),
    }
}

#[cfg(test)]
mod tests;
