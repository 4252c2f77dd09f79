//! What all handlers share, and the bounds on what requests may use up together.

use super::peers::{Counted, Peers};
use super::rates::Failures;
use super::slots::{Slot, Slots};
use crate::instance::Instance;
use crate::space::Announced;
use crate::{Error, Result};
use model::{Code, DeviceId};
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// Reads, writes, look-ups and commits at once; each holds a thread as long as it works, not as long as its agent is
/// slow.
const JOBS: usize = 64;
/// Memory for bodies that are read as a whole and for tables of packs, in KiB; and as much for opened tables.
const MEMORY_KIB: u32 = 256 << 10;
/// Bodies and tables up to this many KiB take none of it.
const SMALL_KIB: u32 = 1 << 10;
/// Requests of one device at once.
const REQUESTS: usize = 16;
/// Bodies of one device at once that take some of it. More than one, since the first may belong to a connection that
/// is lost and not known to be.
const LARGE_BODIES: usize = 2;
/// Tables of one device at once that take some of it. With its bodies they leave room for the others.
const LARGE_TABLES: usize = 3;
/// Control channels together, each with a connection of its own, where the limit of open files allows as many: some
/// 50 KiB of memory each.
const CHANNELS: usize = 20_000;
/// Activations of one address at once.
const ACTIVATIONS: usize = 16;
const MEMORY_PATIENCE: Duration = Duration::from_secs(20);

/// What all handlers share. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shared(Arc<Inner>);

pub(super) struct Inner {
    pub(super) instance: Arc<Instance>,
    pub(super) failures: Failures,
    pub(super) slots: Slots,
    pub(super) announced: Announced,
    /// Control channels together.
    pub(super) channels_max: usize,
    large: Slots,
    tables: Slots,
    jobs: Jobs,
    bodies: Arc<Semaphore>,
    work: Arc<Semaphore>,
    activations: Peers,
    merges: Arc<Semaphore>,
}

/// Places for blocking work.
struct Jobs(Arc<Semaphore>);

impl Jobs {
    fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// Runs work when there is a place for it. The work itself keeps the place: it goes on when whoever waits for it
    /// goes away, and would be one more beside those that are allowed.
    async fn run<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        E: Send + 'static,
        Error: From<E>,
    {
        let place = self.0.clone().acquire_owned().await.map_err(closed)?;
        crate::blocking(move || {
            let _place = place;
            work()
        })
        .await
    }
}

/// Memory that a body may take.
pub(super) struct Memory {
    _permit: OwnedSemaphorePermit,
    _slot: Slot,
}

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Shared {
    pub(super) fn new(instance: Arc<Instance>) -> Self {
        Self(Arc::new(Inner {
            instance,
            failures: Failures::default(),
            slots: Slots::new(REQUESTS),
            announced: Announced::default(),
            channels_max: channels_max(),
            large: Slots::new(LARGE_BODIES),
            tables: Slots::new(LARGE_TABLES),
            jobs: Jobs::new(JOBS),
            bodies: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
            work: Arc::new(Semaphore::new(MEMORY_KIB as usize)),
            activations: Peers::default(),
            merges: Arc::new(Semaphore::new(1)),
        }))
    }

    /// Memory for a body of this length, where it is more than a little. Nobody waits for it for long: those who have
    /// it may be slow. One device has it for few bodies at once, so that it leaves enough to the others.
    pub(super) async fn memory_for(&self, device: DeviceId, bytes: u64) -> Result<Option<Memory>> {
        self.take(&self.large, device, bytes).await
    }

    /// The same for the table of a pack, which is kept until the pack is whole.
    pub(super) async fn table_memory_for(&self, device: DeviceId, bytes: u64) -> Result<Option<Memory>> {
        self.take(&self.tables, device, bytes).await
    }

    /// Memory for work that ends by itself, whatever its agent does: it is only waited for.
    pub(super) async fn work_memory(&self, bytes: u64) -> Result<OwnedSemaphorePermit> {
        self.work.clone().acquire_many_owned(in_kib(bytes)).await.map_err(closed)
    }

    /// A place for an activation. Each address has its own, so that none keeps the others out.
    pub(super) fn activation(&self, peer: IpAddr) -> Result<Counted> {
        self.activations.count(peer, ACTIVATIONS).ok_or_else(|| Error::Busy {
            code: Code::RateLimited,
            detail: "this address has too many activations under way".to_owned(),
            retry_after_seconds: 1,
        })
    }

    /// The place for a merge of an index; `None` while another vault's is merged. A merge takes several hundred MiB.
    pub(super) fn merge(&self) -> Option<OwnedSemaphorePermit> {
        self.merges.clone().try_acquire_owned().ok()
    }

    async fn take(&self, slots: &Slots, device: DeviceId, bytes: u64) -> Result<Option<Memory>> {
        let kib = in_kib(bytes);
        if kib <= SMALL_KIB {
            return Ok(None);
        }
        let slot = slots.take(device).ok_or_else(|| Error::Busy {
            code: Code::RateLimited,
            detail: "this device has too many large bodies under way".to_owned(),
            retry_after_seconds: 1,
        })?;
        let waiting = self.bodies.clone().acquire_many_owned(kib);
        match tokio::time::timeout(MEMORY_PATIENCE, waiting).await {
            Ok(permit) => Ok(Some(Memory { _permit: permit.map_err(closed)?, _slot: slot })),
            Err(_) => {
                let detail = "the server reads as many large bodies as it can".to_owned();
                Err(Error::Busy { code: Code::ServerBusy, detail, retry_after_seconds: 30 })
            }
        }
    }

    /// Runs blocking work when there is a place for it.
    pub(super) async fn job<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T>
    where
        T: Send + 'static,
        E: Send + 'static,
        Error: From<E>,
    {
        self.jobs.run(work).await
    }
}

/// Half of the files that may be open are left to requests and to the store.
fn channels_max() -> usize {
    let files = platform::process::raise_open_file_limit().unwrap_or(1_024);
    CHANNELS.min(usize::try_from(files / 2).unwrap_or(CHANNELS))
}

/// In KiB, and never more than there is.
fn in_kib(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX).min(MEMORY_KIB)
}

#[allow(clippy::needless_pass_by_value, reason = "the form that map_err takes")]
fn closed(error: AcquireError) -> Error {
    Error::Broken { problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::mpsc::channel;

    #[tokio::test]
    async fn work_keeps_its_place_when_nobody_waits_for_it_any_more() {
        let jobs = Jobs::new(1);
        let began = Arc::new(Semaphore::new(0));
        let (end, ends) = channel::<()>();
        {
            let telling = began.clone();
            let mut given_up = pin!(jobs.run(move || {
                telling.add_permits(1);
                ends.recv().map_err(|error| Error::Broken { problem: error.to_string() })
            }));
            tokio::select! {
                _ = &mut given_up => panic!("it cannot end yet"),
                started = began.acquire() => started.unwrap().forget(),
            }
        }
        assert_eq!(jobs.0.available_permits(), 0);
        end.send(()).unwrap();
        jobs.run(|| Ok::<_, Error>(())).await.unwrap();
    }
}
