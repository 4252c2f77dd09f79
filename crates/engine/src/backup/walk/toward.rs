//! A walk to one path alone: the same steps and the same questions as in a run, with every other name passed over, and
//! what is left out on the way is remembered.

use super::{Trimmed, Walk};
use format::path;
use platform::{FileSystemKind, Listing};

/// What the walk left out on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::backup) struct LeftOut {
    /// Where: the path itself or a folder above it.
    pub(in crate::backup) path: Vec<u8>,
    pub(in crate::backup) by: By,
}

/// What leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::backup) enum By {
    /// The rule with this place in the list.
    Rule(usize),
    /// It is a folder of our own.
    OwnState,
    /// The folder is a cache and keeps only its tag.
    Cache,
    /// The folder is an object store and keeps only its marker.
    Store,
    /// Another file system begins at the folder, and the set stays on its own.
    OneFileSystem,
    /// A file system of a kind that is not walked begins at the folder.
    FileSystem(FileSystemKind),
}

impl By {
    /// True when the folder itself is taken and only what it holds is left out.
    pub(in crate::backup) const fn keeps_folder(self) -> bool {
        !matches!(self, Self::Rule(_) | Self::OwnState)
    }
}

/// Where such a walk goes.
pub(super) struct Toward {
    path: Vec<u8>,
    left_out: Option<LeftOut>,
}

impl Toward {
    /// Keeps of a folder's listing the name that leads to the path. What `trimmed` the listing may have taken that name
    /// or, of the path itself, all that it holds.
    pub(super) fn narrow(&mut self, folder: &[u8], listing: &mut Listing, trimmed: Trimmed) {
        let next = name_toward(&self.path, folder).unwrap_or_default().to_vec();
        listing.retain(|name| name.name == next);
        let by = match trimmed {
            Trimmed::No => return,
            Trimmed::Cache => By::Cache,
            Trimmed::Store => By::Store,
        };
        if listing.is_empty() {
            self.note(folder, by);
        }
    }

    pub(super) fn note(&mut self, path: &[u8], by: By) {
        self.left_out = Some(LeftOut { path: path.to_vec(), by });
    }
}

impl Walk<'_> {
    /// Goes to `path` alone. That a folder shows nothing means nothing then.
    pub(in crate::backup) fn toward(self, path: &[u8]) -> Self {
        Self { toward: Some(Toward { path: path.to_vec(), left_out: None }), ..self }
    }

    /// What was left out since this was asked last.
    pub(in crate::backup) fn take_left_out(&mut self) -> Option<LeftOut> {
        self.toward.as_mut()?.left_out.take()
    }
}

/// The name in `folder` that leads to `path`; `None` when the path is not below it.
fn name_toward<'p>(path: &'p [u8], folder: &[u8]) -> Option<&'p [u8]> {
    if !path::is_within(path, folder) || path == folder {
        return None;
    }
    let rest = &path[folder.len()..];
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    rest.split(|byte| *byte == b'/').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_name_leads_down_and_not_aside() {
        for (path, folder, name) in [
            ("/a/b/c", "/", Some("a")),
            ("/a/b/c", "/a", Some("b")),
            ("/a/b/c", "/a/b", Some("c")),
            ("/a/b/c", "/a/b/c", None),
            ("/a/b/c", "/ab", None),
            ("/", "/", None),
        ] {
            assert_eq!(
                name_toward(path.as_bytes(), folder.as_bytes()),
                name.map(str::as_bytes),
                "{path} {folder}"
            );
        }
    }
}
