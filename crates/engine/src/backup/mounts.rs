//! Where file systems begin below each other, now and in the base. What the base has on one that is not mounted any
//! more was not deleted.

use format::entry::{Entry, EntryKind, flags};
use format::path;

/// The folders above the present entry, from the top, as they are now and as the base has them.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    now: Vec<Now>,
    base: Vec<Base>,
}

#[derive(Debug)]
struct Now {
    path: Vec<u8>,
    /// The system's number for its file system.
    dev: u64,
}

#[derive(Debug)]
struct Base {
    path: Vec<u8>,
    /// The number of its file system in the base.
    dev: u64,
    /// Another file system begins here than that of the folder above.
    begins: bool,
    /// Its entry, when it is not in the new snapshot.
    gone: Option<Box<Entry>>,
}

impl Mounts {
    /// The walk comes to the folder at `path`, on the file system with this number.
    pub(super) fn walk_to(&mut self, path: &[u8], dev: u64) {
        while self.now.last().is_some_and(|above| !path::is_within(path, &above.path)) {
            self.now.pop();
        }
        self.now.push(Now { path: path.to_vec(), dev });
    }

    /// The base comes to this entry.
    pub(super) fn take(&mut self, entry: &Entry) {
        if entry.kind != EntryKind::Dir {
            return;
        }
        while self.base.last().is_some_and(|above| !path::is_within(&entry.path, &above.path)) {
            self.base.pop();
        }
        let above = path::parent(&entry.path).and_then(|parent| self.base_dev(parent));
        let begins = above.is_some_and(|above| above != entry.dev);
        self.base.push(Base { path: entry.path.clone(), dev: entry.dev, begins, gone: None });
    }

    /// Whether in the base another file system begins at this folder, which it came to last.
    pub(super) fn began(&self, path: &[u8]) -> bool {
        self.base.last().is_some_and(|last| last.begins && last.path == path)
    }

    /// Whether now another file system begins at this folder; `None` when that is not known.
    pub(super) fn begins(&self, path: &[u8]) -> Option<bool> {
        Some(self.now_dev(path)? != self.now_dev(path::parent(path)?)?)
    }

    /// Whether what lies at `path`, with these numbers of its file system in the base and now, lay on one that was
    /// mounted at a folder above it where none is mounted now. What is a mount point itself is not asked.
    pub(super) fn has_strayed(&self, path: &[u8], in_base: u64, now: u64) -> bool {
        let (mut at, mut below) = (path, (in_base, now));
        while let Some(folder) = path::parent(at) {
            let (Some(base), Some(now)) = (self.base_dev(folder), self.now_dev(folder)) else { return false };
            match (base != below.0, now != below.1) {
                (false, false) => (at, below) = (folder, (base, now)),
                (began, begins) => return began && !begins && at != path,
            }
        }
        false
    }

    /// The new snapshot does not have this folder, which the base came to last.
    pub(super) fn lose(&mut self, folder: &Entry) {
        if let Some(last) = self.base.last_mut().filter(|last| last.path == folder.path) {
            last.gone = Some(Box::new(folder.clone()));
        }
    }

    /// Something else than this folder takes its place in the new snapshot; false when it was brought back.
    pub(super) fn replace(&mut self, path: &[u8]) -> bool {
        self.base
            .iter_mut()
            .rfind(|folder| folder.path == path)
            .is_some_and(|folder| folder.gone.take().is_some())
    }

    /// The folders above the last one that the new snapshot does not have, from the top, to be kept since that one is.
    pub(super) fn bring_back(&mut self) -> Vec<Entry> {
        let gone = self.base.iter_mut().filter_map(|folder| folder.gone.take());
        gone.map(|folder| Entry { flags: folder.flags | flags::KEPT, ..*folder }).collect()
    }

    fn base_dev(&self, path: &[u8]) -> Option<u64> {
        self.base.iter().rfind(|folder| folder.path == path).map(|folder| folder.dev)
    }

    fn now_dev(&self, path: &[u8]) -> Option<u64> {
        self.now.iter().rfind(|folder| folder.path == path).map(|folder| folder.dev)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::tests::plain_entry;

    fn folder(path: &str, dev: u64) -> Entry {
        Entry { dev, kind: EntryKind::Dir, ..plain_entry(path) }
    }

    #[test]
    fn a_file_system_begins_where_its_number_differs_from_that_of_the_folder_above() {
        let mut mounts = Mounts::default();
        for (path, now, base, begins, began) in [
            ("/r", 1, 10, None, false),
            ("/r/same", 1, 10, Some(false), false),
            ("/r/mounted", 2, 20, Some(true), true),
            ("/r/mounted/below", 2, 20, Some(false), false),
            ("/r/unmounted", 1, 20, Some(false), true),
            // All of it lies on another file system now.
            ("/s", 3, 10, None, false),
            ("/s/a", 3, 10, Some(false), false),
        ] {
            mounts.walk_to(path.as_bytes(), now);
            mounts.take(&folder(path, base));
            assert_eq!(
                (mounts.begins(path.as_bytes()), mounts.began(path.as_bytes())),
                (begins, began),
                "{path}"
            );
        }
        mounts.take(&plain_entry("/s/file"));
        assert!(!mounts.began(b"/s/file"));
    }

    #[test]
    fn folders_that_are_gone_come_back_once_for_what_is_below_them() {
        let mut mounts = Mounts::default();
        for path in ["/r", "/r/a", "/r/a/b", "/r/m", "/r/m/n"] {
            let folder = folder(path, 1);
            mounts.take(&folder);
            if path != "/r" {
                mounts.lose(&folder);
            }
        }
        mounts.take(&folder("/r/m/n/disk", 2));
        assert!(mounts.began(b"/r/m/n/disk"));
        let back: Vec<_> =
            mounts.bring_back().into_iter().map(|folder| (folder.path, folder.flags)).collect();
        assert_eq!(back, [(b"/r/m".to_vec(), flags::KEPT), (b"/r/m/n".to_vec(), flags::KEPT)]);
        assert!(!mounts.replace(b"/r/m/n") && mounts.bring_back().is_empty());
        let file = folder("/r/x", 1);
        mounts.take(&file);
        mounts.lose(&file);
        assert!(mounts.replace(b"/r/x") && mounts.bring_back().is_empty());
    }

    #[test]
    fn what_lay_on_a_file_system_that_is_not_mounted_has_strayed() {
        // Numbers of `/`, `/m`, `/m/a` and `/m/a/r` in the base and now.
        for (base, now, strayed) in [
            ([1, 2, 2, 2], [5, 5, 5, 5], true),
            ([1, 1, 2, 2], [5, 5, 5, 5], true),
            ([1, 2, 2, 2], [5, 6, 6, 6], false),
            ([1, 1, 1, 1], [5, 5, 5, 5], false),
            // Mounted over, which is not asked; and an own file system at the path itself.
            ([1, 1, 1, 1], [5, 6, 6, 6], false),
            ([1, 1, 1, 2], [5, 5, 5, 5], false),
            ([1, 2, 2, 2], [5, 5, 5, 6], false),
            // A nearer one is mounted as it was.
            ([1, 2, 3, 3], [5, 5, 6, 6], false),
        ] {
            let mut mounts = Mounts::default();
            for (at, path) in ["/", "/m", "/m/a"].into_iter().enumerate() {
                mounts.walk_to(path.as_bytes(), now[at]);
                mounts.take(&folder(path, base[at]));
            }
            assert_eq!(mounts.has_strayed(b"/m/a/r", base[3], now[3]), strayed, "{base:?} {now:?}");
        }
        assert!(!Mounts::default().has_strayed(b"/m/a/r", 1, 2));
    }
}
