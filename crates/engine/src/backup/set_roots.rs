//! The roots of a set: what belongs to which of them. What belongs to a root inside another folder has its own fate.

use format::path;

/// All roots of one run.
#[derive(Debug)]
pub(super) struct SetRoots(Vec<Vec<u8>>);

impl SetRoots {
    /// Those of the set, sorted.
    pub(super) fn new(roots: &[Vec<u8>]) -> Self {
        Self(roots.to_vec())
    }

    /// Whether this is one.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.0.iter().any(|root| root == path)
    }

    /// Whether `path` is one or lies in one.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        self.0.iter().any(|root| path::is_within(path, root))
    }

    /// The innermost root that `path` lies in without being one.
    pub(super) fn around(&self, path: &[u8]) -> Option<&[u8]> {
        if self.has(path) {
            return None;
        }
        self.0.iter().map(Vec::as_slice).rfind(|root| path::is_within(path, root))
    }

    /// Whether `path` lies in `folder`, or is it, and belongs to no root below it.
    pub(super) fn belongs(&self, path: &[u8], folder: &[u8]) -> bool {
        path::is_within(path, folder) && !self.below(folder).any(|root| path::is_within(path, root))
    }

    /// Whether `path` belongs to a root below `folder`, or lies above one.
    pub(super) fn leads_to_one(&self, path: &[u8], folder: &[u8]) -> bool {
        self.below(folder).any(|root| path::is_within(path, root) || path::is_within(root, path))
    }

    /// Those below `folder`.
    pub(super) fn below<'s>(&'s self, folder: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
        self.0.iter().map(Vec::as_slice).filter(move |root| *root != folder && path::is_within(root, folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_below_a_folder_are_not_part_of_it() {
        let roots = SetRoots::new(&[&b"/a"[..], b"/a/x/b", b"/c"].map(<[u8]>::to_vec));
        for (path, belongs) in [
            ("/a", true),
            ("/a/x", true),
            ("/a/x/b", false),
            ("/a/x/b/z", false),
            ("/a/x/c", true),
            ("/c", false),
            ("/ab", false),
        ] {
            assert_eq!(roots.belongs(path.as_bytes(), b"/a"), belongs, "{path}");
        }
        for (path, leads) in [("/a/x", true), ("/a/x/b/z", true), ("/a/x/c", false), ("/a/y", false)] {
            assert_eq!(roots.leads_to_one(path.as_bytes(), b"/a"), leads, "{path}");
        }
        assert!(!roots.leads_to_one(b"/a/x/b/z", b"/a/x/b"));
        for (path, around) in
            [("/a", None), ("/a/x", Some("/a")), ("/a/x/b", None), ("/a/x/b/z", Some("/a/x/b")), ("/b", None)]
        {
            assert_eq!(roots.around(path.as_bytes()), around.map(str::as_bytes), "{path}");
        }
    }
}
