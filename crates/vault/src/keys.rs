//! Wrapped keys as objects. What is in them is opaque here.

use crate::names::{Holder, holder_of};
use crate::objects::Objects;
use crate::{Error, Vault};
use format::limits;
use model::failpoint;

impl Vault {
    /// Stores a wrapped key, in place of an earlier one of the same holder. At most 64 KiB, not empty.
    pub fn put_key(&self, holder: Holder, bytes: &[u8]) -> Result<(), Error> {
        put(&self.objects, holder, bytes)
    }

    /// The wrapped key of a holder, `None` when there is none.
    pub fn key(&self, holder: Holder) -> Result<Option<Vec<u8>>, Error> {
        self.objects.read(&self.objects.names.wrapped_key(holder)?, limits::SMALL_OBJECT_MAX)
    }

    /// Who has a wrapped key here, ascending.
    pub fn key_holders(&self) -> Result<Vec<Holder>, Error> {
        let mut holders: Vec<Holder> =
            self.objects.all("keys")?.iter().filter_map(|blob| holder_of(&blob.key)).collect();
        holders.sort_unstable();
        Ok(holders)
    }
}

/// Writes a wrapped key below a vault's name, whether the vault is there yet or not.
pub(crate) fn put(objects: &Objects, holder: Holder, bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() || bytes.len() > limits::SMALL_OBJECT_MAX {
        return Err(Error::KeyInvalid { size_bytes: bytes.len() as u64 });
    }
    failpoint::hit("vault.key.before_put");
    objects.replace(&objects.names.wrapped_key(holder)?, bytes)?;
    failpoint::hit("vault.key.after_put");
    Ok(())
}
