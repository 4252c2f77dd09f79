//! What a set leaves out: rules in the syntax of gitignore, cache folders, our own folders.

use crate::EngineError;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder, Glob};
use platform::{Dir, Listing};
use std::io::Read;
use std::path::PathBuf;

/// A folder that holds this file, beginning with [`CACHE_SIGNATURE`], is a cache (bford.info/cachedir).
const CACHE_TAG: &[u8] = b"CACHEDIR.TAG";
const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";
/// A folder that holds this file, beginning with [`STORE_TITLE`], is an object store of a Holdfast server: backing it
/// up would never end.
const STORE_MARKER: &[u8] = b"HOLDFAST-STORE";
const STORE_TITLE: &[u8] = b"Holdfast object store\n";

/// As what kind of folder a listing was cut down to the file that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trimmed {
    /// As none: it is whole.
    No,
    /// A cache.
    Cache,
    /// An object store.
    Store,
}

/// The rules of one run.
pub(super) struct Rules {
    /// As they are handed to the matchers, in their order.
    lines: Vec<String>,
    /// All rules, for folders.
    folders: Gitignore,
    /// Those that can match something else: matching is felt in a run that finds nothing changed, most names are of
    /// files, and most rules, all that are set by default among them, are about folders.
    others: Gitignore,
    exclude_caches: bool,
    own: Vec<(u64, u64)>,
}

impl Rules {
    /// Reads the rules; later ones win. `own` are folders that are never walked.
    pub(super) fn new(rules: &[String], exclude_caches: bool, own: &[PathBuf]) -> Result<Self, EngineError> {
        let own = own.iter().filter_map(|path| Dir::open_for_search(path).ok()?.stat_self().ok());
        Ok(Self {
            lines: rules.iter().map(|rule| literal_braces(rule)).collect(),
            folders: matcher(rules.iter())?,
            others: matcher(rules.iter().filter(|rule| !rule.trim_end().ends_with('/')))?,
            exclude_caches,
            own: own.map(|stat| (stat.dev, stat.ino)).collect(),
        })
    }

    /// True when a rule leaves this path out.
    pub(super) fn exclude(&self, path: &[u8], is_dir: bool) -> bool {
        self.deciding(path, is_dir).is_some()
    }

    /// The place in the list of the rule that leaves this path out.
    pub(super) fn excluding(&self, path: &[u8], is_dir: bool) -> Option<usize> {
        let original = self.deciding(path, is_dir)?.original();
        // The matcher drops spaces at the end of a line.
        let is_it = |line: &String| line.strip_prefix(original).is_some_and(|rest| rest.trim().is_empty());
        self.lines.iter().rposition(is_it)
    }

    fn deciding(&self, path: &[u8], is_dir: bool) -> Option<&Glob> {
        let rules = if is_dir { &self.folders } else { &self.others };
        if rules.is_empty() {
            return None;
        }
        match rules.matched(platform::path::from_bytes(path), is_dir) {
            Match::Ignore(rule) => Some(rule),
            Match::None | Match::Whitelist(_) => None,
        }
    }

    /// True for a folder of our own.
    pub(super) fn is_own(&self, dev: u64, ino: u64) -> bool {
        self.own.contains(&(dev, ino))
    }

    /// Drops from a folder's listing what its kind says is not to be kept. A folder that the user named is kept although
    /// it is a cache.
    pub(super) fn trim(&self, dir: &Dir, listing: &mut Listing, is_named: bool) -> Trimmed {
        let (mut tag, mut marker) = (false, false);
        for name in listing.iter() {
            tag |= name.name == CACHE_TAG;
            marker |= name.name == STORE_MARKER;
        }
        if marker && begins_with(dir, STORE_MARKER, STORE_TITLE) {
            listing.retain(|name| name.name == STORE_MARKER);
            return Trimmed::Store;
        }
        if tag && self.exclude_caches && !is_named && begins_with(dir, CACHE_TAG, CACHE_SIGNATURE) {
            listing.retain(|name| name.name == CACHE_TAG);
            return Trimmed::Cache;
        }
        Trimmed::No
    }
}

fn matcher<'r>(rules: impl Iterator<Item = &'r String> + Clone) -> Result<Gitignore, EngineError> {
    let bad = |rule: String, error: ignore::Error| EngineError::BadRule { rule, reason: error.to_string() };
    let mut builder = GitignoreBuilder::new("/");
    for rule in rules.clone() {
        builder.add_line(None, &literal_braces(rule)).map_err(|error| bad(rule.clone(), error))?;
    }
    builder.build().map_err(|error| bad(rules.map(String::as_str).collect::<Vec<_>>().join(", "), error))
}

/// The rule with a backslash before its braces: gitignore takes them for themselves, globs for alternatives. Inside a
/// class, such as `[{}]`, both agree, and a backslash would be one more character of it.
fn literal_braces(rule: &str) -> String {
    let mut out = String::with_capacity(rule.len());
    let mut rest = rule;
    while let Some(character) = rest.chars().next() {
        let length = match character {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' => class_length(rest).unwrap_or(1),
            '{' | '}' => {
                out.push('\\');
                1
            }
            other => other.len_utf8(),
        };
        out.push_str(&rest[..length]);
        rest = &rest[length..];
    }
    out
}

/// Bytes of the class that the text begins with; `None` when it never ends, so that its bracket is a plain character.
fn class_length(text: &str) -> Option<usize> {
    let negation = usize::from(text[1..].starts_with(['!', '^']));
    // A bracket that comes first is one of the class.
    let first = 1 + negation + text[1 + negation..].chars().next()?.len_utf8();
    text[first..].find(']').map(|at| first + at + 1)
}

/// Whether the file of this name is one that begins so.
fn begins_with(dir: &Dir, name: &[u8], wanted: &[u8]) -> bool {
    let mut start = vec![0u8; wanted.len()];
    dir.open_file(name).is_ok_and(|mut file| file.read_exact(&mut start).is_ok() && start == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_follow_gitignore_and_later_ones_win() {
        let rules = ["*.tmp", "!keep.tmp", "/home/u/.cache/", "**/Trash/  ", "*.d/", "!keep.d/"];
        let rules = rules.map(str::to_owned);
        let rules = Rules::new(&rules, true, &[]).unwrap();
        assert!(rules.exclude(b"/home/u/a.tmp", false));
        assert!(!rules.exclude(b"/home/u/keep.tmp", false));
        assert!(rules.exclude(b"/home/u/.cache", true) && !rules.exclude(b"/home/u/.cache", false));
        assert!(rules.exclude(b"/x/y/Trash", true) && !rules.exclude(b"/x/y/Trash", false));
        assert!(rules.exclude(b"/x/a.d", true) && !rules.exclude(b"/x/a.d", false));
        assert!(!rules.exclude(b"/x/keep.d", true));
        assert!(!rules.exclude(b"/home/u/name\xff", false));
        assert!(Rules::new(&["a[z-b]".to_owned()], true, &[]).is_err());
    }

    #[test]
    fn the_rule_that_decides_is_told_by_its_place() {
        let rules = ["*.tmp", "!keep.tmp", "a{1}  ", "keep.tmp", "*.tmp", "#note", "b\\ "].map(str::to_owned);
        let rules = Rules::new(&rules, true, &[]).unwrap();
        let places = ["/x/a.tmp", "/x/keep.tmp", "/x/a{1}", "/b ", "/y"]
            .map(|path| rules.excluding(path.as_bytes(), false));
        assert_eq!(places, [Some(4), Some(4), Some(2), Some(6), None]);
        assert_eq!(Rules::new(&["!a".into()], true, &[]).unwrap().excluding(b"/a", false), None);
    }

    #[test]
    fn braces_are_characters_like_any_other() {
        let excludes = |rule: &str, path: &str| {
            Rules::new(&[rule.to_owned()], true, &[]).unwrap().exclude(path.as_bytes(), false)
        };
        assert!(excludes("{a,b}", "/x/{a,b}") && !excludes("{a,b}", "/x/a"));
        for rule in ["a{", "a}", "{a}{", "}{", "[", "[{", "ü{[é}]"] {
            let path = format!("/x/{}", rule.replace("[é}]", "}"));
            assert!(excludes(rule, &path), "{rule} {path}");
        }
        assert!(excludes("\\{a}", "/{a}") && excludes("a[{}]", "/a{") && !excludes("a[{}]", "/a\\"));
        assert!(excludes("[]{]", "/{") && excludes("[!]{]", "/a") && !excludes("[!]{]", "/{"));
        assert!(Rules::new(&["a\\".to_owned()], true, &[]).is_err());
    }

    #[test]
    fn a_tagged_cache_keeps_only_its_tag() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("CACHEDIR.TAG"), CACHE_SIGNATURE).unwrap();
        std::fs::write(folder.path().join("big"), b"x").unwrap();
        let dir = Dir::open_root(folder.path()).unwrap();
        let names = |caches, is_named| {
            let mut listing = dir.names().unwrap();
            assert_ne!(
                Rules::new(&[], caches, &[]).unwrap().trim(&dir, &mut listing, is_named),
                Trimmed::Store
            );
            listing.len()
        };
        assert_eq!([names(true, false), names(false, false), names(true, true)], [1, 2, 2]);
        std::fs::write(folder.path().join("CACHEDIR.TAG"), b"not a signature").unwrap();
        assert_eq!(names(true, false), 2);
    }
    #[test]
    fn an_object_store_is_known_by_what_its_marker_says() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("big"), b"x").unwrap();
        let dir = Dir::open_root(folder.path()).unwrap();
        for (marker, kept) in [("Holdfast object store\nversion = 1\nid = 00\n", 1), ("my notes", 2), ("", 2)]
        {
            std::fs::write(folder.path().join("HOLDFAST-STORE"), marker).unwrap();
            let mut listing = dir.names().unwrap();
            let trimmed = Rules::new(&[], true, &[]).unwrap().trim(&dir, &mut listing, true);
            let is_store = trimmed == Trimmed::Store;
            assert_eq!((listing.len(), is_store), (kept, kept == 1), "{marker:?}");
        }
    }
}
