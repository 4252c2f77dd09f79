//! The names of one folder, from any position on.

use super::{Browser, Found};
use crate::EngineError;
use crate::reader::children::{child_hunks, is_child};
use format::entry::{Entry, EntryKind};
use format::path;
use model::SnapshotId;
use std::sync::Arc;

/// Low bits of a position: the place in a hunk, counted from 1. The others are the hunk's number, counted from 1.
const PLACE_BITS: u32 = 24;
/// The hunk of a position that stands for names that only roots below imply.
const IMPLIED: u64 = 1 << 32;

/// A name in a folder.
#[derive(Debug)]
pub enum Name<'n> {
    /// With its entry.
    Entry(&'n Found),
    /// A folder above a folder of the set, of which the list has no entry.
    Implied(&'n [u8]),
}

/// False for the continuation of a file.
pub(super) fn is_name(entry: &Entry) -> bool {
    entry.kind != EntryKind::Continuation
}

impl Browser<'_> {
    /// Gives the names of `folder` behind the position `after` (0: all) with the position after each, until `take` says
    /// that it has enough. A part of the list that cannot be read is passed over; when nothing is left behind `after`
    /// and there was such a part, that is the error.
    pub fn list(
        &self,
        snapshot: SnapshotId,
        folder: &[u8],
        after: u64,
        take: &mut dyn FnMut(Name<'_>, u64) -> bool,
    ) -> Result<(), EngineError> {
        let opened = self.snapshot(snapshot)?;
        let reader = &opened.reader;
        let hunks = &reader.sealed().hunks;
        let first_path = |number: usize| hunks.get(number).map(|hunk| &hunk.first_path[..]);
        let mut damaged = None;
        let mut any = false;
        let mut within = reader.hunks_within(folder);
        if !opened.has_damage() {
            let reached = usize::try_from(after >> PLACE_BITS).unwrap_or(usize::MAX).saturating_sub(1);
            within.start = within.start.max(reached.min(within.end));
        }
        for number in child_hunks(folder, within, first_path) {
            let place = (number as u64 + 1) << PLACE_BITS;
            let is_through = after >= place + (1 << PLACE_BITS);
            if is_through && !opened.is_damaged(number) {
                continue;
            }
            let hunk = match self.hunks.get(&opened, number) {
                Ok(hunk) => hunk,
                Err(error @ EngineError::Damaged { .. }) => {
                    damaged.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if is_through {
                continue;
            }
            let from = after.saturating_sub(place) as usize;
            for at in from..hunk.len() {
                let entry = &hunk[at];
                if is_name(entry) && is_child(&entry.path, folder) {
                    any = true;
                    let found = Found { hunk: Arc::clone(&hunk), at };
                    if !take(Name::Entry(&found), place + at as u64 + 1) {
                        return Ok(());
                    }
                }
            }
        }
        let seen = after.saturating_sub(IMPLIED << PLACE_BITS) as usize;
        let implied = self.implied(snapshot, folder, &reader.sealed().paths)?;
        for (at, child) in implied.iter().enumerate().skip(seen) {
            any = true;
            if !take(Name::Implied(child), (IMPLIED << PLACE_BITS) + at as u64 + 1) {
                return Ok(());
            }
        }
        damaged.filter(|_| !any).map_or(Ok(()), Err)
    }

    /// Children of `folder` that have no entry although a root lies below them.
    fn implied(
        &self,
        snapshot: SnapshotId,
        folder: &[u8],
        roots: &[Vec<u8>],
    ) -> Result<Vec<Vec<u8>>, EngineError> {
        let mut children: Vec<Vec<u8>> = Vec::new();
        for root in roots.iter().filter(|root| *root != folder && path::is_within(root, folder)) {
            let mut child = &root[..];
            while let Some(parent) = path::parent(child).filter(|parent| *parent != folder) {
                child = parent;
            }
            if child != root && !children.iter().any(|known| known == child) {
                children.push(child.to_vec());
            }
        }
        let mut implied = Vec::new();
        for child in children {
            match self.find(snapshot, &child) {
                Ok(Some(_)) => {}
                Ok(None) | Err(EngineError::Damaged { .. }) => implied.push(child),
                Err(error) => return Err(error),
            }
        }
        Ok(implied)
    }
}
