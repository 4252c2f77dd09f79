//! Bounds of the format. A decoder checks them before it takes memory.

/// Content of a frame at which it is closed in vaults that are made now, in bytes.
pub const FRAME_TARGET: usize = 2 << 20;
/// Content of a frame at most, in bytes.
pub const FRAME_CONTENT_MAX: usize = 4 << 20;
/// Chunks of a frame at most.
pub const FRAME_CHUNKS_MAX: usize = 16_384;
/// Ciphertext of a frame at most: content, its list of lengths (3 bytes each), method and length, tag.
pub const FRAME_SEALED_MAX: usize = FRAME_CONTENT_MAX + 3 * FRAME_CHUNKS_MAX + 5 + 16;
/// Size of a pack, table included, at which it is closed, in bytes.
pub const PACK_TARGET: usize = 16 << 20;
/// A pack at most, in bytes.
pub const PACK_MAX: usize = 40 << 20;
/// Generation of a pack at most.
pub const PACK_GENERATION_MAX: u32 = u32::MAX - 1;
/// Frames of a pack at most.
pub const PACK_FRAMES_MAX: usize = 8_192;
/// Table of a pack at most, in bytes.
pub const PACK_TABLE_MAX: usize = 80 << 20;
/// Entries of a hunk at least, before its cut is looked for.
pub const HUNK_ENTRIES_MIN: usize = 300;
/// Entries of a hunk at most.
pub const HUNK_ENTRIES_MAX: usize = 1_000;
/// One in this many paths ends a hunk.
pub const HUNK_CUT_MODULUS: u32 = 300;
/// Encoded size of a hunk at which it ends, in bytes.
pub const HUNK_TARGET: usize = 512 << 10;
/// Encoded size of a hunk at most, in bytes.
pub const HUNK_MAX: usize = FRAME_CONTENT_MAX;
/// Paths of a hunk, written out in full, at which it ends, in bytes.
pub const HUNK_PATHS_TARGET: usize = 32 << 20;
/// Paths of a hunk, written out in full, at most, in bytes.
pub const HUNK_PATHS_MAX: usize = 64 << 20;
/// Ranges that the entries of a hunk refer to at most; also the most that one entry may hold.
pub const HUNK_RANGES_MAX: usize = 65_536;
/// Extended attributes and link target of one entry at most, in bytes.
pub const ENTRY_RARE_MAX: usize = 1 << 20;
/// Runs of data that a writer lists for one sparse file at most, so that a hunk stays below its bound.
pub const ENTRY_RUNS_MAX: usize = 65_536;
/// Name of a user or group that a writer keeps at most, in bytes.
pub const OWNER_NAME_MAX: usize = 1 << 10;
/// A path at most, in bytes.
pub const PATH_MAX: usize = 1 << 20;
/// Packs that one range list names at most.
pub const RANGE_PACKS_MAX: usize = 65_536;
/// Snapshot record at most, in bytes.
pub const SNAPSHOT_MAX: usize = 64 << 20;
/// Plaintext of a snapshot's sealed part at most, in bytes.
pub const SNAPSHOT_SEALED_MAX: usize = 256 << 20;
/// Hunks of a snapshot at most.
pub const SNAPSHOT_HUNKS_MAX: usize = 4 << 20;
/// First paths of a snapshot's hunks, written out in full, at most, in bytes.
pub const SNAPSHOT_PATHS_MAX: usize = 512 << 20;
/// Findings that a snapshot lists at most; the count goes on.
pub const SNAPSHOT_FINDINGS_MAX: usize = 100_000;
/// Paths of these findings together at most, in bytes.
pub const SNAPSHOT_FINDINGS_BYTES_MAX: usize = 16 << 20;
/// A segment at most, in bytes.
pub const SEGMENT_MAX: usize = 1 << 30;
/// A format record, deletion record or keyring at most, in bytes.
pub const SMALL_OBJECT_MAX: usize = 64 << 10;
/// Labels of a snapshot at most.
pub const LABELS: usize = 32;
/// A label at most, in bytes.
pub const LABEL_MAX: usize = 64;
/// The object with a snapshot's labels at most, in bytes.
pub const LABELS_OBJECT_MAX: usize = 4 << 10;
