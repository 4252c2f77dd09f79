//! Snapshots as a tree of folders that the kernel shows: a folder for each set, in it one for each snapshot by its date,
//! and in that the files where they were. It answers; mounting is the platform's, decoding the engine's business.

mod attributes;
mod names;
mod nodes;
mod shelf;
mod tree;

pub(crate) use shelf::{Shelves, Wish};
pub(crate) use tree::{MountTree, fetch_ahead};
