//! A tree with every kind of entry, as only root can make it.

use e2e::Outcome;
use e2e::random::Random;
use platform::{Dir, FileKind, Node, Time};
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The largest file of the tree: a tebibyte, nearly all of it holes.
pub(crate) const HUGE: &str = "sparse/tebibyte";

/// Runs a tool that must succeed.
#[track_caller]
pub(crate) fn tool(name: &str, arguments: &[&OsStr]) {
    Outcome::of(Command::new(name).args(arguments)).ok();
}

/// Fills the empty folder `root`.
pub(crate) fn every_kind(root: &Path) {
    let part = |name: &str| {
        let path = root.join(name);
        fs::create_dir(&path).unwrap();
        path
    };
    let mut random = Random::new();
    contents(&part("contents"), &mut random);
    sparse(&part("sparse"));
    links(&part("links"));
    specials(&part("specials"));
    owners_and_modes(&part("owners"));
    attributes(&part("attributes"));
    access_lists(&part("lists"));
    names(&part("names"));
    // Last, since whatever is made in a folder changes its time.
    times(&part("times"));
    set_time(root, Time { sec: 987_654_321, nsec: 123_456_789 });
}

fn contents(folder: &Path, random: &mut Random) {
    fs::write(folder.join("empty"), b"").unwrap();
    fs::write(folder.join("one byte"), b"x").unwrap();
    fs::write(folder.join("text"), random.text(300_000)).unwrap();
    fs::write(folder.join("noise"), random.bytes(3_000_000)).unwrap();
    // Large enough to be cut by one thread and hashed by all.
    fs::write(folder.join("large"), random.bytes(40 << 20)).unwrap();
    fs::write(folder.join("repeated"), random.bytes(70_000).repeat(20)).unwrap();
    fs::create_dir_all(folder.join("empty folders/within/each other")).unwrap();
}

fn sparse(folder: &Path) {
    let make = |name: &str, length: u64, data: &[(u64, &[u8])]| {
        let file = File::create(folder.join(name)).unwrap();
        file.set_len(length).unwrap();
        for (offset, bytes) in data {
            file.write_all_at(bytes, *offset).unwrap();
        }
        file.sync_all().unwrap();
    };
    make(
        Path::new(HUGE).file_name().unwrap().to_str().unwrap(),
        1 << 40,
        &[(0, &[1; 8192]), ((1 << 39) + 12_345, b"in the middle"), ((1 << 40) - 3, b"end")],
    );
    make("holes only", 10 << 20, &[]);
    make("hole first", 1 << 20, &[((1 << 20) - 5000, &[2; 5000])]);
    make("hole last", 1 << 20, &[(0, &[3; 5000])]);
    make(
        "holes between",
        64 << 20,
        &[(1 << 20, &[4; 4096]), (9 << 20, &[5; 100_000]), (40 << 20, &[0; 65_536])],
    );
    // Zeros that are stored are no hole.
    make("zeros", 1 << 20, &[(0, &vec![0; 1 << 20])]);
}

fn links(folder: &Path) {
    fs::create_dir(folder.join("elsewhere")).unwrap();
    fs::write(folder.join("first"), b"one file, three names").unwrap();
    fs::hard_link(folder.join("first"), folder.join("second")).unwrap();
    fs::hard_link(folder.join("first"), folder.join("elsewhere/third")).unwrap();
    // Equal content does not make one file of two.
    fs::write(folder.join("alone"), b"one file, three names").unwrap();
    fs::write(folder.join("pair"), b"").unwrap();
    fs::hard_link(folder.join("pair"), folder.join("elsewhere/pair")).unwrap();

    symlink("first", folder.join("relative")).unwrap();
    symlink("../nowhere/at all", folder.join("dangling")).unwrap();
    symlink("/etc/passwd", folder.join("absolute")).unwrap();
    symlink("elsewhere", folder.join("to a folder")).unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    symlink(OsStr::from_bytes(b"bytes\xff\n"), folder.join("odd target")).unwrap();
    symlink("x/".repeat(2047) + "y", folder.join("long")).unwrap();
    lchown(folder.join("dangling"), Some(1234), Some(4321)).unwrap();
    fs::hard_link(folder.join("dangling"), folder.join("dangling too")).unwrap();
    let time = Time { sec: 1_000_000_000, nsec: 1 };
    let dir = Dir::open_root(folder).unwrap();
    dir.child(b"absolute").set_times(time, None).unwrap();
}

fn specials(folder: &Path) {
    let dir = Dir::open_root(folder).unwrap();
    let make = |name: &str, kind, rdev, mode| {
        dir.create_special(name.as_bytes(), kind, rdev, 0o600).unwrap();
        dir.child(name.as_bytes()).set_mode(mode).unwrap();
    };
    make("pipe", FileKind::Fifo, (0, 0), 0o620);
    make("socket", FileKind::Socket, (0, 0), 0o777);
    make("null", FileKind::CharDevice, (1, 3), 0o666);
    make("high numbers", FileKind::CharDevice, (4095, 1_048_575), 0o600);
    make("disk", FileKind::BlockDevice, (7, 250), 0o640);
    fs::hard_link(folder.join("pipe"), folder.join("pipe too")).unwrap();
    chown(folder.join("disk"), Some(0), Some(6)).unwrap();
}

fn owners_and_modes(folder: &Path) {
    // 4,294,967,295 means 'leave it' and is no owner.
    for (uid, gid) in [(0, 0), (1, 1), (12_345, 54_321), (65_534, 65_534), (4_294_967_294, 4_294_967_294)] {
        let path = folder.join(format!("{uid} {gid}"));
        fs::write(&path, format!("{uid}")).unwrap();
        chown(&path, Some(uid), Some(gid)).unwrap();
    }
    for mode in [0, 0o200, 0o400, 0o644, 0o777, 0o4755, 0o2755, 0o6711, 0o7777, 0o1644, 0o2644] {
        let path = folder.join(format!("file {mode:04o}"));
        fs::write(&path, b"x").unwrap();
        chown(&path, Some(12_345), Some(54_321)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        let path = folder.join(format!("folder {mode:04o}"));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("inside"), b"y").unwrap();
        chown(&path, Some(12_345), Some(54_321)).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }
}

fn attributes(folder: &Path) {
    let dir = Dir::open_root(folder).unwrap();
    for name in ["few", "capability", "big"] {
        fs::write(folder.join(name), name).unwrap();
    }
    fs::create_dir(folder.join("folder")).unwrap();
    symlink("few", folder.join("link")).unwrap();
    let set = |name: &str, attribute: &str, value: &[u8]| {
        dir.child(name.as_bytes()).set_xattr(attribute.as_bytes(), value).unwrap();
    };
    set("few", "user.comment", b"zero\0and \xff");
    set("few", "user.empty", b"");
    set("few", "trusted.holdfast", b"only root sees this");
    set("few", "user.\u{fc}ml\u{e4}ut", "\u{fc}".as_bytes());
    set("big", "user.big", &[7; 3000]);
    set("folder", "user.comment", b"a folder");
    set("folder", "trusted.holdfast", b"a folder");
    set("link", "trusted.holdfast", b"the link itself");
    // A capability as setcap writes it (version 2): cap_net_raw, permitted and effective.
    let mut capability = vec![1, 0, 0, 2];
    capability.extend([0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    chown(folder.join("capability"), Some(12_345), Some(54_321)).unwrap();
    set("capability", "security.capability", &capability);
}

fn access_lists(folder: &Path) {
    let list = |arguments: &[&str], path: &Path| {
        let mut words: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        words.push(path.as_os_str());
        tool("setfacl", &words);
    };
    fs::write(folder.join("listed"), b"x").unwrap();
    list(&["-m", "u:12345:rwx,g:54321:r-x,m::rw-"], &folder.join("listed"));
    fs::create_dir(folder.join("handing down")).unwrap();
    list(&["-m", "g:54321:rwx"], &folder.join("handing down"));
    list(&["-d", "-m", "u:12345:rwx,u::rwx,g::r-x,o::---"], &folder.join("handing down"));
    // These take the default list over, and one of them loses it again.
    fs::create_dir(folder.join("handing down/folder")).unwrap();
    fs::write(folder.join("handing down/file"), b"x").unwrap();
    fs::write(folder.join("handing down/plain"), b"x").unwrap();
    list(&["-b"], &folder.join("handing down/plain"));
}

fn names(folder: &Path) {
    let long = [b'n'; 255];
    let names: [&[u8]; 18] = [
        b"new\nline",
        b"not utf-8 \xff\xfe\x80",
        b"-rf",
        b"--help",
        b" space ",
        b"back\\slash",
        b"quote's \" `$HOME`",
        b"*?[a]{b}",
        b"tab\tbell\x07escape\x1b[31m",
        b"...",
        b"trailing.",
        b"a:b",
        b"\x01",
        "Stra\u{df}e \u{2603} \u{1f980}".as_bytes(),
        // The same text to the eye in two forms.
        "e\u{301}".as_bytes(),
        "\u{e9}".as_bytes(),
        &long,
        // The user's own file that looks like what a killed restore leaves.
        b".holdfast-restore-0123456789abcdef",
    ];
    for name in names {
        fs::write(folder.join(OsStr::from_bytes(name)), name).unwrap();
    }
    fs::create_dir(folder.join(OsStr::from_bytes(b"folder \xff"))).unwrap();
    fs::write(folder.join(OsStr::from_bytes(b"folder \xff/\n")), b"x").unwrap();
}

fn times(folder: &Path) {
    let times = [
        ("before 1970", Time { sec: -1, nsec: 999_999_999 }),
        ("long before 1970", Time { sec: -2_000_000_000, nsec: 1 }),
        ("1970", Time { sec: 0, nsec: 0 }),
        ("nanoseconds", Time { sec: 1_600_000_000, nsec: 123_456_789 }),
        // Beyond 32 bits, and about as far as ext4 goes.
        ("2100", Time { sec: 4_102_444_800, nsec: 5 }),
        ("2440", Time { sec: 14_830_000_000, nsec: 999_999_999 }),
    ];
    for (name, time) in times {
        fs::write(folder.join(name), name).unwrap();
        set_time(&folder.join(name), time);
        let inside = folder.join(format!("folder of {name}"));
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("inside"), b"x").unwrap();
        set_time(&inside, time);
    }
    set_time(folder, Time { sec: -86_400, nsec: 500_000_000 });
}

fn set_time(path: &Path, time: Time) {
    let file = File::open(path).unwrap();
    Node::File(&file).set_times(time, None).unwrap();
}

/// Makes a path of more than 4,096 bytes below `root`, with a file, a link and an empty folder at its end.
/// Gives the path from `root` on.
pub(crate) fn deep(root: &Path) -> PathBuf {
    let mut dir = Dir::open_root(root).unwrap();
    let mut path = PathBuf::new();
    for level in 0..20 {
        let name = format!("{level:02}{}", "d".repeat(248));
        dir.create_dir(name.as_bytes(), 0o755).unwrap();
        dir = dir.open_child(name.as_bytes()).unwrap();
        path.push(name);
    }
    assert!(path.as_os_str().len() > 4096);
    let file = dir.create_file(b"at the end").unwrap();
    file.write_all_at(b"deep content", 0).unwrap();
    dir.create_hard_link(&dir, b"at the end", b"also at the end").unwrap();
    dir.create_symlink(b"at the end", b"link").unwrap();
    dir.create_dir(b"empty", 0o700).unwrap();
    dir.child(b"at the end").set_mode(0o640).unwrap();
    dir.child(b"at the end").set_times(Time { sec: 1_500_000_000, nsec: 42 }, None).unwrap();
    path
}
