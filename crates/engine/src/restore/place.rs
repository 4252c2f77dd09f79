//! Where in the target a restored folder lies, as a chain of names that outlives the open folder.

use platform::Dir;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A folder of the target by its names, from the target's own folder down.
#[derive(Debug)]
pub(super) struct Place {
    parent: Option<Arc<Self>>,
    name: Box<[u8]>,
    /// The name that it has before it gets its own.
    temp: Mutex<Option<Box<[u8]>>>,
}

impl Place {
    /// The target's own folder.
    pub(super) fn base() -> Arc<Self> {
        Arc::new(Self { parent: None, name: Box::default(), temp: Mutex::default() })
    }

    /// The folder `name` in this one.
    pub(super) fn child(self: &Arc<Self>, name: &[u8]) -> Arc<Self> {
        Arc::new(Self { parent: Some(Arc::clone(self)), name: name.into(), temp: Mutex::default() })
    }

    /// The folder `name` in this one, which is called `temp` until it is filled.
    pub(super) fn unnamed_child(self: &Arc<Self>, name: &[u8], temp: &[u8]) -> Arc<Self> {
        let temp = Mutex::new(Some(temp.into()));
        Arc::new(Self { parent: Some(Arc::clone(self)), name: name.into(), temp })
    }

    /// Its own name.
    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// The name that it has at present, when that is not its own.
    pub(super) fn temp_name(&self) -> Option<Box<[u8]>> {
        self.temp.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// It has another name now, which is its own if `None` is given.
    pub(super) fn rename(&self, temp: Option<Box<[u8]>>) {
        *self.temp.lock().unwrap_or_else(PoisonError::into_inner) = temp;
    }

    /// Opens the folder from the target's own down, whatever its and their names are at present.
    pub(super) fn open(&self, base: &Arc<Dir>) -> platform::Result<Arc<Dir>> {
        let mut places = vec![self];
        while let Some(parent) = &places[places.len() - 1].parent {
            places.push(parent);
        }
        places.pop();
        places.iter().rev().try_fold(Arc::clone(base), |dir, place| {
            let unnamed = place.temp_name().and_then(|temp| dir.open_child(&temp).ok());
            // It may have got its name just now.
            unnamed.map_or_else(|| dir.open_child(&place.name), Ok).map(Arc::new)
        })
    }

    /// The names from the target's own folder down.
    pub(super) fn names(&self) -> Vec<&[u8]> {
        let mut names = Vec::new();
        let mut at = self;
        while let Some(parent) = &at.parent {
            names.push(&at.name[..]);
            at = parent;
        }
        names.reverse();
        names
    }

    /// The path of `name` in this folder, for people.
    pub(super) fn path(&self, base: &Path, name: &[u8]) -> PathBuf {
        let mut path = base.to_owned();
        path.extend(self.names().into_iter().chain([name]).map(platform::path::from_bytes));
        path
    }
}

/// Paths may have half a million names: one call for each of them would fill the stack.
impl Drop for Place {
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(parent) = next.and_then(Arc::into_inner) {
            let mut parent = parent;
            next = parent.parent.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_very_deep_place_is_dropped_without_filling_the_stack() {
        let mut place = Place::base();
        for _ in 0..524_288 {
            place = place.child(b"a");
        }
        assert_eq!(place.names().len(), 524_288);
        drop(place);
    }

    #[test]
    fn a_place_knows_its_path() {
        let place = Place::base().child(b"a").child(b"\xff");
        let path = place.path(Path::new("/to"), b"f");
        assert_eq!(platform::path::bytes(&path), b"/to/a/\xff/f");
        assert_eq!(Place::base().path(Path::new("/to"), b"f"), Path::new("/to/f"));
    }
}
