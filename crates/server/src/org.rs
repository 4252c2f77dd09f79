//! The organisation's key pair. Managed vaults are wrapped for it, and so is what recovery needs.
//! The private half lies in the data folder, outside the object store, and in the recovery file.

use crate::data::{DataDir, file_error};
use crate::{Error, Result};
use format::wrap::{Identity, Recipient, recovery_file};
use model::ServerId;
use std::path::Path;

/// The organisation's key pair.
#[derive(Debug, Clone)]
pub struct Organisation {
    identity: Identity,
}

impl Organisation {
    /// Reads the private key from the data folder, and makes it first when it is not there.
    pub fn open_or_create(data: &DataDir) -> Result<Self> {
        if let Some(found) = Self::read(&data.org_key())? {
            return Ok(found);
        }
        let new = Self { identity: Identity::generate() };
        new.store(data)?;
        Ok(new)
    }

    /// Reads the private key from the data folder; `recipient` is what its public half must be.
    pub fn open(data: &DataDir, recipient: &str) -> Result<Self> {
        let path = data.org_key();
        let damaged = |problem| Error::DataDamaged { path: path.clone(), problem };
        let found = Self::read(&path)?.ok_or_else(|| damaged("the organisation's key is missing"))?;
        if found.recipient().to_string() != recipient {
            return Err(damaged("it is not the key that the database names"));
        }
        Ok(found)
    }

    /// Reads a recovery file.
    pub fn open_recovery_file(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)
            .map(zeroize::Zeroizing::new)
            .map_err(|error| file_error(path, &error, "read file"))?;
        let wrong = || Error::RecoveryWrong { path: path.to_owned(), problem: "it holds no recovery key" };
        let text = std::str::from_utf8(&bytes).map_err(|_| wrong())?;
        Ok(Self { identity: Identity::parse(text).map_err(|_| wrong())? })
    }

    fn read(path: &Path) -> Result<Option<Self>> {
        let Some(text) = DataDir::read(path)? else { return Ok(None) };
        let damaged = |_| Error::DataDamaged { path: path.to_owned(), problem: "it holds no private key" };
        Ok(Some(Self { identity: Identity::parse(&text).map_err(damaged)? }))
    }

    /// Writes the private key into the data folder.
    pub fn store(&self, data: &DataDir) -> Result<()> {
        let text = recovery_file(
            &self.identity,
            &[
                "Holdfast server: the organisation's private key.",
                "It opens every managed vault. Keep it here.",
            ],
        );
        DataDir::write(&data.org_key(), text.as_bytes())
    }

    /// The text of the recovery file.
    pub fn recovery_text(&self, server: ServerId) -> zeroize::Zeroizing<String> {
        recovery_file(
            &self.identity,
            &[
                "Holdfast organisation recovery file",
                &format!("of server {server}"),
                "",
                "Move this file off the server, to a safe place such as a printed sheet in a safe.",
                "Whoever has it can read every managed vault of this server.",
                "Without it, a lost server disk cannot be rebuilt from the object store or from a backup:",
                "  holdfast-server recover --data DIR --recovery-file THIS-FILE",
            ],
        )
    }

    /// The key pair.
    pub const fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Its public half.
    pub fn recipient(&self) -> Recipient {
        self.identity.recipient()
    }
}
