//! Small files, which are read as a whole and looked at once, afterwards. Of a first run over a million of them the
//! kernel's answers are half the work.

use super::item::{Item, ReadJob, Stored};
use super::meta;
use super::worker::{Shared, Worker};
use crate::EngineError;
use crate::progress::add;
use format::entry::flags;
use platform::{Node, Stat, Xattrs, file};
use std::fs::File;

/// A file is small up to this size, in bytes.
const SMALL_MAX: u64 = 1 << 20;

/// A small file that was read and is what the walk saw.
pub(super) struct SmallFile {
    read_from: meta::Seconds,
    /// Bytes of content at the front of the buffer.
    len: usize,
    xattrs: platform::Result<Xattrs>,
}

impl SmallFile {
    /// Reads `file` into `buffer`. `None` when it is not small, or afterwards is not what the walk saw: all else there
    /// is to say of it is for the reader that takes files of any kind and size.
    pub(super) fn read(file: &File, walked: &Stat, buffer: &mut Vec<u8>) -> Option<Self> {
        if walked.size_bytes > SMALL_MAX || walked.may_have_holes() {
            return None;
        }
        let read_from = meta::now();
        let len = usize::try_from(walked.size_bytes).ok()?;
        if buffer.len() < len {
            buffer.resize(len, 0);
        }
        let mut end = 0;
        while end < len {
            end += match file::read_at(file, &mut buffer[end..len], end as u64) {
                Ok(0) | Err(_) => return None,
                Ok(got) => got,
            };
        }
        let xattrs = Node::File(file).xattrs();
        // The last question, so that it tells of every change since the walk.
        let now = file::stat(file).ok()?;
        let same = now.is_same_inode(walked)
            && (now.kind, now.size_bytes, now.mtime, now.ctime)
                == (walked.kind, walked.size_bytes, walked.mtime, walked.ctime);
        same.then_some(Self { read_from, len, xattrs })
    }

    /// Stores what was read into `buffer`.
    pub(super) fn store(
        self,
        job: ReadJob,
        shared: &Shared<'_>,
        buffer: &[u8],
        worker: &mut Worker,
    ) -> Result<Item, EngineError> {
        let ReadJob { mut entry, stat, class, .. } = job;
        add(&shared.progress.read_bytes, self.len as u64);
        entry.class = shared.classes.of_version(class, stat.size_bytes);
        let chunker = &shared.chunkers[entry.class as usize];
        let mut stored = Stored::new();
        let mut rest = &buffer[..self.len];
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(chunker.cut(rest));
            stored.push(worker.store(shared, chunk)?);
            rest = after;
        }
        meta::set_xattrs(&mut entry, self.xattrs, shared.findings);
        if meta::is_racy(&stat, self.read_from) {
            entry.flags |= flags::RACY;
        }
        Ok(Item::of(Box::new(entry), stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::Dir;
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::Path;

    fn look(folder: &Path) -> Stat {
        Dir::open_root(folder).unwrap().stat(b"file").unwrap()
    }

    fn read(folder: &Path, walked: &Stat) -> Option<Vec<u8>> {
        let file = Dir::open_root(folder).unwrap().open_file(b"file").unwrap();
        let mut buffer = vec![b'?'; 3];
        SmallFile::read(&file, walked, &mut buffer).map(|small| buffer[..small.len].to_vec())
    }

    #[test]
    fn a_file_is_taken_when_it_is_what_the_walk_saw() {
        let folder = tempfile::tempdir().unwrap();
        for content in [&b""[..], b"x", &[7; 100_000]] {
            fs::write(folder.path().join("file"), content).unwrap();
            assert_eq!(read(folder.path(), &look(folder.path())).as_deref(), Some(content));
        }
    }

    #[test]
    fn a_file_that_is_not_what_the_walk_saw_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let changes: [&dyn Fn(); 5] = [
            &|| OpenOptions::new().append(true).open(&path).unwrap().write_all(b"more").unwrap(),
            &|| OpenOptions::new().write(true).open(&path).unwrap().set_len(4).unwrap(),
            // The same length, and the time that it had.
            &|| {
                let modified = fs::metadata(&path).unwrap().modified().unwrap();
                let mut file = OpenOptions::new().write(true).open(&path).unwrap();
                file.write_all(b"CONTENT").unwrap();
                file.set_modified(modified).unwrap();
            },
            &|| {
                fs::write(path.with_extension("new"), b"content").unwrap();
                fs::rename(path.with_extension("new"), &path).unwrap();
            },
            &|| {
                fs::remove_file(&path).unwrap();
                let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
                assert!(made.success());
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            fs::write(&path, b"content").unwrap();
            let walked = look(folder.path());
            // The clock of the file system goes in steps.
            std::thread::sleep(std::time::Duration::from_millis(20));
            change();
            assert_eq!(read(folder.path(), &walked), None, "change {number}");
        }
    }

    #[test]
    fn large_files_and_files_with_holes_are_left_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, vec![1; SMALL_MAX as usize + 1]).unwrap();
        assert_eq!(read(folder.path(), &look(folder.path())), None);
        let file = fs::File::create(&path).unwrap();
        file.set_len(SMALL_MAX).unwrap();
        assert_eq!(read(folder.path(), &look(folder.path())), None);
    }
}
