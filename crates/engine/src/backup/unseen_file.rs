//! Files of which only the name is known. In a first run every file is opened, and the open file tells all that asking for
//! its attributes by its name does: of a million small files that would be a twelfth of the work.

use super::findings::{Findings, reason_of};
use super::item::{Item, ReadJob};
use super::worker::{Shared, Worker};
use super::{meta, read};
use crate::EngineError;
use format::entry::flags;
use format::path;
use model::FindingReason;
use platform::{Dir, FileKind, Stat, file};
use std::fs::File;
use std::sync::Arc;

/// A regular file by what its folder lists.
pub(super) struct UnseenFile {
    pub(super) path: Vec<u8>,
    /// The folder that holds it.
    pub(super) dir: Arc<Dir>,
}

impl UnseenFile {
    /// Opens it and asks for its attributes; one that cannot be opened has them by its name. `None` when there is no
    /// such file any more, or nothing can be said of it but a finding, which is noted.
    fn look(&self, findings: &Findings) -> Option<(Stat, platform::Result<File>)> {
        let name = path::name(&self.path);
        let opened = self.dir.open_file(name);
        let stat = match &opened {
            Ok(file) => file::stat(file),
            Err(_) => self.dir.stat(name),
        };
        match stat {
            Ok(stat) if stat.kind == FileKind::File => Some((stat, opened)),
            // Something else took the name since the folder was listed.
            Ok(_) => {
                findings.note(&self.path, FindingReason::Changing, 0, false);
                None
            }
            Err(error) => {
                // Deleted files are no finding.
                if !error.is_not_found() {
                    findings.note(&self.path, reason_of(&error), error.errno().unwrap_or(0), false);
                }
                None
            }
        }
    }

    /// Reads it, unless it is a further name of a file: that one takes the content of the first.
    pub(super) fn read(
        self,
        shared: &Shared<'_>,
        buffer: &mut Vec<u8>,
        worker: &mut Worker,
    ) -> Result<Item, EngineError> {
        let Some((stat, opened)) = self.look(shared.findings) else { return Ok(Item::Nothing) };
        let owner = worker.owners.of(&stat);
        // Without a base the number of a file system is the system's own.
        let entry = meta::entry(self.path, &stat, stat.dev, &owner);
        let is_further_name = entry.has(flags::HARD_LINK) && !shared.linked.is_first(&entry);
        let job = ReadJob { entry, stat, dir: self.dir, previous: None, class: None };
        if is_further_name {
            return Ok(Item::Link(Box::new(job)));
        }
        read::counted(job, opened, shared, buffer, worker)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;
    use std::fs;

    #[test]
    fn what_a_name_stands_for_is_seen_when_it_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Arc::new(Dir::open_root(folder.path()).unwrap());
        let place = folder.path().join("name");
        let look = || {
            let findings = Findings::new(Timestamp::from_micros(1), &[]);
            let file = UnseenFile { path: b"/folder/name".to_vec(), dir: Arc::clone(&dir) };
            let size = file.look(&findings).map(|(stat, opened)| (stat.size_bytes, opened.is_ok()));
            (size, findings.list().0.first().map(|finding| finding.reason))
        };
        assert_eq!(look(), (None, None), "it was deleted");
        fs::write(&place, b"content").unwrap();
        assert_eq!(look(), (Some((7, true)), None));
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        assert_eq!(look(), (None, Some(FindingReason::Changing)));
        fs::remove_dir(&place).unwrap();
        std::os::unix::fs::symlink("elsewhere", &place).unwrap();
        assert_eq!(look(), (None, Some(FindingReason::Changing)));
    }
}
