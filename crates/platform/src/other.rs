//! Systems without an implementation: whatever opens or asks answers [`Error::Unsupported`].
//! A [`Handle`] cannot exist here, so what needs one cannot be reached.

use crate::fuse::{MountError, Tree};
use crate::network::Route;
use crate::process::Privileges;
use crate::{Error, FileKind, Listing, Node, Result, Space, Stat, Time, Xattrs};
use std::ffi::OsStr;
use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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
    read_at(&File, &mut [u8], u64) -> usize, "read file";
    write_all_at(&File, &[u8], u64) -> (), "write file";
    will_read_through(&File) -> (), "advise";
    start_writeback(&File, u64, u64) -> (), "advise";
    path_mode(&Path) -> u32, "read mode";
    path_owner(&Path) -> u32, "read owner";
    set_path_mode(&Path, u32) -> (), "set mode";
    create_new_file(&Path, u32) -> File, "create file";
    connect(&Path, Duration) -> Stream, "connect";
    bind(&Path, u32) -> Listener, "make socket";
    catch_end_signals() -> EndSignals, "catch signals";
    route_to(IpAddr) -> Option<Route>, "read routes";
    route_below_tunnels() -> Option<Route>, "read routes";
    system_state_folder() -> PathBuf, "find state folder";
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
    privileges() -> Privileges, "read privileges";
    raise_open_file_limit() -> u64, "raise open file limit";
    lower_priority() -> (), "lower priority";
    disable_core_dumps() -> (), "disable core dumps";
    set_umask(u32) -> (), "set umask";
}

unreachable_without_handle! {
    open_child(&Handle, &[u8]) -> Handle;
    open_parent(&Handle) -> Handle;
    reopen(&Handle) -> Handle;
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
    move_over(&Handle, &[u8], &Handle, &[u8]) -> ();
    move_noreplace(&Handle, &[u8], &Handle, &[u8]) -> ();
    exchange(&Handle, &[u8], &[u8]) -> ();
    create_symlink(&Handle, &[u8], &[u8]) -> ();
    create_special(&Handle, &[u8], FileKind, (u32, u32), u32) -> ();
    create_hard_link(&Handle, &[u8], &Handle, &[u8]) -> ();
    remove_file(&Handle, &[u8]) -> ();
    remove_dir(&Handle, &[u8]) -> ();
    sync_dir(&Handle) -> ();
    sync_file_system(&Handle) -> ();
}

/// Nobody ever listens.
#[derive(Debug)]
pub(crate) enum Listener {}

/// Never made; as good as any that can be read and written.
pub(crate) type Stream = std::net::TcpStream;

/// Never made.
pub(crate) type Connection = tokio::net::TcpStream;

pub(crate) async fn accept(listener: &Listener) -> Result<(Connection, u32)> {
    match *listener {}
}

/// No signal is ever caught.
#[derive(Debug)]
pub(crate) enum EndSignals {}

pub(crate) async fn next_end_signal(signals: &mut EndSignals) {
    match *signals {}
}

/// Nothing is ever watched.
#[derive(Debug)]
pub(crate) enum FolderWatch {}

impl FolderWatch {
    pub(crate) fn new() -> Result<Self> {
        Err(Error::unsupported("watch folders"))
    }

    pub(crate) fn add(&self, _: &Handle) -> Result<i32> {
        match *self {}
    }

    pub(crate) fn remove(&self, _: i32) {
        match *self {}
    }

    pub(crate) fn read(&self, _: impl FnMut(crate::FolderEvent)) -> Result<()> {
        match *self {}
    }

    pub(crate) fn wait(&self, _: Duration) -> Result<bool> {
        match *self {}
    }
}

/// Nothing is ever watched.
#[derive(Debug)]
pub(crate) enum NetworkChanges {}

impl NetworkChanges {
    pub(crate) fn watch() -> Result<Self> {
        Err(Error::unsupported("watch the network"))
    }

    pub(crate) fn wait(&self, _: Duration) -> Result<bool> {
        match *self {}
    }
}

pub(crate) fn path_bytes(path: &OsStr) -> &[u8] {
    path.as_encoded_bytes()
}

/// What is no text has no path: a file of that name cannot have been opened here.
pub(crate) fn path_from_bytes(bytes: &[u8]) -> &Path {
    Path::new(std::str::from_utf8(bytes).unwrap_or("\u{fffd}"))
}

#[allow(clippy::needless_pass_by_value, reason = "as on systems with an implementation")]
pub(crate) fn path_from_vec(bytes: Vec<u8>) -> PathBuf {
    path_from_bytes(&bytes).to_owned()
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
            read_at(&file, &mut [0], 0);
            write_all_at(&file, b"a", 0);
            will_read_through(&file);
            start_writeback(&file, 0, 1);
            path_mode(Path::new("/"));
            path_owner(Path::new("/"));
            set_path_mode(Path::new("/"), 0o755);
            create_new_file(Path::new("/file"), 0o600);
            connect(Path::new("/run/socket"), Duration::ZERO);
            bind(Path::new("/run/socket"), 0o600);
            catch_end_signals();
            route_to(std::net::Ipv4Addr::LOCALHOST.into());
            route_below_tunnels();
            FolderWatch::new();
            NetworkChanges::watch();
            system_state_folder();
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
            privileges();
            raise_open_file_limit();
            lower_priority();
            disable_core_dumps();
            set_umask(0);
        }
        assert!(matches!(mount(Path::new("/"), "holdfast"), Err(MountError::Unsupported)));
    }
}
