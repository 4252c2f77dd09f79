//! Which entries a search wants: a pattern of their names or paths, kinds, sizes and times. Pure.

use crate::EngineError;
use crate::reader::SnapshotReader;
use format::entry::{Entry, EntryKind, FileTime};
use format::path;
use globset::{GlobBuilder, GlobMatcher};
use std::borrow::Cow;
use std::ops::Range;

/// Characters that do not stand for themselves in a pattern.
const SPECIAL: &[char] = &['*', '?', '[', ']', '{', '}', '\\'];

/// What a search wants. All that is given must hold.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Its name or path.
    pub pattern: Pattern,
    /// One of these kinds; any when there is none.
    pub kinds: Vec<EntryKind>,
    /// A file of more bytes.
    pub larger: Option<u64>,
    /// A file of fewer bytes.
    pub smaller: Option<u64>,
    /// Modified then or later.
    pub newer: Option<FileTime>,
    /// Modified before.
    pub older: Option<FileTime>,
}

/// A pattern of names or of whole paths.
#[derive(Debug, Clone)]
pub struct Pattern {
    glob: GlobMatcher,
    of_path: bool,
    ignore_case: bool,
    /// The folder that all matches lie in, or the only path that matches.
    within: Vec<u8>,
    is_exact: bool,
}

impl Pattern {
    /// Reads a pattern: of the last name, or with a slash of the whole path. Without a slash in front, such a pattern
    /// may begin in any folder.
    pub fn new(text: &str, ignore_case: bool) -> Result<Self, EngineError> {
        let of_path = text.contains('/');
        let trimmed = if text.len() > 1 { text.trim_end_matches('/') } else { text };
        let mut full = if of_path && !trimmed.starts_with(['/', '*']) {
            format!("**/{trimmed}")
        } else {
            trimmed.to_owned()
        };
        if ignore_case {
            full = full.to_lowercase();
        }
        let refused = |error: globset::Error| EngineError::BadPattern {
            pattern: text.to_owned(),
            reason: error.kind().to_string(),
        };
        let glob = GlobBuilder::new(&full).literal_separator(true).backslash_escape(true).build();
        let glob = glob.map_err(refused)?.compile_matcher();
        let (within, is_exact) = match full.find(SPECIAL) {
            _ if ignore_case || !full.starts_with('/') => (b"/".to_vec(), false),
            None => (full.into_bytes(), true),
            Some(at) => {
                let slash = full[..at].rfind('/').unwrap_or(0);
                (full.as_bytes()[..slash.max(1)].to_vec(), false)
            }
        };
        Ok(Self { glob, of_path, ignore_case, within, is_exact })
    }

    /// Whether an entry with this path is meant.
    pub fn matches(&self, path: &[u8]) -> bool {
        let text = if self.of_path { path } else { path::name(path) };
        let text = if self.ignore_case { lower(text) } else { text.into() };
        self.glob.is_match(platform::path::from_bytes(&text))
    }
}

impl Filter {
    /// What matches this pattern, whatever it is.
    pub const fn new(pattern: Pattern) -> Self {
        Self { pattern, kinds: Vec::new(), larger: None, smaller: None, newer: None, older: None }
    }

    /// Whether this entry is wanted.
    pub fn wants(&self, entry: &Entry) -> bool {
        let of_size = self.larger.is_some() || self.smaller.is_some();
        // The cheap questions first: most entries are not wanted.
        entry.kind != EntryKind::Continuation
            && (self.kinds.is_empty() || self.kinds.contains(&entry.kind))
            && (!of_size || entry.kind == EntryKind::File)
            && self.larger.is_none_or(|bytes| entry.size > bytes)
            && self.smaller.is_none_or(|bytes| entry.size < bytes)
            && self.newer.is_none_or(|time| entry.modified >= time)
            && self.older.is_none_or(|time| entry.modified < time)
            && self.pattern.matches(&entry.path)
    }

    /// The hunks of a snapshot that may hold what is wanted.
    pub(super) fn hunks(&self, reader: &SnapshotReader<'_>) -> Range<usize> {
        let within = reader.hunks_within(&self.pattern.within);
        if !self.pattern.is_exact {
            return within;
        }
        // The entry is in the last hunk that begins before it, or is the first of the next one.
        within.start..within.end.min(within.start + 2)
    }
}

/// In lower case: text as text, and bytes that are none as ASCII.
fn lower(name: &[u8]) -> Cow<'_, [u8]> {
    match std::str::from_utf8(name) {
        Ok(text) => text.to_lowercase().into_bytes().into(),
        Err(_) => name.to_ascii_lowercase().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, path: &[u8]) -> bool {
        Pattern::new(pattern, false).unwrap().matches(path)
    }

    #[test]
    fn a_pattern_without_a_slash_is_of_the_last_name() {
        assert!(
            matches("*.txt", b"/a/b.txt") && matches("b.???", b"/a/b.txt") && matches("[a-c].txt", b"/b.txt")
        );
        assert!(!matches("*.txt", b"/a.txt/b") && !matches("b", b"/a/b.txt"));
        assert!(matches("{a,b}.txt", b"/b.txt") && matches(r"\*", b"/*") && !matches(r"\*", b"/a"));
        // Names are bytes.
        assert!(matches("*.txt", b"/\xff\n.txt") && matches("?", b"/\xff"));
    }

    #[test]
    fn a_pattern_with_a_slash_is_of_the_whole_path() {
        assert!(matches("/home/*/x", b"/home/ada/x") && !matches("/home/*/x", b"/home/ada/b/x"));
        assert!(matches("/home/**/x", b"/home/ada/b/x") && matches("/home/**/x", b"/home/x"));
        assert!(matches("/home/**", b"/home/x/y") && !matches("/home/**", b"/home"));
        assert!(matches("/home", b"/home") && matches("/home/", b"/home") && !matches("/home", b"/home/x"));
        assert!(matches("ada/*.txt", b"/home/ada/x.txt") && !matches("ada/*.txt", b"/home/canada/x.txt"));
        assert!(matches("/", b"/") && matches("**/x", b"/a/x") && !matches("/*", b"/a/x"));
    }

    #[test]
    fn case_is_ignored_in_all_letters() {
        let pattern = Pattern::new("Über*.TXT", true).unwrap();
        assert!(pattern.matches("/a/üBERSICHT.txt".as_bytes()) && !pattern.matches(b"/a/ubersicht.txt"));
        assert!(Pattern::new("*.TXT", true).unwrap().matches(b"/\xff.Txt"));
        assert!(!matches("a", b"/A"));
    }

    #[test]
    fn only_the_part_of_the_list_that_can_match_is_read() {
        let within = |pattern: &str, ignore_case| {
            let pattern = Pattern::new(pattern, ignore_case).unwrap();
            (String::from_utf8(pattern.within).unwrap(), pattern.is_exact)
        };
        assert_eq!(within("*.txt", false), ("/".into(), false));
        assert_eq!(within("/home/ada/**/x", false), ("/home/ada".into(), false));
        assert_eq!(within("/home/a*", false), ("/home".into(), false));
        assert_eq!(within("/h*", false), ("/".into(), false));
        assert_eq!(within("/home/ada", false), ("/home/ada".into(), true));
        assert_eq!(within("/home/ada", true), ("/".into(), false));
        assert_eq!(within("ada/x", false), ("/".into(), false));
        assert_eq!(within(r"/ho\me/x", false), ("/".into(), false));
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in ["[a", "{a", "a\\"] {
            assert_eq!(Pattern::new(wrong, false).unwrap_err().code(), model::Code::Usage, "{wrong}");
        }
    }

    #[test]
    fn all_that_is_given_must_hold() {
        let file = testkit::snapshot_writer::file(b"/a", 10);
        let filter = Filter::new(Pattern::new("*", false).unwrap());
        assert!(filter.wants(&file));
        assert!(Filter { larger: Some(9), smaller: Some(11), ..filter.clone() }.wants(&file));
        assert!(!Filter { larger: Some(10), ..filter.clone() }.wants(&file));
        assert!(!Filter { smaller: Some(10), ..filter.clone() }.wants(&file));
        let time = |secs| Some(FileTime { secs, nanos: 123_456_789 });
        assert!(
            Filter { newer: time(1_580_000_000), older: time(1_580_000_001), ..filter.clone() }.wants(&file)
        );
        assert!(!Filter { newer: time(1_580_000_001), ..filter.clone() }.wants(&file));
        assert!(!Filter { older: time(1_580_000_000), ..filter.clone() }.wants(&file));
        assert!(!Filter { kinds: vec![EntryKind::Dir], ..filter.clone() }.wants(&file));
        // A folder has no size.
        let folder = testkit::snapshot_writer::folder(b"/a");
        assert!(filter.wants(&folder) && !Filter { smaller: Some(10), ..filter }.wants(&folder));
        let continuation = Entry { kind: EntryKind::Continuation, ..file };
        assert!(!Filter::new(Pattern::new("*", false).unwrap()).wants(&continuation));
    }
}
