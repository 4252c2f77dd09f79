//! The vaults that are open in this process: each at most once, opened when it is first asked for, and closed again
//! when it is unused and many others are open.

use crate::{Error, Result, blocking, detached};
use blobs::BlobStore;
use format::record::FormatRecord;
use model::{Clock, VaultId};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{AcquireError, OnceCell, Semaphore};
use vault::{Holder, Vault};

/// Vaults that stay open without being used. Each may keep 160 MiB and 256 handles of the store.
const IDLE_MAX: usize = 8;
/// Vaults that are open together unless more are in use: agents that back up at the same time take turns, and a vault
/// must not be opened anew for each of their requests.
const OPEN_MAX: usize = 32;

/// Logs that are read at once: after a restart all agents come back together.
const OPENINGS: usize = 4;

/// A vault and what must happen one at a time in it.
pub struct OpenVault {
    vault: Arc<Vault>,
    /// Held by a commit, and while the database is compared with the store.
    pub commits: tokio::sync::Mutex<()>,
    /// Held by a cleanup.
    pub cleaning: tokio::sync::Mutex<()>,
}

impl OpenVault {
    /// The vault.
    pub const fn vault(&self) -> &Arc<Vault> {
        &self.vault
    }
}

/// The open vaults.
pub struct OpenVaults {
    store: Arc<dyn BlobStore>,
    clock: Clock,
    open: Mutex<Slots>,
    creating: tokio::sync::Mutex<()>,
    opening: Arc<Semaphore>,
}

#[derive(Default)]
struct Slots {
    vaults: HashMap<VaultId, Slot>,
    /// Counts uses.
    tick: u64,
}

struct Slot {
    cell: Arc<OnceCell<Arc<OpenVault>>>,
    used: u64,
}

impl Slot {
    /// True when nobody has it. Whoever gets it gets it under the lock, so it stays so while the lock is held.
    fn is_idle(&self) -> bool {
        Arc::strong_count(&self.cell) == 1
            && self
                .cell
                .get()
                .is_none_or(|open| Arc::strong_count(open) == 1 && Arc::strong_count(&open.vault) == 1)
    }
}

impl OpenVaults {
    /// No vault is open yet.
    pub fn new(store: Arc<dyn BlobStore>, clock: Clock) -> Self {
        let opening = Arc::new(Semaphore::new(OPENINGS));
        Self { store, clock, open: Mutex::default(), creating: tokio::sync::Mutex::default(), opening }
    }

    /// Held while a vault is created.
    pub async fn creating(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.creating.lock().await
    }

    /// The vault with this id, opened when it is not yet; `prepare` runs before anybody else gets it. Both go on when
    /// the caller goes away: a second opening beside the first would be a second `Vault`.
    pub async fn get<F>(
        &self,
        id: VaultId,
        prepare: impl FnOnce(Arc<OpenVault>) -> F + Send + 'static,
    ) -> Result<Arc<OpenVault>>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let cell = self.slot(id);
        if let Some(open) = cell.get() {
            return Ok(open.clone());
        }
        let (store, clock, places) = (self.store.clone(), self.clock.clone(), self.opening.clone());
        detached(async move {
            let opening = cell.get_or_try_init(|| async move {
                let vault = {
                    let closed = |error: AcquireError| Error::Broken { problem: error.to_string() };
                    let _place = places.acquire().await.map_err(closed)?;
                    blocking(move || Vault::open(store, id, clock)).await?
                };
                let open = Arc::new(OpenVault {
                    vault,
                    commits: tokio::sync::Mutex::default(),
                    cleaning: tokio::sync::Mutex::default(),
                });
                prepare(open.clone()).await?;
                Ok::<_, Error>(open)
            });
            Ok(opening.await?.clone())
        })
        .await
    }

    /// Makes a vault with its keys. Repeated with the same record, it only writes the keys again.
    pub async fn create(&self, record: FormatRecord, keys: Vec<(Holder, Vec<u8>)>) -> Result<()> {
        let (store, clock) = (self.store.clone(), self.clock.clone());
        blocking(move || {
            Vault::create_with_keys(store, &record, &keys, clock)?;
            Ok::<_, vault::Error>(())
        })
        .await
    }

    /// Closes what has been idle for longest, until only a few vaults are open that nobody uses.
    pub fn close_idle(&self) {
        self.lock().close_until(IDLE_MAX);
    }

    /// The ids of all vaults in the store.
    pub async fn list(&self) -> Result<Vec<VaultId>> {
        let store = self.store.clone();
        blocking(move || Vault::list(&*store)).await
    }

    fn slot(&self, id: VaultId) -> Arc<OnceCell<Arc<OpenVault>>> {
        let mut slots = self.lock();
        slots.tick += 1;
        let tick = slots.tick;
        if !slots.vaults.contains_key(&id) {
            slots.close_until(OPEN_MAX - 1);
        }
        let slot = slots.vaults.entry(id).or_insert_with(|| Slot { cell: Arc::default(), used: tick });
        slot.used = tick;
        slot.cell.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    /// Closes idle vaults, the one that was not used for longest first, until at most `most` are open.
    fn close_until(&mut self, most: usize) {
        while self.vaults.len() > most {
            let idle = self.vaults.iter().filter(|(_, slot)| slot.is_idle());
            let Some(oldest) = idle.min_by_key(|(_, slot)| slot.used).map(|(id, _)| *id) else { return };
            self.vaults.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blobs::MemoryStore;
    use model::{Custody, Timestamp, UserId};
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test]
    async fn a_burst_ends() {
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let vaults = OpenVaults::new(Arc::new(MemoryStore::new()), clock.clone());
        let ids = (0..OPEN_MAX as u8 + 5).map(|number| VaultId::from_bytes([number; 16]));
        let mut used = Vec::new();
        for id in ids {
            let record = FormatRecord::new(id, UserId::from_bytes([2; 16]), Custody::Managed, clock.now());
            vaults.create(record, Vec::new()).await.unwrap();
            used.push(vaults.get(id, |_| async { Ok(()) }).await.unwrap());
        }
        let open = || vaults.lock().vaults.len();
        vaults.close_idle();
        assert_eq!(open(), OPEN_MAX + 5, "those that are in use stay");
        let last = used.pop().unwrap();
        drop(used);
        vaults.close_idle();
        assert_eq!(open(), IDLE_MAX);
        let again = vaults.get(last.vault().id(), |_| async { Ok(()) }).await.unwrap();
        assert!(Arc::ptr_eq(&last, &again));
    }

    #[tokio::test]
    async fn an_opening_goes_on_when_nobody_waits_for_it_any_more() {
        let id = VaultId::from_bytes([1; 16]);
        let clock = Clock::manual(Timestamp::from_secs(1_800_000_000));
        let vaults = OpenVaults::new(Arc::new(MemoryStore::new()), clock.clone());
        let record = FormatRecord::new(id, UserId::from_bytes([2; 16]), Custody::Managed, clock.now());
        vaults.create(record, Vec::new()).await.unwrap();
        let (began, may_end) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let prepared = Arc::new(AtomicUsize::new(0));
        let get = || {
            let (began, may_end, prepared) = (began.clone(), may_end.clone(), prepared.clone());
            vaults.get(id, move |_| async move {
                began.add_permits(1);
                may_end.acquire().await.unwrap().forget();
                prepared.fetch_add(1, Ordering::Relaxed);
                Ok(())
            })
        };
        {
            let mut given_up = pin!(get());
            tokio::select! {
                _ = &mut given_up => panic!("it cannot end yet"),
                started = began.acquire() => started.unwrap().forget(),
            }
        }
        // A second preparation would take the second permit.
        may_end.add_permits(2);
        let (one, two) = (get().await.unwrap(), get().await.unwrap());
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!((prepared.load(Ordering::Relaxed), may_end.available_permits()), (1, 1));
    }
}
