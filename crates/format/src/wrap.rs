//! Key pairs, wrapped keyrings and recovery files, all in the age format.

use crate::Error;
use crate::keys::Keyring;
use age::secrecy::ExposeSecret;
use std::io::{self, Read, Write};
use std::str::FromStr;

/// A private key that opens what was wrapped for its recipient.
#[derive(Clone)]
pub struct Identity(age::x25519::Identity);

/// A public key to wrap for, written `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(age::x25519::Recipient);

impl Identity {
    /// A new random key pair.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// The secret as text, `AGE-SECRET-KEY-1…`. Goes into files of mode 0600 and nowhere else.
    pub fn to_secret_text(&self) -> zeroize::Zeroizing<String> {
        zeroize::Zeroizing::new(self.0.to_string().expose_secret().to_owned())
    }

    /// Reads a secret or a recovery file: the first line that is neither empty nor a comment.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let line = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
        let identity = line.and_then(|line| age::x25519::Identity::from_str(line).ok());
        identity.map(Self).ok_or(Error::NotAnAgeKey { what: "the recovery file" })
    }

    /// Opens what was wrapped for this identity.
    pub fn unwrap_bytes(&self, wrapped: &[u8]) -> Result<zeroize::Zeroizing<Vec<u8>>, Error> {
        age::decrypt(&self.0, wrapped).map(zeroize::Zeroizing::new).map_err(|_| Error::WrongIdentity)
    }

    /// Reads what was written through [`Recipient::wrap_writer`], checked as it is read.
    pub fn unwrap_reader<R: Read>(&self, input: R) -> Result<impl Read + use<R>, Error> {
        let opened = age::Decryptor::new(input).map_err(|_| Error::NotAnAgeKey { what: "the file" })?;
        opened.decrypt(std::iter::once(&self.0 as &dyn age::Identity)).map_err(|_| Error::WrongIdentity)
    }

    /// Opens a wrapped keyring.
    pub fn unwrap_keyring(&self, wrapped: &[u8]) -> Result<Keyring, Error> {
        Keyring::decode(&self.unwrap_bytes(wrapped)?)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Recipient {
    /// Reads `age1…`.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let recipient = age::x25519::Recipient::from_str(text.trim());
        recipient.map(Self).map_err(|_| Error::NotAnAgeKey { what: "the recipient" })
    }

    /// Encrypts `bytes` so that only the identity opens them.
    pub fn wrap_bytes(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        age::encrypt(&self.0, bytes).map_err(|_| Error::Compression)
    }

    /// Encrypts what is written to it, for content of any size. Without [`WrapWriter::finish`] it cannot be opened.
    pub fn wrap_writer<W: Write>(&self, output: W) -> io::Result<WrapWriter<W>> {
        age::Encryptor::with_recipients(std::iter::once(&self.0 as &dyn age::Recipient))
            .map_err(io::Error::other)?
            .wrap_output(output)
            .map(WrapWriter)
    }

    /// Wraps a keyring.
    pub fn wrap_keyring(&self, keyring: &Keyring) -> Result<Vec<u8>, Error> {
        self.wrap_bytes(&keyring.encode())
    }
}

impl std::fmt::Display for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::fmt::Debug for Recipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// How many bytes are wrapped here, as far as can be seen without an identity. An error when it is no age file or
/// its end is missing; a change that leaves its form can only be seen by who opens it.
pub fn wrapped_len(wrapped: &[u8]) -> Result<usize, Error> {
    const TAG_LEN: usize = 16;
    const WHAT: Error = Error::NotAnAgeKey { what: "a wrapped key" };
    let mut rest = wrapped;
    age::Decryptor::new(&mut rest).map_err(|_| WHAT)?;
    rest.len().checked_sub(TAG_LEN).ok_or(WHAT)
}

/// Encrypts what is written to it.
pub struct WrapWriter<W: Write>(age::stream::StreamWriter<W>);

impl<W: Write> WrapWriter<W> {
    /// Writes the end and gives the output back.
    pub fn finish(self) -> io::Result<W> {
        self.0.finish()
    }
}

impl<W: Write> Write for WrapWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The text of a recovery file: comment lines, then the secret.
pub fn recovery_file(identity: &Identity, comments: &[&str]) -> zeroize::Zeroizing<String> {
    let mut text = zeroize::Zeroizing::new(String::new());
    for comment in comments {
        text.push_str("# ");
        text.push_str(comment);
        text.push('\n');
    }
    text.push_str(&format!("# public key: {}\n", identity.recipient()));
    text.push_str(&identity.to_secret_text());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Custody, VaultId};

    #[test]
    fn a_keyring_opens_with_its_recovery_file_only() {
        let identity = Identity::generate();
        let keyring = Keyring::create(VaultId::random(), Custody::Private);
        let wrapped = identity.recipient().wrap_keyring(&keyring).unwrap();
        let file = recovery_file(&identity, &["Holdfast recovery file", "Keep it safe."]);
        let again = Identity::parse(&file).unwrap();
        assert!(again.unwrap_keyring(&wrapped).unwrap() == keyring);
        assert_eq!(Identity::generate().unwrap_keyring(&wrapped), Err(Error::WrongIdentity));
        assert!(Identity::parse("# only a comment").is_err());
        let text = identity.recipient().to_string();
        assert_eq!(Recipient::parse(&text).unwrap(), identity.recipient());
    }

    #[test]
    fn a_stream_comes_back_only_when_it_is_whole() {
        let identity = Identity::generate();
        let content: Vec<u8> = (0..300_000u32).map(|number| number as u8).collect();
        let mut writer = identity.recipient().wrap_writer(Vec::new()).unwrap();
        writer.write_all(&content).unwrap();
        let sealed = writer.finish().unwrap();
        let read = |identity: &Identity, sealed: &[u8]| {
            let mut back = Vec::new();
            identity.unwrap_reader(sealed).ok()?.read_to_end(&mut back).ok()?;
            Some(back)
        };
        assert_eq!(read(&identity, &sealed), Some(content));
        assert_eq!(read(&identity, &sealed[..sealed.len() - 1]), None);
        assert_eq!(read(&Identity::generate(), &sealed), None);
    }

    #[test]
    fn the_length_of_what_is_wrapped_shows_from_outside() {
        let identity = Identity::generate();
        for length in [0, 1, 93, 1_000] {
            let wrapped = identity.recipient().wrap_bytes(&vec![7; length]).unwrap();
            assert_eq!(wrapped_len(&wrapped), Ok(length));
            // Cut anywhere in its head it is nothing, and behind that it is shorter.
            for cut in 0..wrapped.len() {
                assert!(
                    wrapped_len(&wrapped[..cut]).is_ok_and(|found| found < length)
                        || wrapped_len(&wrapped[..cut]).is_err()
                );
            }
        }
        assert!(wrapped_len(b"").is_err() && wrapped_len(b"nonsense").is_err());
    }
}
