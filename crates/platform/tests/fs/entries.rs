//! Making, linking, renaming and removing entries of every kind.

use crate::{folder, read, write};
use platform::{Dir, FileKind};
use std::io::Write;
use std::os::unix::net::UnixListener;
use testkit::not_run;

#[test]
fn pipes_sockets_and_links_have_their_kinds() {
    let (temp, dir) = folder();
    dir.create_special(b"pipe", FileKind::Fifo, (9, 9), 0o600).unwrap();
    dir.create_special(b"socket", FileKind::Socket, (0, 0), 0o600).unwrap();
    let _listener = UnixListener::bind(temp.path().join("bound")).unwrap();
    dir.create_symlink(b"nowhere/\xff", b"link").unwrap();
    dir.create_dir(b"dir", 0o700).unwrap();
    for (name, kind) in [
        (&b"pipe"[..], FileKind::Fifo),
        (b"socket", FileKind::Socket),
        (b"bound", FileKind::Socket),
        (b"link", FileKind::Symlink),
        (b"dir", FileKind::Dir),
    ] {
        let stat = dir.stat(name).unwrap();
        assert_eq!((stat.kind, stat.rdev), (kind, (0, 0)));
        let hint = dir.names().unwrap().iter().find(|entry| entry.name == name).unwrap().kind_hint;
        assert!(hint.is_none_or(|hint| hint == kind));
    }
    for kind in [FileKind::File, FileKind::Dir, FileKind::Symlink] {
        assert!(dir.create_special(b"x", kind, (0, 0), 0o600).is_err());
    }
}

#[test]
fn root_devices_keep_their_numbers() {
    let (_temp, dir) = folder();
    // The largest numbers that Linux has: 12 and 20 bits.
    let large = (0xfff, 0xf_ffff);
    match dir.create_special(b"char", FileKind::CharDevice, (1, 3), 0o600) {
        Err(error) if error.is_denied() => return not_run("devices are refused in this container"),
        answer => answer.unwrap(),
    }
    dir.create_special(b"block", FileKind::BlockDevice, large, 0o600).unwrap();
    let stat = dir.stat(b"char").unwrap();
    assert_eq!((stat.kind, stat.rdev), (FileKind::CharDevice, (1, 3)));
    let stat = dir.stat(b"block").unwrap();
    assert_eq!((stat.kind, stat.rdev), (FileKind::BlockDevice, large));
}

#[test]
fn opening_a_pipe_does_not_wait_for_its_other_end() {
    let (_temp, dir) = folder();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    let file = dir.open_file(b"pipe").unwrap();
    assert_eq!(platform::file::stat(&file).unwrap().kind, FileKind::Fifo);
}

#[test]
fn link_targets_of_every_length_come_back() {
    let (_temp, dir) = folder();
    for length in [1, 255, 256, 257, 1000, 4095] {
        let target: Vec<u8> = (0..length).map(|at| (at % 250 + 1) as u8).collect();
        dir.create_symlink(&target, b"link").unwrap();
        assert_eq!(dir.read_link(b"link").unwrap(), target);
        assert_eq!(dir.stat(b"link").unwrap().size_bytes, length as u64);
        dir.remove_file(b"link").unwrap();
    }
}

#[test]
fn hard_links_share_an_inode_also_for_links_themselves() {
    let (_temp, dir) = folder();
    dir.create_dir(b"sub", 0o700).unwrap();
    let sub = dir.open_child(b"sub").unwrap();
    write(&dir, b"file", b"x");
    dir.create_symlink(b"file", b"link").unwrap();
    sub.create_hard_link(&dir, b"file", b"second").unwrap();
    sub.create_hard_link(&dir, b"link", b"second link").unwrap();
    let (first, second) = (dir.stat(b"file").unwrap(), sub.stat(b"second").unwrap());
    assert!(first.is_same_inode(&second));
    assert_eq!((first.nlink, second.nlink), (2, 2));
    assert_eq!(sub.stat(b"second link").unwrap().kind, FileKind::Symlink);
    assert!(sub.create_hard_link(&dir, b"file", b"second").unwrap_err().is_already_exists());
}

#[test]
fn a_name_that_is_taken_is_kept_or_replaced_as_asked() {
    let (_temp, dir) = folder();
    write(&dir, b"old", b"old");
    write(&dir, b"new", b"new");
    let error = dir.rename_noreplace(b"new", b"old").unwrap_err();
    assert!(error.is_already_exists());
    assert_eq!((read(&dir, b"old"), read(&dir, b"new")), (b"old".to_vec(), b"new".to_vec()));
    dir.rename_noreplace(b"new", b"free").unwrap();
    assert!(dir.stat(b"new").unwrap_err().is_not_found());
    dir.exchange(b"free", b"old").unwrap();
    assert_eq!((read(&dir, b"old"), read(&dir, b"free")), (b"new".to_vec(), b"old".to_vec()));
    dir.rename_over(b"free", b"old").unwrap();
    assert_eq!(read(&dir, b"old"), b"old");
    assert_eq!(dir.names().unwrap().len(), 1);

    // A link in the way is a taken name too, even one that leads nowhere; replaced, it is the link that goes.
    dir.create_symlink(b"nowhere", b"link").unwrap();
    assert!(dir.rename_noreplace(b"old", b"link").unwrap_err().is_already_exists());
    dir.rename_over(b"old", b"link").unwrap();
    assert_eq!(dir.stat(b"link").unwrap().kind, FileKind::File);

    dir.create_dir(b"a", 0o700).unwrap();
    dir.create_dir(b"b", 0o700).unwrap();
    assert!(dir.rename_noreplace(b"a", b"b").unwrap_err().is_already_exists());
    dir.rename_noreplace(b"a", b"c").unwrap();
    dir.remove_dir(b"c").unwrap();
    assert!(dir.remove_file(b"b").is_err());
    assert!(dir.remove_dir(b"link").is_err());
}

#[test]
fn temporary_files_are_new_private_and_named_as_told() {
    let (_temp, dir) = folder();
    let (first, mut file) = dir.create_temp(b".\xfe-").unwrap();
    let (second, _) = dir.create_temp(b".\xfe-").unwrap();
    assert_ne!(first, second);
    assert!(first.starts_with(b".\xfe-") && first.len() == 3 + 16);
    file.write_all(b"content").unwrap();
    assert_eq!(dir.stat(&first).unwrap().mode, 0o600);
    assert_eq!(read(&dir, &first), b"content");
    assert!(dir.create_file(&first).unwrap_err().is_already_exists());
    assert!(dir.create_temp(b"../x").is_err());
    // An existing file is continued, not emptied.
    use std::os::unix::fs::FileExt;
    dir.open_file_to_write(&first).unwrap().write_at(b"C", 0).unwrap();
    assert_eq!(read(&dir, &first), b"Content");
}

#[test]
fn a_clone_outlives_its_original_and_stays_when_renamed() {
    let (_temp, dir) = folder();
    dir.create_dir(b"a", 0o700).unwrap();
    let a = dir.open_child(b"a").unwrap();
    let clone = a.try_clone().unwrap();
    drop(a);
    dir.rename_over(b"a", b"b").unwrap();
    write(&clone, b"file", b"");
    assert_eq!(dir.open_child(b"b").unwrap().names().unwrap().len(), 1);
    clone.sync().unwrap();
    clone.sync_file_system().unwrap();
}

#[test]
fn entries_move_to_another_folder() {
    let (_temp, dir) = folder();
    dir.create_dir(b"to", 0o700).unwrap();
    let to = dir.open_child(b"to").unwrap();
    write(&dir, b"one", b"1");
    write(&dir, b"two", b"2");
    dir.move_noreplace(b"one", &to, b"name").unwrap();
    assert!(dir.move_noreplace(b"two", &to, b"name").unwrap_err().is_already_exists());
    assert_eq!((read(&to, b"name"), read(&dir, b"two")), (b"1".to_vec(), b"2".to_vec()));
    dir.move_over(b"two", &to, b"name").unwrap();
    assert_eq!(read(&to, b"name"), b"2");
    assert_eq!(dir.names().unwrap().len(), 1);
    assert!(to.move_over(b"name", &dir, b"../name").is_err());
}

#[test]
fn files_of_others_are_opened_though_their_access_time_changes() {
    // As an ordinary user the kernel refuses to leave the access time alone, and it is opened without.
    let etc = Dir::open_root(std::path::Path::new("/etc")).unwrap();
    assert!(!read(&etc, b"passwd").is_empty());
}
