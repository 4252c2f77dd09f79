//! Finds file systems that were mounted below a root in the base and are not mounted now: what they held was not
//! deleted.

use format::entry::{Entry, EntryKind};
use format::path;
use platform::Stat;

/// The folders above the present entry, from the top, each with what it lies on now and in the base.
#[derive(Debug, Default)]
pub(super) struct Mounts(Vec<Folder>);

#[derive(Debug)]
struct Folder {
    path: Vec<u8>,
    /// The system's number for its file system.
    dev: u64,
    /// The number of its file system in the base, where it was there as a folder.
    base: Option<u64>,
}

impl Mounts {
    /// Comes to the folder at `path`; true when in the base another file system began there than that of the folder
    /// above, and now it lies on that of the folder above. `previous` is the same path in the base.
    pub(super) fn enter(&mut self, path: &[u8], stat: &Stat, previous: Option<&Entry>) -> bool {
        while self.0.last().is_some_and(|above| !path::is_within(path, &above.path)) {
            self.0.pop();
        }
        let base = previous.filter(|entry| entry.kind == EntryKind::Dir).map(|entry| entry.dev);
        let above = self.0.last().filter(|above| path::parent(path) == Some(&above.path));
        let was_mounted = above
            .filter(|above| above.dev == stat.dev)
            .and_then(|above| above.base)
            .is_some_and(|around| base.is_some_and(|base| base != around));
        self.0.push(Folder { path: path.to_vec(), dev: stat.dev, base });
        was_mounted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::tests::plain_entry;

    #[test]
    fn a_folder_is_unmounted_when_only_the_base_has_it_on_another_file_system_than_the_one_above() {
        let folder = tempfile::tempdir().unwrap();
        let stat = platform::Dir::open_root(folder.path()).unwrap().stat_self().unwrap();
        let now = |dev| Stat { dev, ..stat };
        let base = |dev| Entry { dev, kind: EntryKind::Dir, ..plain_entry("/x") };
        let mut mounts = Mounts::default();
        let mut enter =
            |path: &str, dev, base: Option<Entry>| mounts.enter(path.as_bytes(), &now(dev), base.as_ref());
        assert!(!enter("/r", 1, Some(base(10))));
        assert!(!enter("/r/same", 1, Some(base(10))));
        assert!(!enter("/r/mounted", 2, Some(base(20))));
        assert!(!enter("/r/mounted/below", 2, Some(base(20))));
        assert!(!enter("/r/new", 1, None));
        assert!(enter("/r/unmounted", 1, Some(base(20))));
        // All of it lies on another file system now.
        assert!(!enter("/s", 3, Some(base(10))) && !enter("/s/a", 3, Some(base(10))));
        let file = Entry { kind: EntryKind::File, ..base(20) };
        assert!(!enter("/s/file", 3, Some(file)));
    }
}
