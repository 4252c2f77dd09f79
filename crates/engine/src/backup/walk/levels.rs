//! The folders from a root of the walk down to the present one. In a deep tree only the nearest of them stay open;
//! those above are opened again on the way back, name by name from the root.

use super::super::rules::Rules;
use super::listed::{Asks, Seen, Window};
use super::scouts::{Report, Scouts, Sent};
use format::path;
use platform::{Dir, Error, Listing, Result, errno};
use std::sync::Arc;

/// Folders that stay open besides the root.
const OPEN_LEVELS: usize = 100;

/// A folder that is being walked.
pub(super) struct Level {
    handle: Handle,
    pub(super) listing: Listing,
    /// The name that comes next.
    pub(super) next: usize,
    /// Length of the folder's path in the path of the walk.
    pub(super) path_len: usize,
    pub(super) dev: u64,
    /// The attributes of names around the next one.
    window: Window,
    /// What the scouts were sent to of these names.
    sent: Option<Sent>,
}

enum Handle {
    Open(Arc<Dir>),
    /// Given back; the device and inode number by which the folder is known again.
    Closed(u64, u64),
}

impl Level {
    pub(super) fn new(dir: Arc<Dir>, listing: Listing, path_len: usize, dev: u64) -> Self {
        let handle = Handle::Open(dir);
        Self { handle, listing, next: 0, path_len, dev, window: Window::default(), sent: None }
    }

    /// Asks for the attributes of the next names, unless that was done. `dir` is the folder, and `path` its path.
    pub(super) fn look(&mut self, dir: &Arc<Dir>, path: &[u8], asks: Asks, scouts: Option<&Scouts<'_>>) {
        if self.window.get(self.next).is_none() {
            self.show(Window::read(dir, &self.listing, self.next, asks), dir, path, scouts);
        }
    }

    /// What is known of the name at this place.
    pub(super) fn seen(&self, at: usize) -> Option<Seen> {
        self.window.get(at).cloned()
    }

    /// Takes over what was found out about the next names, and sends the scouts to the folders among them.
    pub(super) fn show(&mut self, window: Window, dir: &Arc<Dir>, path: &[u8], scouts: Option<&Scouts<'_>>) {
        self.sent = scouts.and_then(|scouts| scouts.send(path, dir, self.dev, &self.listing, &window));
        self.window = window;
    }

    /// What the scouts found out about the folder whose name came last.
    pub(super) fn report(&mut self, rules: &Rules) -> Option<Report> {
        self.sent.as_mut()?.take(self.next.checked_sub(1)?, rules)
    }

    /// Gives the handle back. A folder that cannot tell what it is stays open.
    fn close(&mut self) {
        if let Handle::Open(dir) = &self.handle
            && let Ok(stat) = dir.stat_self()
        {
            self.handle = Handle::Closed(stat.dev, stat.ino);
            // It would keep the folder open.
            self.sent = None;
        }
    }

    /// Opens the folder again as `name` of the one above it.
    fn reopen(&self, above: &Dir, name: &[u8]) -> Result<Arc<Dir>> {
        let Handle::Closed(dev, ino) = self.handle else { return Err(stale()) };
        let dir =
            above.open_child(name).map_err(|error| if error.is_not_found() { stale() } else { error })?;
        let stat = dir.stat_self()?;
        if (stat.dev, stat.ino) == (dev, ino) { Ok(Arc::new(dir)) } else { Err(stale()) }
    }
}

/// Another folder has the name, or none. It is told as an error of its own: what is still to come in the folder must not
/// count as deleted, since it may have been moved to where the walk has been.
const fn stale() -> Error {
    Error::Os { op: "open folder again", errno: errno::ESTALE }
}

/// The levels of a walk, the root first.
#[derive(Default)]
pub(super) struct Levels(Vec<Level>);

impl Levels {
    pub(super) fn push(&mut self, level: Level) {
        self.0.push(level);
        if let Some(far) = self.0.len().checked_sub(OPEN_LEVELS + 1).filter(|far| *far > 0) {
            self.0[far].close();
        }
    }

    pub(super) fn pop(&mut self) {
        self.0.pop();
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn last_mut(&mut self) -> Option<&mut Level> {
        self.0.last_mut()
    }

    /// The present folder, open. `path` is its path or one below it. When it cannot be reached any more, the topmost
    /// folder that is out of reach: its level and all below it are dropped.
    pub(super) fn open(&mut self, path: &[u8]) -> Result<Arc<Dir>, Lost> {
        let levels = &mut self.0;
        let open = levels.iter().enumerate().rev().find_map(|(at, level)| match &level.handle {
            Handle::Open(dir) => Some((at, Arc::clone(dir))),
            Handle::Closed(..) => None,
        });
        // The root stays open.
        let Some((open, mut dir)) = open else { return Err(Lost { path_len: 0, error: stale() }) };
        for at in open + 1..levels.len() {
            let path_len = levels[at].path_len;
            match levels[at].reopen(&dir, path::name(&path[..path_len])) {
                Ok(reopened) => dir = reopened,
                Err(error) => {
                    levels.truncate(at);
                    return Err(Lost { path_len, error });
                }
            }
            if levels.len() - at <= OPEN_LEVELS {
                levels[at].handle = Handle::Open(Arc::clone(&dir));
            }
        }
        Ok(dir)
    }

    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.0.iter().filter(|level| matches!(level.handle, Handle::Open(_))).count()
    }
}

/// A folder that cannot be opened again.
pub(super) struct Lost {
    pub(super) path_len: usize,
    pub(super) error: Error,
}
