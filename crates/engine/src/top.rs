//! The largest folders of a snapshot, and those that grew most between two. The lists are read as they come; only the
//! folders above the present path, the names of hard links and the largest folders are held.

use crate::EngineError;
use crate::reader::SnapshotReader;
use format::path;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

mod folders;
use folders::Folders;
pub use folders::Usage;

/// A folder that grew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    /// What it holds now.
    pub now: Usage,
    /// The bytes that it held before; `None` when it was not there.
    pub old_bytes: Option<u64>,
}

impl Growth {
    /// By how many bytes it grew.
    pub fn bytes(&self) -> u64 {
        self.now.bytes.saturating_sub(self.old_bytes.unwrap_or(0))
    }
}

/// What was found, the largest first.
#[derive(Debug)]
pub struct Top<T> {
    /// The folders.
    pub folders: Vec<T>,
    /// The first part of a list that cannot be read; what is in it is not counted.
    pub damage: Option<EngineError>,
}

/// The `count` largest folders at and below `root`, by the sizes of all files below them.
pub fn largest(reader: &SnapshotReader<'_>, root: &[u8], count: usize) -> Result<Top<Usage>, EngineError> {
    let mut folders = Folders::new(reader, root);
    let mut largest = Largest::new(count);
    while let Some(usage) = folders.next()? {
        largest.push(usage.bytes, usage.path.clone(), usage);
    }
    Ok(Top { folders: largest.finish(), damage: folders.into_damage() })
}

/// The `count` folders at and below `root` that grew most from `old` to `new`.
pub fn growth(
    old: &SnapshotReader<'_>,
    new: &SnapshotReader<'_>,
    root: &[u8],
    count: usize,
) -> Result<Top<Growth>, EngineError> {
    let (mut before, mut now) = (Folders::new(old, root), Folders::new(new, root));
    let mut largest = Largest::new(count);
    let mut left = before.next()?;
    while let Some(usage) = now.next()? {
        while left.as_ref().is_some_and(|left| upwards(&left.path, &usage.path).is_lt()) {
            left = before.next()?;
        }
        let same = left.as_ref().filter(|left| left.path == usage.path);
        let growth = Growth { old_bytes: same.map(|left| left.bytes), now: usage };
        if growth.bytes() > 0 {
            largest.push(growth.bytes(), growth.now.path.clone(), growth);
        }
    }
    // To its end, so that damage there is told too.
    while before.next()?.is_some() {}
    let (before, now) = (before.into_damage(), now.into_damage());
    Ok(Top { folders: largest.finish(), damage: now.or(before) })
}

/// The order in which folders are given: each after all that is below it.
fn upwards(left: &[u8], right: &[u8]) -> Ordering {
    if left == right {
        Ordering::Equal
    } else if path::is_within(left, right) {
        Ordering::Less
    } else if path::is_within(right, left) {
        Ordering::Greater
    } else {
        path::compare(left, right)
    }
}

/// Keeps those with the largest numbers; of equal ones those whose path comes first.
struct Largest<T> {
    most: usize,
    heap: BinaryHeap<Ranked<T>>,
}

/// The smallest is the greatest in order, so that the heap gives it away first.
struct Ranked<T> {
    rank: (Reverse<u64>, Vec<u8>),
    value: T,
}

impl<T> Ranked<T> {
    fn order(&self, other: &Self) -> Ordering {
        self.rank.0.cmp(&other.rank.0).then_with(|| path::compare(&self.rank.1, &other.rank.1))
    }
}

impl<T> PartialEq for Ranked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.order(other).is_eq()
    }
}

impl<T> Eq for Ranked<T> {}

impl<T> PartialOrd for Ranked<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Ranked<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(other)
    }
}

impl<T> Largest<T> {
    const fn new(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    fn push(&mut self, number: u64, path: Vec<u8>, value: T) {
        self.heap.push(Ranked { rank: (Reverse(number), path), value });
        if self.heap.len() > self.most {
            self.heap.pop();
        }
    }

    fn finish(self) -> Vec<T> {
        self.heap.into_sorted_vec().into_iter().map(|ranked| ranked.value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_kept_in_order() {
        let mut largest = Largest::new(3);
        for (number, path) in [(1, "/a"), (5, "/b"), (3, "/d"), (3, "/c"), (2, "/e")] {
            largest.push(number, path.into(), path);
        }
        assert_eq!(largest.finish(), ["/b", "/c", "/d"]);
        let mut none = Largest::new(0);
        none.push(1, b"/a".to_vec(), ());
        assert!(none.finish().is_empty());
    }

    #[test]
    fn folders_come_after_what_is_below_them() {
        let mut paths = ["/", "/a", "/a/b", "/a/b/c", "/a!", "/b", "/a/a"];
        paths.sort_by(|a, b| upwards(a.as_bytes(), b.as_bytes()));
        assert_eq!(paths, ["/a/a", "/a/b/c", "/a/b", "/a", "/a!", "/b", "/"]);
    }
}
