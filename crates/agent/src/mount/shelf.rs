//! Which snapshots there are, by device and set, and how that becomes known while the tree is mounted.

use super::names;
use crate::AgentError;
use crate::catalog::{self, Listed};
use crate::select::shown_digits;
use crate::session::Session;
use crate::text;
use model::{DeviceId, SetId, SnapshotId, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a list of snapshots is good before the server is asked again.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(5);
/// The same after the server did not answer: each time somebody waits for it.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// All that is shown.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub(super) devices: Vec<Device>,
}

/// Sets of a device.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) id: DeviceId,
    pub(super) name: Vec<u8>,
    pub(super) sets: Vec<Set>,
}

/// Snapshots of a set, the oldest first.
#[derive(Debug)]
pub(super) struct Set {
    pub(super) id: SetId,
    pub(super) name: Vec<u8>,
    pub(super) snapshots: Vec<Snapshot>,
    /// The place of the newest complete one.
    pub(super) latest: Option<usize>,
}

/// A snapshot's folder.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) id: SnapshotId,
    pub(super) name: Vec<u8>,
    pub(super) time: Timestamp,
}

impl Shelf {
    /// From a list of snapshots. One whose record is damaged tells no set and is left out.
    pub(super) fn of(mut listed: Vec<Listed>) -> Self {
        let digits = shown_digits(listed.iter().map(|listed| &listed.row));
        listed.sort_by_key(|listed| listed.row.sequence);
        let mut devices: BTreeMap<DeviceId, BTreeMap<SetId, Vec<Listed>>> = BTreeMap::new();
        for listed in listed.into_iter().filter(|listed| listed.names.is_some()) {
            let (device, set) = (listed.row.device, listed.row.set);
            devices.entry(device).or_default().entry(set).or_default().push(listed);
        }
        let device_name = |sets: &BTreeMap<SetId, Vec<Listed>>| {
            sets.values()
                .flatten()
                .max_by_key(|listed| listed.row.sequence)
                .map_or_else(Vec::new, |newest| newest.row.device_name.clone().into_bytes())
        };
        let raw: Vec<Vec<u8>> = devices.values().map(device_name).collect();
        let named = names::apart(raw.iter().map(Vec::as_slice).zip(devices.keys().map(ToString::to_string)));
        let all = devices.into_iter().zip(named);
        let mut devices: Vec<Device> =
            all.map(|((id, sets), name)| Device { id, name, sets: sets_of(sets, digits) }).collect();
        devices.sort_by(|a, b| a.name.cmp(&b.name));
        Self { devices }
    }

    pub(super) fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    pub(super) fn set(&self, device: DeviceId, id: SetId) -> Option<&Set> {
        self.device(device)?.sets.iter().find(|set| set.id == id)
    }

    pub(super) fn snapshot(&self, id: SnapshotId) -> Option<&Snapshot> {
        let sets = self.devices.iter().flat_map(|device| &device.sets);
        sets.flat_map(|set| &set.snapshots).find(|snapshot| snapshot.id == id)
    }
}

fn sets_of(sets: BTreeMap<SetId, Vec<Listed>>, digits: usize) -> Vec<Set> {
    let name_of = |listed: &[Listed]| {
        let newest = listed.last().and_then(|newest| newest.names.as_ref());
        newest.map_or_else(Vec::new, |names| names.set.0.clone())
    };
    let raw: Vec<Vec<u8>> = sets.values().map(|listed| name_of(listed)).collect();
    let named = names::apart(raw.iter().map(Vec::as_slice).zip(sets.keys().map(ToString::to_string)));
    let mut sets: Vec<Set> = sets
        .into_iter()
        .zip(named)
        .map(|((id, listed), name)| {
            let latest = listed.iter().rposition(|listed| listed.row.complete);
            let snapshots = listed.iter().map(|listed| {
                let row = &listed.row;
                let digits = &row.id.to_string()[..digits];
                let name = names::of_snapshot(row.time, digits, row.complete).into_bytes();
                Snapshot { id: row.id, name, time: row.time }
            });
            Set { id, name, snapshots: snapshots.collect(), latest }
        })
        .collect();
    sets.sort_by(|a, b| a.name.cmp(&b.name));
    sets
}

/// Which snapshots are wanted.
#[derive(Debug, Clone)]
pub(crate) struct Wish {
    /// Only those of sets with this name.
    pub(crate) set: Option<String>,
    /// Those of the user's other devices too.
    pub(crate) all: bool,
}

/// The present list, asked for again when it is used and no longer good.
#[derive(Debug)]
pub(crate) struct Shelves<'s> {
    session: &'s Session,
    pub(super) wish: Wish,
    present: Mutex<Arc<Shelf>>,
    /// When to ask again; held by the one who asks.
    due: Mutex<Instant>,
}

impl<'s> Shelves<'s> {
    /// Asks for the first time.
    pub(crate) fn open(session: &'s Session, wish: Wish) -> Result<Self, AgentError> {
        let first = load(session, &wish)?;
        let due = Mutex::new(Instant::now() + GOOD_FOR);
        Ok(Self { session, wish, present: Mutex::new(Arc::new(first)), due })
    }

    /// How many snapshots are shown at present.
    pub(crate) fn count(&self) -> usize {
        let shelf = self.now();
        let sets = shelf.devices.iter().flat_map(|device| &device.sets);
        sets.map(|set| set.snapshots.len()).sum()
    }

    /// This machine's device.
    pub(super) const fn own(&self) -> DeviceId {
        self.session.identity.device
    }

    /// The list as it was last.
    pub(super) fn now(&self) -> Arc<Shelf> {
        Arc::clone(&self.present.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The list, asked for again when it is due. While one waits for the server the others go by what is known.
    pub(super) fn fresh(&self) -> Arc<Shelf> {
        if let Ok(mut due) = self.due.try_lock()
            && Instant::now() >= *due
        {
            let wait = match load(self.session, &self.wish) {
                Ok(shelf) => {
                    *self.present.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(shelf);
                    GOOD_FOR
                }
                Err(error) => {
                    let error = text::escaped_lines(&error.to_string());
                    tracing::warn!(error, "new snapshots cannot be asked for");
                    AFTER_FAILURE
                }
            };
            *due = Instant::now() + wait;
        }
        self.now()
    }
}

fn load(session: &Session, wish: &Wish) -> Result<Shelf, AgentError> {
    let own = session.identity.device;
    let mut listed = catalog::list(session, |row| wish.all || row.device == own)?;
    if let Some(wanted) = &wish.set {
        listed.retain(|listed| listed.names.as_ref().is_some_and(|names| names.set.0 == wanted.as_bytes()));
    }
    Ok(Shelf::of(listed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::cache::SealedNames;
    use api::Blob;
    use api::runs::SnapshotRow;

    fn listed(device: DeviceId, device_name: &str, set: &str, sequence: u64, complete: bool) -> Listed {
        let row = SnapshotRow {
            id: SnapshotId::random(),
            device,
            device_name: device_name.to_owned(),
            set: format::snapshot::ClearPart::set_id(device, set.as_bytes()),
            sequence,
            time: Timestamp::from_secs(sequence as i64),
            complete,
            files: 0,
            bytes: 0,
            findings: 0,
        };
        let names =
            SealedNames { set: Blob(set.into()), device_name: Blob(device_name.into()), paths: Vec::new() };
        Listed { row, names: Some(names) }
    }

    #[test]
    fn snapshots_stand_by_device_and_set_in_order() {
        let (here, there) = (DeviceId::random(), DeviceId::random());
        let mut damaged = listed(here, "laptop", "work", 9, true);
        damaged.names = None;
        let shelf = Shelf::of(vec![
            listed(here, "laptop", "work", 4, false),
            listed(here, "laptop", "work", 2, true),
            damaged,
            listed(here, "laptop", "Documents", 3, false),
            listed(there, "laptop", "work", 1, true),
        ]);
        assert_eq!(shelf.devices.len(), 2);
        assert!(shelf.devices[0].name != shelf.devices[1].name);
        let device = shelf.device(here).unwrap();
        let sets: Vec<_> =
            device.sets.iter().map(|set| (&set.name[..], set.snapshots.len(), set.latest)).collect();
        assert_eq!(sets, [(&b"Documents"[..], 1, None), (b"work", 2, Some(0))]);
        let work = &device.sets[1];
        assert!(work.snapshots[0].time < work.snapshots[1].time);
        assert!(work.snapshots[1].name.ends_with(b" incomplete"));
        assert_eq!(shelf.snapshot(work.snapshots[0].id).unwrap().name, work.snapshots[0].name);
        assert!(shelf.set(there, work.id).is_none());
    }
}
