//! The part of the vault's log that a run adds itself. Kept with the copy of the index, it spares the next run a
//! download: after a first backup that would be the whole index.

use format::pack::PackTable;
use format::segment::{PackRow, Segment, merge};
use model::LeaseId;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Ids that are held at most, 20 bytes each. What is beyond them the next run fetches.
const IDS_MAX: usize = 1 << 20;

/// Packs that the server has acknowledged, by the number of their entry in the log.
pub(super) struct OwnLog {
    incarnation: [u8; 16],
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    entries: BTreeMap<u64, Segment>,
    ids: usize,
}

impl OwnLog {
    /// Nothing yet, of the log of this incarnation.
    pub(super) fn new(incarnation: [u8; 16]) -> Self {
        Self { incarnation, held: Mutex::default() }
    }

    /// Notes that log entry `sequence` added a pack of so many bytes.
    pub(super) fn note(&self, table: &PackTable, lease: LeaseId, stored_bytes: u64, sequence: u64) {
        let row = PackRow::new(table, lease, stored_bytes, sequence);
        let entry = Segment::of_packs(self.incarnation, sequence, vec![(row, table)]);
        let mut held = self.lock();
        let ids = entry.data_ids.ids.len() + entry.hunk_ids.ids.len();
        if held.ids + ids <= IDS_MAX {
            held.ids += ids;
            held.entries.insert(sequence, entry);
        }
    }

    /// Takes the entries that follow entry `last` without a gap, as one segment. A gap is what others wrote meanwhile.
    pub(super) fn take_after(&self, last: u64) -> Option<Segment> {
        let held = std::mem::take(&mut *self.lock());
        let following = held.entries.into_iter().skip_while(|(number, _)| *number <= last);
        let entries: Vec<Segment> = (last + 1..)
            .zip(following)
            .take_while(|(due, (number, _))| due == number)
            .map(|(_, (_, entry))| entry)
            .collect();
        // Of nothing there is no segment.
        merge(&entries).ok()
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::frame::{Compressor, FrameBuilder, FrameContext, PackCipher, PackKind};
    use format::keys::Keyring;
    use format::pack::PackWriter;
    use model::{ChunkId, Custody, PackId, VaultId};

    fn table(number: u8) -> PackTable {
        let keyring = Keyring::create(VaultId::from_bytes([7; 16]), Custody::Managed);
        let context = FrameContext {
            vault: keyring.vault(),
            pack: PackId::from_bytes([number; 16]),
            kind: PackKind::Data,
            key_generation: keyring.current_generation(),
            salt: [number; 32],
        };
        let mut frame = FrameBuilder::new();
        frame.push(ChunkId::from_bytes([number; 16]), b"content");
        let cipher = PackCipher::new(&keyring, context).unwrap();
        let mut pack = PackWriter::new(context);
        pack.push(frame.seal(&cipher, 0, &mut Compressor::new(1)).unwrap(), Vec::new());
        pack.finish().1
    }

    fn log(sequences: &[u64]) -> OwnLog {
        let log = OwnLog::new([1; 16]);
        for sequence in sequences {
            log.note(&table(*sequence as u8), LeaseId::from_bytes([2; 16]), 100, *sequence);
        }
        log
    }

    fn interval(segment: Option<Segment>) -> Option<(u64, u64, usize)> {
        segment.map(|segment| (segment.from, segment.to, segment.packs.len()))
    }

    #[test]
    fn entries_come_as_one_segment_up_to_the_first_gap() {
        // Lanes are acknowledged in any order.
        assert_eq!(interval(log(&[6, 5, 7, 9]).take_after(4)), Some((5, 7, 3)));
        assert_eq!(interval(log(&[6, 7]).take_after(4)), None, "others wrote entry 5");
        assert_eq!(interval(log(&[]).take_after(4)), None);
        assert_eq!(interval(log(&[3, 5]).take_after(4)), Some((5, 5, 1)), "a pack that the log had before");
    }

    #[test]
    fn the_segment_is_the_one_that_the_server_would_send() {
        let lease = LeaseId::from_bytes([2; 16]);
        let served: Vec<Segment> = [5, 6]
            .map(|sequence| {
                let table = table(sequence as u8);
                let row = PackRow::new(&table, lease, 100, sequence);
                Segment::of_packs([1; 16], sequence, vec![(row, &table)])
            })
            .into();
        assert_eq!(log(&[6, 5]).take_after(4), Some(merge(&served).unwrap()));
    }
}
