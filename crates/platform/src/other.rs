//! Systems without an implementation: whatever opens or asks answers [`Error::Unsupported`].
//! A [`Handle`] cannot exist here, so what needs one cannot be reached.

use crate::file::Advice;
use crate::fuse::{MountError, Tree};
use crate::process::{PeerCredentials, Privileges};
use crate::{Error, FileKind, Listing, Node, Result, Space, Stat, Time, Xattrs};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// No directory is ever open.
#[derive(Debug)]
pub(crate) enum Handle {}

/// Nothing is ever mounted.
#[derive(Debug)]
pub(crate) enum Mounted {}

pub(crate) fn mount(_: &Path, _: &str) -> Result<Mounted, MountError> {
    Err(MountError::Unsupported)
}

#[allow(clippy::needless_pass_by_value, reason = "as on systems with an implementation")]
pub(crate) fn serve(
    mounted: Mounted,
    _: &dyn Tree,
    _: &dyn Fn() -> bool,
    _: &dyn Fn(),
) -> Result<(), MountError> {
    match mounted {}
}

/// As on systems with an implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Search,
}

macro_rules! unsupported {
    ($($name:ident($($arg:ty),*) -> $answer:ty, $op:literal;)*) => {
        $(pub(crate) fn $name($(_: $arg),*) -> Result<$answer> { Err(Error::unsupported($op)) })*
    };
}

macro_rules! unreachable_without_handle {
    ($($name:ident(&Handle $(, $arg:ty)*) -> $answer:ty;)*) => {
        $(pub(crate) fn $name(handle: &Handle $(, _: $arg)*) -> Result<$answer> { match *handle {} })*
    };
}

unsupported! {
    open_root(&Path, Access) -> Handle, "open folder";
    stat(Node<'_>) -> Stat, "stat";
    xattrs(Node<'_>) -> Xattrs, "list attributes";
    set_xattr(Node<'_>, &[u8], &[u8]) -> (), "set attribute";
    remove_xattr(Node<'_>, &[u8]) -> (), "remove attribute";
    set_owner(Node<'_>, u32, u32) -> (), "set owner";
    set_mode(Node<'_>, u32) -> (), "set mode";
    set_times(Node<'_>, Time, Option<Time>) -> (), "set times";
    next_segment(&File, u64) -> Option<(u64, u64)>, "find data";
    advise(&File, u64, u64, Advice) -> (), "advise";
    punch_hole(&File, u64, u64) -> (), "punch hole";
    try_lock(&File) -> bool, "lock";
    user_name(u32) -> Option<Arc<[u8]>>, "look up user";
    group_name(u32) -> Option<Arc<[u8]>>, "look up group";
    uid_of(&[u8]) -> Option<u32>, "look up user";
    gid_of(&[u8]) -> Option<u32>, "look up group";
    hostname() -> String, "read host name";
    os_description() -> String, "read system name";
    boot_id() -> String, "read boot id";
    mount_table() -> Vec<u8>, "read mount table";
    random() -> u64, "read random number";
    effective_uid() -> u32, "read user";
    current_umask() -> u32, "read umask";
    ignores_hangup() -> bool, "read ignored signals";
    privileges() -> Privileges, "read privileges";
    raise_open_file_limit() -> u64, "raise open file limit";
    lower_priority() -> (), "lower priority";
    disable_core_dumps() -> (), "disable core dumps";
    set_umask(u32) -> (), "set umask";
}

#[cfg(unix)]
unsupported! {
    peer_credentials(&std::os::unix::net::UnixStream) -> PeerCredentials, "read peer credentials";
}

unreachable_without_handle! {
    open_child(&Handle, &[u8]) -> Handle;
    open_parent(&Handle) -> Handle;
    try_clone(&Handle) -> Handle;
    names(&Handle) -> Listing;
    read_link(&Handle, &[u8]) -> Vec<u8>;
    open_file(&Handle, &[u8]) -> File;
    open_lock_file(&Handle, &[u8]) -> File;
    space(&Handle) -> Space;
    file_system_id(&Handle) -> u64;
    magic(&Handle) -> u32;
    create_dir(&Handle, &[u8], u32) -> ();
    create_file(&Handle, &[u8], u32) -> File;
    create_unnamed(&Handle) -> Option<File>;
    name_unnamed(&Handle, &File, &[u8]) -> ();
    open_file_to_write(&Handle, &[u8]) -> File;
    rename_over(&Handle, &[u8], &[u8]) -> ();
    rename_noreplace(&Handle, &[u8], &[u8]) -> ();
    exchange(&Handle, &[u8], &[u8]) -> ();
    create_symlink(&Handle, &[u8], &[u8]) -> ();
    create_special(&Handle, &[u8], FileKind, (u32, u32), u32) -> ();
    create_hard_link(&Handle, &[u8], &Handle, &[u8]) -> ();
    remove_file(&Handle, &[u8]) -> ();
    remove_dir(&Handle, &[u8]) -> ();
    sync_dir(&Handle) -> ();
    sync_file_system(&Handle) -> ();
}

/// Nothing can be opened by the parts, so any will do that are plain names.
pub(crate) fn split_last(path: &Path) -> (PathBuf, Vec<u8>) {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned().into_bytes());
    (path.parent().map(Path::to_owned).unwrap_or_default(), name.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! answers {
        ($($call:expr;)*) => {
            $(assert!(matches!($call, Err(Error::Unsupported { .. })), stringify!($call));)*
        };
    }

    #[test]
    fn everything_that_can_be_called_is_refused() {
        let file = tempfile::tempfile().unwrap();
        let node = Node::File(&file);
        let (socket, _other_end) = std::os::unix::net::UnixStream::pair().unwrap();
        answers! {
            open_root(Path::new("/"), Access::Read);
            open_root(Path::new("/"), Access::Search);
            stat(node);
            xattrs(node);
            set_xattr(node, b"user.a", b"");
            remove_xattr(node, b"user.a");
            set_owner(node, 0, 0);
            set_mode(node, 0);
            set_times(node, Time::default(), None);
            next_segment(&file, 0);
            advise(&file, 0, 0, Advice::Sequential);
            punch_hole(&file, 0, 1);
            try_lock(&file);
            user_name(0);
            group_name(0);
            uid_of(b"root");
            gid_of(b"root");
            hostname();
            os_description();
            boot_id();
            mount_table();
            random();
            effective_uid();
            current_umask();
            ignores_hangup();
            privileges();
            raise_open_file_limit();
            lower_priority();
            disable_core_dumps();
            set_umask(0);
            peer_credentials(&socket);
        }
        assert!(matches!(mount(Path::new("/"), "holdfast"), Err(MountError::Unsupported)));
    }
}
