//! Nothing leads out of a folder: not a name, not a link, not a link put in place meanwhile.

use crate::{folder, read, write};
use platform::{Dir, Error, FileKind};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn names_that_lead_elsewhere_are_refused_everywhere() {
    let (_temp, dir) = folder();
    write(&dir, b"ok", b"");
    for bad in [&b""[..], b".", b"..", b"../x", b"/etc", b"a/b", b"ok/", b"a\0"] {
        let answers = [
            dir.open_child(bad).err(),
            dir.stat(bad).err(),
            dir.read_link(bad).err(),
            dir.open_file(bad).err(),
            dir.open_file_to_write(bad).err(),
            dir.create_dir(bad, 0o700).err(),
            dir.create_file(bad).err(),
            dir.rename_over(bad, b"x").err(),
            dir.rename_over(b"ok", bad).err(),
            dir.rename_noreplace(bad, b"x").err(),
            dir.rename_noreplace(b"ok", bad).err(),
            dir.exchange(bad, b"ok").err(),
            dir.exchange(b"ok", bad).err(),
            dir.create_symlink(b"x", bad).err(),
            dir.create_special(bad, FileKind::Fifo, (0, 0), 0o600).err(),
            dir.create_hard_link(&dir, bad, b"x").err(),
            dir.create_hard_link(&dir, b"ok", bad).err(),
            dir.remove_file(bad).err(),
            dir.remove_dir(bad).err(),
            dir.child(bad).stat().err(),
            dir.child(bad).xattrs().err(),
            dir.child(bad).set_xattr(b"user.a", b"").err(),
            dir.child(bad).remove_xattr(b"user.a").err(),
            dir.child(bad).set_owner(0, 0).err(),
            dir.child(bad).set_mode(0o600).err(),
            dir.child(bad).set_times(platform::Time::default(), None).err(),
        ];
        for (number, answer) in answers.iter().enumerate() {
            assert!(matches!(answer, Some(Error::BadName { .. })), "{bad:?}, operation {number}: {answer:?}");
        }
    }
    assert_eq!(dir.names().unwrap().len(), 1);
}

#[test]
fn links_are_followed_in_the_path_of_a_root_and_nowhere_else() {
    let (temp, dir) = folder();
    dir.create_dir(b"real", 0o700).unwrap();
    let real = dir.open_child(b"real").unwrap();
    write(&real, b"file", b"content");
    dir.create_symlink(b"real", b"link").unwrap();
    dir.create_symlink(b"real/file", b"file link").unwrap();

    let root = Dir::open_root(&temp.path().join("link")).unwrap();
    assert!(root.stat_self().unwrap().is_same_inode(&real.stat_self().unwrap()));
    const ENOTDIR: i32 = 20;
    const ELOOP: i32 = 40;
    assert!(matches!(dir.open_child(b"link").unwrap_err().errno(), Some(ENOTDIR | ELOOP)));
    assert_eq!(dir.open_file(b"file link").unwrap_err().errno(), Some(ELOOP));
    assert_eq!(dir.open_file_to_write(b"file link").unwrap_err().errno(), Some(ELOOP));
    assert!(dir.create_file(b"file link").unwrap_err().is_already_exists());
    assert!(dir.create_dir(b"link", 0o700).unwrap_err().is_already_exists());
    dir.write_file(b"file link", b"own", 0o600).unwrap();
    assert_eq!(read(&real, b"file"), b"content");
    assert_eq!(read(&dir, b"file link"), b"own");
}

#[test]
fn a_link_put_in_place_of_a_folder_meanwhile_is_never_followed() {
    const ROUNDS: usize = 3000;
    let (outside_temp, outside) = folder();
    let (_temp, dir) = folder();
    dir.create_dir(b"target", 0o700).unwrap();
    dir.create_symlink(outside_temp.path().as_os_str().as_encoded_bytes(), b"trap").unwrap();
    let before = outside.stat_self().unwrap();
    let done = AtomicBool::new(false);
    let mut created = 0;
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let mut swaps = 0_u64;
            while !done.load(Ordering::Relaxed) {
                dir.exchange(b"target", b"trap").unwrap();
                swaps += 1;
            }
            swaps
        });
        for round in 0..ROUNDS {
            if let Ok(target) = dir.open_child(b"target") {
                write(&target, format!("{round}").as_bytes(), b"");
                created += 1;
            }
            let _ = dir.child(b"target").set_mode(0o711);
            let _ = dir.child(b"target").set_times(platform::Time { sec: 1, nsec: 1 }, None);
        }
        done.store(true, Ordering::Relaxed);
        assert!(swapper.join().unwrap() > 0);
    });
    assert!(outside.names().unwrap().is_empty());
    let after = outside.stat_self().unwrap();
    assert_eq!((after.mode, after.mtime), (before.mode, before.mtime));
    // All that was made lies in the real folder, whichever name it has now.
    let real = dir.open_child(b"target").or_else(|_| dir.open_child(b"trap")).unwrap();
    assert_eq!(real.names().unwrap().len(), created);
}
