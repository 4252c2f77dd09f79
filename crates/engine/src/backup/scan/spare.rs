//! Folders that are not walked since nothing happened in them: what the base has of them is taken over, but for the
//! entries that have to be looked at all the same.

use super::super::findings::reason_of;
use super::super::kept::Told;
use super::super::meta;
use super::super::walk::Place;
use super::Scan;
use crate::EngineError;
use format::entry::flags;
use format::path;
use platform::{Dir, FileKind, Result};
use std::sync::Arc;

/// A file with further names may have been changed by one that nobody watches.
const LOOKED_AT: u32 = meta::DOUBTFUL | flags::HARD_LINK;

/// The folder that an entry was looked at in last, which holds the next one as a rule.
#[derive(Default)]
struct Open {
    path: Vec<u8>,
    dir: Option<Arc<Dir>>,
}

impl Scan<'_> {
    /// Takes over what the base has below `folder`, which lies in `dir`.
    pub(super) fn spare(&mut self, folder: &[u8], dir: &Dir) -> Result<(), EngineError> {
        self.drop_before(folder)?;
        let mut open = Open::default();
        loop {
            let Some(next) = self.base.peek()? else { return Ok(()) };
            let entry = next.entry();
            if !path::is_within(&entry.path, folder) {
                return Ok(());
            }
            if entry.flags & LOOKED_AT != 0 || !self.index.may_keep(&entry.content) {
                let path = entry.path.clone();
                self.look_at(&path, folder, dir, &mut open)?;
                continue;
            }
            let Some(previous) = self.take_base()? else { return Ok(()) };
            self.count_done(previous.entry());
            self.push(meta::same(&previous), 0)?;
        }
    }

    /// Does with one entry of the base what the walk would have done.
    fn look_at(&mut self, path: &[u8], folder: &[u8], dir: &Dir, open: &mut Open) -> Result<(), EngineError> {
        match open.place(path, folder, dir) {
            Ok(place) => {
                if place.stat.kind == FileKind::Dir {
                    self.mounts.walk_to(&place.path, place.stat.dev);
                }
                self.entry(place, false)
            }
            Err(error) if error.is_not_found() => self.pass(),
            Err(error) => {
                let errno = error.errno().unwrap_or(0);
                self.keep(path, false, Told::always(reason_of(&error), errno))
            }
        }
    }
}

impl Open {
    /// Where the entry at `path` lies, below `folder`, which lies in `dir`: opened name by name, so that no link leads
    /// elsewhere.
    fn place(&mut self, path: &[u8], folder: &[u8], dir: &Dir) -> Result<Place> {
        let holder = path::parent(path).unwrap_or(folder);
        let dir = match &self.dir {
            Some(dir) if self.path == holder => Arc::clone(dir),
            _ => {
                let name = path::name(folder);
                let top = if name.is_empty() { dir.try_clone() } else { dir.open_child(name) };
                let names =
                    holder[folder.len()..].split(|byte| *byte == b'/').filter(|name| !name.is_empty());
                let dir = Arc::new(names.fold(top, |dir, name| dir?.open_child(name))?);
                (self.path, self.dir) = (holder.to_vec(), Some(Arc::clone(&dir)));
                dir
            }
        };
        let stat = dir.stat(path::name(path))?;
        Ok(Place { path: path.to_vec(), dir, stat })
    }
}
