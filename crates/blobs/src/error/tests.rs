//! Tests of how reports of the operating system become kinds.

use std::io;

use rustix::io::Errno;

use super::{Error, ErrorKind, Op};
use crate::Key;

fn kind(op: Op, errno: Errno) -> ErrorKind {
    Error::io(op, Some(&Key::parse("a/b").unwrap()), errno.into()).kind()
}

#[test]
fn system_errors_have_kinds() {
    for (errno, expected) in [
        (Errno::NOSPC, ErrorKind::Full),
        (Errno::DQUOT, ErrorKind::Full),
        (Errno::ACCESS, ErrorKind::Denied),
        (Errno::PERM, ErrorKind::Denied),
        (Errno::ROFS, ErrorKind::Denied),
        (Errno::INTR, ErrorKind::Transient),
        (Errno::AGAIN, ErrorKind::Transient),
        (Errno::TIMEDOUT, ErrorKind::Transient),
        (Errno::BUSY, ErrorKind::Transient),
        (Errno::MFILE, ErrorKind::Transient),
        (Errno::NFILE, ErrorKind::Transient),
        (Errno::NOSYS, ErrorKind::Unsupported),
        (Errno::OPNOTSUPP, ErrorKind::Unsupported),
        (Errno::IO, ErrorKind::Other),
        (Errno::XDEV, ErrorKind::Other),
    ] {
        for op in [Op::Put, Op::Write, Op::Finish, Op::Read, Op::List, Op::Delete] {
            assert_eq!(kind(op, errno), expected, "{op} {errno:?}");
        }
    }
}

#[test]
fn a_missing_name_means_not_found_only_where_a_blob_is_looked_up() {
    assert_eq!(kind(Op::Read, Errno::NOENT), ErrorKind::NotFound);
    assert_eq!(kind(Op::Info, Errno::NOTDIR), ErrorKind::NotFound);
    assert_eq!(kind(Op::Put, Errno::NOENT), ErrorKind::Other);
    assert_eq!(kind(Op::Finish, Errno::NOTDIR), ErrorKind::Unsupported);
    assert_eq!(kind(Op::Finish, Errno::EXIST), ErrorKind::AlreadyExists);
    assert_eq!(kind(Op::Put, Errno::ISDIR), ErrorKind::Unsupported);
}

#[test]
fn an_error_survives_the_way_through_a_write() {
    let key = Key::parse("a").unwrap();
    let own = Error::io(Op::Write, Some(&key), Errno::NOSPC.into());
    let carried = Error::from_write(&key, io::Error::from(own));
    assert!(matches!(&carried, Error::Io { op: Op::Write, .. }));
    assert_eq!(carried.kind(), ErrorKind::Full);
    assert_eq!(Error::from_write(&key, Errno::DQUOT.into()).kind(), ErrorKind::Full);
    let denied = io::Error::from(Error::io(Op::Put, Some(&key), Errno::ACCESS.into()));
    assert_eq!(denied.kind(), io::ErrorKind::PermissionDenied);
}

#[test]
fn a_full_disk_is_told_as_such() {
    let words = |errno: Errno| {
        let folder = Error::Folder { path: "/store".into(), source: errno.into() }.to_string();
        let key = Key::parse("a/b").unwrap();
        (Error::io(Op::Finish, Some(&key), errno.into()).to_string(), folder)
    };
    for errno in [Errno::NOSPC, Errno::DQUOT] {
        let (object, folder) = words(errno);
        assert!(object.starts_with("finish a/b: ") && object.ends_with("is full"), "{object}");
        assert!(folder.starts_with("/store: ") && folder.ends_with("is full"), "{folder}");
    }
    assert!(words(Errno::ROFS).0.ends_with("read-only"));
    // What we have no words for is told in those of the system.
    assert!(words(Errno::IO).0.contains("os error 5"));
    assert!(words(Errno::MFILE).0.to_lowercase().contains("too many open files"));
}
