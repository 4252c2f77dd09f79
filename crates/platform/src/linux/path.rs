//! Paths as bytes, and those longer than the kernel takes in one call, opened piece by piece.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, retry_on_intr};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The kernel's PATH_MAX is 4096 with the closing zero; a margin costs nothing.
const PIECE_BYTES: usize = 4000;

pub(crate) fn path_bytes(path: &OsStr) -> &[u8] {
    path.as_bytes()
}

pub(crate) fn path_from_bytes(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

pub(crate) fn path_from_vec(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// Opens `path` with `flags`, resolving symbolic links in it as the kernel does.
pub(super) fn open_any_length(path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
    let mut rest = path.as_os_str().as_bytes();
    let mut reached: Option<OwnedFd> = None;
    while rest.len() > PIECE_BYTES {
        // Without a slash in reach a component is longer than any file system takes: the kernel says so.
        let Some(cut) = rest[..PIECE_BYTES].iter().rposition(|byte| *byte == b'/') else { break };
        let piece = if cut == 0 { &rest[..1] } else { &rest[..cut] };
        let search = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        reached = Some(open_at(reached.as_ref(), piece, search)?);
        rest = without_leading_slashes(&rest[cut..]);
    }
    let rest = if rest.is_empty() && reached.is_some() { b"." } else { rest };
    open_at(reached.as_ref(), rest, flags)
}

fn open_at(dir: Option<&OwnedFd>, name: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    let dir = dir.map_or(CWD, AsFd::as_fd);
    retry_on_intr(|| openat(dir, name, flags, Mode::empty()))
}

fn without_leading_slashes(path: &[u8]) -> &[u8] {
    let start = path.iter().position(|byte| *byte != b'/').unwrap_or(path.len());
    &path[start..]
}

/// The path of the directory that holds the last component, and that component; slashes at the end do not
/// count. The component is empty for `/` and for an empty path.
pub(crate) fn split_last(path: &Path) -> (PathBuf, Vec<u8>) {
    let mut bytes = path.as_os_str().as_bytes();
    while let [head @ .., b'/'] = bytes {
        bytes = head;
    }
    let cut = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let (parent, name) = bytes.split_at(cut);
    let parent = if parent.is_empty() { &b"."[..] } else { parent };
    (path_from_bytes(parent).to_owned(), name.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_split_before_the_last_component() {
        for (path, parent, name) in [
            ("/a/b", "/a/", "b"),
            ("/a/b///", "/a/", "b"),
            ("/a", "/", "a"),
            ("a", ".", "a"),
            ("a/..", "a/", ".."),
            ("/", ".", ""),
            ("", ".", ""),
        ] {
            let (found_parent, found_name) = split_last(Path::new(path));
            assert_eq!(found_parent.as_os_str(), parent, "{path}");
            assert_eq!(found_name, name.as_bytes(), "{path}");
        }
    }
}
