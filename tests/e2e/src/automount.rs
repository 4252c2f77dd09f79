//! An automount in a namespace of mounts of its own, with a small automounter that answers for it. Needs root.

use crate::command::Outcome;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a busy machine.
const LONG: Duration = Duration::from_secs(60);

const AUTOMOUNTER: &str = include_str!("automount.pl");

/// A folder where a file system is mounted once somebody goes there. All of it ends when it is dropped, or with this
/// process.
#[derive(Debug)]
pub struct Automount {
    point: PathBuf,
    said: PathBuf,
    child: Child,
}

impl Automount {
    /// Whether the kernel has automounts.
    pub fn is_possible() -> bool {
        let is_known = || {
            let table = std::fs::read_to_string("/proc/filesystems").unwrap();
            table.lines().any(|line| line.ends_with("\tautofs"))
        };
        // A kernel whose part for them is not loaded yet, under its name or its older one.
        let is_loaded = |name| Command::new("modprobe").arg(name).output().is_ok_and(|o| o.status.success());
        is_known() || (["autofs", "autofs4"].into_iter().any(is_loaded) && is_known())
    }

    /// The folder `source` will be mounted at `point`, which is made when missing. What is mounted before is there in
    /// the namespace, too; nothing that is mounted there is seen elsewhere. A log is written beside `source`.
    #[track_caller]
    pub fn new(point: &Path, source: &Path) -> Self {
        std::fs::create_dir_all(point).unwrap();
        let said = source.with_extension("automounter");
        let output = File::create(&said).unwrap();
        let mut command = Command::new("unshare");
        command.args(["--mount", "perl", "-e", AUTOMOUNTER]).args([point, source]);
        // Its end is the automounter's, also when this process is killed.
        command.stdin(Stdio::piped()).stdout(output.try_clone().unwrap()).stderr(output);
        // Automounts take the processes of one group for the automounter.
        let child = command.process_group(0).spawn().unwrap();
        let mut automount = Self { point: point.to_owned(), said, child };
        let begin = Instant::now();
        while !automount.said().lines().any(|line| line == "waiting") {
            let ended = automount.child.try_wait().unwrap();
            assert!(ended.is_none(), "the automounter ended: {}", automount.said());
            assert!(begin.elapsed() < LONG, "the automounter is not ready: {}", automount.said());
            std::thread::sleep(Duration::from_millis(10));
        }
        automount
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    /// Where it waits.
    pub fn point(&self) -> &Path {
        &self.point
    }

    /// The words in front of a command that is to see it.
    pub fn launcher(&self) -> Vec<OsString> {
        let target = format!("--target={}", self.child.id());
        ["nsenter", &target, "--mount", "--"].map(OsString::from).into()
    }

    /// Goes there, as any program does, so that it is mounted.
    #[track_caller]
    pub fn visit(&self) {
        self.run(&["ls"]);
        assert!(self.is_mounted());
    }

    /// How often the kernel has asked for the mount so far.
    pub fn requests(&self) -> usize {
        self.said().lines().filter(|line| *line == "asked").count()
    }

    /// Whether something is mounted there besides the automount.
    pub fn is_mounted(&self) -> bool {
        let table = std::fs::read_to_string(format!("/proc/{}/mounts", self.child.id())).unwrap();
        table.lines().filter(|line| line.split(' ').nth(1) == self.point.to_str()).count() > 1
    }

    /// Unmounts what was mounted; the automount waits again.
    #[track_caller]
    pub fn unmount(&self) {
        self.run(&["umount"]);
        assert!(!self.is_mounted());
    }

    #[track_caller]
    fn run(&self, words: &[&str]) {
        let launcher = self.launcher();
        Outcome::of(Command::new(&launcher[0]).args(&launcher[1..]).args(words).arg(&self.point)).ok();
    }
}

impl Drop for Automount {
    fn drop(&mut self) {
        // The namespace, and what is mounted there, ends with its last process; who waits for a mount gets an error.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
