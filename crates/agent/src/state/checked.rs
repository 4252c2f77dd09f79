//! Small files with a head that says what they are, in which version, and the BLAKE3 of the rest: a file that was cut
//! or changed is recognised before anything in it is believed.

use super::{FILE_MODE, read};
use crate::AgentError;
use model::failpoint;
use platform::durable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The version that this build writes and reads.
const VERSION: u32 = 1;
/// No file of this kind comes near this.
const LIMIT_BYTES: u64 = 1 << 20;

/// One such file.
#[derive(Debug)]
pub struct CheckedFile {
    path: PathBuf,
    /// What the head calls it, without spaces.
    kind: &'static str,
}

impl CheckedFile {
    /// The file at `path`, whose head says `kind`.
    pub(crate) const fn new(path: PathBuf, kind: &'static str) -> Self {
        Self { path, kind }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Puts `value` there, durably.
    pub(crate) fn write(&self, value: &impl Serialize) -> Result<(), AgentError> {
        let body = serde_json::to_vec_pretty(value).map(Zeroizing::new);
        let body = body.map_err(|error| AgentError::Defect(error.to_string()))?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(body.len() + 128));
        bytes.extend_from_slice(self.head(&body).as_bytes());
        bytes.extend_from_slice(&body);
        failpoint::hit("agent.before_state_write");
        durable::write_file(&self.path, &bytes, FILE_MODE)
            .map_err(|error| AgentError::state(&self.path, error))?;
        failpoint::hit("agent.after_state_write");
        Ok(())
    }

    /// What is there; `None` when there is no such file.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<Option<T>, AgentError> {
        let Some(bytes) = read(&self.path, LIMIT_BYTES, |reason| self.damaged(reason))? else {
            return Ok(None);
        };
        let body = self.body(&bytes)?;
        // The error of serde may quote the value, which may be a secret.
        let value = serde_json::from_slice(body)
            .map_err(|error| self.damaged(format!("line {}, column {}", error.line(), error.column())))?;
        Ok(Some(value))
    }

    /// Removes it, durably.
    pub(crate) fn remove(&self) -> Result<(), AgentError> {
        failpoint::hit("agent.before_state_remove");
        super::remove(&self.path)?;
        failpoint::hit("agent.after_state_remove");
        Ok(())
    }

    fn head(&self, body: &[u8]) -> String {
        format!("holdfast {} {VERSION} {}\n", self.kind, blake3::hash(body))
    }

    fn body<'a>(&self, bytes: &'a [u8]) -> Result<&'a [u8], AgentError> {
        let cut = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
        let (head, body) = (&bytes[..cut], bytes.get(cut + 1..).unwrap_or_default());
        let head = std::str::from_utf8(head).unwrap_or_default();
        let mut words = head.split(' ');
        if (words.next(), words.next()) != (Some("holdfast"), Some(self.kind)) {
            return Err(self.damaged("its first line is not that of such a file"));
        }
        match words.next().and_then(|version| version.parse::<u32>().ok()) {
            Some(VERSION) => {}
            Some(newer) if newer > VERSION => {
                return Err(AgentError::StateFileNewer { path: self.path.clone() });
            }
            _ => return Err(self.damaged("its first line has no version")),
        }
        if words.next() != Some(blake3::hash(body).to_hex().as_str()) {
            return Err(self.damaged("its content does not match its hash"));
        }
        Ok(body)
    }

    fn damaged(&self, reason: impl Into<String>) -> AgentError {
        AgentError::StateFileDamaged { path: self.path.clone(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn what_was_written_is_read_and_every_change_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let file = CheckedFile::new(folder.path().join("x"), "test");
        assert_eq!(file.read::<Vec<String>>().unwrap(), None);
        file.write(&vec!["one", "two"]).unwrap();
        assert_eq!(file.read::<Vec<String>>().unwrap().unwrap(), ["one", "two"]);

        let good = std::fs::read(file.path()).unwrap();
        let code = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            file.read::<Vec<String>>().unwrap_err().code()
        };
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            // A version that is one greater is a newer agent's.
            let expected = [Code::IdentityDamaged, Code::FormatTooNew].contains(&code(&bad));
            assert!(expected, "{at}");
            assert_eq!(code(&good[..at]), Code::IdentityDamaged, "cut at {at}");
        }
        let newer = String::from_utf8(good.clone()).unwrap().replacen("test 1", "test 2", 1);
        assert_eq!(code(newer.as_bytes()), Code::FormatTooNew);
        assert_eq!(code(&vec![b'x'; 2 << 20]), Code::IdentityDamaged);
        std::fs::write(file.path(), &good).unwrap();
        assert!(CheckedFile::new(file.path().to_owned(), "other").read::<Vec<String>>().is_err());

        file.remove().unwrap();
        file.remove().unwrap();
        assert_eq!(file.read::<Vec<String>>().unwrap(), None);
    }
}
