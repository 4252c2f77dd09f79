//! Tells what happens in folders: a watch on each folder, not on what lies below it.

use crate::{Dir, Result, sys};
use std::time::Duration;

/// Watches on any number of folders.
#[derive(Debug)]
pub struct FolderWatch(sys::FolderWatch);

/// A watched folder. A number is not given again to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FolderId(pub(crate) i32);

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FolderEvent {
    /// Something with this name in the folder was written to, or has other attributes.
    Changed(FolderId, Vec<u8>),
    /// Something got this name: it was made, or moved here. True for a folder.
    Came(FolderId, Vec<u8>, bool),
    /// Something lost this name. True for a folder.
    Went(FolderId, Vec<u8>, bool),
    /// The folder itself has other attributes.
    Attributes(FolderId),
    /// The folder itself was moved.
    Moved(FolderId),
    /// The folder was deleted or its file system is gone; it is not watched any more.
    Gone(FolderId),
    /// More happened than the system could keep: nothing is known of what it was.
    Lost,
}

impl FolderWatch {
    /// Watches nothing yet.
    pub fn new() -> Result<Self> {
        sys::FolderWatch::new().map(Self)
    }

    /// Watches a folder from now on. The same folder under another path, or moved, has the same id. Fails when the
    /// system watches as many as it may.
    pub fn add(&self, dir: &Dir) -> Result<FolderId> {
        self.0.add(&dir.handle).map(FolderId)
    }

    /// Watches the folder no longer. One that is not watched stays so.
    pub fn remove(&self, folder: FolderId) {
        self.0.remove(folder.0);
    }

    /// Gives `take` everything that happened up to now, in order, without waiting.
    pub fn read(&self, take: impl FnMut(FolderEvent)) -> Result<()> {
        self.0.read(take)
    }

    /// Waits until something happens, at most this long. Answers whether something did.
    pub fn wait(&self, longest: Duration) -> Result<bool> {
        self.0.wait(longest)
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(platform_unsupported)))]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;

    fn read(watch: &FolderWatch) -> Vec<FolderEvent> {
        let mut events = Vec::new();
        watch.read(|event| events.push(event)).unwrap();
        events
    }

    #[test]
    fn everything_that_happens_in_a_folder_is_told() {
        use FolderEvent::{Attributes, Came, Changed, Gone, Moved, Went};
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("folder");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("old"), b"1").unwrap();
        let watch = FolderWatch::new().unwrap();
        let folder = watch.add(&Dir::open_root(&path).unwrap()).unwrap();
        let name = |name: &str| name.as_bytes().to_vec();
        assert!(read(&watch).is_empty() && !watch.wait(Duration::ZERO).unwrap());

        let mut file = fs::OpenOptions::new().append(true).open(path.join("old")).unwrap();
        file.write_all(b"2").unwrap();
        assert!(watch.wait(Duration::from_secs(10)).unwrap());
        assert_eq!(read(&watch), [Changed(folder, name("old"))], "while it is still open");
        drop(file);
        assert_eq!(read(&watch), [Changed(folder, name("old"))]);

        fs::create_dir(path.join("new")).unwrap();
        fs::write(path.join("new/below"), b"is not told").unwrap();
        fs::rename(path.join("old"), root.path().join("outside")).unwrap();
        assert_eq!(read(&watch), [Came(folder, name("new"), true), Went(folder, name("old"), false)]);

        fs::remove_dir_all(path.join("new")).unwrap();
        let permissions = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(read(&watch), [Went(folder, name("new"), true), Attributes(folder)]);

        fs::rename(&path, root.path().join("moved")).unwrap();
        assert_eq!(read(&watch), [Moved(folder)]);
        fs::remove_dir(root.path().join("moved")).unwrap();
        let events = read(&watch);
        assert!(events.contains(&Gone(folder)), "{events:?}");
    }

    #[test]
    fn a_folder_that_is_not_watched_any_more_is_silent() {
        let root = tempfile::tempdir().unwrap();
        let watch = FolderWatch::new().unwrap();
        let dir = Dir::open_root(root.path()).unwrap();
        let folder = watch.add(&dir).unwrap();
        assert_eq!(watch.add(&dir).unwrap(), folder);
        watch.remove(folder);
        watch.remove(folder);
        fs::write(root.path().join("file"), b"").unwrap();
        assert_eq!(read(&watch), [FolderEvent::Gone(folder)]);
        assert_ne!(watch.add(&dir).unwrap(), folder, "ids are not given again");
    }
}
