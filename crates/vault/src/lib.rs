//! The server's side of a vault over an object store: packs, log, snapshots, cleanup, verification.
//! It has no keys, no database and no network; all calls block. The documents in `docs/format/` are normative.
//!
//! # Why cleanup never removes what a commit refers to
//!
//! Two orders matter, and [`Hold`]s make them visible. A caller takes a hold
//!
//! * before it reads [`Vault::position`] for a new lease, and returns it when the lease is recorded;
//! * before it checks a lease for a commit, and returns it when the record is durable and known to its database.
//!
//! Cleanup never blocks these; it waits for holds that were given out before it asked (*drains*). A sweep
//!
//! 1. copies the log, whose last number is then *s*;
//! 2. drains;
//! 3. asks for the live leases; *e* is the smallest of their epochs and *s*;
//! 4. drains;
//! 5. lists the snapshots, removes those whose time is over, and marks what the others refer to;
//! 6. removes frames that were condemned by a number *c* ≤ *e* and in which nothing is marked.
//!
//! Let a commit refer to such a frame, and let it become durable too late for the list of step 5. Its hold was taken
//! after step 4 began, or step 4 had waited for it. So its lease was seen alive after step 3. If the lease was among
//! those of step 3, its epoch is at least *e*. If it was not, it was recorded after step 3; then its hold was taken
//! after step 2 began, and the epoch that it read is at least *s*, since numbers only grow. In both cases *c* is not
//! greater than its epoch, and rule 1 of `docs/format/cleanup.md` refuses the commit: while the log in memory lists the
//! frame it lists it as condemned by *c*, and afterwards the frame is missing.
//!
//! A snapshot whose time is over is never brought back once it is removed, so what it alone refers to need not be
//! marked.
//!
//! A mark pass only condemns. It copies the log before it asks for leases, so packs that later leases upload are not
//! looked at, and it lists snapshots last, so what a lease that has just ended committed is marked. If it condemns too
//! much all the same, the sweep marks again before it removes anything.
//!
//! The same holds whatever the numbers mean, so it survives a rebuilt index: what rule 1 accepts (*c* > epoch) and what
//! a sweep may remove (*c* ≤ epoch) exclude each other for every lease.
//!
//! # Who runs with whom
//!
//! | lock | held by | meanwhile waits or is refused |
//! |---|---|---|
//! | hold | grants and commits of the caller | a cleanup pass, in its three drains |
//! | claim of a pack, shared | an upload of it, from first byte to log entry | removal and rewriting of this pack: skipped |
//! | claim of a pack, alone | removal, rewriting, clearing of debris | uploads of this pack wait |
//! | `writer` of the log | one append, with its write to the store | other appends |
//! | `state` of the log, read | any look at rows, for microseconds; one list of ranges during a check | an append, before it becomes visible |
//! | `state` of the log, write | an append, merge or rebuild that is durable already | looks at rows |
//! | `merging` | a merge or a rebuild | a second merge: `Busy` |
//! | `cleaning` | a mark, a sweep or a rebuild | a second one: `Busy` |
//! | `known` of the snapshots | listing, commit, delete, undelete, purge, withdraw, new labels | each other |
//!
//! Uploads, look-ups, reads, commits, merges, verification and one cleanup pass run at the same time. Locks are taken
//! in the order `cleaning`, claims, `known`, `merging`, `writer`, `state`; caches are leaves. Nobody waits for a claim
//! while holding a lock.
//!
//! Several processes may open one vault for reading and uploading: numbers are taken create-only, and who finds a
//! number taken reads the log anew. Cleanup must run in one process at a time, holds reach only the callers of that
//! process, and the grace time has to cover what others have under way.
//!
//! # What is kept in memory
//!
//! | what | bound |
//! |---|---|
//! | rows of the log | about 150 bytes per pack and 32 per frame, no ids: 35 MB for a terabyte of packs |
//! | ids for look-ups | 64 MiB and one segment |
//! | tables of open packs | 64 MiB, 256 packs, and those in use |
//! | reach of snapshots | 32 MiB |
//! | list of snapshots | about 250 bytes each |
//! | an upload | 1 MiB and the pack's table (at most 40 MiB as bytes; to finish it takes up to 8 times that, which the caller bounds by `PackReceiver::finish_bytes`) |
//! | reading frames | 2 MiB a reader, or one frame; twice that while it reads |
//! | a commit | the record, 24 bytes per distinct hunk, 65,536 missing frames |
//! | marking | one bit per chunk and 4 bytes per frame; two copies of the log that share their rows with it |
//! | merging | segments of 128 MiB together, about four times over; a rebuild the tables of 256 packs, of 64 MiB together, and what they become |
//! | opening | of one segment all but its data ids |
//! | serving a segment | what is read of it at once; without its data ids the rest of it |
//! | verification | 24 bytes per distinct hunk, and what is damaged |

mod claims;
mod cleanup;
mod damage;
mod error;
mod gate;
mod keys;
mod labels;
mod locks;
mod log;
mod lru;
mod names;
mod objects;
mod packs;
mod reach;
mod record;
mod snapshots;
mod stats;
mod vault;
mod verify;

pub use cleanup::{CleanupOptions, FrameCount, Leftovers, MarkReport, Registry, SweepReport};
pub use damage::Condition;
pub use error::{BoxError, Error, LogProblem, PackFault, Refusal, SnapshotFault};
pub use gate::Hold;
pub use log::{MergeReport, Position, RebuildReport, SegmentBytes, Segments};
pub use names::{Holder, ParseHolderError};
pub use packs::{FrameAnswer, FrameFailure, Frames, PackReceipt, PackReceiver, Scope};
pub use record::{RecordFault, read_record};
pub use snapshots::{
    CheckedSnapshot, CommitReceipt, Deleted, LeaseGrant, MISSING_MAX, SnapshotInfo, SnapshotList,
};
pub use stats::{ObjectCount, PackCount, VaultStats};
pub use vault::Vault;
pub use verify::{Damage, DamageKind, VerifyProgress, VerifyReport};

use model::PackId;
use std::fmt;

/// A frame's name: its pack and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FrameId {
    /// The pack.
    pub pack: PackId,
    /// The frame's number.
    pub frame: u32,
}

impl fmt::Display for FrameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.pack, self.frame)
    }
}
