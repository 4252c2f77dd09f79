//! What an ordinary user gets back: everything that the system lets this user make, and a list of the rest.

use crate::make::tool;
use e2e::{Agent, Mount, OrdinaryUser, Outcome, Site};
use platform::{Dir, FileKind};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

const EPERM: i64 = 1;

/// Findings by the part of their path below `tree`: reason and error number.
fn findings(outcome: &Outcome, tree: &Path) -> BTreeMap<String, (String, i64)> {
    let inside = |event: &Value| {
        let path = PathBuf::from(event["path"].as_str().unwrap());
        let inside = path.strip_prefix(tree).unwrap().to_str().unwrap().to_owned();
        let reason = event["reason"].as_str().unwrap().to_owned();
        (inside, (reason, event["errno"].as_i64().unwrap()))
    };
    outcome.events().iter().filter(|event| event["event"] == "finding").map(inside).collect()
}

fn restore(agent: &Agent, what: &str, to: &Path) -> Outcome {
    let mut command = agent.command();
    Outcome::of(command.args(["--json", "restore", what, "--to"]).arg(to))
}

#[test]
fn root_an_ordinary_user_gets_what_they_may_and_a_list_of_the_rest() {
    let site = Site::new();
    let user = OrdinaryUser::new();
    let device = user.device(&site, "ordinary");
    let tree = site.path("tree");
    fs::create_dir(&tree).unwrap();
    for name in ["mine", "theirs", "theirs with bits", "mine with bits", "marked", "listed"] {
        fs::write(tree.join(name), name).unwrap();
    }
    fs::create_dir(tree.join("folder")).unwrap();
    fs::write(tree.join("folder/inside"), "inside").unwrap();
    symlink("mine", tree.join("link")).unwrap();
    let dir = Dir::open_root(&tree).unwrap();
    dir.create_special(b"pipe", FileKind::Fifo, (0, 0), 0o600).unwrap();
    dir.create_special(b"device", FileKind::CharDevice, (1, 3), 0o666).unwrap();
    let everything =
        ["mine", "mine with bits", "marked", "listed", "folder", "folder/inside", "pipe", "device"];
    for name in everything {
        user.own(&tree.join(name));
    }
    std::os::unix::fs::lchown(tree.join("link"), Some(user.uid()), Some(user.gid())).unwrap();
    user.own(&tree);
    dir.child(b"marked").set_xattr(b"trusted.mark", b"x").unwrap();
    dir.child(b"marked").set_xattr(b"user.mark", b"y").unwrap();
    tool("setfacl", &["-m".as_ref(), "u:12345:r--".as_ref(), tree.join("listed").as_os_str()]);
    let mode = |name: &str, mode| fs::set_permissions(tree.join(name), Permissions::from_mode(mode)).unwrap();
    mode("mine with bits", 0o6755);
    mode("theirs with bits", 0o6755);
    mode("folder", 0o2770);

    let root = site.device("root");
    let summary = root.backup(&[&tree]);
    assert_eq!(summary["findings"], 0, "{summary}");
    let snapshot = summary["snapshot"].as_str().unwrap();

    let target = site.path("target");
    fs::create_dir(&target).unwrap();
    user.own(&target);
    let outcome = restore(&device, &format!("{snapshot}:{}", tree.display()), &target).expect(3);
    let not_restored = |errno| ("attributes_not_restored".to_owned(), errno);
    let expected = BTreeMap::from([
        ("theirs".to_owned(), not_restored(EPERM)),
        ("theirs with bits".to_owned(), not_restored(EPERM)),
        ("marked".to_owned(), not_restored(EPERM)),
        ("device".to_owned(), ("write_failed".to_owned(), EPERM)),
    ]);
    assert_eq!(findings(&outcome, &tree), expected, "{outcome}");
    let summary = outcome.events().pop().unwrap();
    assert_eq!((&summary["event"], &summary["findings"]), (&"summary".into(), &4.into()));

    for name in ["mine", "theirs", "theirs with bits", "mine with bits", "marked", "listed", "folder/inside"]
    {
        let found = fs::metadata(target.join(name)).unwrap();
        let wanted = fs::metadata(tree.join(name)).unwrap();
        assert_eq!(fs::read(target.join(name)).unwrap(), fs::read(tree.join(name)).unwrap(), "{name}");
        assert_eq!((found.uid(), found.gid()), (user.uid(), user.gid()), "{name}");
        assert_eq!((found.mtime(), found.mtime_nsec()), (wanted.mtime(), wanted.mtime_nsec()), "{name}");
        // Bits that lend an identity never lend that of somebody else.
        let lent = if name == "theirs with bits" { 0o6000 } else { 0 };
        assert_eq!(found.mode(), wanted.mode() & !lent, "{name}");
    }
    assert_eq!(fs::metadata(target.join("folder")).unwrap().mode() & 0o7777, 0o2770);
    assert_eq!(fs::read_link(target.join("link")).unwrap(), Path::new("mine"));
    assert!(!target.join("device").exists());
    let lists = |path: &Path| {
        let dir = Dir::open_root(path).unwrap();
        let kept = |name: &[u8]| dir.child(name).xattrs().unwrap().entries;
        (kept(b"listed"), kept(b"marked").into_iter().filter(|xattr| xattr.name == b"user.mark").count())
    };
    assert_eq!(lists(&target), lists(&tree));
}

#[test]
fn root_an_ordinary_user_backs_up_and_restores_their_own() {
    let site = Site::new();
    let user = OrdinaryUser::new();
    let device = user.device(&site, "ordinary");
    let home = site.path("home");
    fs::create_dir(&home).unwrap();
    for name in ["letter", "note"] {
        fs::write(home.join(name), name).unwrap();
        user.own(&home.join(name));
    }
    user.own(&home);
    fs::set_permissions(home.join("note"), Permissions::from_mode(0o400)).unwrap();
    let summary = device.backup(&[&home]);
    assert_eq!((&summary["findings"], &summary["files"]), (&0.into(), &2.into()), "{summary}");

    // Whole, below the folders above it, which belong to root.
    let target = site.path("target");
    fs::create_dir(&target).unwrap();
    user.own(&target);
    device.restore("latest", &target);
    e2e::tree::assert_equal(&home, &target.join(home.strip_prefix("/").unwrap()));
}

#[test]
fn root_a_target_that_the_user_may_not_write_is_refused() {
    let site = Site::new();
    let user = OrdinaryUser::new();
    let device = user.device(&site, "ordinary");
    let home = site.path("home");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("letter"), "x").unwrap();
    device.backup(&[&home]);
    let closed = site.path("closed");
    fs::create_dir(&closed).unwrap();
    chown(&closed, Some(0), Some(0)).unwrap();
    let what = format!("latest:{}", home.display());
    let outcome = restore(&device, &what, &closed.join("new"));
    outcome.fails_with(model::Code::LocalDenied);
    assert_eq!(fs::read_dir(&closed).unwrap().count(), 0);
}

#[test]
fn root_attributes_that_the_target_does_not_take_are_listed() {
    let site = Site::new();
    let agent = site.device("laptop");
    let tree = site.path("tree");
    fs::create_dir(&tree).unwrap();
    fs::write(tree.join("plain"), "plain").unwrap();
    fs::write(tree.join("marked"), "marked").unwrap();
    let dir = Dir::open_root(&tree).unwrap();
    // More than the small file system below takes into one inode and one block.
    dir.child(b"marked").set_xattr(b"user.big", &[7; 3500]).unwrap();
    agent.backup(&[&tree]);
    let image = site.path("image");
    e2e::mount::make_image(&image, 8 << 20, &["-b", "1024", "-I", "128"]);
    let mount = Mount::image(&image, &site.path("small"), "rw");
    let target = mount.point().join("target");
    let outcome = restore(&agent, &format!("latest:{}", tree.display()), &target).expect(3);
    let found = findings(&outcome, &tree);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["marked"], "{outcome}");
    assert_eq!(found["marked"].0, "attributes_not_restored");
    assert_eq!(fs::read(target.join("marked")).unwrap(), b"marked");
    mount.unmount();
}
