//! Paths below `/proc/self/fd`, which give calls that only take paths the safety of a descriptor.

use rustix::fd::{AsRawFd, BorrowedFd};
use std::ffi::CString;

/// The entry that `fd` is open on.
pub(super) fn of(fd: BorrowedFd<'_>) -> CString {
    build(fd, &[])
}

/// The entry `name` in the directory `fd`. Calls that do not follow symbolic links reach the entry itself.
pub(super) fn child(fd: BorrowedFd<'_>, name: &[u8]) -> CString {
    build(fd, name)
}

fn build(fd: BorrowedFd<'_>, name: &[u8]) -> CString {
    let mut path = format!("/proc/self/fd/{}", fd.as_raw_fd()).into_bytes();
    if !name.is_empty() {
        path.push(b'/');
        path.extend_from_slice(name);
    }
    // Names have been checked to hold no zero byte; an empty path finds nothing.
    CString::new(path).unwrap_or_default()
}

/// Whether those paths work here. In a bare chroot they do not, and newer calls are used in their place.
pub(super) fn is_mounted() -> bool {
    const PROC_MAGIC: u32 = 0x9fa0;
    rustix::fs::statfs(c"/proc").is_ok_and(|stat| stat.f_type as u32 == PROC_MAGIC)
}
