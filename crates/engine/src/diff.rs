//! What differs between two snapshots, or two folders in them: both sorted lists are merged as they are read. Where the
//! same paths are compared, hunks that both lists refer to hold no difference and are not read.

use crate::EngineError;
use crate::reader::SnapshotReader;
use format::entry::{Entry, EntryKind};
use model::ChunkId;
use std::cmp::Ordering;
use std::collections::HashSet;

mod compare;
mod cursor;
mod renames;
pub use compare::Aspect;
use cursor::Cursor;
use renames::Renames;

/// Differences that are held to find what was renamed; beyond them it is no longer looked for.
pub const HELD_MAX: usize = 1_000_000;

/// One of the two trees.
#[derive(Debug, Clone, Copy)]
pub struct Side<'s, 'a> {
    /// The snapshot.
    pub reader: &'s SnapshotReader<'a>,
    /// The folder or file in it; paths are compared from there on.
    pub root: &'s [u8],
}

/// What is known of a path in one of the trees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The whole path.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Bytes of a file, 0 for others.
    pub size: u64,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Only in the new tree.
    Added(State),
    /// Only in the old tree.
    Removed(State),
    /// In both, with what differs.
    Changed(State, State, Vec<Aspect>),
    /// A file with content that has another path now.
    Renamed(State, State),
}

/// Sums over all differences.
#[derive(Debug, Default)]
pub struct DiffReport {
    /// Entries that were added.
    pub added: u64,
    /// Sizes of the files among them.
    pub added_bytes: u64,
    /// Entries that were removed.
    pub removed: u64,
    /// Sizes of the files among them.
    pub removed_bytes: u64,
    /// Entries whose content or kind differs.
    pub changed: u64,
    /// Sizes of these before.
    pub changed_old_bytes: u64,
    /// Sizes of these now.
    pub changed_new_bytes: u64,
    /// Entries of which only attributes differ.
    pub metadata: u64,
    /// Files that were renamed.
    pub renamed: u64,
    /// False when there were too many differences to look for what was renamed.
    pub renames_sought: bool,
    /// Hunks that were read.
    pub hunks: u64,
    /// Hunks of the new list that the old one has too and that were not read.
    pub shared: u64,
    /// The first part of a list that cannot be read. What is in its place is not compared.
    pub damage: Option<EngineError>,
}

/// Takes the differences, in the order of paths.
pub type DifferenceSink<'s> = dyn FnMut(Difference) -> Result<(), EngineError> + 's;

/// Compares two trees. Holds `held_max` differences at most.
pub fn diff(
    old: Side<'_, '_>,
    new: Side<'_, '_>,
    held_max: usize,
    sink: &mut DifferenceSink<'_>,
) -> Result<DiffReport, EngineError> {
    let (old_ids, new_ids) = (ids(old), ids(new));
    // Hunks hold whole paths: of folders at different places they have nothing in common that is known beforehand.
    let is_shared = |id: &ChunkId| old.root == new.root && old_ids.contains(id) && new_ids.contains(id);
    let mut merge = Merge {
        old: Cursor::new(old, is_shared),
        new: Cursor::new(new, is_shared),
        renames: Renames::new(held_max),
        report: DiffReport::default(),
    };
    merge.run(sink)?;
    let Merge { old, new, renames, mut report } = merge;
    report.renames_sought = renames.are_sought();
    renames.finish(&mut |difference| {
        count(&mut report, &difference);
        sink(difference)
    })?;
    report.hunks = old.read() + new.read();
    report.shared = new.shared();
    report.damage = old.into_damage().or(new.into_damage());
    Ok(report)
}

fn ids(side: Side<'_, '_>) -> HashSet<ChunkId> {
    let hunks = &side.reader.sealed().hunks[side.reader.hunks_within(side.root)];
    hunks.iter().map(|hunk| hunk.id).collect()
}

struct Merge<'s, 'a> {
    old: Cursor<'s, 'a>,
    new: Cursor<'s, 'a>,
    renames: Renames,
    report: DiffReport,
}

impl Merge<'_, '_> {
    fn run(&mut self, sink: &mut DifferenceSink<'_>) -> Result<(), EngineError> {
        let (mut left, mut right) = (self.old.next()?, self.new.next()?);
        loop {
            let order = match (&left, &right) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(old), Some(new)) => {
                    format::path::compare(self.old.relative(&old.path), self.new.relative(&new.path))
                }
            };
            let old = if order.is_le() { std::mem::replace(&mut left, self.old.next()?) } else { None };
            let new = if order.is_ge() { std::mem::replace(&mut right, self.new.next()?) } else { None };
            self.compare(old, new, sink)?;
        }
    }

    /// Compares what both trees have at one path.
    fn compare(
        &mut self,
        old: Option<Entry>,
        new: Option<Entry>,
        sink: &mut DifferenceSink<'_>,
    ) -> Result<(), EngineError> {
        let path = match (&old, &new) {
            (_, Some(entry)) => self.new.relative(&entry.path).to_vec(),
            (Some(entry), None) => self.old.relative(&entry.path).to_vec(),
            (None, None) => return Ok(()),
        };
        // Where one list cannot be read nobody knows what was there.
        let (is_old_lost, is_new_lost) = (self.old.is_lost(&path), self.new.is_lost(&path));
        if is_old_lost || is_new_lost {
            return Ok(());
        }
        let (difference, content) = match (old, new) {
            (Some(old), Some(new)) => {
                let differs = compare::aspects(&old, &new);
                if differs.is_empty() {
                    return Ok(());
                }
                (Difference::Changed(State::of(old), State::of(new), differs), None)
            }
            (Some(old), None) => {
                let content = compare::fingerprint(&old);
                (Difference::Removed(State::of(old)), content)
            }
            (None, Some(new)) => {
                let content = compare::fingerprint(&new);
                (Difference::Added(State::of(new)), content)
            }
            (None, None) => return Ok(()),
        };
        let report = &mut self.report;
        self.renames.push(difference, content, &mut |difference| {
            count(report, &difference);
            sink(difference)
        })
    }
}

impl State {
    fn of(entry: Entry) -> Self {
        Self { path: entry.path, kind: entry.kind, size: entry.size }
    }
}

impl Difference {
    /// Whether the entry is there as before but for its attributes.
    pub fn is_metadata_only(&self) -> bool {
        matches!(self, Self::Changed(_, _, differs) if differs.iter().all(|aspect| aspect.is_metadata()))
    }
}

fn count(report: &mut DiffReport, difference: &Difference) {
    match difference {
        Difference::Added(new) => {
            report.added += 1;
            report.added_bytes += new.size;
        }
        Difference::Removed(old) => {
            report.removed += 1;
            report.removed_bytes += old.size;
        }
        Difference::Renamed(..) => report.renamed += 1,
        Difference::Changed(..) if difference.is_metadata_only() => report.metadata += 1,
        Difference::Changed(old, new, _) => {
            report.changed += 1;
            report.changed_old_bytes += old.size;
            report.changed_new_bytes += new.size;
        }
    }
}
