//! The object store: named, immutable byte strings behind one blocking trait, [`BlobStore`].
//!
//! Stores are [`FolderStore`] (a folder on a local disk) and [`MemoryStore`]; [`Recording`] and [`Faulty`] wrap any of
//! them. This crate knows nothing of packs, vaults, keys of encryption or the network of
//! agents: to it every blob is opaque bytes.

mod error;
mod faulty;
mod folder;
mod key;
mod memory;
mod random;
mod recording;
mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use error::{Error, ErrorKind, Op};
pub use faulty::{Fault, FaultPlan, Faulty};
pub use folder::{FolderStore, MARKER_NAME, MarkerProblem, StoreId};
pub use key::{Key, KeyProblem, MAX_KEY_BYTES, MAX_SEGMENT_BYTES};
pub use memory::MemoryStore;
pub use recording::{Call, Recording};
pub use store::{BlobInfo, BlobReader, BlobStore, BlobWriter, PutMode, READ_LIMIT_BYTES, Space};
