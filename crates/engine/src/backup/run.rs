//! One attempt of a run: starts the threads, takes their results in order, and commits.

use super::base::BaseHeader;
use super::cache::{self, NextCache};
use super::file_systems::FileSystems;
use super::findings::Findings;
use super::hunks::{HunkList, HunkStore, HunkWriter};
use super::index::{self, Index};
use super::item::{Batch, Item, Linked, ReadJob};
use super::kept::Kept;
use super::lookups::{Lookups, Used};
use super::meta::Owners;
use super::mounts::Mounts;
use super::packer::{Packer, Sealed};
use super::rules::Rules;
use super::sample::Sampling;
use super::scan::{self, Outlets, Scan};
use super::set_roots::SetRoots;
use super::source::{self, Base};
use super::walk::{Ahead, Walk};
use super::worker::{Shared, Worker};
use super::{BackupRequest, BackupSummary, count, sample};
use crate::EngineError;
use crate::progress::{Milestone, Phase, Progress, add};
use crate::remote::{Committed, Lease, Remote};
use crossbeam_channel::{Receiver, Sender, bounded, select, unbounded};
use format::classes::Classes;
use format::keys::{IdKeys, Keyring};
use format::segment::Segment;
use format::snapshot::{ClearPart, Root, SealedPart, SnapshotRecord};
use model::{Clock, FindingReason, LeaseId, PackId, SetId, SnapshotId, Timestamp};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Batches that may be on their way between walk and writer at once.
const BATCHES: usize = 64;

/// What an attempt needs from outside.
pub(super) struct Attempt<'a> {
    pub(super) remote: &'a dyn Remote,
    pub(super) keyring: &'a Keyring,
    pub(super) classes: &'a Classes,
    pub(super) request: &'a BackupRequest,
    /// Its paths, normalised.
    pub(super) roots: Vec<Vec<u8>>,
    pub(super) clock: &'a Clock,
    pub(super) progress: &'a Progress,
    pub(super) set: SetId,
}

/// The parts of a running attempt that the writer of hunks needs.
struct Running<'r, 'a> {
    attempt: &'r Attempt<'a>,
    packer: &'r Packer<'a>,
    shared: &'r Shared<'a>,
    workers: &'r [Mutex<Worker>],
    findings: &'r Findings,
    header: Option<&'r BaseHeader>,
    started: Timestamp,
    /// The snapshot that commits name as their base: after a checkpoint that one, since it replaced the other.
    base: Cell<Option<SnapshotId>>,
    sampling: RefCell<Sampling<'r>>,
}

/// The first failure of any thread; that a thread only noticed another's failure does not count.
#[derive(Default)]
struct Failures(Mutex<Option<EngineError>>);

impl Failures {
    fn note(&self, error: EngineError, progress: &Progress) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref().is_none_or(|first| matches!(first, EngineError::Stopped)) {
            *first = Some(error);
        }
        progress.stop_for_failure();
    }

    fn take(&self) -> Option<EngineError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<'a> Attempt<'a> {
    /// Runs once. `forbidden` are frames that the server did not let a former attempt refer to.
    pub(super) fn run(&self, forbidden: &[(PackId, u32)]) -> Result<BackupSummary, EngineError> {
        self.progress.begin_attempt();
        self.progress.enter(Phase::Preparing);
        let started = self.clock.now();
        let request = self.request;
        let rules = Rules::new(&request.exclusions, request.exclude_caches, &request.own_folders)?;
        // Beside the answer of the server, which is waited for.
        let (lease, kept) = std::thread::scope(|scope| {
            let kept = scope.spawn(|| index::read_kept(&request.cache));
            (self.remote.grant(self.set), kept.join().unwrap_or_default())
        });
        let lease = lease?;
        self.progress.tell(Milestone::Granted);
        let (packer, packs) =
            Packer::new(self.keyring, &lease, self.classes, request.frame_target, workers(request));
        let lease_to_sample = forbidden.is_empty().then_some(lease.id);
        let result = self.prepare(kept, &lease, forbidden).and_then(|(index, base)| {
            let ids = self.keyring.id_keys();
            self.work(&rules, &index, base, &ids, &packer, &packs, started, lease_to_sample)
        });
        if result.is_err() {
            // Until it ends a lease holds cleanup back. One that cannot be given back ends at its deadline or with
            // the next run of this set.
            let _ = self.remote.release(packer.lease());
        }
        result
    }

    /// What there is to know before the walk: the vault's chunks that may be referred to, and the base.
    fn prepare(
        &self,
        kept: Vec<Segment>,
        lease: &Lease,
        forbidden: &[(PackId, u32)],
    ) -> Result<(Index, Base), EngineError> {
        let request = self.request;
        let mut index = Index::load(self.remote, &request.cache, kept, lease, request.index_ids_max)?;
        index.renew(request.renewal_limit_bytes);
        // After the lease: what is found from now on, the commit is refused for.
        if lease.has_damage {
            index.forbid_damaged(&self.remote.damage()?);
        }
        index.forbid(forbidden);
        if !forbidden.is_empty() {
            // A repeated run is not repeated again: it learns before it begins what it must do without.
            let unreadable = sample::check(self.remote, self.keyring, lease.id, &index)?;
            index.forbid(&unreadable);
        }
        let base =
            source::open(self.remote, self.keyring, request, self.set, &lease.newest, &index, self.classes)?;
        Ok((index, base))
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one run, each made once by the caller")]
    fn work(
        &self,
        rules: &Rules,
        index: &Index,
        mut base: Base,
        ids: &IdKeys,
        packer: &Packer<'_>,
        packs: &Receiver<Sealed>,
        started: Timestamp,
        lease_to_sample: Option<LeaseId>,
    ) -> Result<BackupSummary, EngineError> {
        let request = self.request;
        let header = base.header.clone();
        let earlier = header.as_ref().map_or(&[][..], |header| &header.findings[..]);
        let (findings, linked) = (Findings::new(started, earlier), Linked::default());
        let chunkers = self.classes.as_slice().iter().map(|class| ids.chunker(class.average)).collect();
        let count = workers(request);
        let lookups = Lookups {
            remote: self.remote,
            keyring: self.keyring,
            set: self.set,
            index,
            packer,
            used: Mutex::new(Used::new()),
        };
        let shared = Shared {
            ids,
            classes: self.classes,
            chunkers,
            index,
            lookups: &lookups,
            packer,
            progress: self.progress,
            findings: &findings,
            linked: &linked,
            blocks: crossbeam_channel::bounded(2 * count),
        };
        let worker = || Worker::new(request.compression_level, request.frame_target);
        let worker_states: Vec<_> = (0..=count).map(|_| Mutex::new(worker())).collect();
        let failures = Failures::default();
        self.progress.enter(Phase::Working);
        let known = header.as_ref().filter(|_| !request.accept_changed_roots);
        let changed = known.and_then(|base| request.changed.as_ref()?.for_base(base));
        let result = std::thread::scope(|scope| {
            for _ in 0..Packer::lanes() {
                scope.spawn(|| packer.send_all(self.remote, self.set, packs, self.progress));
            }
            let (end, ended) = bounded::<()>(0);
            if request.count_ahead {
                let walk = Walk::new(self.roots.clone(), rules, request.one_file_system);
                scope.spawn(move || count::run(walk, self.progress, &ended));
            }
            let sampled = lease_to_sample
                .map(|lease| scope.spawn(move || sample::check(self.remote, self.keyring, lease, index)));
            let (work, to_work) = unbounded();
            let (done, results) = unbounded();
            let (credit, credits) = unbounded();
            give(&credit, BATCHES);
            let (at_work, all_idle) = bounded::<()>(0);
            // The last one belongs to the writer of hunks.
            for worker in &worker_states[..count] {
                let (to_work, done) = (to_work.clone(), done.clone());
                let (at_work, all_idle) = (at_work.clone(), all_idle.clone());
                let (shared, failures) = (&shared, &failures);
                scope.spawn(move || {
                    let outcome = run_worker(worker, shared, &to_work, &done);
                    drop(at_work);
                    match outcome {
                        Ok(()) => help(worker, shared, &all_idle),
                        Err(error) => failures.note(error, shared.progress),
                    }
                });
            }
            drop((to_work, at_work));
            let walk = Walk::new(self.roots.clone(), rules, request.one_file_system)
                .without_moved(move |root| scan::has_moved(known, root))
                .sparing(changed.as_ref());
            // Without a base all files are opened.
            let walk = if header.is_none() { walk.asking_few_files() } else { walk };
            let scan = Scan {
                request,
                rules,
                found: Ahead::start(scope, walk),
                base: base.entries(scope),
                header: header.as_ref(),
                index,
                findings: &findings,
                progress: self.progress,
                outlets: Outlets { work, done, credits: credits.clone() },
                owners: Owners::default(),
                file_systems: FileSystems::new(header.as_ref().map(|header| header.snapshot)),
                linked: &linked,
                batch: Batch { number: 0, items: Vec::new() },
                batch_bytes: 0,
                typical_bytes: 0,
                batch_dirs: 0,
                last_dir: None,
                roots: Vec::new(),
                mounts: Mounts::default(),
                set_roots: SetRoots::new(&self.roots),
                kept: Kept::default(),
                left_out: Vec::new(),
                astray: None,
            };
            let scanner = scope.spawn(|| scan.run().inspect_err(|_| self.progress.stop_for_failure()));
            let running = Running {
                attempt: self,
                packer,
                shared: &shared,
                workers: &worker_states,
                findings: &findings,
                header: header.as_ref(),
                started,
                base: Cell::new(header.as_ref().map(|header| header.snapshot)),
                sampling: RefCell::new(Sampling::new(sampled)),
            };
            let written =
                running.write(&results, credit, &credits).inspect_err(|_| self.progress.stop_for_failure());
            drop(results);
            let roots = scanner.join().unwrap_or(Err(EngineError::Defect("the walk failed")));
            drop(end);
            let result = match (failures.take(), written, roots) {
                (None, Ok((store, writer)), Ok(roots)) => running.finish(store, writer, roots),
                (failed, written, roots) => Err(cause([failed, written.err(), roots.err()])),
            };
            if result.is_err() {
                self.progress.stop_for_failure();
            }
            packer.end();
            result.map_err(|error| packer.cause(error))
        });
        if let Err(EngineError::Local { path, .. }) = &result
            && path.starts_with(&request.cache)
        {
            cache::remove(&request.cache, self.set);
        }
        result
    }
}

/// What really failed: a thread that stops since another one failed says only that it was stopped.
fn cause(failures: [Option<EngineError>; 3]) -> EngineError {
    let mut failures = failures.into_iter().flatten();
    failures.find(|error| !matches!(error, EngineError::Stopped)).unwrap_or(EngineError::Stopped)
}

/// Lets the walk send so many batches more. A walk that has ended needs none.
fn give(credit: &Sender<()>, count: usize) {
    for _ in 0..count {
        let _ = credit.send(());
    }
}

fn workers(request: &BackupRequest) -> usize {
    match request.workers {
        0 => std::thread::available_parallelism().map_or(2, usize::from),
        count => count,
    }
}

/// Takes batches, and before them blocks of large files, until there are no more. Who has to wait for work first asks
/// for what batches still wait for: nobody else would pass them on.
fn run_worker(
    worker: &Mutex<Worker>,
    shared: &Shared<'_>,
    to_work: &Receiver<Batch>,
    done: &Sender<Batch>,
) -> Result<(), EngineError> {
    let worker = || worker.lock().unwrap_or_else(PoisonError::into_inner);
    let pass_on = |batches: Vec<Batch>| {
        batches.into_iter().try_for_each(|batch| done.send(batch).map_err(|_| EngineError::Stopped))
    };
    loop {
        if let Ok(block) = shared.blocks.1.try_recv() {
            worker().process_block(shared, &block);
            continue;
        }
        if let Ok(batch) = to_work.try_recv() {
            pass_on(worker().process(shared, batch)?)?;
            continue;
        }
        pass_on(worker().settle(shared)?)?;
        select! {
            recv(shared.blocks.1) -> block => {
                if let Ok(block) = block {
                    worker().process_block(shared, &block);
                }
            }
            recv(to_work) -> batch => {
                let Ok(batch) = batch else { return Ok(()) };
                pass_on(worker().process(shared, batch)?)?;
            }
        }
    }
}

/// Takes blocks of large files after the last batch, until no worker has one any more: a large file that comes last
/// would be left to a single core.
fn help(worker: &Mutex<Worker>, shared: &Shared<'_>, all_idle: &Receiver<()>) {
    loop {
        select! {
            recv(shared.blocks.1) -> block => {
                if let Ok(block) = block {
                    worker.lock().unwrap_or_else(PoisonError::into_inner).process_block(shared, &block);
                }
            }
            // Nothing is ever sent: it ends when the last worker is through with its batches.
            recv(all_idle) -> _ => return,
        }
    }
}

impl<'r> Running<'r, '_> {
    /// Takes batches in order and writes their hunks, with a checkpoint now and then.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "its end tells the walk that nobody takes batches any more"
    )]
    fn write(
        &self,
        results: &Receiver<Batch>,
        credit: Sender<()>,
        credits: &Receiver<()>,
    ) -> Result<(HunkStore<'r>, HunkWriter), EngineError> {
        let request = self.attempt.request;
        let cache = NextCache::create(&request.cache, self.attempt.set);
        let mut writer = HunkWriter::new(cache);
        let mut store = HunkStore::new(
            self.shared.ids,
            self.shared.classes,
            self.shared.index,
            self.packer,
            request.compression_level,
            request.frame_target,
        );
        let mut pending = BTreeMap::new();
        let (mut next, mut held) = (0u64, 0usize);
        let mut last_checkpoint = Instant::now();
        while let Ok(batch) = results.recv() {
            self.sampling.borrow_mut().look()?;
            pending.insert(batch.number, batch);
            while let Some(batch) = pending.remove(&next) {
                self.attempt.progress.go_on()?;
                for item in batch.items {
                    let item = match item {
                        Item::Link(job) => self.further_name(&writer, *job)?,
                        other => other,
                    };
                    if let Item::Entry(entry, _) = &item
                        && !entry.is_storable()
                    {
                        self.findings.note(&entry.path, FindingReason::ReadError, 0, false);
                        continue;
                    }
                    writer.take(&mut store, item)?;
                }
                next += 1;
                held += 1;
            }
            self.attempt.progress.findings.store(self.findings.count(), Ordering::Relaxed);
            if last_checkpoint.elapsed() < request.checkpoint_every {
                give(&credit, std::mem::take(&mut held));
                continue;
            }
            // Credits are held back until none is out: then every batch is here and no worker has one.
            held += credits.try_iter().count();
            if held == BATCHES {
                self.checkpoint(&mut store, &mut writer)?;
                last_checkpoint = Instant::now();
                give(&credit, std::mem::take(&mut held));
            }
        }
        Ok((store, writer))
    }

    /// A further name of a file takes the content of the first; where that one gave none that is right, it is read here.
    fn further_name(&self, writer: &HunkWriter, job: ReadJob) -> Result<Item, EngineError> {
        if let Some(item) = writer.with_first_content(&job.entry) {
            add(&self.shared.progress.done_files, 1);
            add(&self.shared.progress.done_bytes, job.entry.size);
            return Ok(item);
        }
        let own = self.workers.last().ok_or(EngineError::Defect("there is no worker"))?;
        own.lock().unwrap_or_else(PoisonError::into_inner).read_at_once(self.shared, job)
    }

    fn seal_workers(&self) -> Result<(), EngineError> {
        for worker in self.workers {
            worker.lock().unwrap_or_else(PoisonError::into_inner).seal(self.shared)?;
        }
        Ok(())
    }

    /// Commits what there is, so that an interrupted first backup can be restored and goes on from here. Not without
    /// the rest of the base, from which the next run learns what stays: a cache may vanish at any time.
    fn checkpoint(&self, store: &mut HunkStore<'_>, writer: &mut HunkWriter) -> Result<(), EngineError> {
        let attempt = self.attempt;
        let rest = source::reopen(attempt.keyring, attempt.request, attempt.set)
            .filter(|rest| self.header.is_some() && self.base.get() == Some(rest.header.snapshot));
        if rest.is_none() && self.header.is_some() {
            tracing::warn!("the cache of the base is gone; no checkpoint this time");
            return Ok(());
        }
        let (list, cache) = writer.checkpoint(store, rest.into_iter().flatten())?;
        self.seal_workers()?;
        store.seal()?;
        self.packer.flush()?;
        let roots = self.header.map(|header| header.roots.clone()).unwrap_or_default();
        let (snapshot, header, _) = self.commit(&list, roots, false)?;
        self.base.set(Some(snapshot));
        tracing::info!(%snapshot, last_path_bytes = writer.last_path().len(), "checkpoint committed");
        // A base that the run still reads stays open; the new file only takes its name.
        cache.finish(&header);
        Ok(())
    }

    fn finish(
        &self,
        mut store: HunkStore<'_>,
        writer: HunkWriter,
        roots: Vec<Root>,
    ) -> Result<BackupSummary, EngineError> {
        let attempt = self.attempt;
        attempt.progress.go_on()?;
        attempt.progress.enter(Phase::Finishing);
        let (list, cache) = writer.finish(&mut store)?;
        self.seal_workers()?;
        store.seal()?;
        self.packer.flush()?;
        // Who asked for an end while the last packs were on their way gets no snapshot that they did not expect.
        attempt.progress.begin_commit()?;
        let (snapshot, header, finding_count) = self.commit(&list, roots, true)?;
        cache.finish(&header);
        self.shared.index.keep_own(&self.packer.own_log);
        let progress = attempt.progress;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(BackupSummary {
            snapshot,
            files: list.counts.files,
            entries: list.counts.entries,
            bytes: list.counts.bytes,
            read_bytes: read(&progress.read_bytes),
            new_bytes: read(&progress.new_bytes),
            stored_bytes: read(&progress.stored_bytes),
            findings: header.findings,
            finding_count,
        })
    }

    fn commit(
        &self,
        list: &HunkList,
        roots: Vec<Root>,
        complete: bool,
    ) -> Result<(SnapshotId, BaseHeader, u64), EngineError> {
        let attempt = self.attempt;
        let request = attempt.request;
        let (findings, finding_count) = self.findings.list();
        attempt.progress.findings.store(finding_count, Ordering::Relaxed);
        let mut counts = list.counts;
        counts.findings = finding_count;
        let clear = ClearPart {
            snapshot: SnapshotId::random(),
            vault: attempt.keyring.vault(),
            device: request.device,
            set: attempt.set,
            key_generation: attempt.keyring.current_generation(),
            salt: model::ids::random_bytes(),
            complete,
            hunks: list.addresses.clone(),
            counts,
            base: self.base.get(),
        };
        let (snapshot, set, vault) = (clear.snapshot, clear.set, clear.vault);
        let sealed = SealedPart {
            hunks: list.hunks.clone(),
            paths: request.paths.iter().map(|path| platform::path::bytes(path).to_vec()).collect(),
            set_name: request.set_name.clone().into_bytes(),
            device_name: request.device_name.clone().into_bytes(),
            started: self.started,
            ended: attempt.clock.now(),
            findings: findings.clone(),
            exclusions: request.exclusions.iter().map(|rule| rule.clone().into_bytes()).collect(),
            roots: roots.clone(),
        };
        let record = SnapshotRecord::seal(clear, &sealed, attempt.keyring)
            .map_err(|error| EngineError::damaged("snapshot record", error))?;
        self.sampling.borrow_mut().end()?;
        self.shared.lookups.check()?;
        self.send_commit(snapshot, &record.encode())?;
        let (device, held) = (request.device, list.held.clone());
        let header = BaseHeader { vault, device, set, snapshot, complete, findings, roots, held };
        Ok((snapshot, header, finding_count))
    }

    fn send_commit(&self, snapshot: SnapshotId, record: &[u8]) -> Result<Committed, EngineError> {
        let Attempt { remote, set, .. } = *self.attempt;
        self.packer.under_lease(remote, set, |lease| Ok(remote.commit(lease, snapshot, record)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_not_hidden_by_those_who_stopped_for_it() {
        for at in 0..3 {
            let mut failures = [Some(EngineError::Stopped), None, Some(EngineError::Stopped)];
            failures[at] = Some(EngineError::Defect("the cause"));
            assert!(matches!(cause(failures), EngineError::Defect("the cause")), "{at}");
        }
        assert!(matches!(cause([None, Some(EngineError::Stopped), None]), EngineError::Stopped));
    }
}
