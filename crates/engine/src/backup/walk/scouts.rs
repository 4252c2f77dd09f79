//! Threads that list folders before the walk gets there, the nearest first: asking the kernel for names and attributes
//! is nearly all that a run does that finds nothing changed. What comes out is the same without them.

use super::super::rules::Rules;
use super::super::watch::Changed;
use super::listed::{Asks, Listed, Window};
use crossbeam_channel::{Receiver, Sender, bounded};
use format::path;
use platform::{Dir, FileKind, Listing};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

/// Threads at most, besides that of the walk, which lists too while it waits.
const SCOUTS_MAX: usize = 3;
/// Folders of one level that are listed and not walked yet at most: more would leave nothing for the levels below.
const LEVEL_MAX: usize = 8;
/// The same of all levels: each is an open folder.
const ALL_MAX: usize = 96;

/// The scouts of a walk. They end when this is dropped.
pub(super) struct Scouts<'a> {
    shared: Arc<Shared>,
    /// What they need not list.
    changed: Option<&'a Changed>,
}

struct Shared {
    asks: Asks,
    state: Mutex<State>,
    /// There may be something to do.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The levels of the walk that have folders, the root first.
    levels: Vec<Folders>,
    next_level: u64,
    /// Folders that are listed, or are being listed, and not walked yet.
    listed: usize,
    is_over: bool,
}

/// The folders of a level that nobody has begun with.
struct Folders {
    level: u64,
    path: Arc<[u8]>,
    waiting: VecDeque<Job>,
    /// As in [`State`], of this level.
    listed: usize,
}

struct Job {
    /// The place in the listing of its level.
    at: usize,
    dir: Arc<Dir>,
    name: Vec<u8>,
    answer: Sender<Report>,
}

/// A job that was begun with.
struct Errand {
    job: Job,
    level: u64,
    /// The path of that level.
    folder: Arc<[u8]>,
}

/// What a scout brings of a folder.
pub(super) struct Report {
    pub(super) listed: Listed,
    /// The first names.
    pub(super) window: Window,
    _place: Place,
}

/// One of the folders that may be listed ahead, given back when it is dropped.
struct Place {
    shared: Arc<Shared>,
    level: u64,
}

/// What is listed ahead for one level of the walk. What nobody has begun with is given up when this is dropped.
pub(super) struct Sent {
    shared: Arc<Shared>,
    level: u64,
    /// For each folder, by its place in the listing.
    answers: VecDeque<(usize, Receiver<Report>)>,
}

impl<'a> Scouts<'a> {
    /// Starts them on threads of `scope`.
    pub(super) fn start<'scope>(
        scope: &'scope Scope<'scope, '_>,
        rules: &'scope Rules,
        asks: Asks,
        changed: Option<&'a Changed>,
    ) -> Self {
        let shared = Arc::new(Shared { asks, state: Mutex::default(), changed: Condvar::new() });
        let count = std::thread::available_parallelism().map_or(1, |cores| cores.get() - 1).min(SCOUTS_MAX);
        for _ in 0..count {
            let shared = Arc::clone(&shared);
            scope.spawn(move || scout(&shared, rules));
        }
        Self { shared, changed }
    }

    /// Sends them ahead to the folders among the names of `window` that lie on the file system `dev`: whether another
    /// one is walked, or hangs, is for the walk to find out. `folder` is the path of the level.
    pub(super) fn send(
        &self,
        folder: &[u8],
        dir: &Arc<Dir>,
        dev: u64,
        listing: &Listing,
        window: &Window,
    ) -> Option<Sent> {
        let (mut waiting, mut answers) = (VecDeque::new(), VecDeque::new());
        let folders = window.iter().filter(|(_, stat)| stat.kind == FileKind::Dir && stat.dev == dev);
        for (at, _) in folders {
            let name = listing.get(at)?.name.to_vec();
            if self.changed.is_some_and(|changed| changed.spares(&path::join(folder, &name))) {
                continue;
            }
            let (answer, answered) = bounded(1);
            waiting.push_back(Job { at, dir: Arc::clone(dir), name, answer });
            answers.push_back((at, answered));
        }
        if waiting.is_empty() {
            return None;
        }
        let mut state = self.shared.lock();
        let level = state.next_level;
        state.next_level += 1;
        state.levels.push(Folders { level, path: folder.into(), waiting, listed: 0 });
        drop(state);
        self.shared.changed.notify_all();
        Some(Sent { shared: Arc::clone(&self.shared), level, answers })
    }
}

impl Drop for Scouts<'_> {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.changed.notify_all();
    }
}

impl Sent {
    /// What was found out about the folder at this place, perhaps after a wait. `None` when nobody has begun with it,
    /// or could not list it; then nobody else will. Places are asked for in their order. While it waits it lists what
    /// comes next.
    pub(super) fn take(&mut self, at: usize, rules: &Rules) -> Option<Report> {
        while self.answers.front().is_some_and(|(place, _)| *place < at) {
            self.answers.pop_front();
        }
        let (_, answer) = self.answers.pop_front().filter(|(place, _)| *place == at)?;
        let mut state = self.shared.lock();
        if let Some(folders) = state.folders(self.level) {
            while let Some(job) = folders.waiting.pop_front_if(|job| job.at <= at) {
                if job.at == at {
                    return None;
                }
            }
        }
        while answer.is_empty()
            && let Some(errand) = state.next()
        {
            drop(state);
            errand.run(&self.shared, rules);
            state = self.shared.lock();
        }
        drop(state);
        answer.recv().ok()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        self.shared.lock().levels.retain(|folders| folders.level != self.level);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.listed -= 1;
        let folders = state.folders(self.level).map(|folders| {
            folders.listed -= 1;
            folders.listed
        });
        drop(state);
        // Waking a thread costs as much as listing a small folder: it is to find several.
        if folders == Some(LEVEL_MAX / 2) {
            self.shared.changed.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn folders(&mut self, level: u64) -> Option<&mut Folders> {
        self.levels.iter_mut().rfind(|folders| folders.level == level)
    }

    /// The folder that the walk comes to next of those that may be listed now.
    fn next(&mut self) -> Option<Errand> {
        if self.listed == ALL_MAX {
            return None;
        }
        let has_next = |folders: &&mut Folders| folders.listed < LEVEL_MAX && !folders.waiting.is_empty();
        let folders = self.levels.iter_mut().rev().find(has_next)?;
        let job = folders.waiting.pop_front()?;
        folders.listed += 1;
        self.listed += 1;
        Some(Errand { job, level: folders.level, folder: Arc::clone(&folders.path) })
    }
}

impl Errand {
    fn run(self, shared: &Arc<Shared>, rules: &Rules) {
        let Self { job, level, folder } = self;
        let place = Place { shared: Arc::clone(shared), level };
        if rules.exclude(&path::join(&folder, &job.name), true) {
            return;
        }
        // What cannot be listed is left to the walk, which tells why.
        let Ok(listed) = Listed::new(job.dir.open_child(&job.name), rules, false) else { return };
        let window = Window::read(&listed.dir, &listed.listing, 0, shared.asks);
        // Who does not wait for it has passed it over.
        drop(job.answer.send(Report { listed, window, _place: place }));
    }
}

fn scout(shared: &Arc<Shared>, rules: &Rules) {
    let mut state = shared.lock();
    while !state.is_over {
        match state.next() {
            Some(errand) => {
                drop(state);
                errand.run(shared, rules);
                state = shared.lock();
            }
            None => state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
        }
    }
}
