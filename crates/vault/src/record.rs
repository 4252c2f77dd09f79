//! The format record, which is kept twice: without it nothing of a vault can be read. It never changes, so whichever
//! copy can be read is right.

use crate::Error;
use crate::names::Names;
use crate::objects::Objects;
use blobs::{BlobStore, Key};
use format::limits;
use format::record::FormatRecord;
use model::VaultId;
use std::sync::Arc;

/// A copy of a format record that is missing or damaged.
#[derive(Debug)]
pub struct RecordFault {
    /// Its object.
    pub key: Key,
    /// What is wrong with it; `None` when it is missing.
    pub problem: Option<Error>,
    /// Why it could not be written anew from the other one; `None` when it was.
    pub unmended: Option<Error>,
}

/// Reads a vault's format record from the first of its copies that is whole. Writes nothing.
pub fn read_record(store: Arc<dyn BlobStore>, vault: VaultId) -> Result<FormatRecord, Error> {
    read(&Objects { store, names: Names::new(vault) }, vault)
}

pub(crate) fn read(objects: &Objects, vault: VaultId) -> Result<FormatRecord, Error> {
    let mut first = None;
    for key in objects.names.formats()? {
        match read_copy(objects, &key, vault) {
            Ok(Some(record)) => return Ok(record),
            Ok(None) => {}
            Err(error) => {
                first.get_or_insert(error);
            }
        }
    }
    Err(first.unwrap_or(Error::VaultUnknown { vault }))
}

/// Writes the record, first under the name that makes the vault be there.
pub(crate) fn create(objects: &Objects, record: &FormatRecord) -> Result<(), Error> {
    let bytes = record.encode();
    for key in objects.names.formats()? {
        objects.put_new(&key, &bytes)?;
    }
    Ok(())
}

/// Writes each copy anew that is missing or damaged, and tells of it.
pub(crate) fn mend(objects: &Objects, record: &FormatRecord) -> Result<Vec<RecordFault>, Error> {
    let mut faults = Vec::new();
    for key in objects.names.formats()? {
        let problem = match read_copy(objects, &key, record.vault) {
            Ok(Some(found)) if found == *record => continue,
            Ok(Some(_)) => Some(other_vault(key.clone())),
            Ok(None) => None,
            // It may be whole: nothing is known of it.
            Err(Error::Store(error)) if !error.is_of_blob() => return Err(error.into()),
            Err(error) => Some(error),
        };
        let unmended = objects.replace(&key, &record.encode()).err();
        faults.push(RecordFault { key, problem, unmended });
    }
    Ok(faults)
}

fn read_copy(objects: &Objects, key: &Key, vault: VaultId) -> Result<Option<FormatRecord>, Error> {
    let Some(bytes) = objects.read(key, 2 * limits::SMALL_OBJECT_MAX)? else { return Ok(None) };
    let record =
        FormatRecord::decode(&bytes).map_err(|source| Error::Damaged { key: key.clone(), source })?;
    if record.vault == vault { Ok(Some(record)) } else { Err(other_vault(key.clone())) }
}

fn other_vault(key: Key) -> Error {
    Error::Damaged { key, source: format::Error::Mismatch { what: "format record", check: "name" } }
}
