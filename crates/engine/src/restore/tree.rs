//! The folders of the target along the path that the restore has come to, opened or made name by name.
//!
//! A dry run goes the same way and only looks: what does not exist is imaginary, and so is all below it.

use super::decide::{Rules, Verdict};
use super::folder::{FILLING_MODE, Folder, Maker, Traits};
use super::outcome::{Outcome, Trouble};
use super::place::Place;
use super::{Action, Conflict};
use crate::runs::data_bytes;
use format::entry::{Entry, flags};
use format::path;
use model::FindingReason;
use platform::errno;
use platform::{Dir, Node};
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

/// How much may be begun below a new folder before it gets its name, as soon as what was begun in it is ended: whoever
/// looks for what was restored finds it there, and a kill loses little more. An entry counts as one, and one more for
/// each [`HIDDEN_UNIT`] bytes of its content.
const HIDDEN_MAX: u64 = 10_000;
const HIDDEN_UNIT: u64 = 64 << 10;
/// Levels whose folders stay open; deeper paths have those above opened again on the way back.
const OPEN_LEVELS: usize = 100;

/// The way from the target's own folder to the present one.
pub(super) struct Tree<'t> {
    rules: Rules<'t>,
    /// `None` in a dry run.
    maker: Option<&'t Maker<'t>>,
    levels: Vec<Level>,
    /// The present folder in the snapshot.
    path: Vec<u8>,
    /// A folder that could not be entered; all below it is left out.
    blocked: Option<Vec<u8>>,
    /// The last entry that is no folder. Nothing may lie below it.
    leaf: Vec<u8>,
    /// What was made so far, in the units of [`HIDDEN_MAX`].
    made: u64,
    /// The levels above this one need not be looked at any more: their folders have their names, or get them next.
    first_hidden: usize,
    /// One folder of each file system that was entered.
    file_systems: Vec<(u64, Arc<Dir>)>,
    hasher: RandomState,
}

struct Level {
    folder: Arc<Folder>,
    /// What had been made when it was entered.
    made_before: u64,
    /// Bytes of `path` that name it in the snapshot.
    length: usize,
    /// Names so far without regard to case, and as they are; only in a dry run.
    folded: HashMap<u64, u64>,
}

/// A name in an open folder, or in an imaginary one.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) folder: Arc<Folder>,
    pub(super) dir: Option<Arc<Dir>>,
    pub(super) name: Vec<u8>,
}

/// What became of a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entered {
    pub(super) action: Action,
    /// Why it was not entered, unless a rule wants it so.
    pub(super) trouble: Option<Trouble>,
}

impl<'t> Tree<'t> {
    pub(super) fn new(rules: Rules<'t>, maker: Option<&'t Maker<'t>>, base: Arc<Folder>) -> Self {
        let base = Level { folder: base, made_before: 0, length: 0, folded: HashMap::new() };
        Self {
            rules,
            maker,
            levels: vec![base],
            path: Vec::new(),
            blocked: None,
            leaf: Vec::new(),
            made: 0,
            first_hidden: 0,
            file_systems: Vec::new(),
            hasher: RandomState::new(),
        }
    }

    /// Begins another part of the snapshot: the target's own folder stands for `base`.
    pub(super) fn begin(&mut self, base: &[u8]) -> Result<(), Trouble> {
        while self.levels.len() > 1 {
            self.leave()?;
        }
        self.levels[0].length = base.len();
        self.path.clear();
        self.path.extend_from_slice(base);
        self.blocked = None;
        self.leaf.clear();
        Ok(())
    }

    /// Lets go of all folders; gives one folder of each file system that something may have been written to. Folders
    /// that cannot be left are noted.
    pub(super) fn end(mut self, outcome: &Outcome<'_>) -> Vec<Arc<Dir>> {
        while self.levels.len() > 1 {
            if let Err(trouble) = self.leave() {
                outcome.note(&self.path, trouble);
            }
        }
        self.file_systems.into_iter().map(|(_, dir)| dir).collect()
    }

    /// Whether `path` lies below a folder that was not entered.
    pub(super) fn is_blocked(&mut self, path: &[u8]) -> bool {
        let is_blocked = self.blocked.as_ref().is_some_and(|blocked| path::is_within(path, blocked));
        if !is_blocked {
            self.blocked = None;
        }
        is_blocked
    }

    /// Whether the present folder is the target's own.
    pub(super) const fn is_at_base(&self) -> bool {
        self.levels.len() == 1
    }

    /// Where the present folder lies in the target.
    pub(super) fn place(&self) -> &Arc<Place> {
        &self.last().place
    }

    /// Whether another name in the present folder differs from this one only in case. Remembers the name.
    pub(super) fn differs_only_in_case(&mut self, name: &[u8]) -> bool {
        let folded = match std::str::from_utf8(name) {
            Ok(text) => self.hasher.hash_one(text.to_lowercase().as_bytes()),
            Err(_) => self.hasher.hash_one(name.to_ascii_lowercase().as_slice()),
        };
        let exact = self.hasher.hash_one(name);
        let last = self.levels.len() - 1;
        *self.levels[last].folded.entry(folded).or_insert(exact) != exact
    }

    fn last(&self) -> &Arc<Folder> {
        &self.levels[self.levels.len() - 1].folder
    }

    /// The present folder, open unless it is imaginary.
    fn dir(&self) -> Option<Arc<Dir>> {
        self.last().dir()
    }

    /// Lets go of the present folder and goes to the one above it.
    fn leave(&mut self) -> Result<(), Trouble> {
        let Some(level) = self.levels.pop() else { return Ok(()) };
        self.first_hidden = self.first_hidden.min(self.levels.len());
        self.path.truncate(self.levels.last().map_or(0, |above| above.length));
        let dir = level.folder.dir();
        let above = self.last();
        let reopened = match &dir {
            Some(dir) if above.dir().is_none() => above.reopen(dir),
            _ => Ok(()),
        };
        if let Some(maker) = self.maker {
            level.folder.end_berths(dir.as_deref());
            // Who still has something to do in the folder has a handle of its own; folders below open it again.
            if Arc::strong_count(&level.folder) > 1 {
                let _ = level.folder.close();
            }
            maker.release(level.folder, dir);
        }
        reopened
    }

    /// Goes to the folder that holds `path`; folders that have no entry of their own are made.
    pub(super) fn reach(&mut self, path: &[u8]) -> Result<(), Trouble> {
        if !self.leaf.is_empty() && path::is_within(path, &self.leaf) {
            return Err(Trouble::DAMAGED);
        }
        while self.levels.len() > 1 && !is_below(path, &self.path) {
            self.leave()?;
        }
        if !is_below(path, &self.path) {
            return Err(Trouble::DAMAGED);
        }
        loop {
            let start = if self.path.ends_with(b"/") { self.path.len() } else { self.path.len() + 1 };
            let Some(slash) = path[start..].iter().position(|byte| *byte == b'/') else { return Ok(()) };
            let (folder, name) = (&path[..start + slash], &path[start..start + slash]);
            let entered = self.enter_name(folder, name, None)?;
            if self.blocked.is_some() {
                let skipped = Trouble::new(FindingReason::Skipped, errno::EEXIST);
                return Err(entered.trouble.unwrap_or(skipped));
            }
        }
    }

    /// Enters the folder of this entry, and makes it when it is missing. A folder on the way to what was selected gets
    /// its attributes only when it is made.
    pub(super) fn enter(&mut self, entry: &Entry, is_way: bool) -> Result<Entered, Trouble> {
        self.reach(&entry.path)?;
        self.enter_name(&entry.path, path::name(&entry.path), Some((entry, is_way)))
    }

    fn enter_name(
        &mut self,
        path: &[u8],
        name: &[u8],
        entry: Option<(&Entry, bool)>,
    ) -> Result<Entered, Trouble> {
        let parent = Arc::clone(self.last());
        let Some(dir) = self.dir() else {
            self.push_imaginary(path, name);
            return Ok(Entered { action: Action::Create, trouble: None });
        };
        let verdict = if parent.traits.is_new && self.maker.is_some() {
            Verdict::Create
        } else {
            self.rules.folder(&dir, name)?
        };
        if verdict == Verdict::Create && self.maker.is_some() {
            match self.make(&dir, path, name, entry) {
                Err(trouble) if trouble.errno == errno::EEXIST => {
                    let verdict = self.rules.folder(&dir, name)?;
                    return self.follow(verdict, &dir, path, name, entry);
                }
                made => made?,
            }
            return Ok(Entered { action: Action::Create, trouble: None });
        }
        self.follow(verdict, &dir, path, name, entry)
    }

    fn follow(
        &mut self,
        verdict: Verdict,
        dir: &Arc<Dir>,
        path: &[u8],
        name: &[u8],
        entry: Option<(&Entry, bool)>,
    ) -> Result<Entered, Trouble> {
        let parent = Arc::clone(self.last());
        let is_making = self.maker.is_some();
        let own = entry.map(|(entry, _)| entry);
        let (action, trouble) = match verdict {
            Verdict::Enter => return self.enter_existing(dir, path, name, entry),
            Verdict::KeepBoth(other, true) => return self.enter_existing(dir, path, &other, entry),
            Verdict::Create | Verdict::Replace | Verdict::KeepBoth(..) if !is_making => {
                self.push_imaginary(path, name);
                let action = match verdict {
                    Verdict::Replace => Action::Replace,
                    Verdict::KeepBoth(..) => Action::KeepBoth,
                    _ => Action::Create,
                };
                return Ok(Entered { action, trouble: None });
            }
            Verdict::KeepBoth(other, false) => {
                self.make(dir, path, &other, entry)?;
                return Ok(Entered { action: Action::KeepBoth, trouble: None });
            }
            Verdict::Create => {
                self.make(dir, path, name, entry)?;
                return Ok(Entered { action: Action::Create, trouble: None });
            }
            Verdict::Replace => {
                let temp = self.maker.ok_or(Trouble::DAMAGED)?.temp_names.next();
                self.push(replace(&parent, dir, name, &temp)?, path, own);
                return Ok(Entered { action: Action::Replace, trouble: None });
            }
            Verdict::Skip | Verdict::Unchanged(_) => (Action::Skip, None),
            Verdict::Refuse => (Action::Refuse, Some(Trouble::new(FindingReason::Skipped, errno::EEXIST))),
            Verdict::Blocked(number) => {
                (Action::Blocked, Some(Trouble::new(FindingReason::WriteFailed, number)))
            }
        };
        self.blocked = Some(path.to_vec());
        Ok(Entered { action, trouble })
    }

    fn enter_existing(
        &mut self,
        dir: &Dir,
        path: &[u8],
        name: &[u8],
        entry: Option<(&Entry, bool)>,
    ) -> Result<Entered, Trouble> {
        let parent = Arc::clone(self.last());
        let opened = match dir.open_child(name) {
            Ok(opened) => Arc::new(opened),
            Err(error) => {
                self.blocked = Some(path.to_vec());
                // A folder gets a mode that closes it to ourselves when it is complete.
                let is_done = self.rules.trusts_earlier()
                    && error.is_denied()
                    && entry.is_some_and(|(entry, _)| is_finished(&Node::Child(dir, name), entry));
                let trouble = (!is_done).then(|| Trouble::from(error));
                let action = if is_done { Action::Unchanged } else { Action::Blocked };
                return Ok(Entered { action, trouble });
            }
        };
        let stat = opened.stat_self()?;
        let folder = Folder::new(
            Some(&parent),
            parent.place.child(name),
            Some(Arc::clone(&opened)),
            Traits::of_existing(&opened),
        );
        if let Some(maker) = self.maker {
            if self.rules.removes_leftovers {
                maker.temp_names.remove_leftovers(&opened);
            }
            if !self.file_systems.iter().any(|(dev, _)| *dev == stat.dev) {
                self.file_systems.push((stat.dev, Arc::clone(&opened)));
            }
            let is_ours = |entry: &Entry| {
                self.rules.resume && (stat.mode == FILLING_MODE || is_finished(&Node::Dir(&opened), entry))
            };
            match entry {
                Some((entry, is_way))
                    if is_ours(entry)
                        || (self.rules.conflict == Conflict::Replace
                            && !is_way
                            && !entry.has(flags::PARENT)) =>
                {
                    if self.rules.after_restart {
                        // It may have been filled, and be closed to ourselves; it gets its mode again in the end.
                        let _ = Node::Dir(&opened).set_mode(FILLING_MODE);
                    }
                    folder.finish_as(entry.clone());
                }
                _ => {}
            }
        }
        self.push(folder, path, None);
        Ok(Entered { action: Action::Enter, trouble: None })
    }

    /// Makes the folder `name` in the present one and goes there.
    fn make(
        &mut self,
        dir: &Arc<Dir>,
        path: &[u8],
        name: &[u8],
        entry: Option<(&Entry, bool)>,
    ) -> Result<(), Trouble> {
        let maker = self.maker.ok_or(Trouble::DAMAGED)?;
        // One that is only the way to what was selected may be the way of the next part too, which must find it.
        let is_whole = entry.is_some_and(|(_, is_way)| !is_way);
        let temp = is_whole.then(|| maker.temp_names.next());
        let beside = self.rules.name_beside(name);
        let folder = Folder::create(self.last(), dir, name, temp.as_deref(), beside)?;
        self.count(1);
        self.push(folder, path, entry.map(|(entry, _)| entry));
        Ok(())
    }

    fn push_imaginary(&mut self, path: &[u8], name: &[u8]) {
        let parent = Arc::clone(self.last());
        let traits = Traits { is_imaginary: true, ..Traits::default() };
        self.push(Folder::new(Some(&parent), parent.place.child(name), None, traits), path, None);
    }

    fn push(&mut self, folder: Arc<Folder>, path: &[u8], finish: Option<&Entry>) {
        if let Some(entry) = finish {
            folder.finish_as(entry.clone());
        }
        self.path.clear();
        self.path.extend_from_slice(path);
        let made_before = self.made;
        self.levels.push(Level { folder, made_before, length: path.len(), folded: HashMap::new() });
        // The target's own folder stays open.
        if let Some(far) = self.levels.len().checked_sub(OPEN_LEVELS + 1).filter(|far| *far > 0) {
            // A folder that cannot tell its identity stays open.
            let _ = self.levels[far].folder.close();
        }
    }

    /// Counts an entry, and gives the outermost folder without a name its own when enough was begun below it.
    fn count(&mut self, units: u64) {
        self.made = self.made.saturating_add(units);
        let Some(Level { folder, made_before, .. }) = self.levels.get(self.first_hidden) else { return };
        if self.made - made_before >= HIDDEN_MAX {
            // Deep in a tree the folders far above are closed.
            let base = self.levels[0].folder.dir();
            let again = || folder.place.open(&base?).ok();
            if let Some(dir) = folder.dir().or_else(again) {
                folder.end_berths(Some(&dir));
            }
            self.first_hidden += 1;
        }
    }

    /// The place of an entry that is no folder, and what to do there.
    pub(super) fn leaf(&mut self, entry: &Entry) -> Result<(Verdict, Slot), Trouble> {
        self.reach(&entry.path)?;
        self.leaf.clone_from(&entry.path);
        self.count(1 + data_bytes(entry) / HIDDEN_UNIT);
        let folder = Arc::clone(self.last());
        let name = path::name(&entry.path).to_vec();
        let dir = folder.dir();
        let verdict = match &dir {
            Some(dir) if !folder.traits.is_new => self.rules.leaf(dir, &name, entry)?,
            _ => Verdict::Create,
        };
        Ok((verdict, Slot { folder, dir, name }))
    }
}

fn is_below(path: &[u8], folder: &[u8]) -> bool {
    path.len() > folder.len() && path::is_within(path, folder)
}

/// Puts a new folder where something else is, without a moment in which nothing is there.
fn replace(parent: &Arc<Folder>, dir: &Dir, name: &[u8], temp: &[u8]) -> Result<Arc<Folder>, Trouble> {
    dir.create_dir(temp, FILLING_MODE)?;
    if let Err(error) = dir.exchange(temp, name).and_then(|()| dir.remove_file(temp)) {
        let _ = dir.remove_dir(temp);
        return Err(error.into());
    }
    Folder::adopt(parent, dir, name, parent.place.child(name), None)
}

/// Whether a folder has the mode and time of its entry: it had them set when all in it was there.
fn is_finished(node: &Node<'_>, entry: &Entry) -> bool {
    node.stat().is_ok_and(|stat| {
        stat.mode == entry.mode
            && (stat.mtime.sec, stat.mtime.nsec) == (entry.modified.secs, entry.modified.nanos)
    })
}
