//! Owners, modes, times, extended attributes and ACLs.

use crate::{folder, is_not_supported, write};
use platform::{Dir, FileKind, Node, Time, Xattr, process};
use std::os::unix::fs::MetadataExt;
use testkit::not_run;

#[test]
fn times_are_kept_to_the_nanosecond_also_before_1970_and_on_links() {
    let (temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_symlink(b"file", b"link").unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    dir.create_dir(b"dir", 0o700).unwrap();
    let times = [
        Time { sec: -1, nsec: 999_999_999 },
        Time { sec: -1_000_000_000, nsec: 1 },
        Time { sec: 0, nsec: 0 },
        Time { sec: 1_700_000_000, nsec: 123_456_789 },
        Time { sec: 5_000_000_000, nsec: 987_654_321 },
    ];
    for name in [&b"file"[..], b"link", b"pipe", b"dir"] {
        for time in times {
            dir.child(name).set_times(time, None).unwrap();
            assert_eq!(dir.stat(name).unwrap().mtime, time);
        }
    }
    // The link's times are its own.
    let of_file = Time { sec: 7, nsec: 7 };
    Node::from(&dir.open_file(b"file").unwrap()).set_times(of_file, None).unwrap();
    dir.child(b"link").set_times(times[0], Some(times[1])).unwrap();
    assert_eq!(dir.stat(b"file").unwrap().mtime, of_file);
    let link = std::fs::symlink_metadata(temp.path().join("link")).unwrap();
    assert_eq!((link.atime(), link.atime_nsec()), (times[1].sec, i64::from(times[1].nsec)));
    // The access time stays when it is not given.
    dir.child(b"link").set_times(times[2], None).unwrap();
    let link = std::fs::symlink_metadata(temp.path().join("link")).unwrap();
    assert_eq!((link.mtime(), link.atime()), (times[2].sec, times[1].sec));
    let opened = dir.open_child(b"dir").unwrap();
    Node::from(&opened).set_times(times[3], None).unwrap();
    assert_eq!(opened.stat_self().unwrap().mtime, times[3]);
}

#[test]
fn nanoseconds_that_the_kernel_would_read_as_words_are_refused() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    let before = dir.stat(b"file").unwrap();
    // UTIME_NOW and UTIME_OMIT.
    for nsec in [1_000_000_000, 0x3fff_ffff, 0x3fff_fffe, u32::MAX] {
        let time = Time { sec: 1, nsec };
        assert!(dir.child(b"file").set_times(time, None).is_err());
        assert!(dir.child(b"file").set_times(before.mtime, Some(time)).is_err());
    }
    assert_eq!(dir.stat(b"file").unwrap().mtime, before.mtime);
}

#[test]
fn modes_are_set_by_name_and_handle_but_never_through_a_link() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_dir(b"dir", 0o700).unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    dir.create_special(b"socket", FileKind::Socket, (0, 0), 0o600).unwrap();
    dir.create_symlink(b"file", b"link").unwrap();
    for (name, mode) in [(&b"file"[..], 0o4751), (b"dir", 0o1777), (b"pipe", 0o777), (b"socket", 0)] {
        dir.child(name).set_mode(mode).unwrap();
        assert_eq!(dir.stat(name).unwrap().mode, mode, "{name:?}");
    }
    Node::from(&dir.open_file(b"file").unwrap()).set_mode(0o640).unwrap();
    Node::from(&dir.open_child(b"dir").unwrap()).set_mode(0o750).unwrap();
    assert!(is_not_supported(&dir.child(b"link").set_mode(0o777).unwrap_err()));
    assert_eq!(dir.stat(b"file").unwrap().mode, 0o640);
    assert_eq!(dir.stat(b"dir").unwrap().mode, 0o750);
    // Bits above the permissions do not reach the kernel.
    dir.child(b"file").set_mode(0o100_600).unwrap();
    assert_eq!(dir.stat(b"file").unwrap().mode, 0o600);
}

#[test]
fn owners_are_set_on_the_entry_itself() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_symlink(b"file", b"link").unwrap();
    let own = dir.stat(b"file").unwrap();
    dir.child(b"file").set_owner(own.uid, own.gid).unwrap();
    Node::from(&dir.open_file(b"file").unwrap()).set_owner(own.uid, own.gid).unwrap();
    Node::from(&dir).set_owner(own.uid, own.gid).unwrap();
    // -1 means 'leave it' to the kernel; nobody has that id.
    assert!(dir.child(b"file").set_owner(u32::MAX, own.gid).is_err());
    assert!(dir.child(b"file").set_owner(own.uid, u32::MAX).is_err());
    if !process::privileges().unwrap().change_owner {
        assert!(dir.child(b"file").set_owner(own.uid + 1, own.gid).unwrap_err().is_denied());
    }
}

#[test]
fn root_an_owner_of_a_link_is_not_that_of_its_target() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_symlink(b"file", b"link").unwrap();
    let own = dir.stat(b"file").unwrap();
    dir.child(b"link").set_owner(1234, 4321).unwrap();
    let (link, file) = (dir.stat(b"link").unwrap(), dir.stat(b"file").unwrap());
    assert_eq!((link.uid, link.gid), (1234, 4321));
    assert_eq!((file.uid, file.gid), (own.uid, own.gid));
}

fn set_or_explain(node: Node<'_>, name: &[u8], value: &[u8]) -> bool {
    match node.set_xattr(name, value) {
        Err(error) if is_not_supported(&error) => {
            not_run("the folder for temporary files has no such attributes");
            false
        }
        answer => {
            answer.unwrap();
            true
        }
    }
}

fn xattr(name: &[u8], value: &[u8]) -> Xattr {
    Xattr { name: name.to_vec(), value: value.to_vec() }
}

/// Without what a security module may have added.
fn own_xattrs(node: Node<'_>) -> Vec<Xattr> {
    let found = node.xattrs().unwrap();
    assert_eq!(found.unreadable, None);
    found.entries.into_iter().filter(|entry| !entry.name.starts_with(b"security.")).collect()
}

#[test]
fn attributes_of_files_and_folders_come_back_sorted_and_whole() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_dir(b"dir", 0o700).unwrap();
    if !set_or_explain(dir.child(b"file"), b"user.b", b"") {
        return;
    }
    let long = vec![0xa5; 2000];
    let file = dir.open_file(b"file").unwrap();
    let opened = dir.open_child(b"dir").unwrap();
    dir.child(b"dir").set_xattr(b"user.b", b"").unwrap();
    for node in [Node::from(&file), Node::from(&opened)] {
        node.set_xattr(b"user.c", &long).unwrap();
        node.set_xattr("user.ä\u{1}".as_bytes(), b"\0\xff").unwrap();
        node.set_xattr(b"user.a", b"first").unwrap();
        node.set_xattr(b"user.a", b"second").unwrap();
    }
    let expected = [
        xattr(b"user.a", b"second"),
        xattr(b"user.b", b""),
        xattr(b"user.c", &long),
        xattr("user.ä\u{1}".as_bytes(), b"\0\xff"),
    ];
    for node in [Node::from(&file), dir.child(b"file"), Node::from(&opened), dir.child(b"dir")] {
        assert_eq!(own_xattrs(node), expected);
    }
    Node::from(&file).remove_xattr(b"user.a").unwrap();
    dir.child(b"file").remove_xattr(b"user.c").unwrap();
    assert_eq!(own_xattrs(dir.child(b"file")).len(), 2);
    const ENODATA: Option<i32> = Some(61);
    assert_eq!(Node::from(&file).remove_xattr(b"user.a").unwrap_err().errno(), ENODATA);
    assert!(Node::from(&file).set_xattr(b"user.\0", b"").is_err());
}

#[test]
fn a_list_of_names_too_long_for_the_stack_is_read_whole() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    let file = dir.open_file(b"file").unwrap();
    for number in 0..10 {
        let name = format!("user.{number}{}", "n".repeat(150));
        match Node::from(&file).set_xattr(name.as_bytes(), &[number]) {
            Err(error) if is_not_supported(&error) || error.is_full() => {
                return not_run("no room for these attributes in the folder for temporary files");
            }
            answer => answer.unwrap(),
        }
    }
    for node in [Node::from(&file), dir.child(b"file")] {
        let values: Vec<_> = own_xattrs(node).into_iter().map(|entry| entry.value).collect();
        assert_eq!(values, (0..10).map(|number| vec![number]).collect::<Vec<_>>());
    }
}

#[test]
fn entries_without_attributes_have_none_and_links_are_not_followed() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_symlink(b"file", b"link").unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    dir.create_special(b"socket", FileKind::Socket, (0, 0), 0o600).unwrap();
    for name in [&b"link"[..], b"pipe", b"socket", b"file"] {
        assert_eq!(own_xattrs(dir.child(name)), []);
    }
    if !set_or_explain(dir.child(b"file"), b"user.a", b"") {
        return;
    }
    assert_eq!(own_xattrs(dir.child(b"link")), []);
    // The kernel has no user attributes on links, pipes and sockets.
    for name in [&b"link"[..], b"pipe", b"socket"] {
        assert!(dir.child(name).set_xattr(b"user.a", b"").is_err());
    }
    assert!(dir.child(b"missing").xattrs().unwrap_err().is_not_found());
}

#[test]
fn root_trusted_attributes_of_links_and_pipes_are_their_own() {
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_symlink(b"file", b"link").unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    for name in [&b"link"[..], b"pipe"] {
        match dir.child(name).set_xattr(b"trusted.t", name) {
            Err(error) if error.is_denied() || is_not_supported(&error) => {
                return not_run("trusted attributes are refused in this container");
            }
            answer => answer.unwrap(),
        }
        assert_eq!(own_xattrs(dir.child(name)), [xattr(b"trusted.t", name)]);
    }
    assert_eq!(own_xattrs(dir.child(b"file")), []);
    dir.child(b"link").remove_xattr(b"trusted.t").unwrap();
    assert_eq!(own_xattrs(dir.child(b"link")), []);
}

/// An ACL in the kernel's form: a version, then tag, permissions and id of each entry.
fn acl(entries: &[(u16, u16, u32)]) -> Vec<u8> {
    let mut value = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        value.extend_from_slice(&tag.to_le_bytes());
        value.extend_from_slice(&permissions.to_le_bytes());
        value.extend_from_slice(&id.to_le_bytes());
    }
    value
}

#[test]
fn access_lists_come_back_byte_for_byte() {
    const NOBODY: u32 = u32::MAX;
    let (_temp, dir) = folder();
    write(&dir, b"file", b"");
    dir.create_dir(b"dir", 0o700).unwrap();
    let user = process::effective_uid().unwrap();
    // Owner rw, one user r, group r, mask rw, others none.
    let list =
        acl(&[(0x01, 6, NOBODY), (0x02, 4, user), (0x04, 4, NOBODY), (0x10, 6, NOBODY), (0x20, 0, NOBODY)]);
    let (access, default) = (b"system.posix_acl_access", b"system.posix_acl_default");
    if !set_or_explain(dir.child(b"file"), access, &list) {
        return;
    }
    dir.child(b"dir").set_xattr(default, &list).unwrap();
    Node::from(&dir.open_child(b"dir").unwrap()).set_xattr(access, &list).unwrap();
    assert_eq!(own_xattrs(Node::from(&dir.open_file(b"file").unwrap())), [xattr(access, &list)]);
    assert_eq!(own_xattrs(dir.child(b"dir")), [xattr(access, &list), xattr(default, &list)]);
    // The group bits of the mode are the mask.
    assert_eq!(dir.stat(b"file").unwrap().mode, 0o660);
    dir.child(b"file").remove_xattr(access).unwrap();
    assert_eq!(own_xattrs(dir.child(b"file")), []);
}

#[test]
fn file_systems_without_attributes_have_none() {
    let proc = Dir::open_root(std::path::Path::new("/proc/self")).unwrap();
    let found = proc.child(b"status").xattrs().unwrap();
    assert_eq!((found.entries.len(), found.unreadable), (0, None));
}
