//! Extended attributes of open files and, without following links, of names.
//! In the usual case of none, reading them is one call and no allocation.

use super::{At, os, proc_path, raw};
use crate::{Node, Result, Xattr, Xattrs};
use rustix::fs::{
    XattrFlags, fgetxattr, flistxattr, fremovexattr, fsetxattr, lgetxattr, llistxattr, lremovexattr,
    lsetxattr,
};
use rustix::io::Errno;
use std::ffi::{CStr, CString};

/// The kernel's limit for a value and for the list of names.
const LIMIT_BYTES: usize = 64 * 1024;

pub(crate) fn xattrs(node: Node<'_>) -> Result<Xattrs> {
    let at = At::from(node);
    let mut small = [0; 512];
    let large;
    let names = match list(at, &mut small) {
        Ok(len) => &small[..len],
        // No attributes here at all.
        Err(Errno::OPNOTSUPP) => return Ok(Xattrs::default()),
        Err(Errno::RANGE) => {
            large = grown(|buffer| list(at, buffer)).map_err(os("list attributes"))?;
            &large[..]
        }
        Err(errno) => return Err(os("list attributes")(errno)),
    };
    let mut found = Xattrs::default();
    for name in names.split_inclusive(|byte| *byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        match value(at, name) {
            Ok(value) => found.entries.push(Xattr { name: name.to_bytes().to_vec(), value }),
            // Gone since it was listed, or listed by a file system that does not give it.
            Err(Errno::NODATA | Errno::OPNOTSUPP) => {}
            Err(errno) => found.unreadable = found.unreadable.or(Some(os("read attribute")(errno))),
        }
    }
    found.entries.sort_unstable();
    Ok(found)
}

fn value(at: At<'_>, name: &CStr) -> Result<Vec<u8>, Errno> {
    let mut small = [0; 512];
    match get(at, name, &mut small) {
        Ok(len) => Ok(small[..len].to_vec()),
        Err(Errno::RANGE) => grown(|buffer| get(at, name, buffer)),
        Err(errno) => Err(errno),
    }
}

fn grown(read: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; LIMIT_BYTES];
    let len = read(&mut buffer)?;
    buffer.truncate(len);
    buffer.shrink_to_fit();
    Ok(buffer)
}

pub(crate) fn set_xattr(node: Node<'_>, name: &[u8], value: &[u8]) -> Result<()> {
    const OP: &str = "set attribute";
    let name = attribute_name(name).map_err(os(OP))?;
    let flags = XattrFlags::empty();
    match node.into() {
        At::Fd(fd) => fsetxattr(fd, &name, value, flags),
        At::Name(dir, entry) => match lsetxattr(proc_path::child(dir, entry), &name, value, flags) {
            Err(Errno::NOENT) if !proc_path::is_mounted() => raw::setxattrat(dir, entry, &name, value),
            answer => answer,
        },
    }
    .map_err(os(OP))
}

pub(crate) fn remove_xattr(node: Node<'_>, name: &[u8]) -> Result<()> {
    const OP: &str = "remove attribute";
    let name = attribute_name(name).map_err(os(OP))?;
    match node.into() {
        At::Fd(fd) => fremovexattr(fd, &name),
        At::Name(dir, entry) => match lremovexattr(proc_path::child(dir, entry), &name) {
            Err(Errno::NOENT) if !proc_path::is_mounted() => raw::removexattrat(dir, entry, &name),
            answer => answer,
        },
    }
    .map_err(os(OP))
}

fn attribute_name(name: &[u8]) -> Result<CString, Errno> {
    CString::new(name).map_err(|_| Errno::INVAL)
}

fn list(at: At<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    match at {
        At::Fd(fd) => flistxattr(fd, buffer),
        At::Name(dir, entry) => {
            let path = proc_path::child(dir, entry);
            match llistxattr(&path, &mut *buffer) {
                Err(Errno::NOENT) if !proc_path::is_mounted() => raw::listxattrat(dir, entry, buffer),
                answer => answer,
            }
        }
    }
}

fn get(at: At<'_>, name: &CStr, buffer: &mut [u8]) -> Result<usize, Errno> {
    match at {
        At::Fd(fd) => fgetxattr(fd, name, buffer),
        At::Name(dir, entry) => {
            let path = proc_path::child(dir, entry);
            match lgetxattr(&path, name, &mut *buffer) {
                Err(Errno::NOENT) if !proc_path::is_mounted() => raw::getxattrat(dir, entry, name, buffer),
                answer => answer,
            }
        }
    }
}
