//! The second half of a verification: every range of every snapshot, and which snapshots need what is damaged.

use super::{DamageKind, Damages, Run};
use crate::damage::is_damage;
use crate::reach::{by_pack, references};
use crate::{Error, FrameId};
use format::frame::PackKind;
use format::ranges::{Address, Range};
use format::snapshot::SnapshotRecord;
use model::{PackId, SnapshotId};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// A damage that a range touches.
type Touched = (PackId, Option<u32>, DamageKind);

/// What is known of the hunks that were looked at: the damages that each touches, for those that touch any.
#[derive(Default)]
struct Hunks {
    seen: HashSet<Address>,
    touched: HashMap<Address, Vec<Touched>>,
}

impl Run<'_> {
    pub(super) fn snapshots(&mut self) -> Result<ControlFlow<()>, Error> {
        let mut hunks = Hunks::default();
        for info in self.listed()? {
            let record = match self.vault.read_snapshot(info.id) {
                Ok((_, record)) => Some(record),
                Err(Error::SnapshotUnknown { .. }) => None,
                Err(Error::Damaged { .. }) => {
                    self.report.unreadable_snapshots.push(info.id);
                    None
                }
                Err(error) => return Err(error),
            };
            if let Some(record) = record {
                self.snapshot(info.id, &record, &mut hunks)?;
                self.report.snapshots += 1;
            }
            self.progress.snapshots += 1;
            if (self.tell)(&self.progress).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn snapshot(&mut self, id: SnapshotId, record: &SnapshotRecord, hunks: &mut Hunks) -> Result<(), Error> {
        let mut found = HashSet::new();
        for range in record.clear.hunks.as_slice() {
            found.extend(self.touch(range, PackKind::Hunk)?);
        }
        for (pack, places) in by_pack(&record.clear.hunks) {
            let unseen =
                places.iter().map(|(frame, ordinal)| Address { pack, frame: *frame, ordinal: *ordinal });
            let unseen: Vec<Address> = unseen.filter(|address| hunks.seen.insert(*address)).collect();
            if !unseen.is_empty() {
                self.look_into(pack, &unseen, hunks)?;
            }
            let touched = places.iter().filter_map(|(frame, ordinal)| {
                hunks.touched.get(&Address { pack, frame: *frame, ordinal: *ordinal })
            });
            found.extend(touched.flatten().copied());
        }
        if found.is_empty() || !self.vault.objects.exists(&self.vault.objects.names.snapshot(id)?)? {
            // A snapshot that was removed meanwhile may well miss something.
            return Ok(());
        }
        for touched in found {
            self.damages.entry(touched).or_default().insert(id);
        }
        Ok(())
    }

    /// Finds out what these hunks of one pack touch.
    fn look_into(&mut self, pack: PackId, addresses: &[Address], hunks: &mut Hunks) -> Result<(), Error> {
        let file = match self.vault.open_pack(pack) {
            Ok(file) => file,
            // The pack is among the damages already, and the range that names it touches that.
            Err(error) if is_damage(&error) => return Ok(()),
            Err(error) => return Err(error),
        };
        for address in addresses {
            let mut touched = HashSet::new();
            match references(&file, address.frame, address.ordinal) {
                Some(list) => {
                    for range in list.as_slice() {
                        touched.extend(self.touch(range, PackKind::Data)?);
                    }
                }
                None => {
                    touched.insert((pack, Some(address.frame), DamageKind::OutOfRange));
                }
            }
            if !touched.is_empty() {
                hunks.touched.insert(*address, touched.into_iter().collect());
            }
        }
        Ok(())
    }

    /// The damages that a range touches: those found in packs, and its own.
    fn touch(&self, range: &Range, kind: PackKind) -> Result<Vec<Touched>, Error> {
        let id = FrameId { pack: range.pack, frame: range.frame };
        // Today's log: the snapshot may be younger than the one that the packs were looked at by.
        let own = self.vault.log.with(|state| {
            let Some(pack) = state.packs.get(&range.pack) else { return Some(DamageKind::NotInLog) };
            let Some(frame) = pack.frame(range.frame) else { return Some(DamageKind::NotInLog) };
            let fits = u64::from(range.first) + u64::from(range.count) <= u64::from(frame.chunks);
            (pack.kind != kind || !fits).then_some(DamageKind::OutOfRange)
        })?;
        let mut touched: Vec<Touched> = known(&self.damages, id);
        touched.extend(own.map(|kind| (id.pack, Some(id.frame), kind)));
        Ok(touched)
    }
}

fn known(damages: &Damages, id: FrameId) -> Vec<Touched> {
    if damages.is_empty() {
        return Vec::new();
    }
    let kinds = [DamageKind::PackMissing, DamageKind::PackDamaged].map(|kind| (id.pack, None, kind));
    let frames =
        [DamageKind::FrameMissing, DamageKind::FrameDamaged].map(|kind| (id.pack, Some(id.frame), kind));
    kinds.into_iter().chain(frames).filter(|key| damages.contains_key(key)).collect()
}
