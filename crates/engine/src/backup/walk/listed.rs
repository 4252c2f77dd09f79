//! What a folder holds: its names in their order, and the attributes of the next of them, asked for in one go.

use super::super::rules::{Rules, Trimmed};
use platform::{Dir, DirName, FileKind, Listing, Result, Stat};

/// Names whose attributes are asked for at once: what they take in memory is bounded in folders of any size.
const WINDOW: usize = 1024;

/// Of so many files one is asked for its attributes, the first of a folder among them, where few are.
const ASKED_OF: usize = 8;

/// A folder that was opened and listed.
pub(in crate::backup) struct Listed {
    pub(in crate::backup) dir: Dir,
    pub(in crate::backup) listing: Listing,
    /// As what the rules cut the listing down.
    pub(in crate::backup) trimmed: Trimmed,
}

impl Listed {
    /// Lists `opened`; `is_root` when the user named it.
    pub(in crate::backup) fn new(opened: Result<Dir>, rules: &Rules, is_root: bool) -> Result<Self> {
        let dir = opened?;
        let mut listing = dir.names()?;
        let trimmed = rules.trim(&dir, &mut listing, is_root);
        listing.sort_by_name();
        Ok(Self { dir, listing, trimmed })
    }
}

/// Which names' attributes a walk asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Those of all.
    All,
    /// Of names that are listed as regular files those of one in [`ASKED_OF`] alone, to know how large they are as a rule.
    FewFiles,
}

/// What a walk knows of a name that it comes to.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    /// It is listed as a regular file, and was not looked at.
    File,
    /// What looking at it gave.
    As(Result<Stat>),
}

/// What is known of names that follow one another in a listing.
#[derive(Default)]
pub(super) struct Window {
    /// The place of the first in the listing.
    first: usize,
    seen: Vec<Seen>,
}

impl Window {
    /// Asks for the attributes of the names from `first` on.
    pub(super) fn read(dir: &Dir, listing: &Listing, first: usize, asks: Asks) -> Self {
        let names = (first..listing.len()).take(WINDOW).filter_map(|at| listing.get(at));
        let mut files = 0;
        let mut look = |name: DirName<'_>| {
            if asks == Asks::FewFiles && name.kind_hint == Some(FileKind::File) {
                files += 1;
                if files % ASKED_OF != 1 {
                    return Seen::File;
                }
            }
            Seen::As(dir.stat(name.name))
        };
        Self { first, seen: names.map(&mut look).collect() }
    }

    /// What is known of the name at this place; `None` when it lies outside.
    pub(super) fn get(&self, at: usize) -> Option<&Seen> {
        self.seen.get(at.checked_sub(self.first)?)
    }

    /// All attributes that could be read, each with its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Stat)> {
        self.seen.iter().enumerate().filter_map(|(at, seen)| match seen {
            Seen::As(Ok(stat)) => Some((self.first + at, stat)),
            Seen::As(Err(_)) | Seen::File => None,
        })
    }
}
