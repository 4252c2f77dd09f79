//! Folders whose last version stays. What belongs to a root below such a folder has its own fate.

use format::path;

/// Such folders of one run.
#[derive(Debug)]
pub(super) struct Standing {
    /// All roots of the set.
    roots: Vec<Vec<u8>>,
    folders: Vec<Vec<u8>>,
}

impl Standing {
    /// None yet, in a set with these roots.
    pub(super) fn new(roots: &[Vec<u8>]) -> Self {
        Self { roots: roots.to_vec(), folders: Vec::new() }
    }

    /// Adds one.
    pub(super) fn add(&mut self, folder: &[u8]) {
        self.folders.push(folder.to_vec());
    }

    /// Whether `path` lies in one of the folders, or is it, and belongs to no root below it.
    pub(super) fn has(&self, path: &[u8]) -> bool {
        self.folders.iter().any(|folder| {
            path::is_within(path, folder) && !self.roots_below(folder).any(|root| path::is_within(path, root))
        })
    }

    /// Whether `path` belongs to a root below `folder`, or lies above one.
    pub(super) fn leads_to_root(&self, path: &[u8], folder: &[u8]) -> bool {
        self.roots_below(folder).any(|root| path::is_within(path, root) || path::is_within(root, path))
    }

    fn roots_below<'s>(&'s self, folder: &'s [u8]) -> impl Iterator<Item = &'s [u8]> {
        self.roots
            .iter()
            .map(Vec::as_slice)
            .filter(move |root| *root != folder && path::is_within(root, folder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_below_a_folder_are_not_part_of_it() {
        let mut standing = Standing::new(&[&b"/a"[..], b"/a/x/b", b"/c"].map(<[u8]>::to_vec));
        assert!(!standing.has(b"/a/y"));
        standing.add(b"/a");
        for (path, has) in
            [("/a", true), ("/a/x", true), ("/a/x/b", false), ("/a/x/b/z", false), ("/a/x/c", true)]
        {
            assert_eq!(standing.has(path.as_bytes()), has, "{path}");
        }
        assert!(!standing.has(b"/c") && !standing.has(b"/ab"));
        for (path, leads) in [("/a/x", true), ("/a/x/b/z", true), ("/a/x/c", false), ("/a/y", false)] {
            assert_eq!(standing.leads_to_root(path.as_bytes(), b"/a"), leads, "{path}");
        }
        assert!(!standing.leads_to_root(b"/a/x/b/z", b"/a/x/b"));
    }
}
