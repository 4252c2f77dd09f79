//! Folders of a set where an automount waits: the run goes there, so that what belongs there is mounted and backed up.
//! Where it is mounted only now it is no other folder than before, and where it cannot be mounted nothing was deleted.

use crate::report::Run;
use e2e::{Agent, Automount, Mount, OrdinaryUser, Site, tree};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ENOENT: i64 = 2;
const EACCES: i64 = 13;
/// How long it takes at most until a run believes times of files.
const SETTLED: Duration = Duration::from_secs(60);

/// A device, and an automount that nobody has gone to. Its files lie on a file system in memory.
struct Home {
    automount: Automount,
    /// What is mounted.
    source: PathBuf,
    agent: Agent,
    _disk: Mount,
    site: Site,
}

impl Home {
    /// With the automount `point` of the site; `None` where the kernel has no automounts, which is said.
    fn new(point: &str) -> Option<Self> {
        if !Automount::is_possible() {
            testkit::not_run("this kernel has no automounts");
            return None;
        }
        let site = Site::new();
        let disk = Mount::tmpfs(&site.path("disk"));
        let source = disk.point().join("shared");
        fs::create_dir_all(source.join("sub/documents/folder")).unwrap();
        fs::write(source.join("sub/documents/letter"), "letter").unwrap();
        fs::write(source.join("sub/documents/folder/note"), "note").unwrap();
        let mut agent = site.device("laptop");
        fs::create_dir_all(site.path(point).parent().unwrap()).unwrap();
        let automount = Automount::new(&site.path(point), &source);
        let launcher = automount.launcher().into_iter().chain([e2e::command::program("holdfast").into()]);
        agent.launch_with(launcher.collect());
        Some(Self { automount, source, agent, _disk: disk, site })
    }

    /// The automount, or a folder below it.
    fn root(&self, below: &str) -> PathBuf {
        self.automount.point().join(below).components().collect()
    }

    /// The snapshot of this run has at `path` what lies in the folder `what` of the machine.
    #[track_caller]
    fn assert_holds(&self, run: &Run, path: &Path, what: &Path) {
        let target = tempfile::tempdir_in(self.site.folder()).unwrap();
        run.restore(&self.agent, path, &target.path().join("to"));
        tree::assert_equal(what, &target.path().join("to"));
    }

    /// Backs up the automount, or this folder below it, each time while nothing is mounted.
    #[track_caller]
    fn back_up(&self, below: &str) {
        let (root, what) = (self.root(below), self.source.join(below));
        assert!(!self.automount.is_mounted());
        let first = Run::of(&self.agent, &[&root], &["--set", "away"]);
        first.assert_found(&[]);
        assert_eq!((first.summary["files"].as_u64(), self.automount.requests()), (Some(2), 1));
        self.assert_holds(&first, &root, &what);
        let begin = Instant::now();
        for runs in 2.. {
            self.automount.unmount();
            let run = self.run();
            run.assert_found(&[]);
            assert_eq!((run.summary["files"].as_u64(), self.automount.requests()), (Some(2), runs));
            if run.summary["read_bytes"] == 0 {
                return self.assert_holds(&run, &root, &what);
            }
            // Files that changed just now are read once more.
            assert!(begin.elapsed() < SETTLED, "it does not come to an end: {}", run.summary);
        }
    }

    /// Backs the set up.
    #[track_caller]
    fn run(&self) -> Run {
        Run::of(&self.agent, &[], &["--set", "away"])
    }

    /// Where the source is put so that it cannot be mounted.
    fn away(&self) -> PathBuf {
        self.source.with_extension("away")
    }

    /// While nothing can be mounted the last version stays, and all is well once it can be.
    #[track_caller]
    fn fail(&self, below: &str) {
        let (root, away) = (self.root(below), self.away());
        Run::of(&self.agent, &[&root], &["--set", "away"]).assert_found(&[]);
        self.automount.unmount();
        fs::rename(&self.source, &away).unwrap();
        for _ in 0..2 {
            let asked = self.automount.requests();
            let failed = self.run();
            assert!(self.automount.requests() > asked && !self.automount.is_mounted());
            failed.assert_found(&[(&root, "root_missing", ENOENT, true)]);
            self.assert_holds(&failed, &root, &away.join(below));
        }
        fs::rename(&away, &self.source).unwrap();
        let healed = self.run();
        healed.assert_found(&[]);
        self.assert_holds(&healed, &root, &self.source.join(below));
    }
}

#[test]
fn root_an_automount_at_a_root_is_mounted_by_the_run() {
    let Some(home) = Home::new("away") else { return };
    home.back_up("");
}

#[test]
fn root_an_automount_above_a_root_is_mounted_by_the_run() {
    let Some(home) = Home::new("away") else { return };
    home.back_up("sub/documents");
}

#[test]
fn root_an_automount_at_a_root_that_fails_keeps_the_last_version() {
    let Some(home) = Home::new("away") else { return };
    home.fail("");
}

#[test]
fn root_an_automount_above_a_root_that_fails_keeps_the_last_version() {
    let Some(home) = Home::new("away") else { return };
    home.fail("sub/documents");
}

#[test]
fn root_an_automount_that_fails_from_the_first_is_no_empty_folder() {
    let Some(home) = Home::new("away") else { return };
    let root = home.automount.point();
    // A set that was written by hand, since a path that is not there is refused on the command line.
    let other = home.site.path("other");
    fs::create_dir(&other).unwrap();
    Run::of(&home.agent, &[&other], &["--set", "other"]).assert_found(&[]);
    let settings = home.agent.state().join("settings/settings.toml");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}\n[sets.away]\npaths = [\"{}\"]\n", root.display())).unwrap();
    fs::rename(&home.source, home.away()).unwrap();
    for _ in 0..2 {
        home.run().assert_found(&[(root, "root_missing", ENOENT, false)]);
    }
    // Nor does it lie elsewhere than before once it is there.
    fs::rename(home.away(), &home.source).unwrap();
    let run = home.run();
    run.assert_found(&[]);
    home.assert_holds(&run, root, &home.source);
}

#[test]
fn root_an_automount_that_mounts_what_may_not_be_listed_has_not_failed() {
    let Some(mut home) = Home::new("away") else { return };
    let user = OrdinaryUser::new();
    home.agent = user.device(&home.site, "desktop");
    let launcher = home.automount.launcher().into_iter().chain(user.launcher());
    home.agent.launch_with(launcher.chain([home.site.path("holdfast").into()]).collect());
    let set_mode = |mode| fs::set_permissions(&home.source, fs::Permissions::from_mode(mode)).unwrap();
    let point = home.automount.point();
    set_mode(0o711);
    let closed = Run::of(&home.agent, &[point], &["--set", "away"]);
    closed.assert_found(&[(point, "folder_unreadable", EACCES, false)]);
    set_mode(0o755);
    let open = home.run();
    open.assert_found(&[]);
    assert_eq!(open.summary["files"], 2, "{}", open.summary);
}

#[test]
fn root_an_automount_below_a_root_is_left_alone() {
    let Some(home) = Home::new("tree/middle") else { return };
    let root = home.site.path("tree");
    fs::write(root.join("before"), "before").unwrap();
    fs::write(root.join("then"), "then").unwrap();
    for words in [&["--set", "away"][..], &["--set", "narrow", "--one-file-system"]] {
        for _ in 0..2 {
            let run = Run::of(&home.agent, &[&root], words);
            run.assert_found(&[]);
            // The folder is there, as it is for any file system that is not backed up.
            let folder = format!("{}:{}", run.snapshot, root.display());
            let listed = home.agent.run(["ls", &folder]).ok();
            assert_eq!(
                (run.summary["files"].as_u64(), listed.stdout.lines().count()),
                (Some(2), 3),
                "{listed}"
            );
        }
    }
    assert_eq!(home.automount.requests(), 0);
    assert!(!home.automount.is_mounted());
}

#[test]
fn root_an_automount_below_a_root_is_kept_while_it_is_not_mounted() {
    let Some(home) = Home::new("tree/middle") else { return };
    let (point, root) = (home.automount.point(), home.site.path("tree"));
    fs::write(root.join("before"), "before").unwrap();
    home.automount.visit();
    let warm = Run::of(&home.agent, &[&root], &["--set", "away"]);
    warm.assert_found(&[]);
    home.assert_holds(&warm, point, &home.source);
    home.automount.unmount();
    for _ in 0..2 {
        let cold = home.run();
        cold.assert_found(&[(point, "mount_missing", 0, true)]);
        home.assert_holds(&cold, point, &home.source);
    }
    assert_eq!(home.automount.requests(), 1);
    home.automount.visit();
    home.run().assert_found(&[]);
}
