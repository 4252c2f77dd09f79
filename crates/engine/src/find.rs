//! Finds entries in many snapshots. Snapshots share hunks, so each distinct hunk is fetched and decoded once, and what
//! it holds counts for every snapshot that refers to it. Only entries that match are held, and an id for each hunk.

use crate::EngineError;
use crate::reader::SnapshotReader;
use crate::remote::Remote;
use format::entry::{Entry, EntryKind, FileTime};
use format::keys::Keyring;
use format::path;
use format::ranges::{Address, RangeList};
use model::{ChunkId, DeviceId, SnapshotId};
use std::collections::{HashMap, HashSet};

mod filter;
pub use filter::{Filter, Pattern};

/// A snapshot to look in.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// Its device: equal paths of two devices are not the same file.
    pub device: DeviceId,
}

/// One state of a path. Two snapshots hold the same version when all of this is equal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// What it is.
    pub kind: EntryKind,
    /// Last change of the content.
    pub modified: FileTime,
    /// Bytes of a file, 0 for others.
    pub size: u64,
    /// Target of a symbolic link.
    pub target: Option<Vec<u8>>,
    /// Stands for where its content lies; a file that was written anew within the same second differs here.
    content: Option<[u8; 16]>,
}

/// The snapshots that hold a version, as places in the list that was searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first.
    pub first: usize,
    /// The last.
    pub last: usize,
    /// How many there are.
    pub count: u64,
}

/// A path of a device with all its versions, the one that was there last first.
#[derive(Debug)]
pub struct Found {
    /// The path.
    pub path: Vec<u8>,
    /// The device.
    pub device: DeviceId,
    /// Its versions that match.
    pub versions: Vec<(Version, Span)>,
}

/// What a search found, and what it took.
#[derive(Debug, Default)]
pub struct FindReport {
    /// What matches, in the order of paths.
    pub found: Vec<Found>,
    /// Distinct hunks that were fetched and decoded.
    pub hunks: u64,
    /// References to hunks that were decoded for another snapshot.
    pub shared: u64,
    /// Snapshots and parts of their lists that cannot be read.
    pub damaged: u64,
    /// The first of them.
    pub damage: Option<EngineError>,
}

/// Looks for what `filter` wants in these snapshots, the oldest first.
pub fn find(
    remote: &dyn Remote,
    keyring: &Keyring,
    places: &[Place],
    filter: &Filter,
) -> Result<FindReport, EngineError> {
    let mut search = Search::new(filter);
    for (at, place) in places.iter().enumerate() {
        match search.look(remote, keyring, at, *place) {
            Ok(()) => {}
            // The others can be read all the same.
            Err(error) if matches!(error, EngineError::Damaged { .. }) || error.code().is_data_lost() => {
                search.note(error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(search.finish(places))
}

struct Search<'f> {
    filter: &'f Filter,
    /// Matches by what they are; each has a number.
    matches: HashMap<(Vec<u8>, Version), u32>,
    hunks: HashMap<ChunkId, Seen>,
    /// Places of hunks that cannot be read: the same hunk may lie at another place too.
    bad: HashSet<Address>,
    report: FindReport,
}

/// A hunk that a snapshot refers to.
#[derive(Default)]
struct Seen {
    /// The numbers of its matches; `None` while it could not be read.
    matches: Option<Box<[u32]>>,
    /// The snapshots that refer to it, by device.
    spans: Vec<(DeviceId, Span)>,
}

impl<'f> Search<'f> {
    fn new(filter: &'f Filter) -> Self {
        Self {
            filter,
            matches: HashMap::new(),
            hunks: HashMap::new(),
            bad: HashSet::new(),
            report: FindReport::default(),
        }
    }

    fn look(
        &mut self,
        remote: &dyn Remote,
        keyring: &Keyring,
        at: usize,
        place: Place,
    ) -> Result<(), EngineError> {
        let reader = SnapshotReader::open(remote, keyring, place.snapshot)?;
        let (refs, addresses) = (&reader.sealed().hunks, reader.hunk_addresses());
        let mut wanted = Vec::new();
        for number in self.filter.hunks(&reader) {
            let seen = self.hunks.entry(refs[number].id).or_default();
            note_span(&mut seen.spans, place.device, Span { first: at, last: at, count: 1 });
            match seen.matches {
                Some(_) => self.report.shared += 1,
                None if !self.bad.contains(&addresses[number]) => wanted.push(number),
                None => {}
            }
        }
        reader.visit_hunks(&wanted, &mut |number, hunk| {
            match hunk {
                Ok(hunk) => {
                    self.report.hunks += 1;
                    let numbers = hunk.entries.into_iter().filter_map(|entry| self.number(entry)).collect();
                    self.hunks.entry(refs[number].id).or_default().matches = Some(numbers);
                }
                Err(error @ EngineError::Damaged { .. }) => {
                    self.bad.insert(addresses[number]);
                    self.report.damage.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
            Ok(())
        })
    }

    /// The number of an entry that matches.
    fn number(&mut self, entry: Entry) -> Option<u32> {
        if !self.filter.wants(&entry) {
            return None;
        }
        let next = self.matches.len() as u32;
        let version = Version::of(&entry);
        Some(*self.matches.entry((entry.path, version)).or_insert(next))
    }

    fn note(&mut self, error: EngineError) {
        self.report.damaged += 1;
        self.report.damage.get_or_insert(error);
    }

    /// Puts the matches of each hunk and the snapshots that refer to it together.
    fn finish(mut self, places: &[Place]) -> FindReport {
        let mut spans: HashMap<(u32, DeviceId), Span> = HashMap::new();
        for seen in self.hunks.values() {
            let Some(matches) = &seen.matches else {
                self.report.damaged += 1;
                continue;
            };
            for (device, span) in &seen.spans {
                for number in matches {
                    spans.entry((*number, *device)).and_modify(|known| known.join(*span)).or_insert(*span);
                }
            }
        }
        if self.report.damaged == 0 {
            // What is damaged in one place was read at another.
            self.report.damage = None;
        }
        let mut found: Vec<(&Vec<u8>, &Version)> = Vec::with_capacity(self.matches.len());
        let mut by_number: Vec<_> = self.matches.iter().collect();
        by_number.sort_unstable_by_key(|(_, number)| **number);
        found.extend(by_number.into_iter().map(|((path, version), _)| (path, version)));
        let mut order: HashMap<DeviceId, usize> = HashMap::new();
        for (at, place) in places.iter().enumerate() {
            order.entry(place.device).or_insert(at);
        }
        let mut all: Vec<((u32, DeviceId), Span)> = spans.into_iter().collect();
        all.sort_by(|(a, a_span), (b, b_span)| {
            let ((a_path, a_version), (b_path, b_version)) = (found[a.0 as usize], found[b.0 as usize]);
            let newest_first = (b_span.last, b_span.first, b_version.modified).cmp(&(
                a_span.last,
                a_span.first,
                a_version.modified,
            ));
            path::compare(a_path, b_path).then(order[&a.1].cmp(&order[&b.1])).then(newest_first)
        });
        for ((number, device), span) in all {
            let (path, version) = found[number as usize];
            match self.report.found.last_mut() {
                Some(last) if last.device == device && last.path == *path => {
                    last.versions.push((version.clone(), span));
                }
                _ => self.report.found.push(Found {
                    path: path.clone(),
                    device,
                    versions: vec![(version.clone(), span)],
                }),
            }
        }
        self.report
    }
}

impl Version {
    /// The state that this entry shows.
    pub fn of(entry: &Entry) -> Self {
        Self {
            kind: entry.kind,
            modified: entry.modified,
            size: entry.size,
            target: entry.rare.target.clone(),
            content: content(&entry.content),
        }
    }
}

impl Span {
    fn join(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count += other.count;
    }
}

/// Adds a snapshot to those that refer to a hunk.
fn note_span(spans: &mut Vec<(DeviceId, Span)>, device: DeviceId, span: Span) {
    match spans.iter_mut().find(|(known, _)| *known == device) {
        Some((_, known)) => known.join(span),
        None => spans.push((device, span)),
    }
}

/// Stands for a list of addresses; `None` for none.
fn content(ranges: &RangeList) -> Option<[u8; 16]> {
    if ranges.is_empty() {
        return None;
    }
    let mut bytes = Vec::new();
    ranges.encode(&mut bytes);
    blake3::hash(&bytes).as_bytes().first_chunk().copied()
}
