//! Numbers of what the kernel knows of the tree. A number follows from what it stands for, so that it is the same when
//! the kernel has forgotten it in between: programs tell files apart by it.

use engine::browse::LinkKey;
use model::{DeviceId, SetId, SnapshotId};
use platform::fuse::TOP;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A place in the tree.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Place {
    Top,
    Device(DeviceId),
    Set(DeviceId, SetId),
    /// The link to the newest snapshot of a set.
    Latest(DeviceId, SetId),
    /// A path in a snapshot; `/` is the snapshot's own folder.
    Inside(SnapshotId, Arc<[u8]>),
}

/// Nodes that the kernel knows.
#[derive(Debug, Default)]
pub(super) struct Nodes(Mutex<HashMap<u64, Node>>);

#[derive(Debug)]
struct Node {
    place: Place,
    link: Option<(SnapshotId, LinkKey)>,
    /// How often the kernel was told of it.
    known: u64,
}

impl Node {
    /// All names of one file are one node.
    fn is(&self, place: &Place, link: Option<&(SnapshotId, LinkKey)>) -> bool {
        match (&self.link, link) {
            (Some(known), Some(link)) => known == link,
            (None, None) => self.place == *place,
            _ => false,
        }
    }
}

impl Nodes {
    /// The number of a place, which the kernel is told of `times` times more. Names of one file share `link`.
    pub(super) fn number(&self, place: &Place, link: Option<LinkKey>, times: u64) -> u64 {
        if *place == Place::Top {
            return TOP;
        }
        let link = match place {
            Place::Inside(snapshot, _) => link.map(|link| (*snapshot, link)),
            _ => None,
        };
        let mut number = hash(place, link.as_ref());
        let mut nodes = self.lock();
        loop {
            match nodes.get_mut(&number) {
                Some(node) if node.is(place, link.as_ref()) => {
                    node.known += times;
                    return number;
                }
                // Another one has this number while it is known.
                Some(_) => number = next(number),
                None => {
                    if times > 0 {
                        nodes.insert(number, Node { place: place.clone(), link, known: times });
                    }
                    return number;
                }
            }
        }
    }

    /// What a number that the kernel knows stands for.
    pub(super) fn place(&self, number: u64) -> Option<Place> {
        if number == TOP {
            return Some(Place::Top);
        }
        self.lock().get(&number).map(|node| node.place.clone())
    }

    pub(super) fn forget(&self, number: u64, times: u64) {
        let mut nodes = self.lock();
        if let Some(node) = nodes.get_mut(&number) {
            node.known = node.known.saturating_sub(times);
            if node.known == 0 {
                nodes.remove(&number);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Node>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hash(place: &Place, link: Option<&(SnapshotId, LinkKey)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    match link {
        Some(link) => link.hash(&mut hasher),
        None => place.hash(&mut hasher),
    }
    next(hasher.finish().wrapping_sub(1))
}

/// The number that follows: none, and that of the top, stand for nothing else.
const fn next(number: u64) -> u64 {
    match number.wrapping_add(1) {
        0 | TOP => TOP + 1,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::entry::{Entry, EntryKind, FileTime, Owner, Rare, flags};

    fn link(ino: u64) -> Option<LinkKey> {
        engine::browse::link_key(&Entry {
            path: b"/a".to_vec(),
            kind: EntryKind::File,
            flags: flags::HARD_LINK,
            mode: 0,
            owner: Arc::new(Owner::default()),
            modified: FileTime::default(),
            changed: FileTime::default(),
            dev: 1,
            ino,
            size: 0,
            class: 0,
            rare: Rare::default(),
            content: format::ranges::RangeList::new(),
        })
    }

    #[test]
    fn a_node_lives_as_long_as_the_kernel_knows_it_and_keeps_its_number() {
        let nodes = Nodes::default();
        let place = Place::Inside(SnapshotId::random(), b"/a".as_slice().into());
        let number = nodes.number(&place, None, 0);
        assert_eq!(nodes.place(number), None, "the kernel was not told");
        assert_eq!(nodes.number(&place, None, 1), number);
        assert_eq!(nodes.number(&place, None, 2), number);
        nodes.forget(number, 2);
        assert_eq!(nodes.place(number), Some(place.clone()));
        nodes.forget(number, 1);
        assert_eq!(nodes.place(number), None);
        assert_eq!(nodes.number(&place, None, 1), number);
        assert_eq!((nodes.place(TOP), nodes.number(&Place::Top, None, 1)), (Some(Place::Top), TOP));
    }

    #[test]
    fn names_of_one_file_share_a_number_within_their_snapshot() {
        let nodes = Nodes::default();
        let snapshot = SnapshotId::random();
        let inside = |snapshot, path: &[u8]| Place::Inside(snapshot, path.into());
        let a = nodes.number(&inside(snapshot, b"/a"), link(7), 1);
        assert_eq!(nodes.number(&inside(snapshot, b"/b"), link(7), 1), a);
        assert_ne!(nodes.number(&inside(snapshot, b"/b"), link(8), 1), a);
        assert_ne!(nodes.number(&inside(SnapshotId::random(), b"/a"), link(7), 1), a);
        nodes.forget(a, 1);
        assert!(nodes.place(a).is_some());
    }

    #[test]
    fn two_places_with_one_number_are_told_apart() {
        let nodes = Nodes::default();
        let (one, other) = (Place::Device(DeviceId::random()), Place::Device(DeviceId::random()));
        let number = nodes.number(&one, None, 1);
        // As if both had the same hash.
        nodes.lock().insert(hash(&other, None), Node { place: one, link: None, known: 1 });
        let second = nodes.number(&other, None, 1);
        assert_eq!(second, next(hash(&other, None)));
        assert_eq!((nodes.place(second), number == second), (Some(other), false));
        assert_eq!([u64::MAX, 0].map(next), [2, 2]);
    }
}
