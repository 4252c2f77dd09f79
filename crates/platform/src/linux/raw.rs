//! System calls that rustix has no safe form of.
#![allow(unsafe_code, reason = "system calls without a safe wrapper")]

use rustix::fd::{AsRawFd, BorrowedFd};
use rustix::io::Errno;
use std::ffi::{CStr, CString, c_long, c_uint};

/// Numbers of Linux 6.13, equal on all architectures but those left out.
#[cfg(not(any(
    target_arch = "mips",
    target_arch = "mips64",
    all(target_arch = "x86_64", target_pointer_width = "32")
)))]
mod number {
    use std::ffi::c_long;
    pub(super) const FCHMODAT2: c_long = 452;
    pub(super) const SETXATTRAT: c_long = 463;
    pub(super) const GETXATTRAT: c_long = 464;
    pub(super) const LISTXATTRAT: c_long = 465;
    pub(super) const REMOVEXATTRAT: c_long = 466;
}

/// A number that no kernel knows: the answer is ENOSYS.
#[cfg(any(
    target_arch = "mips",
    target_arch = "mips64",
    all(target_arch = "x86_64", target_pointer_width = "32")
))]
mod number {
    use std::ffi::c_long;
    pub(super) const FCHMODAT2: c_long = -1;
    pub(super) const SETXATTRAT: c_long = -1;
    pub(super) const GETXATTRAT: c_long = -1;
    pub(super) const LISTXATTRAT: c_long = -1;
    pub(super) const REMOVEXATTRAT: c_long = -1;
}

/// The kernel's `struct xattr_args`.
#[repr(C, align(8))]
struct XattrArgs {
    value: u64,
    size: u32,
    flags: u32,
}

fn answer(result: c_long) -> Result<usize, Errno> {
    usize::try_from(result).map_err(|_| last_error())
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

fn c_name(name: &[u8]) -> Result<CString, Errno> {
    CString::new(name).map_err(|_| Errno::INVAL)
}

const NOFOLLOW: c_uint = libc::AT_SYMLINK_NOFOLLOW as c_uint;

/// Sets the mode of an entry that is not a symbolic link; a link gives EOPNOTSUPP.
pub(super) fn fchmodat2(dir: BorrowedFd<'_>, name: &[u8], mode: u32) -> Result<(), Errno> {
    let name = c_name(name)?;
    // SAFETY: the call reads a zero-terminated name that lives until it returns, and integers.
    let result = unsafe { libc::syscall(number::FCHMODAT2, dir.as_raw_fd(), name.as_ptr(), mode, NOFOLLOW) };
    answer(result).map(drop)
}

/// Lists attribute names into `buffer` and gives their length.
pub(super) fn listxattrat(dir: BorrowedFd<'_>, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
    let name = c_name(name)?;
    // SAFETY: the call reads a zero-terminated name and writes at most `buffer.len()` bytes to `buffer`;
    // both live until it returns.
    let result = unsafe {
        libc::syscall(
            number::LISTXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            NOFOLLOW,
            buffer.as_mut_ptr(),
            buffer.len(),
        )
    };
    answer(result)
}

/// Reads an attribute into `buffer` and gives its length.
pub(super) fn getxattrat(
    dir: BorrowedFd<'_>,
    name: &[u8],
    attribute: &CStr,
    buffer: &mut [u8],
) -> Result<usize, Errno> {
    let name = c_name(name)?;
    let size = u32::try_from(buffer.len()).map_err(|_| Errno::INVAL)?;
    let args = XattrArgs { value: buffer.as_mut_ptr().expose_provenance() as u64, size, flags: 0 };
    // SAFETY: the call reads two zero-terminated names and `args`, and writes at most `size` bytes to
    // `buffer`; all live until it returns.
    let result = unsafe {
        libc::syscall(
            number::GETXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            NOFOLLOW,
            attribute.as_ptr(),
            &raw const args,
            size_of::<XattrArgs>(),
        )
    };
    answer(result)
}

/// Creates or replaces an attribute.
pub(super) fn setxattrat(
    dir: BorrowedFd<'_>,
    name: &[u8],
    attribute: &CStr,
    value: &[u8],
) -> Result<(), Errno> {
    let name = c_name(name)?;
    let size = u32::try_from(value.len()).map_err(|_| Errno::TOOBIG)?;
    let args = XattrArgs { value: value.as_ptr().expose_provenance() as u64, size, flags: 0 };
    // SAFETY: the call reads two zero-terminated names, `args`, and `size` bytes of `value`; all live until
    // it returns.
    let result = unsafe {
        libc::syscall(
            number::SETXATTRAT,
            dir.as_raw_fd(),
            name.as_ptr(),
            NOFOLLOW,
            attribute.as_ptr(),
            &raw const args,
            size_of::<XattrArgs>(),
        )
    };
    answer(result).map(drop)
}

/// Removes an attribute.
pub(super) fn removexattrat(dir: BorrowedFd<'_>, name: &[u8], attribute: &CStr) -> Result<(), Errno> {
    let name = c_name(name)?;
    // SAFETY: the call reads two zero-terminated names that live until it returns.
    let result = unsafe {
        libc::syscall(number::REMOVEXATTRAT, dir.as_raw_fd(), name.as_ptr(), NOFOLLOW, attribute.as_ptr())
    };
    answer(result).map(drop)
}

/// Lets the calling thread use the disk only when nobody else does.
pub(super) fn ioprio_set_idle() -> Result<(), Errno> {
    const WHO_PROCESS: c_long = 1;
    const CLASS_IDLE: c_long = 3 << 13;
    const THIS_THREAD: c_long = 0;
    // SAFETY: the call takes integers only.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, THIS_THREAD, CLASS_IDLE) };
    answer(result).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fd::AsFd;
    use std::os::unix::fs::PermissionsExt;

    /// Kernels before 6.13 (6.6 for the mode) answer ENOSYS, which is what the fallback then reports.
    fn known<T>(answer: Result<T, Errno>) -> Option<T> {
        match answer {
            Err(Errno::NOSYS) => {
                println!("returning early: this kernel does not know the call");
                None
            }
            answer => Some(answer.unwrap()),
        }
    }

    #[test]
    fn attributes_by_name_need_no_proc() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("f"), b"").unwrap();
        let dir = std::fs::File::open(folder.path()).unwrap();
        let value = vec![7; 3000];
        match setxattrat(dir.as_fd(), b"f", c"user.a", &value) {
            Err(Errno::OPNOTSUPP) => return println!("returning early: no user attributes in TMPDIR"),
            answer => {
                if known(answer).is_none() {
                    return;
                }
            }
        }
        let mut buffer = [0; 4096];
        let len = listxattrat(dir.as_fd(), b"f", &mut buffer).unwrap();
        assert!(buffer[..len].split(|byte| *byte == 0).any(|name| name == b"user.a"));
        let len = getxattrat(dir.as_fd(), b"f", c"user.a", &mut buffer).unwrap();
        assert_eq!(&buffer[..len], &value[..]);
        assert_eq!(getxattrat(dir.as_fd(), b"f", c"user.a", &mut buffer[..10]), Err(Errno::RANGE));
        removexattrat(dir.as_fd(), b"f", c"user.a").unwrap();
        assert_eq!(getxattrat(dir.as_fd(), b"f", c"user.a", &mut buffer), Err(Errno::NODATA));
    }

    #[test]
    fn mode_by_name_needs_no_proc_and_leaves_a_link_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, b"").unwrap();
        std::os::unix::fs::symlink("f", folder.path().join("link")).unwrap();
        let dir = std::fs::File::open(folder.path()).unwrap();
        if known(fchmodat2(dir.as_fd(), b"f", 0o640)).is_none() {
            return;
        }
        assert!(fchmodat2(dir.as_fd(), b"link", 0o777).is_err());
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o640);
    }
}
