//! An opened data folder: database, object store, keys, vaults. `serve` and every command work on one, and as long as
//! it is open the folder is locked.

use crate::channels::Channels;
use crate::counters::{Counters, Uploads};
use crate::data::{DataDir, file_error};
use crate::mirror::{Mirror, RecordObject};
use crate::org::Organisation;
use crate::settings::Settings;
use crate::vaults::{OpenVault, OpenVaults};
use crate::{Error, Result, blocking, reconcile};
use blobs::{FolderStore, StoreId};
use meta::{Meta, ServerRecord, SqlMeta};
use model::{Clock, Code, DeviceId, GroupId, UserId, VaultId};
use platform::Lock;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How long an opening waits for the store.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
const STORE_PAUSE: Duration = Duration::from_millis(50);

/// An opened data folder.
pub struct Instance {
    /// The folder.
    pub data: DataDir,
    /// The time.
    pub clock: Clock,
    /// The database.
    pub meta: Arc<dyn Meta>,
    /// The object store.
    pub store: FolderStore,
    /// The server's record.
    pub record: ServerRecord,
    /// The organisation's key pair.
    pub org: Organisation,
    /// The vaults that are open.
    pub vaults: OpenVaults,
    /// Totals of what was uploaded.
    pub counters: Counters,
    /// The control channels that are open.
    pub channels: Channels,
    /// What was uploaded under each lease.
    pub uploads: Uploads,
    /// Held by a backup of the server.
    pub backing_up: tokio::sync::Mutex<()>,
    settings: RwLock<Arc<Settings>>,
    /// Where this process listens, once it does.
    listening: OnceLock<SocketAddr>,
    /// Held while settings change, so that no change is lost.
    changing: tokio::sync::Mutex<()>,
    changing_policies: tokio::sync::Mutex<()>,
    /// Held while the object of a user, group or device is written.
    mirroring: Arc<tokio::sync::Mutex<()>>,
    _lock: Lock,
}

impl Instance {
    /// Opens the folder whose lock is held. Brings the database forward; refuses a missing or another store.
    pub async fn open(data: DataDir, clock: Clock, lock: Lock) -> Result<Arc<Self>> {
        let meta: Arc<dyn Meta> = match SqlMeta::open_sqlite(&data.database()).await {
            Ok(meta) => Arc::new(meta),
            Err(meta::Error::Missing { .. }) => {
                return Err(Error::DataMissing { path: data.path().to_owned() });
            }
            Err(error) => return Err(error.into()),
        };
        match Self::open_with(&data, &clock, meta.clone(), lock).await {
            Ok(instance) => Ok(Arc::new(instance)),
            Err(error) => {
                meta.close().await;
                Err(error)
            }
        }
    }

    async fn open_with(data: &DataDir, clock: &Clock, meta: Arc<dyn Meta>, lock: Lock) -> Result<Self> {
        // `init` writes the record last, so without it the folder never was a server.
        let record =
            meta.server().await?.ok_or_else(|| Error::DataMissing { path: data.path().to_owned() })?;
        let settings = Settings::read(&*meta).await?;
        let path = store_path(data, &settings);
        let expected = StoreId::parse(&settings.store_id)
            .ok_or_else(|| meta::Error::Damaged { problem: "the store has no id".to_owned() })?;
        let store = blocking(move || open_store(&path, expected)).await?;
        let org = Organisation::open(data, &settings.org_recipient)?;
        Ok(Self {
            data: data.clone(),
            clock: clock.clone(),
            counters: Counters::open(meta.clone()).await?,
            vaults: OpenVaults::new(Arc::new(store.clone()), clock.clone()),
            meta,
            store,
            record,
            org,
            channels: Channels::default(),
            uploads: Uploads::default(),
            backing_up: tokio::sync::Mutex::new(()),
            settings: RwLock::new(Arc::new(settings)),
            listening: OnceLock::new(),
            changing: tokio::sync::Mutex::new(()),
            changing_policies: tokio::sync::Mutex::new(()),
            mirroring: Arc::default(),
            _lock: lock,
        })
    }

    /// The settings in force.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where this process listens; `None` when it is no server.
    pub fn listening(&self) -> Option<SocketAddr> {
        self.listening.get().copied()
    }

    /// Notes where this process listens.
    pub fn listens_on(&self, address: SocketAddr) {
        // It begins to listen once.
        let _ = self.listening.set(address);
    }

    /// Changes the settings: in the database, then for whoever asks, then in the server's object.
    pub async fn change_settings(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<()>,
    ) -> Result<Arc<Settings>> {
        let _one_at_a_time = self.changing.lock().await;
        let mut settings = (*self.settings()).clone();
        change(&mut settings)?;
        settings.write(&*self.meta).await?;
        let settings = Arc::new(settings);
        *self.settings.write().unwrap_or_else(PoisonError::into_inner) = settings.clone();
        // Before the store, which may be slow or full: what was changed is in force.
        self.channels.wake_all();
        self.mirror_record().await?;
        Ok(settings)
    }

    /// The vault with this id. When it was not open it is opened now, and what the database does not know of it is
    /// adopted. Without a usable index it can be read, and refuses what needs one.
    pub async fn vault(self: &Arc<Self>, id: VaultId) -> Result<Arc<OpenVault>> {
        let instance = self.clone();
        self.vaults
            .get(id, move |open| async move {
                reconcile::mend_record(&open).await?;
                if let Err(error) = reconcile::mend_index(&open).await {
                    tracing::error!(vault = %id, %error, "the index was not rebuilt; the next cleanup tries again");
                }
                reconcile::compare(&instance, &open).await.map(drop)
            })
            .await
    }

    /// Writes the server's object anew.
    pub async fn mirror_record(&self) -> Result<()> {
        let object = RecordObject::new(&self.record, &self.settings());
        let store = self.store.clone();
        blocking(move || Mirror(&store).put_record(&object)).await
    }

    /// Writes the object of a device anew, as the database knows it now.
    pub async fn mirror_device(&self, id: DeviceId) -> Result<()> {
        // One at a time until it is written, whoever goes away: an older row must not come after a newer one.
        let turn = self.mirroring.clone().lock_owned().await;
        let device = self.meta.device(id).await?.ok_or(meta::Error::DeviceUnknown { device: id })?;
        let store = self.store.clone();
        blocking(move || {
            let _turn = turn;
            Mirror(&store).put_device(&device)
        })
        .await
    }

    /// Writes the object of a user anew, as the database knows the user now.
    pub async fn mirror_user(&self, id: UserId) -> Result<()> {
        let turn = self.mirroring.clone().lock_owned().await;
        let user = self.meta.user(id).await?.ok_or(meta::Error::UserUnknown { user: id })?;
        let store = self.store.clone();
        blocking(move || {
            let _turn = turn;
            Mirror(&store).put_user(&user)
        })
        .await
    }

    /// Writes the object of a group anew, as the database knows it now, or removes that of a group that is gone.
    pub async fn mirror_group(&self, id: GroupId) -> Result<()> {
        let turn = self.mirroring.clone().lock_owned().await;
        let group = self.meta.group(id).await?;
        let store = self.store.clone();
        blocking(move || {
            let _turn = turn;
            match &group {
                Some(group) => Mirror(&store).put_group(group),
                None => Mirror(&store).remove_group(id),
            }
        })
        .await
    }

    /// Held while what policies say is changed, so that no change is lost.
    pub async fn changing_policies(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.changing_policies.lock().await
    }

    /// Ends the connections to the database. The lock ends when the last reference is dropped.
    pub async fn close(&self) {
        self.meta.close().await;
    }
}

/// Opens the store, which nobody else may have open: two servers on one store would each remove what the other needs.
/// What a process that is just ending still holds is waited for.
fn open_store(path: &Path, expected: StoreId) -> Result<FolderStore, blobs::Error> {
    let began = Instant::now();
    loop {
        match FolderStore::open(path, Some(expected)) {
            Err(blobs::Error::Locked { .. }) if began.elapsed() < STORE_PATIENCE => {
                std::thread::sleep(STORE_PAUSE);
            }
            other => return other,
        }
    }
}

/// Where the object store lies.
pub fn store_path(data: &DataDir, settings: &Settings) -> PathBuf {
    data.path().join(&settings.store)
}

/// Refuses a file that would lie in the object store, whose loss it is for.
pub fn refuse_in_store(store: &Path, file: &Path) -> Result<()> {
    // Through links, as far as there is something. The file itself need not be there.
    let real = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let file = std::path::absolute(file).map_err(|error| file_error(file, &error, "resolve path"))?;
    if file.parent().is_some_and(|folder| real(folder).starts_with(real(store))) {
        let detail = format!(
            "{} would lie in the object store, and be lost with it; choose another place",
            file.display()
        );
        return Err(Error::refused(Code::Usage, detail));
    }
    Ok(())
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("data", &self.data)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}
