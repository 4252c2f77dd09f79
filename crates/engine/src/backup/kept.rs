//! Folders whose last version stays. What the base has in them comes one by one, and behind a root inside them only
//! when that root is through; so whether anything was kept is known when the base is past the folder, and its finding
//! is noted then.

use super::findings::Findings;
use super::set_roots::SetRoots;
use format::path;
use model::FindingReason;

/// The finding of such a folder.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    pub(super) reason: FindingReason,
    pub(super) errno: i32,
    /// Noted also when the base has nothing there.
    pub(super) always: bool,
}

impl Told {
    /// Of a folder that cannot be reached or read.
    pub(super) const fn always(reason: FindingReason, errno: i32) -> Self {
        Self { reason, errno, always: true }
    }

    /// Of a folder that shows nothing: a finding only when something was there.
    pub(super) const fn if_any(reason: FindingReason) -> Self {
        Self { reason, errno: 0, always: false }
    }
}

/// Those that the base has come to and is not yet past, the outermost first.
#[derive(Debug, Default)]
pub(super) struct Kept(Vec<Folder>);

#[derive(Debug)]
struct Folder {
    path: Vec<u8>,
    told: Told,
    /// The base had something there.
    any: bool,
    /// A version of it was kept.
    kept: bool,
}

impl Kept {
    /// Adds one. The base has come to it; `kept` says that a version of the folder itself was kept.
    pub(super) fn add(&mut self, path: &[u8], told: Told, kept: bool, findings: &Findings) {
        self.leave(path, findings);
        self.0.push(Folder { path: path.to_vec(), told, any: kept, kept });
    }

    /// Whether what the base has at `path` stays.
    pub(super) fn has(&self, path: &[u8], roots: &SetRoots) -> bool {
        self.0.iter().any(|folder| roots.belongs(path, &folder.path))
    }

    /// What the base has at `path` was taken over; `is_version` says whether it is a version of anything.
    pub(super) fn note(&mut self, path: &[u8], is_version: bool, roots: &SetRoots) {
        for folder in self.0.iter_mut().filter(|folder| roots.belongs(path, &folder.path)) {
            folder.any = true;
            folder.kept |= is_version;
        }
    }

    /// The base has come to `path`: the findings of those that end before it are noted.
    pub(super) fn leave(&mut self, path: &[u8], findings: &Findings) {
        while self.0.last().is_some_and(|folder| !path::is_within(path, &folder.path)) {
            self.close(findings);
        }
    }

    /// The base is at its end.
    pub(super) fn end(&mut self, findings: &Findings) {
        while !self.0.is_empty() {
            self.close(findings);
        }
    }

    fn close(&mut self, findings: &Findings) {
        let Some(Folder { path, told, any, kept }) = self.0.pop() else { return };
        if told.always || any {
            findings.note(&path, told.reason, told.errno, kept);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Timestamp;

    #[test]
    fn a_folder_is_told_when_the_base_is_past_it_and_with_all_that_came_behind_a_root_inside() {
        let findings = Findings::new(Timestamp::from_micros(1), &[]);
        let roots = SetRoots::new(&[&b"/a"[..], b"/a/m/r"].map(<[u8]>::to_vec));
        let mut kept = Kept::default();
        kept.add(b"/a/e", Told::if_any(FindingReason::MountMissing), false, &findings);
        kept.add(b"/a/l", Told::always(FindingReason::FolderUnreadable, 5), false, &findings);
        kept.add(b"/a/m", Told::if_any(FindingReason::MountMissing), false, &findings);
        for (path, has) in [("/a/m/r", false), ("/a/m/r/x", false), ("/a/m/z", true), ("/a/n", false)] {
            assert_eq!(kept.has(path.as_bytes(), &roots), has, "{path}");
        }
        kept.note(b"/a/m/z", true, &roots);
        kept.leave(b"/a/m/z/y", &findings);
        let list = || {
            let told = findings.list().0.into_iter();
            told.map(|finding| (String::from_utf8(finding.path).unwrap(), finding.kept_previous))
                .collect::<Vec<_>>()
        };
        assert_eq!(list(), [("/a/l".to_owned(), false)]);
        kept.end(&findings);
        assert_eq!(list(), [("/a/l".to_owned(), false), ("/a/m".to_owned(), true)]);
    }
}
