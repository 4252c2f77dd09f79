//! Users and groups from the system's name service, through libc, which alone knows its sources.
#![allow(unsafe_code, reason = "rustix has no name service")]

use super::os;
use crate::Result;
use rustix::io::Errno;
use std::ffi::{CStr, CString, c_char, c_int};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;

/// A group of very many members may need this much; more is taken as an error.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;

pub(crate) fn user_name(uid: u32) -> Result<Option<Arc<[u8]>>> {
    look_up(|record, buffer, len, found| {
        // SAFETY: `look_up` passes pointers that are valid for the call, with `len` bytes at `buffer`.
        unsafe { libc::getpwuid_r(uid, record, buffer, len, found) }
    })
    .map(|user: Option<User>| user.map(|user| user.0.into()))
    .map_err(os("look up user"))
}

pub(crate) fn group_name(gid: u32) -> Result<Option<Arc<[u8]>>> {
    look_up(|record, buffer, len, found| {
        // SAFETY: as in `user_name`.
        unsafe { libc::getgrgid_r(gid, record, buffer, len, found) }
    })
    .map(|group: Option<Group>| group.map(|group| group.0.into()))
    .map_err(os("look up group"))
}

pub(crate) fn uid_of(name: &[u8]) -> Result<Option<u32>> {
    // No account has a zero byte in its name.
    let Ok(name) = CString::new(name) else { return Ok(None) };
    look_up(|record, buffer, len, found| {
        // SAFETY: as in `user_name`; `name` is zero-terminated and outlives the call.
        unsafe { libc::getpwnam_r(name.as_ptr(), record, buffer, len, found) }
    })
    .map(|user: Option<User>| user.map(|user| user.1))
    .map_err(os("look up user"))
}

pub(crate) fn gid_of(name: &[u8]) -> Result<Option<u32>> {
    let Ok(name) = CString::new(name) else { return Ok(None) };
    look_up(|record, buffer, len, found| {
        // SAFETY: as in `uid_of`.
        unsafe { libc::getgrnam_r(name.as_ptr(), record, buffer, len, found) }
    })
    .map(|group: Option<Group>| group.map(|group| group.1))
    .map_err(os("look up group"))
}

/// Name and id.
struct User(Vec<u8>, u32);
/// Name and id.
struct Group(Vec<u8>, u32);

/// What the four calls fill in.
trait Account: Sized {
    type Record;
    /// Name (zero-terminated) and id within a record.
    fn parts(record: &Self::Record) -> (*const c_char, u32);
    fn new(name: Vec<u8>, id: u32) -> Self;
}

impl Account for User {
    type Record = libc::passwd;
    fn parts(record: &libc::passwd) -> (*const c_char, u32) {
        (record.pw_name, record.pw_uid)
    }
    fn new(name: Vec<u8>, id: u32) -> Self {
        Self(name, id)
    }
}

impl Account for Group {
    type Record = libc::group;
    fn parts(record: &libc::group) -> (*const c_char, u32) {
        (record.gr_name, record.gr_gid)
    }
    fn new(name: Vec<u8>, id: u32) -> Self {
        Self(name, id)
    }
}

/// Runs one of the `get…_r` calls with a buffer that grows until the answer fits.
fn look_up<A: Account>(
    call: impl Fn(*mut A::Record, *mut c_char, usize, *mut *mut A::Record) -> c_int,
) -> Result<Option<A>, Errno> {
    let mut buffer: Vec<c_char> = vec![0; 1024];
    loop {
        let mut record = MaybeUninit::<A::Record>::uninit();
        let mut found: *mut A::Record = ptr::null_mut();
        let code = call(record.as_mut_ptr(), buffer.as_mut_ptr(), buffer.len(), &raw mut found);
        match code {
            0 if found.is_null() => return Ok(None),
            libc::ERANGE if buffer.len() < LIMIT_BYTES => buffer.resize(buffer.len() * 4, 0),
            libc::EINTR => {}
            // The manual names these as ways to say that there is no such account.
            libc::ENOENT | libc::ESRCH | libc::EBADF | libc::EPERM => return Ok(None),
            0 => {
                // SAFETY: the call succeeded and set `found`, so it filled `record`, whose name points to a
                // zero-terminated string in `buffer`.
                let (name, id) = unsafe {
                    let (name, id) = A::parts(record.assume_init_ref());
                    (CStr::from_ptr(name).to_bytes().to_vec(), id)
                };
                return Ok(Some(A::new(name, id)));
            }
            // Name services are plug-ins; what is no error number at all must not become one.
            code if !(1..4096).contains(&code) => return Err(Errno::IO),
            code => return Err(Errno::from_raw_os_error(code)),
        }
    }
}
