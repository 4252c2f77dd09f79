//! Where in the target a restored folder lies, as a chain of names that outlives the open folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A folder of the target by its names, from the target's own folder down.
#[derive(Debug)]
pub(super) struct Place {
    parent: Option<Arc<Self>>,
    name: Box<[u8]>,
}

impl Place {
    /// The target's own folder.
    pub(super) fn base() -> Arc<Self> {
        Arc::new(Self { parent: None, name: Box::default() })
    }

    /// The folder `name` in this one.
    pub(super) fn child(self: &Arc<Self>, name: &[u8]) -> Arc<Self> {
        Arc::new(Self { parent: Some(Arc::clone(self)), name: name.into() })
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
