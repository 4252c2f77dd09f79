//! The Linux side of every function of this crate, mostly thin uses of rustix.
//! Names have been checked by the callers; unsafe code is in `raw` and `accounts` alone.

mod accounts;
mod attributes;
mod dir;
mod file;
mod folder_watch;
mod fuse;
mod host;
mod network;
mod path;
mod permissions;
mod proc_path;
mod process;
mod raw;
mod signals;
mod socket;
mod stat;
mod write;
mod xattrs;

use crate::{Error, Node};
use rustix::fd::{AsFd, BorrowedFd};
use rustix::io::Errno;

pub(crate) use accounts::{gid_of, group_name, uid_of, user_name};
pub(crate) use attributes::{set_mode, set_owner, set_times};
pub(crate) use dir::{
    Access, names, open_child, open_file, open_parent, open_root, read_link, reopen, try_clone,
};
pub(crate) use file::{
    next_segment, open_lock_file, read_at, start_writeback, try_lock, will_read_through, write_all_at,
};
pub(crate) use folder_watch::FolderWatch;
pub(crate) use fuse::{Mounted, mount, serve};
pub(crate) use host::{
    boot_id, file_system_id, hostname, magic, mount_table, os_description, random, space, system_state_folder,
};
pub(crate) use network::{NetworkChanges, route_below_tunnels, route_to};
pub(crate) use path::{path_bytes, path_from_bytes, path_from_vec, split_last};
pub(crate) use permissions::{create_new_file, path_mode, path_owner, set_path_mode};
pub(crate) use process::{
    current_umask, disable_core_dumps, effective_uid, lower_priority, privileges, raise_open_file_limit,
    set_umask,
};
pub(crate) use signals::{EndSignals, catch_end_signals, next_end_signal};
pub(crate) use socket::{Connection, Listener, Stream, accept, bind, connect};
pub(crate) use stat::stat;
pub(crate) use write::{
    create_dir, create_file, create_hard_link, create_special, create_symlink, create_unnamed, exchange,
    move_noreplace, move_over, name_unnamed, open_file_to_write, remove_dir, remove_file, sync_dir,
    sync_file_system,
};
pub(crate) use xattrs::{remove_xattr, set_xattr, xattrs};

/// An open directory.
pub(crate) type Handle = rustix::fd::OwnedFd;

/// Gives an operation's name to the kernel's answer.
fn os(op: &'static str) -> impl Fn(Errno) -> Error {
    move |errno| Error::Os { op, errno: errno.raw_os_error() }
}

/// How the kernel finds an entry: by an open descriptor, or by a directory and a name in it.
#[derive(Clone, Copy)]
enum At<'a> {
    Fd(BorrowedFd<'a>),
    Name(BorrowedFd<'a>, &'a [u8]),
}

impl<'a> From<Node<'a>> for At<'a> {
    fn from(node: Node<'a>) -> Self {
        match node {
            Node::File(file) => Self::Fd(file.as_fd()),
            Node::Dir(dir) => Self::Fd(dir.handle.as_fd()),
            Node::Child(dir, name) => Self::Name(dir.handle.as_fd(), name),
        }
    }
}
