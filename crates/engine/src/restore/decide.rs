//! What to do with a name that may be taken: the rules for conflicts, in one place for dry runs and restores.

use super::{Conflict, RestoreRequest};
use crate::kind::entry_kind;
use format::entry::{Entry, EntryKind, FileTime};
use platform::errno;
use platform::{Dir, FileKind, Result, Stat};

/// Names longer than this are refused by all common file systems.
const NAME_MAX: usize = 255;
/// How many names are tried for one that is kept beside another.
const NAMES_TRIED: u32 = 1000;

/// What happens to one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is there.
    Create,
    /// A folder is there, and a folder is restored.
    Enter,
    /// What is restored is there already, under this name when it is not its own.
    Unchanged(Option<Vec<u8>>),
    /// What is there goes.
    Replace,
    /// What is restored gets this name. True: a folder of that name is there and is ours.
    KeepBoth(Vec<u8>, bool),
    /// What is there stays.
    Skip,
    /// The name is taken and nothing may be.
    Refuse,
    /// Something is in the way that is never replaced; the error number that says what.
    Blocked(i32),
}

/// The part of a request that decides.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules<'t> {
    pub(super) conflict: Conflict,
    pub(super) resume: bool,
    /// What the earlier restore wrote may not be whole.
    pub(super) after_restart: bool,
    pub(super) removes_leftovers: bool,
    label: &'t str,
}

impl<'t> Rules<'t> {
    pub(super) fn of(request: &'t RestoreRequest) -> Self {
        Self {
            conflict: request.conflict,
            resume: request.resume,
            after_restart: request.after_restart,
            removes_leftovers: request.removes_leftovers(),
            label: &request.label,
        }
    }

    /// The verdict on an entry that is no folder.
    pub(super) fn leaf(&self, dir: &Dir, name: &[u8], entry: &Entry) -> Result<Verdict> {
        let Some(there) = look(dir, name)? else { return Ok(Verdict::Create) };
        if self.may_be_torn(entry, &there) {
            return Ok(Verdict::Replace);
        }
        // Under `Refuse` a name that is taken is a conflict whatever it holds; only a resumed restore knows better.
        if (self.conflict != Conflict::Refuse || self.resume) && self.is_there(dir, name, entry, &there)? {
            return Ok(Verdict::Unchanged(None));
        }
        let is_folder = there.kind == FileKind::Dir;
        Ok(match self.conflict {
            Conflict::Refuse => Verdict::Refuse,
            Conflict::KeepBoth => self.beside(dir, name, Some(entry))?,
            Conflict::Replace if is_folder => Verdict::Blocked(errno::EISDIR),
            Conflict::Replace => Verdict::Replace,
            Conflict::ReplaceIfNewer if !is_folder && entry.modified > time(&there) => Verdict::Replace,
            Conflict::ReplaceIfNewer | Conflict::Skip => Verdict::Skip,
        })
    }

    /// The verdict on a folder.
    pub(super) fn folder(&self, dir: &Dir, name: &[u8]) -> Result<Verdict> {
        let Some(there) = look(dir, name)? else { return Ok(Verdict::Create) };
        Ok(match there.kind {
            FileKind::Dir => Verdict::Enter,
            _ if self.conflict == Conflict::Refuse => Verdict::Refuse,
            // It may lead anywhere, and who put it there may not be the one who restores.
            FileKind::Symlink => Verdict::Blocked(errno::ELOOP),
            _ => match self.conflict {
                Conflict::KeepBoth => self.beside(dir, name, None)?,
                Conflict::Replace => Verdict::Replace,
                _ => Verdict::Skip,
            },
        })
    }

    /// The first name with the label that is free, or that holds what is restored; `None` stands for a folder.
    fn beside(&self, dir: &Dir, name: &[u8], entry: Option<&Entry>) -> Result<Verdict> {
        for number in 1..=NAMES_TRIED {
            let other = labelled(name, self.label, number, entry.is_none());
            let Some(there) = look(dir, &other)? else { return Ok(Verdict::KeepBoth(other, false)) };
            match entry {
                None if self.resume && there.kind == FileKind::Dir => {
                    return Ok(Verdict::KeepBoth(other, true));
                }
                Some(entry) if self.is_there(dir, &other, entry, &there)? => {
                    return Ok(Verdict::Unchanged(Some(other)));
                }
                _ => {}
            }
        }
        Ok(Verdict::Skip)
    }

    /// Whether what an earlier restore has made is taken as done.
    pub(super) fn trusts_earlier(&self) -> bool {
        self.resume && !self.after_restart
    }

    /// The name for a folder whose own was taken while it was filled.
    pub(super) fn name_beside(&self, name: &[u8]) -> Vec<u8> {
        labelled(name, self.label, 1, true)
    }

    /// Whether a file that the earlier restore has most likely made may have lost content with the power: it got its time
    /// before its name, and its length may have reached the disk before or after what is in it.
    fn may_be_torn(&self, entry: &Entry, there: &Stat) -> bool {
        self.resume
            && self.after_restart
            && self.conflict == Conflict::Refuse
            && entry.kind == EntryKind::File
            && there.kind == FileKind::File
            && there.size_bytes <= entry.size
            && self.is_same_time(entry.modified, time(there))
    }

    /// Whether what is there counts as what would be restored.
    fn is_there(&self, dir: &Dir, name: &[u8], entry: &Entry, there: &Stat) -> Result<bool> {
        let is_equal = entry_kind(there.kind) == entry.kind
            && self.is_same_time(entry.modified, time(there))
            && match entry.kind {
                EntryKind::File => there.size_bytes == entry.size,
                EntryKind::CharDevice | EntryKind::BlockDevice => entry.rare.device == Some(there.rdev),
                EntryKind::Symlink => entry.rare.target.as_ref() == Some(&dir.read_link(name)?),
                _ => true,
            };
        // Who replaces does not trust what is there: only the time of the last change of the inode cannot be set back.
        let must_be_certain =
            self.conflict == Conflict::Replace && !self.trusts_earlier() && entry.kind == EntryKind::File;
        let is_certain = there.ino == entry.ino
            && (there.ctime.sec, there.ctime.nsec) == (entry.changed.secs, entry.changed.nanos);
        Ok(is_equal && (!must_be_certain || is_certain))
    }

    /// Equal, or for what an interrupted restore left, cut to the precision of the file system.
    fn is_same_time(&self, wanted: FileTime, there: FileTime) -> bool {
        let cut = |unit: u32| wanted.nanos / unit * unit;
        wanted.secs == there.secs
            && (wanted.nanos == there.nanos
                || (self.resume && [100, 1_000, 1_000_000, 1_000_000_000].map(cut).contains(&there.nanos)))
    }
}

fn look(dir: &Dir, name: &[u8]) -> Result<Option<Stat>> {
    match dir.stat(name) {
        Ok(stat) => Ok(Some(stat)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn time(stat: &Stat) -> FileTime {
    FileTime { secs: stat.mtime.sec, nanos: stat.mtime.nsec }
}

/// `name` with the label in parentheses before its extension, from the second try on with a number.
fn labelled(name: &[u8], label: &str, number: u32, is_folder: bool) -> Vec<u8> {
    let label = if number > 1 { format!(" ({label}, {number})") } else { format!(" ({label})") };
    let cut = if is_folder { name.len() } else { extension(name) };
    let (stem, extension) = name.split_at(cut);
    let room = NAME_MAX.saturating_sub(label.len() + extension.len());
    let mut end = stem.len().min(room);
    // Not in the middle of a character.
    while end < stem.len() && end > 0 && stem[end] & 0xc0 == 0x80 {
        end -= 1;
    }
    [&stem[..end], label.as_bytes(), extension].concat()
}

/// Where the extension of a file's name begins; a dot in front makes a hidden name, not an extension.
fn extension(name: &[u8]) -> usize {
    const LONGEST: usize = 20;
    let dot = |name: &[u8]| name.iter().rposition(|byte| *byte == b'.').filter(|at| *at > 0);
    match dot(name) {
        Some(at) if name.len() - at <= LONGEST => {
            if name[..at].ends_with(b".tar") && at > 4 {
                at - 4
            } else {
                at
            }
        }
        _ => name.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_stand_before_the_extension_and_fit_into_a_name() {
        let file = |name: &str, number| {
            String::from_utf8(labelled(name.as_bytes(), "restored 2026-11-24 10.30", number, false)).unwrap()
        };
        assert_eq!(file("a.txt", 1), "a (restored 2026-11-24 10.30).txt");
        assert_eq!(file("a.txt", 3), "a (restored 2026-11-24 10.30, 3).txt");
        assert_eq!(file("a.tar.gz", 1), "a (restored 2026-11-24 10.30).tar.gz");
        assert_eq!(file(".bashrc", 1), ".bashrc (restored 2026-11-24 10.30)");
        assert_eq!(file("README", 1), "README (restored 2026-11-24 10.30)");
        assert_eq!(file("end.", 1), "end (restored 2026-11-24 10.30).");
        assert_eq!(labelled(b"v1.2", "r", 1, true), b"v1.2 (r)");
        let long = labelled("ä".repeat(127).as_bytes(), "restored", 1, false);
        assert!(long.len() <= 255 && String::from_utf8(long).unwrap().ends_with("ä (restored)"));
        let long = labelled(&[&[b'x'; 251][..], b".txt"].concat(), "restored", 1, false);
        assert_eq!(long.len(), 255);
        assert!(long.ends_with(b"x (restored).txt"));
    }

    #[test]
    fn coarse_times_count_as_equal_only_when_a_restore_is_resumed() {
        let mut rules = Rules {
            conflict: Conflict::KeepBoth,
            resume: true,
            after_restart: false,
            removes_leftovers: true,
            label: "",
        };
        let time = |nanos| FileTime { secs: -5, nanos };
        let wanted = time(123_456_789);
        for there in [123_456_789, 123_456_700, 123_456_000, 123_000_000, 0] {
            assert!(rules.is_same_time(wanted, time(there)), "{there}");
        }
        assert!(!rules.is_same_time(wanted, time(123_456_788)));
        assert!(!rules.is_same_time(wanted, FileTime { secs: -4, nanos: 0 }));
        rules.resume = false;
        assert!(rules.is_same_time(wanted, wanted) && !rules.is_same_time(wanted, time(0)));
    }
}
