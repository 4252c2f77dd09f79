//! `holdfast mount`: the mounted tree is what was backed up, it survives the server's restart, and it ends cleanly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use e2e::random::Random;
use e2e::{Agent, OrdinaryUser, Outcome, Site, tree};
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A running `holdfast mount`.
struct Mounted {
    point: PathBuf,
    child: Child,
}

impl Mounted {
    fn new(agent: &Agent, point: &Path, arguments: &[&str]) -> Self {
        fs::create_dir_all(point).unwrap();
        let mut command = agent.command();
        command.arg("mount").arg(point).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mounted = Self { point: point.to_owned(), child: command.spawn().unwrap() };
        wait_for("the mount", || is_mounted(point));
        mounted
    }

    fn set(&self, name: &str) -> PathBuf {
        self.point.join(name)
    }

    /// Sends a signal and gives the exit status and what was said. Nothing may be mounted any more then.
    fn end(mut self, signal: &str) -> (i32, String) {
        kill(&self.child, signal);
        self.ended()
    }

    fn ended(&mut self) -> (i32, String) {
        let end = Instant::now() + LONG;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut said = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                assert!(!is_mounted(&self.point), "it ended, and the folder is still mounted on: {said}");
                return (status.code().unwrap_or(-1), said);
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = Command::new("umount").arg("--lazy").arg(&self.point).output();
    }
}

fn kill(child: &Child, signal: &str) {
    Outcome::of(Command::new("kill").args([signal, &child.id().to_string()])).ok();
}

/// Asked of the table, since the folder itself may hang.
fn is_mounted(point: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mounts").unwrap();
    table.lines().any(|line| line.split(' ').nth(1) == point.to_str())
}

#[track_caller]
fn wait_for(what: &str, is_there: impl Fn() -> bool) {
    let end = Instant::now() + LONG;
    while !is_there() {
        assert!(Instant::now() < end, "{what} does not come");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Where a path of the machine lies below a snapshot's folder.
fn inside(snapshot: &Path, path: &Path) -> PathBuf {
    snapshot.join(path.strip_prefix("/").unwrap())
}

/// Everything that a backup knows.
fn make_odd(root: &Path) {
    fs::create_dir_all(root.join("odd")).unwrap();
    let odd = root.join("odd");
    fs::write(odd.join(OsStr::from_bytes(b"name\xff\n")), b"any bytes").unwrap();
    symlink("../nowhere", odd.join("link")).unwrap();
    fs::write(odd.join("one"), b"linked").unwrap();
    fs::hard_link(odd.join("one"), odd.join("other")).unwrap();
    for (name, kind) in [("pipe", vec!["p"]), ("null", vec!["c", "1", "3"]), ("block", vec!["b", "7", "300"])]
    {
        Outcome::of(Command::new("mknod").arg(odd.join(name)).args(kind)).ok();
    }
    Outcome::of(Command::new("setfattr").args(["-n", "user.colour", "-v", "blue"]).arg(odd.join("one"))).ok();
    Outcome::of(Command::new("setfacl").args(["-m", "u:12345:r"]).arg(odd.join("one"))).ok();
    let sparse = fs::File::create(odd.join("sparse")).unwrap();
    sparse.set_len(9 << 20).unwrap();
    sparse.write_all_at(b"in the middle", 5 << 20).unwrap();
    Outcome::of(Command::new("touch").args(["-d", "1969-07-20 20:17:40.5"]).arg(odd.join("one"))).ok();
    Outcome::of(Command::new("chown").args(["1234:4321"]).arg(odd.join("pipe"))).ok();
    Outcome::of(Command::new("chmod").arg("2750").arg(root.join("odd"))).ok();
}

#[test]
fn root_a_mount_is_what_was_backed_up() {
    let site = Site::new();
    let root = site.path("tree");
    tree::make(&root, 300, &mut Random::with_seed(1));
    make_odd(&root);
    fs::create_dir(root.join("many")).unwrap();
    (0..3000).for_each(|number| fs::write(root.join(format!("many/{number:05}")), b"").unwrap());
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let mounted = Mounted::new(&agent, &site.path("mnt"), &[]);
    assert_eq!(names(&mounted.point), ["tree"]);
    let shown = names(&mounted.set("tree"));
    assert_eq!(shown.len(), 2, "{shown:?}");
    assert_eq!(shown[1], "latest");
    assert_eq!(fs::read_link(mounted.set("tree").join("latest")).unwrap(), Path::new(&shown[0]));

    let found = inside(&mounted.set("tree").join("latest"), &root);
    // Contents, kinds, owners, modes, times, links, attributes and access lists.
    tree::assert_equal(&root, &found);
    Outcome::of(
        Command::new("diff")
            .args(["-r", "--no-dereference"])
            .args([root.join("folder1"), found.join("folder1")]),
    )
    .ok();
    let listing = |folder: &Path| {
        let mut ls = Command::new("ls");
        ls.args(["-lR", "--time-style=full-iso", "--numeric-uid-gid"]).current_dir(folder);
        let text = Outcome::of(&mut ls).ok().stdout;
        // Sizes of folders and sums of blocks are those of a file system, and counts of links those of a disk.
        let line = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            if line.starts_with("total ") {
                return String::new();
            }
            let skipped = |at: &usize| *at == 1 || (line.starts_with('d') && *at == 4);
            let kept = words.iter().enumerate().filter(|(at, _)| !skipped(at));
            kept.map(|(_, word)| *word).collect::<Vec<_>>().join(" ")
        };
        text.lines().map(line).collect::<Vec<_>>()
    };
    assert_eq!(listing(&root), listing(&found));
    assert_eq!(names(&found.join("many")).len(), 3000);

    let meta = |name: &str| found.join("odd").join(name).symlink_metadata().unwrap();
    assert_eq!((meta("one").ino(), meta("one").nlink()), (meta("other").ino(), 2));
    assert_ne!(meta("one").ino(), meta("link").ino());
    assert!(meta("pipe").file_type().is_fifo() && meta("null").file_type().is_char_device());
    assert_eq!(meta("block").rdev(), root.join("odd/block").symlink_metadata().unwrap().rdev());
    assert!(meta("sparse").blocks() < 100, "{}", meta("sparse").blocks());
    assert!(fs::write(found.join("new"), b"x").is_err(), "it is for reading");
    assert_eq!(fs::metadata(found.join("none")).unwrap_err().kind(), std::io::ErrorKind::NotFound);

    let (status, said) = mounted.end("-TERM");
    assert_eq!(status, 0, "{said}");
    assert!(said.contains("fusermount3 -u") && said.contains("Unmounted."), "{said}");
    assert!(names(&site.path("mnt")).is_empty());
}

#[test]
fn root_a_large_file_is_read_at_any_place() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir_all(&root).unwrap();
    let mut random = Random::with_seed(2);
    let content = random.bytes(24 << 20);
    fs::write(root.join("large"), &content).unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let mounted = Mounted::new(&agent, &site.path("mnt"), &["--set", "tree"]);
    let path = inside(&mounted.set("tree").join("latest"), &root).join("large");
    let mut file = fs::File::open(&path).unwrap();
    for _ in 0..200 {
        let offset = random.below(content.len() as u64);
        let mut part = vec![0; random.below(300_000) as usize];
        file.seek(SeekFrom::Start(offset)).unwrap();
        let end = content.len().min(offset as usize + part.len());
        let wanted = &content[offset as usize..end];
        file.read_exact(&mut part[..wanted.len()]).unwrap();
        assert!(&part[..wanted.len()] == wanted, "{offset}");
    }
    assert!(fs::read(&path).unwrap() == content);
    // Somebody who has it open keeps it from nothing.
    let (status, said) = mounted.end("-INT");
    assert_eq!(status, 0, "{said}");
    drop(file);
}

#[test]
fn root_a_server_that_goes_and_comes_back_is_waited_for() {
    let mut site = Site::new();
    let root = site.path("tree");
    fs::create_dir_all(&root).unwrap();
    let (first, second) = (Random::with_seed(3).bytes(3 << 20), Random::with_seed(4).bytes(3 << 20));
    fs::write(root.join("first"), &first).unwrap();
    fs::write(root.join("second"), &second).unwrap();
    let mut agent = site.device("laptop");
    agent.backup(&[&root]);
    agent.set("HOLDFAST_TEST_ATTEMPTS", "3");
    let mounted = Mounted::new(&agent, &site.path("mnt"), &[]);
    let found = inside(&mounted.set("tree").join("latest"), &root);
    assert!(fs::read(found.join("first")).unwrap() == first);

    site.server.stop();
    // What was read is still there; what was not is an error after some time, and not before.
    assert!(fs::read(found.join("first")).unwrap() == first);
    assert_eq!(names(&found), ["first", "second"]);
    let error = fs::read(found.join("second")).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(5), "{error}");
    site.server.start();
    assert!(fs::read(found.join("second")).unwrap() == second);

    // With its usual patience a reader waits while the server is away for a moment.
    drop(mounted.end("-TERM"));
    agent.unset("HOLDFAST_TEST_ATTEMPTS");
    let mounted = Mounted::new(&agent, &site.path("mnt"), &[]);
    fs::write(root.join("third"), b"new").unwrap();
    agent.backup(&[&root]);
    let set = mounted.set("tree");
    wait_for("the new snapshot", || names(&set).len() == 3);
    let third = inside(&set.join("latest"), &root).join("third");
    wait_for("the new file behind 'latest'", || third.exists());
    site.server.stop();
    let reader = std::thread::spawn({
        let third = third.clone();
        move || fs::read(third)
    });
    std::thread::sleep(Duration::from_millis(200));
    site.server.start();
    assert_eq!(reader.join().unwrap().unwrap(), b"new");
    drop(mounted.end("-TERM"));
}

#[test]
fn root_what_is_in_the_way_is_told_and_a_mount_can_be_taken_away_by_hand() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("file"), b"x").unwrap();
    let agent = site.device("laptop");
    agent.backup(&[&root]);
    let mount = |point: &Path| agent.run(["mount".as_ref(), point.as_os_str()]);
    mount(&root).fails_with(model::Code::MountPointUnfit);
    mount(&root.join("file")).fails_with(model::Code::MountPointUnfit);
    mount(&site.path("none")).fails_with(model::Code::PathMissing);
    let point = site.path("mnt");
    fs::create_dir(&point).unwrap();
    agent
        .run(["mount".as_ref(), point.as_os_str(), "--set".as_ref(), "other".as_ref()])
        .fails_with(model::Code::SnapshotUnknown);
    assert!(!is_mounted(&point));

    // By hand.
    let mut mounted = Mounted::new(&agent, &point, &[]);
    mount(&point).fails_with(model::Code::MountPointUnfit);
    Outcome::of(Command::new("fusermount3").arg("-u").arg(&point)).ok();
    let (status, said) = mounted.ended();
    assert_eq!(status, 0, "{said}");
    drop(mounted);

    // One that was killed leaves the mount, which is told.
    let mut mounted = Mounted::new(&agent, &point, &[]);
    kill(&mounted.child, "-KILL");
    mounted.child.wait().unwrap();
    let stale = mount(&point).fails_with(model::Code::MountStale);
    assert!(stale.stderr.contains("fusermount3 -u"), "{stale}");
    Outcome::of(Command::new("fusermount3").arg("-u").arg(&point)).ok();
    drop(mounted);
    let mounted = Mounted::new(&agent, &point, &["--json"]);
    assert_eq!(mounted.end("-HUP").0, 0);
}

#[test]
fn root_other_devices_are_shown_when_asked_for() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("file"), b"x").unwrap();
    let (laptop, desktop) = (site.device("laptop"), site.device("desktop"));
    desktop.backup(&[&root]);
    let mounted = Mounted::new(&laptop, &site.path("mnt"), &["--all"]);
    assert_eq!(names(&mounted.point), ["desktop"]);
    laptop.run(["backup", root.to_str().unwrap(), "--set", "a.b"]).ok();
    laptop.run(["backup", root.to_str().unwrap(), "--set", "work"]).ok();
    wait_for("the other device", || names(&mounted.point) == ["desktop", "laptop"]);
    assert_eq!(names(&mounted.set("laptop")), ["a.b", "work"]);
    let file = inside(&mounted.set("desktop/tree/latest"), &root).join("file");
    assert_eq!(fs::read(file).unwrap(), b"x");
    assert_eq!(mounted.end("-TERM").0, 0);
    let own = Mounted::new(&desktop, &site.path("own"), &[]);
    assert_eq!(names(&own.point), ["tree"]);
}

#[test]
fn root_an_ordinary_user_mounts_for_himself_alone() {
    let site = Site::new();
    let user = OrdinaryUser::new();
    let mut agent = user.device(&site, "laptop");
    let (root, point) = (site.path("tree"), site.path("mnt"));
    for folder in [&root, &point] {
        fs::create_dir_all(folder).unwrap();
        user.own(folder);
    }
    fs::write(root.join("file"), b"x").unwrap();
    agent.backup(&[&root]);
    // The program that mounts for ordinary users gains root, which the usual launcher of tests does not allow.
    let words = ["setpriv", "--clear-groups"].map(String::from).into_iter();
    let ids = [format!("--reuid={}", user.uid()), format!("--regid={}", user.gid())];
    let launcher: Vec<_> = words.chain(ids).map(Into::into).chain([site.path("holdfast").into()]).collect();
    agent.launch_with(launcher);
    if fs::metadata("/dev/fuse").unwrap().mode() & 0o006 != 0o006 {
        // As in some containers.
        let denied =
            agent.run(["mount".as_ref(), point.as_os_str()]).fails_with(model::Code::MountUnavailable);
        assert!(denied.stderr.contains("may not open /dev/fuse"), "{denied}");
        return;
    }
    let mounted = Mounted::new(&agent, &point, &[]);
    let file = inside(&mounted.set("tree").join("latest"), &root).join("file");
    let read = |user: Option<&OrdinaryUser>| {
        let mut cat = Command::new("setpriv");
        if let Some(user) = user {
            cat.args([
                "--clear-groups",
                &format!("--reuid={}", user.uid()),
                &format!("--regid={}", user.gid()),
            ]);
        }
        Outcome::of(cat.arg("cat").arg(&file))
    };
    assert_eq!(read(Some(&user)).ok().stdout, "x");
    assert_ne!(read(Some(&OrdinaryUser::new())).status, 0);
    assert_ne!(read(None).status, 0, "not even root");
    let (status, said) = mounted.end("-TERM");
    assert_eq!(status, 0, "{said}");
}
