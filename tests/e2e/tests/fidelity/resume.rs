//! A restore that was killed goes on when the same command is given again, and leaves nothing of its own behind.

use e2e::random::Random;
use e2e::{Agent, Outcome, Proxy, Site, tree};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const TEMP_PREFIX: &str = ".holdfast-restore-";

/// A tree of a few megabytes with what a restore makes in different ways.
fn make(root: &Path) {
    let mut random = Random::new();
    tree::make(root, 120, &mut random);
    // Large enough for several threads, and for several frames.
    fs::write(root.join("large"), random.bytes(40 << 20)).unwrap();
    fs::hard_link(root.join("large"), root.join("large too")).unwrap();
    fs::hard_link(root.join("folder0/part0/file0"), root.join("folder1/link")).unwrap();
    symlink("large", root.join("symlink")).unwrap();
    fs::create_dir_all(root.join("empty/within")).unwrap();
    fs::write(root.join("empty/within/.holdfast-restore-mine"), "the user's own").unwrap();
}

/// Every name below `root` that begins as those of a restore under way do.
fn leftovers(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_name().to_string_lossy().starts_with(TEMP_PREFIX) {
                found.push(entry.path());
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            }
        }
    }
    found
}

fn arguments(tree: &Path, target: &Path) -> Vec<OsString> {
    let what = format!("latest:{}", tree.display());
    ["restore".into(), what.into(), "--to".into(), target.into()].into()
}

/// A device with a backup of such a tree.
struct Scene {
    agent: Agent,
    tree: PathBuf,
    target: PathBuf,
    site: Site,
}

impl Scene {
    fn new() -> Self {
        let site = Site::new();
        let (tree, target) = (site.path("tree"), site.path("target"));
        make(&tree);
        let agent = site.device("laptop");
        agent.backup(&[&tree]);
        Self { agent, tree, target, site }
    }

    /// From now on the device reaches its server through this.
    fn proxy(&mut self) -> Proxy {
        let proxy = Proxy::to(self.site.server.port());
        self.agent.set("HOLDFAST_SERVER", proxy.url());
        proxy
    }

    /// The restore of the tree, not yet begun.
    fn restore(&self) -> Command {
        let mut command = self.agent.command();
        command.args(arguments(&self.tree, &self.target)).stdin(Stdio::null());
        command
    }
}

#[track_caller]
fn goes_on(agent: &Agent, tree: &Path, target: &Path) {
    let outcome = agent.run(arguments(tree, target)).ok();
    assert!(outcome.stderr.contains("cut short"), "{outcome}");
    tree::assert_equal(tree, target);
    tree::assert_same(tree, target);
    let left = leftovers(target);
    assert_eq!(left, [target.join("empty/within/.holdfast-restore-mine")], "{left:?}");
    assert_eq!(fs::read_dir(agent.state().join("restores")).unwrap().count(), 0);
}

#[test]
fn a_killed_restore_goes_on_and_completes() {
    let mut scene = Scene::new();
    let proxy = scene.proxy();
    // Killed three times, each time after more has come.
    for megabytes in [2, 6, 10] {
        proxy.hold_after(megabytes << 20);
        let mut restore = scene.restore().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        proxy.wait_until_held();
        restore.kill().unwrap();
        restore.wait().unwrap();
        proxy.release();
    }
    let Scene { agent, tree, target, site: _site } = scene;
    assert!(target.exists());
    goes_on(&agent, &tree, &target);
    // The next one is a new restore, whose names are taken.
    agent.run(arguments(&tree, &target)).fails_with(model::Code::TargetExists);
}

#[test]
fn a_restore_killed_at_each_step_goes_on() {
    let Scene { mut agent, tree, site, .. } = Scene::new();
    let points = [
        "restore.before_folder:3",
        "restore.before_create:7",
        "restore.before_write:40",
        "restore.before_rename:3",
        "restore.after_rename:5",
        "restore.before_link",
        "restore.before_folder_attributes:2",
        "restore.before_sync",
    ];
    for (number, point) in points.iter().enumerate() {
        let target = site.path(&format!("target{number}"));
        agent.set("HOLDFAST_FAIL", *point);
        let killed = agent.run(arguments(&tree, &target));
        assert!(killed.status > 128, "{point} was not reached: {killed}");
        agent.unset("HOLDFAST_FAIL");
        goes_on(&agent, &tree, &target);
        fs::remove_dir_all(&target).unwrap();
    }
}

#[test]
fn an_interrupted_restore_says_how_to_go_on() {
    let mut scene = Scene::new();
    let proxy = scene.proxy();
    proxy.hold_after(4 << 20);
    let mut command = scene.restore();
    let restore = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_until_held();
    e2e::server::signal(&restore, "INT");
    proxy.release();
    let outcome = Outcome::new(format!("{command:?}"), &restore.wait_with_output().unwrap());
    let outcome = outcome.fails_with(model::Code::Interrupted);
    assert!(outcome.stderr.contains("The same command again goes on from here"), "{outcome}");
    goes_on(&scene.agent, &scene.tree, &scene.target);
}

/// `latest` means another snapshot when the command is given again.
#[test]
fn a_restore_that_was_cut_short_before_another_backup_is_told_of() {
    let Scene { mut agent, tree, site, .. } = Scene::new();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let first = agent.snapshots()[0]["id"].as_str().unwrap().to_owned();
    let targets = ["named", "replaced"].map(|name| site.path(name));
    for target in &targets {
        fs::create_dir(target).unwrap();
        fs::set_permissions(target, fs::Permissions::from_mode(0o750)).unwrap();
        // When the large file, which lies directly in the target, has its name.
        agent.set("HOLDFAST_FAIL", "restore.before_link:2");
        assert!(agent.run(arguments(&tree, target)).status > 128);
        agent.unset("HOLDFAST_FAIL");
        assert_eq!(mode(target), 0o1700);
    }
    let earlier = site.path("earlier");
    agent.restore(&format!("{first}:{}", tree.display()), &earlier);
    fs::write(tree.join("another"), "newer").unwrap();
    agent.backup(&[&tree]);

    // Twice: a restore that was refused leaves nothing to go on from.
    for _ in 0..2 {
        let refused = agent.run(arguments(&tree, &targets[0])).fails_with(model::Code::TargetExists);
        assert!(
            refused.stderr.contains(&first) && refused.stderr.contains("name that snapshot"),
            "{refused}"
        );
    }
    let named = format!("{first}:{}", tree.display());
    let named = [OsString::from("restore"), named.into(), "--to".into(), targets[0].clone().into()];
    let outcome = agent.run(&named).ok();
    assert!(outcome.stderr.contains("goes on from there"), "{outcome}");
    tree::assert_equal(&earlier, &targets[0]);

    let mut replaced = arguments(&tree, &targets[1]);
    replaced.extend(["--conflict".into(), "replace".into()]);
    let outcome = agent.run(&replaced).ok();
    assert!(outcome.stderr.contains(&first), "{outcome}");
    assert_eq!(fs::read(targets[1].join("another")).unwrap(), b"newer");
    assert_eq!(mode(&targets[1]), 0o750);
    assert_eq!(fs::read_dir(agent.state().join("restores")).unwrap().count(), 0);
}

/// A file that a kill left half-written is nobody's, whatever is restored there next.
#[test]
fn a_restore_of_another_snapshot_removes_what_a_killed_one_left() {
    let Scene { mut agent, tree, target, site: _site } = Scene::new();
    agent.set("HOLDFAST_FAIL", "restore.before_rename");
    assert!(agent.run(arguments(&tree, &target)).status > 128);
    agent.unset("HOLDFAST_FAIL");
    assert!(!leftovers(&target).is_empty());
    fs::write(tree.join("another"), "newer").unwrap();
    agent.backup(&[&tree]);
    let mut another = arguments(&tree, &target);
    another.extend(["--conflict".into(), "replace".into()]);
    agent.run(&another).ok();
    assert_eq!(tree::files(&target).len(), tree::files(&tree).len());
    let left = leftovers(&target);
    assert_eq!(left, [target.join("empty/within/.holdfast-restore-mine")], "{left:?}");
    assert_eq!(fs::read_dir(agent.state().join("restores")).unwrap().count(), 0);
}

#[test]
fn a_restore_that_began_nothing_leaves_nothing_to_go_on_from() {
    let Scene { agent, tree, target, site } = Scene::new();
    let file = site.path("file");
    fs::write(&file, "in the way").unwrap();
    // A folder cannot be made below a file.
    let refused = agent.run(arguments(&tree, &file.join("target")));
    assert!(refused.status != 0 && !refused.stderr.contains("goes on"), "{refused}");
    assert_eq!(fs::read_dir(agent.state().join("restores")).unwrap().count(), 0);
    let outcome = agent.run(arguments(&tree, &target)).ok();
    assert!(!outcome.stderr.contains("cut short"), "{outcome}");
}
