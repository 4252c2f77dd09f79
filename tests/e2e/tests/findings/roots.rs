//! Folders of a set that are gone, empty or another file system than before: never taken for 'everything deleted'.

use crate::report::Run;
use e2e::{Agent, Mount, Site, mount, tree};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const ENOENT: i64 = 2;
/// What people are told to type.
const ACCEPT: &str = "holdfast backup --set two --accept-changed-roots";

/// A device with a set of two folders that was backed up once; `kept` is a copy of the first.
struct TwoRoots {
    site: Site,
    agent: Agent,
    root: PathBuf,
    other: PathBuf,
    kept: PathBuf,
}

impl TwoRoots {
    fn new(prepare: impl FnOnce(&Path)) -> Self {
        let site = Site::new();
        let (root, other, kept) = (site.path("documents"), site.path("pictures"), site.path("kept"));
        prepare(&root);
        fs::create_dir_all(root.join("folder")).unwrap();
        fs::create_dir(&other).unwrap();
        fs::write(root.join("letter"), "letter").unwrap();
        fs::write(root.join("folder/note"), "note").unwrap();
        fs::write(other.join("picture"), "picture").unwrap();
        let agent = site.device("laptop");
        Run::of(&agent, &[&root, &other], &["--set", "two"]).assert_found(&[]);
        agent.restore(&format!("latest:{}", root.display()), &kept);
        tree::assert_equal(&root, &kept);
        Self { site, agent, root, other, kept }
    }

    fn run(&self, arguments: &[&str]) -> Run {
        let words = [&["--set", "two"], arguments].concat();
        Run::of(&self.agent, &[], &words)
    }

    /// The snapshot still holds the first version of the root, and the other root as it is.
    #[track_caller]
    fn assert_kept(&self, run: &Run) {
        let target = tempfile::tempdir_in(self.site.folder()).unwrap();
        run.restore(&self.agent, &self.root, &target.path().join("root"));
        tree::assert_equal(&self.kept, &target.path().join("root"));
        run.restore(&self.agent, &self.other, &target.path().join("other"));
        tree::assert_equal(&self.other, &target.path().join("other"));
    }

    /// `reason` lasts over runs with the same beginning, while the other root goes on being backed up.
    #[track_caller]
    fn assert_lasts(&self, reason: &str, errno: i64) {
        let first = self.run(&[]);
        first.assert_found(&[(&self.root, reason, errno, true)]);
        self.assert_kept(&first);
        fs::write(self.other.join("later"), "later").unwrap();
        let second = self.run(&[]);
        second.assert_found(&[(&self.root, reason, errno, true)]);
        assert_eq!(second.first_seen(&self.root), first.first_seen(&self.root));
        self.assert_kept(&second);
        // People are told how to say that it is meant so.
        let text = self.agent.run(["backup", "--set", "two"]).expect(3);
        assert!(text.stdout.contains(ACCEPT), "{text}");
    }
}

#[test]
fn a_missing_root_keeps_its_last_version_until_it_is_accepted() {
    let two = TwoRoots::new(|_| {});
    let away = two.site.path("away");
    fs::rename(&two.root, &away).unwrap();
    two.assert_lasts("root_missing", ENOENT);

    // Back again, all is well.
    fs::rename(&away, &two.root).unwrap();
    two.run(&[]).assert_found(&[]);

    fs::rename(&two.root, &away).unwrap();
    two.assert_lasts("root_missing", ENOENT);
    let accepted = two.run(&["--accept-changed-roots"]);
    accepted.assert_found(&[]);
    assert_eq!(accepted.summary["files"], 2, "{}", accepted.summary);
    let gone = two.agent.run(["ls", &format!("latest:{}", two.root.display())]);
    gone.fails_with(model::Code::PathMissing);
    // Older snapshots still hold it.
    let oldest = two.agent.snapshots().pop().unwrap();
    let target = two.site.path("old");
    two.agent.restore(&format!("{}:{}", oldest["id"].as_str().unwrap(), two.root.display()), &target);
    tree::assert_equal(&two.kept, &target);
}

#[test]
fn what_is_told_to_type_accepts_the_folders_of_that_set_alone() {
    let two = TwoRoots::new(|_| {});
    let plain = two.site.path("plain");
    fs::create_dir(&plain).unwrap();
    fs::write(plain.join("file"), "file").unwrap();
    Run::of(&two.agent, &[&plain], &["--set", "default"]).assert_found(&[]);
    for root in [&two.root, &plain] {
        fs::remove_dir_all(root).unwrap();
    }
    let told = two.agent.run(["backup", "--set", "two"]).expect(3);
    assert!(told.stdout.contains(ACCEPT), "{told}");
    two.agent.run(ACCEPT.split(' ').skip(1)).ok();
    let kept = Run::of(&two.agent, &[], &["--set", "default"]);
    kept.assert_found(&[(&plain, "root_missing", ENOENT, true)]);
}

#[test]
fn a_root_that_became_empty_keeps_its_last_version_until_it_is_accepted() {
    let two = TwoRoots::new(|_| {});
    fs::remove_dir_all(&two.root).unwrap();
    fs::create_dir(&two.root).unwrap();
    let first = two.run(&[]);
    first.assert_found(&[(&two.root, "root_empty", 0, true)]);
    let target = two.site.path("target");
    first.restore(&two.agent, &two.root, &target);
    assert_eq!(fs::read_to_string(target.join("folder/note")).unwrap(), "note");
    let second = two.run(&[]);
    second.assert_found(&[(&two.root, "root_empty", 0, true)]);
    assert_eq!(second.first_seen(&two.root), first.first_seen(&two.root));

    let accepted = two.run(&["--accept-changed-roots"]);
    accepted.assert_found(&[]);
    assert_eq!(accepted.summary["files"], 1, "{}", accepted.summary);
    // From now on it is an empty folder like any other.
    two.run(&[]).assert_found(&[]);
    fs::write(two.root.join("new"), "new").unwrap();
    let filled = two.run(&[]);
    filled.assert_found(&[]);
    assert_eq!(filled.summary["files"], 2, "{}", filled.summary);
}

#[test]
fn a_root_that_was_always_empty_is_no_finding() {
    let site = Site::new();
    let (empty, full) = (site.path("empty"), site.path("full"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&full).unwrap();
    fs::write(full.join("file"), "file").unwrap();
    let agent = site.device("laptop");
    Run::of(&agent, &[&empty, &full], &[]).assert_found(&[]);
    Run::of(&agent, &[&empty, &full], &[]).assert_found(&[]);
    // Deleting all but an empty folder is what users do.
    fs::remove_file(full.join("file")).unwrap();
    fs::create_dir(full.join("folder")).unwrap();
    let run = Run::of(&agent, &[&empty, &full], &[]);
    run.assert_found(&[]);
    assert_eq!(run.summary["files"], 0);
}

#[test]
fn a_root_that_became_a_file_or_a_link_keeps_its_last_version_until_it_is_accepted() {
    let two = TwoRoots::new(|_| {});
    let away = two.site.path("away");
    fs::rename(&two.root, &away).unwrap();
    std::os::unix::fs::symlink(&away, &two.root).unwrap();
    two.assert_lasts("root_replaced", 0);
    fs::remove_file(&two.root).unwrap();
    fs::write(&two.root, "now a file").unwrap();
    two.assert_lasts("root_replaced", 0);
    let accepted = two.run(&["--accept-changed-roots"]);
    accepted.assert_found(&[]);
    let run = two.run(&[]);
    run.assert_found(&[]);
    assert_eq!(run.summary["files"], 3, "{}", run.summary);
    let content = two.agent.run(["cat", &format!("latest:{}", two.root.display())]).ok();
    assert_eq!(content.stdout, "now a file");
}

#[test]
fn all_roots_gone_is_still_no_empty_backup() {
    let two = TwoRoots::new(|_| {});
    fs::remove_dir_all(&two.root).unwrap();
    fs::remove_dir_all(&two.other).unwrap();
    let run = two.run(&[]);
    run.assert_found(&[
        (&two.root, "root_missing", ENOENT, true),
        (&two.other, "root_missing", ENOENT, true),
    ]);
    assert_eq!(run.summary["files"], 3, "{}", run.summary);
    let target = two.site.path("target");
    run.restore(&two.agent, &two.root, &target);
    tree::assert_equal(&two.kept, &target);
}

#[test]
fn root_an_unmounted_file_system_in_memory_keeps_its_last_version() {
    let mut mounted = None;
    let two = TwoRoots::new(|root| mounted = Some(Mount::tmpfs(root)));
    mounted.unwrap().unmount();
    // Other files that were written into the folder below are not taken for those of the disk.
    fs::write(two.root.join("below the mount"), "x").unwrap();
    two.assert_lasts("root_moved", 0);
    let accepted = two.run(&["--accept-changed-roots"]);
    accepted.assert_found(&[]);
    let listed = two.agent.run(["ls", &format!("latest:{}", two.root.display())]).ok();
    assert!(listed.stdout.ends_with("below the mount\n") && listed.stdout.lines().count() == 1, "{listed}");
    two.run(&[]).assert_found(&[]);
}

#[test]
fn root_an_unmounted_disk_keeps_its_last_version_and_is_welcome_back() {
    let folder = tempfile::tempdir().unwrap();
    let (disk, other) = (folder.path().join("disk image"), folder.path().join("other image"));
    mount::make_image(&disk, 16 << 20, &[]);
    mount::make_image(&other, 16 << 20, &[]);
    let mut mounted = None;
    let two = TwoRoots::new(|root| {
        mounted = Some(Mount::image(&disk, root, "rw"));
        // Left out by default.
        fs::remove_dir(root.join("lost+found")).unwrap();
    });
    mounted.unwrap().unmount();
    two.assert_lasts("root_moved", 0);

    // Another disk in its place is not the same folder.
    let strange = Mount::image(&other, &two.root, "rw");
    fs::write(two.root.join("strange"), "x").unwrap();
    two.assert_lasts("root_moved", 0);
    strange.unmount();

    // The same disk, mounted again, is.
    let again = Mount::image(&disk, &two.root, "rw");
    fs::write(two.root.join("new"), "new").unwrap();
    let run = two.run(&[]);
    run.assert_found(&[]);
    let target = two.site.path("target");
    run.restore(&two.agent, &two.root, &target);
    tree::assert_equal(&two.root, &target);

    // Behind another loop device it has another number, and nothing of it is read again. Before that, times must be
    // old enough to be believed.
    std::thread::sleep(Duration::from_millis(2_100));
    two.run(&[]).assert_found(&[]);
    let number = fs::metadata(&two.root).unwrap().dev();
    again.unmount();
    let mut others = Vec::new();
    let again = loop {
        let again = Mount::image(&disk, &two.root, "rw");
        if fs::metadata(&two.root).unwrap().dev() != number {
            break again;
        }
        again.unmount();
        // Takes the device that was freed.
        let image = folder.path().join(format!("image {}", others.len()));
        mount::make_image(&image, 16 << 20, &[]);
        others.push(Mount::image(&image, &image.with_extension("mounted"), "rw"));
    };
    let run = two.run(&[]);
    run.assert_found(&[]);
    assert_eq!(run.summary["read_bytes"], 0, "{}", run.summary);
    again.unmount();
}
