//! The list of targets, each in a file of its own that says what it promises.

mod credential;
mod deletion;
mod format_record;
mod hunk;
mod keyring;
mod labels;
mod look_up;
mod open_frame;
mod pack_scanner;
mod pack_table;
mod range_list;
mod record_stream;
mod sealed_frame;
mod segment;
mod segment_merge;
mod snapshot_clear;
mod snapshot_sealed;
mod stored_snapshot;
mod token;
mod wrap;

/// One target.
#[derive(Debug)]
pub struct Target {
    /// Its name, which is also that of its folder in `fuzz/corpus`.
    pub name: &'static str,
    /// Runs it; true when the decoder accepted what it was given.
    pub run: fn(&[u8]) -> bool,
    /// Inputs made from real objects, all of which the decoder accepts.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident,)*) => {
        /// Every target.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $name::run, seeds: $name::seeds },)*];
    };
}

targets! {
    credential,
    deletion,
    format_record,
    hunk,
    keyring,
    labels,
    look_up,
    open_frame,
    pack_scanner,
    pack_table,
    range_list,
    record_stream,
    sealed_frame,
    segment,
    segment_merge,
    snapshot_clear,
    snapshot_sealed,
    stored_snapshot,
    token,
    wrap,
}
