//! `backup`: the server's own state in one file. Vaults are not in it; they lie in the object store.

use crate::archive::{self, Content, Manifest};
use crate::data::{DataDir, authority_file, remove};
use crate::instance::{Instance, refuse_in_store, store_path};
use crate::names::show_bytes;
use crate::watch::Watch;
use crate::{Error, Result, blocking};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The file that was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupView {
    /// Where it lies.
    pub file: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// Name of the database's copy below the data folder, while it is packed.
const COPY: &str = "backup.db";

/// Writes the file; one that is there is replaced when the new one is whole.
pub(super) async fn run(instance: &Arc<Instance>, file: &Path, watch: &Watch) -> Result<BackupView> {
    refuse_in_store(&store_path(&instance.data, &instance.settings()), file)?;
    let _one_at_a_time = instance.backing_up.lock().await;
    watch.tell("copying the database", 0, 0, "bytes");
    let copy = instance.data.path().join(COPY);
    remove(&copy)?;
    instance.meta.backup_into(&copy).await?;
    let packed = {
        let (instance, file, copy, watch) = (instance.clone(), file.to_owned(), copy.clone(), watch.clone());
        blocking(move || watch.check().and_then(|()| pack(&instance, &file, &copy))).await
    };
    remove(&copy)?;
    let bytes = packed?;
    tracing::info!(bytes, "backup of the server written");
    Ok(BackupView { file: file.to_owned(), bytes })
}

fn pack(instance: &Instance, file: &Path, copy: &Path) -> Result<u64> {
    let manifest = Manifest::new(instance.record.id, instance.clock.now());
    let key = instance.data.org_key();
    let missing = || Error::DataDamaged { path: key.clone(), problem: "the organisation's key is missing" };
    let org_key = DataDir::read(&key)?.ok_or_else(missing)?;
    let authority = authority_file(&instance.data)?;
    let content =
        Content { manifest: &manifest, database: copy, org_key: org_key.as_bytes(), authority: &authority };
    archive::write(file, &instance.org.recipient(), &content)
}

impl fmt::Display for BackupView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Wrote {} ({}).", self.file.display(), show_bytes(self.bytes))?;
        writeln!(
            f,
            "It holds the database, the certificate authority and the organisation's key, sealed for the"
        )?;
        writeln!(
            f,
            "organisation's recovery file: without that file nobody opens it. The vaults are not in it."
        )
    }
}
