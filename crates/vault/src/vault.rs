//! One vault: creating and opening it, and the parts that it is made of. The parts hold what happens.

use crate::claims::Claims;
use crate::gate::{Gate, Hold};
use crate::locks::try_lock;
use crate::log::{Log, MergeReport, RebuildReport};
use crate::names::{Holder, Names, vault_of_folder};
use crate::objects::Objects;
use crate::packs::Packs;
use crate::record::RecordFault;
use crate::snapshots::Snapshots;
use crate::{Error, LogProblem, Position};
use blobs::BlobStore;
use format::ranges::Address;
use format::record::FormatRecord;
use model::{ChunkId, Clock, Damaged, VaultId, failpoint};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};

/// A vault in an object store. All calls block; it is shared between threads as `Arc<Vault>`.
///
/// A process must have at most one `Vault` per vault at a time: the locks that keep uploads, commits and cleanup
/// apart are inside. A cache of open vaults therefore gives out the one that somebody still has.
pub struct Vault {
    pub(crate) objects: Objects,
    pub(crate) clock: Clock,
    format: FormatRecord,
    pub(crate) log: Log,
    pub(crate) packs: Packs,
    pub(crate) snapshots: Snapshots,
    pub(crate) gate: Arc<Gate>,
    pub(crate) claims: Arc<Claims>,
    /// Held by the one cleanup pass or rebuild that runs.
    pub(crate) cleaning: Mutex<()>,
}

impl Vault {
    /// Creates a vault and opens it. Repeated with the same record it opens what is there; a record that differs in
    /// more than its time is `VaultExists`.
    pub fn create(
        store: Arc<dyn BlobStore>,
        record: &FormatRecord,
        clock: Clock,
    ) -> Result<Arc<Self>, Error> {
        Self::create_with_keys(store, record, &[], clock)
    }

    /// As [`Vault::create`], with wrapped keys that are there before the vault is. Repeated, it writes them again.
    pub fn create_with_keys(
        store: Arc<dyn BlobStore>,
        record: &FormatRecord,
        keys: &[(Holder, Vec<u8>)],
        clock: Clock,
    ) -> Result<Arc<Self>, Error> {
        let objects = Objects { store, names: Names::new(record.vault) };
        let [first, second] = objects.names.formats()?;
        if !objects.exists(&first)? && !objects.exists(&second)? {
            failpoint::hit("vault.create.before_first_segment");
            Log::create(&objects)?;
            // With the record the vault is there, and a vault without its keys could never be opened.
            keys.iter().try_for_each(|(holder, bytes)| crate::keys::put(&objects, *holder, bytes))?;
            failpoint::hit("vault.create.before_format");
            crate::record::create(&objects, record)?;
            failpoint::hit("vault.create.after_format");
        }
        let vault = Self::open(objects.store, record.vault, clock)?;
        let found = FormatRecord { created: record.created, ..vault.format.clone() };
        if found != *record {
            return Err(Error::VaultExists { vault: record.vault });
        }
        keys.iter().try_for_each(|(holder, bytes)| vault.put_key(*holder, bytes))?;
        Ok(vault)
    }

    /// Opens a vault and reads its log. A log that is not whole is no error here: packs and snapshots can still be
    /// read, and [`Vault::log_problem`] tells.
    pub fn open(store: Arc<dyn BlobStore>, vault: VaultId, clock: Clock) -> Result<Arc<Self>, Error> {
        let objects = Objects { store, names: Names::new(vault) };
        let format = crate::record::read(&objects, vault)?;
        let log = Log::open(objects.clone())?;
        let packs = Packs::new(objects.clone(), vault);
        let snapshots = Snapshots::new(objects.clone());
        let (gate, claims, cleaning) = Default::default();
        Ok(Arc::new(Self { objects, clock, format, log, packs, snapshots, gate, claims, cleaning }))
    }

    /// The vaults of a store, ascending. Looks at the names of folders and at format records, whatever is in the
    /// vaults.
    pub fn list(store: &dyn BlobStore) -> Result<Vec<VaultId>, Error> {
        let mut vaults = Vec::new();
        for folder in store.folders("vaults")? {
            let Some(id) = vault_of_folder(&folder) else { continue };
            let mut is_there = false;
            for key in Names::new(id).formats()? {
                is_there |= store.info(&key)?.is_some();
            }
            if is_there {
                vaults.push(id);
            }
        }
        Ok(vaults)
    }

    /// The vault's id.
    pub fn id(&self) -> VaultId {
        self.format.vault
    }

    /// What was fixed when the vault was created.
    pub fn format(&self) -> &FormatRecord {
        &self.format
    }

    /// Looks at both copies of the format record; one that is missing or damaged is told of and written anew.
    pub fn mend_record(&self) -> Result<Vec<RecordFault>, Error> {
        crate::record::mend(&self.objects, &self.format)
    }

    /// Why the log cannot be used, if so. Uploads, commits and cleanup are refused until the index is rebuilt.
    pub fn log_problem(&self) -> Option<LogProblem> {
        self.log.with_any(crate::log::LogState::problem)
    }

    /// Takes a hold: before the epoch of a lease is read and until the lease is recorded; before a lease is checked
    /// for a commit and until the snapshot is durable and known to the database. Never waits.
    pub fn hold(&self) -> Hold {
        self.gate.hold()
    }

    /// The last number of the log: the epoch for a lease that is granted now, under a hold.
    pub fn position(&self) -> Result<Position, Error> {
        self.log.position()
    }

    /// For each id the address of a live data chunk that is not in what is `damaged`, where there is one.
    pub fn look_up(
        &self,
        ids: &[ChunkId],
        damaged: &HashSet<Damaged>,
    ) -> Result<Vec<Option<Address>>, Error> {
        self.log.look_up(ids, damaged)
    }

    /// Ids of data chunks that a copy of the whole index holds.
    pub fn data_ids(&self) -> Result<u64, Error> {
        self.log.with(crate::log::LogState::data_ids)
    }

    /// Merges index segments as far as that is worth it. Call it after uploads, now and then.
    pub fn merge_segments(&self) -> Result<MergeReport, Error> {
        self.log.merge()
    }

    /// Writes the index anew from the packs, for recovery. Retirements are forgotten, which costs space until the
    /// next cleanups.
    pub fn rebuild_index(&self) -> Result<RebuildReport, Error> {
        let Some(_cleaning) = try_lock(&self.cleaning) else { return Err(Error::Busy { what: "cleanup" }) };
        self.log.rebuild(&self.packs)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vault").field("id", &self.id()).finish_non_exhaustive()
    }
}
