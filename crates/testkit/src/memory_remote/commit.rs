//! What the server in memory checks before it takes a snapshot: the rules of `docs/format/cleanup.md`.

use super::{FrameName, Grant, Snapshot, State, refusal};
use engine::remote::RemoteError;
use format::frame::PackKind;
use format::ranges::Range;
use format::snapshot::SnapshotRecord;
use model::{Code, Damaged, SnapshotId, Timestamp, VaultId};
use std::collections::HashSet;

/// The snapshot as it will be stored, but for its number and time.
pub(super) fn check(
    state: &State,
    grant: &Grant,
    vault: VaultId,
    id: SnapshotId,
    record: &[u8],
) -> Result<Snapshot, RemoteError> {
    let invalid = |detail: String| refusal(Code::SnapshotInvalid, detail);
    let clear = SnapshotRecord::decode(record).map_err(|error| invalid(error.to_string()))?.clear;
    if clear.snapshot != id || clear.vault != vault || clear.set != grant.set {
        return Err(invalid("its ids are of another snapshot, vault or set".to_owned()));
    }
    let base = clear.base.and_then(|base| state.snapshots.iter().find(|known| known.id == base));
    let base = base.filter(|base| base.set == clear.set && !base.deleted);
    let nothing = HashSet::new();
    let of_base = base.map_or(&nothing, |base| &base.frames);

    let mut frames = HashSet::new();
    let mut missing = HashSet::new();
    for range in clear.hunks.as_slice() {
        if !may_refer(state, grant, of_base, range, PackKind::Hunk) {
            missing.insert((range.pack, range.frame));
            continue;
        }
        frames.insert((range.pack, range.frame));
        let row = state.packs.get(&range.pack).and_then(|pack| pack.table.frame(range.frame));
        let lists = row.map_or(&[][..], |row| &row.references);
        for range in lists
            .iter()
            .skip(range.first as usize)
            .take(range.count as usize)
            .flat_map(format::ranges::RangeList::as_slice)
        {
            if may_refer(state, grant, of_base, range, PackKind::Data) {
                frames.insert((range.pack, range.frame));
            } else {
                missing.insert((range.pack, range.frame));
            }
        }
    }
    if !missing.is_empty() {
        let mut error = refusal(Code::RangesMissing, "frames may not be referred to");
        error.missing = missing.into_iter().collect();
        error.missing.sort_unstable();
        return Err(error);
    }
    Ok(Snapshot {
        id,
        set: clear.set,
        sequence: 0,
        time: Timestamp::default(),
        complete: clear.complete,
        record: record.to_vec(),
        frames,
        deleted: false,
    })
}

fn may_refer(
    state: &State,
    grant: &Grant,
    of_base: &HashSet<FrameName>,
    range: &Range,
    kind: PackKind,
) -> bool {
    let Some(pack) = state.packs.get(&range.pack).filter(|pack| pack.row.kind == kind) else { return false };
    let Some(frame) = pack.row.frame(range.frame) else { return false };
    let is_there = u64::from(range.first) + u64::from(range.count) <= u64::from(frame.chunks);
    let not_condemned = frame.condemned == 0 || frame.condemned > grant.epoch;
    let not_retired =
        frame.retired == 0 || frame.retired > grant.epoch || of_base.contains(&(range.pack, range.frame));
    let is_good = !Damaged::is_in(&state.damaged, range.pack, range.frame);
    is_there && is_good && not_condemned && not_retired
}
