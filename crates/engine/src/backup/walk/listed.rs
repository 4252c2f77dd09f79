//! What a folder holds: its names in their order, and the attributes of the next of them, asked for in one go.

use super::super::rules::{Rules, Trimmed};
use platform::{Dir, Listing, Result, Stat};

/// Names whose attributes are asked for at once: what they take in memory is bounded in folders of any size.
const WINDOW: usize = 1024;

/// A folder that was opened and listed.
pub(super) struct Listed {
    pub(super) dir: Dir,
    pub(super) listing: Listing,
    /// As what the rules cut the listing down.
    pub(super) trimmed: Trimmed,
}

impl Listed {
    /// Lists `opened`; `is_root` when the user named it.
    pub(super) fn new(opened: Result<Dir>, rules: &Rules, is_root: bool) -> Result<Self> {
        let dir = opened?;
        let mut listing = dir.names()?;
        let trimmed = rules.trim(&dir, &mut listing, is_root);
        listing.sort_by_name();
        Ok(Self { dir, listing, trimmed })
    }
}

/// The attributes of names that follow one another in a listing.
#[derive(Default)]
pub(super) struct Window {
    /// The place of the first in the listing.
    first: usize,
    stats: Vec<Result<Stat>>,
}

impl Window {
    /// Asks for the attributes of the names from `first` on.
    pub(super) fn read(dir: &Dir, listing: &Listing, first: usize) -> Self {
        let names = (first..listing.len()).take(WINDOW).filter_map(|at| listing.get(at));
        Self { first, stats: names.map(|name| dir.stat(name.name)).collect() }
    }

    /// The attributes of the name at this place; `None` when they were not asked for.
    pub(super) fn get(&self, at: usize) -> Option<&Result<Stat>> {
        self.stats.get(at.checked_sub(self.first)?)
    }

    /// All attributes that could be read, each with its place.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &Stat)> {
        self.stats.iter().enumerate().filter_map(|(at, stat)| Some((self.first + at, stat.as_ref().ok()?)))
    }
}
