//! Everything that differs between operating systems, behind types that do not.
//!
//! Linux is implemented in `linux/`; on any other system each function answers [`Error::Unsupported`].
//! Names and paths are bytes and may be of any length: all work is done relative to an open [`Dir`].
//! This is the only crate with unsafe code. It knows nothing about snapshots, vaults or servers.

mod dir;
pub mod durable;
pub mod errno;
mod error;
pub mod file;
mod filesystem;
mod folder_watch;
pub mod fuse;
pub mod host;
mod listing;
mod lock;
mod mounts;
mod names;
pub mod network;
mod node;
pub mod path;
pub mod permissions;
pub mod process;
pub mod signals;
pub mod socket;
mod stat;
mod write;
mod xattr;

#[cfg(all(target_os = "linux", not(platform_unsupported)))]
#[path = "linux/mod.rs"]
mod sys;

#[cfg(not(all(target_os = "linux", not(platform_unsupported))))]
#[path = "other.rs"]
mod sys;

// Its answers are tested on Linux too.
#[cfg(all(test, target_os = "linux", not(platform_unsupported)))]
#[allow(dead_code, reason = "what takes a handle that cannot exist cannot be called")]
mod other;

pub use dir::Dir;
pub use error::{Error, Result};
pub use filesystem::{FileSystemKind, Space, free_space};
pub use folder_watch::{FolderEvent, FolderId, FolderWatch};
pub use listing::{DirName, Listing, ListingIter};
pub use lock::Lock;
pub use mounts::{Mount, MountTable};
pub use names::Names;
pub use node::Node;
pub use stat::{FileKind, Stat, Time};
pub use write::temp_name;
pub use xattr::{Xattr, Xattrs};
