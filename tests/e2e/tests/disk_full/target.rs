//! The target of a restore: too small from the beginning, full on the way, without inodes.

use crate::{Filler, MIB, noise, refused};
use e2e::{Agent, Mount, Outcome, Proxy, Site, tree};
use model::Code;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

struct Scene {
    agent: Agent,
    documents: PathBuf,
    mount: Mount,
    site: Site,
}

impl Scene {
    fn new(options: &str, mib: usize) -> Self {
        let site = Site::new();
        let agent = site.device("laptop");
        let documents = site.path("documents");
        noise(&documents, mib);
        for number in 0..30 {
            std::fs::write(documents.join(format!("small{number}")), format!("number {number}")).unwrap();
        }
        agent.backup(&[&documents]);
        let mount = Mount::tmpfs_with(&site.path("disk"), options);
        Self { agent, documents, mount, site }
    }

    fn target(&self) -> PathBuf {
        self.mount.point().join("target")
    }

    fn command(&self) -> Command {
        let mut command = self.agent.command();
        command.arg("restore").arg(format!("latest:{}", self.documents.display()));
        command.arg("--to").arg(self.target());
        command
    }

    fn restore(&self) -> Outcome {
        Outcome::of(&mut self.command())
    }

    /// A restore that ended before its end, and says so for programs.
    #[track_caller]
    fn assert_ended_early(outcome: Outcome) {
        let outcome = outcome.expect(i32::from(Code::TargetFull.exit_status()));
        let last = outcome.events().pop().unwrap();
        assert_eq!(
            (&last["event"], &last["ended_early"]),
            (&"summary".into(), &"target_full".into()),
            "{outcome}"
        );
    }

    /// Whatever has its name is whole, and there are no other names.
    #[track_caller]
    fn assert_nothing_half(&self) {
        for file in tree::files(&self.target()) {
            let original = self.documents.join(file.strip_prefix(self.target()).unwrap());
            assert!(original.exists(), "{} was never backed up", file.display());
            let same = std::fs::read(&file).unwrap() == std::fs::read(&original).unwrap();
            assert!(same, "{} is not whole", file.display());
        }
    }

    #[track_caller]
    fn assert_completes(&self) {
        self.restore().ok();
        tree::assert_equal(&self.documents, &self.target());
    }
}

#[test]
fn root_a_target_without_space_is_refused_before_anything_is_written() {
    let scene = Scene::new("size=4m", 10);
    refused(scene.restore(), Code::TargetFull);
    let left: Vec<_> = std::fs::read_dir(scene.mount.point()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let whole = scene.agent.run([
        Path::new("restore"),
        Path::new("latest"),
        Path::new("--dry-run"),
        Path::new("--to"),
        scene.mount.point(),
    ]);
    let whole = whole.expect(i32::from(Code::TargetFull.exit_status()));
    assert!(whole.stdout.contains("It would be refused: the target lacks space"), "{whole}");
    scene.mount.remount("size=64m");
    scene.assert_completes();
}

#[test]
fn root_a_target_that_runs_full_on_the_way_is_gone_on_with() {
    let scene = Scene::new("size=64m", 30);
    let proxy = Proxy::to(scene.site.server.port());
    proxy.hold_after(8 * MIB as u64);
    let mut command = scene.command();
    command.env("HOLDFAST_SERVER", proxy.url()).arg("--json");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_until_held();
    let filler = Filler::on(scene.mount.point(), MIB);
    proxy.release();
    Scene::assert_ended_early(Outcome::new("a restore".into(), &child.wait_with_output().unwrap()));
    scene.assert_nothing_half();
    // Again on a full target: refused before anything is done.
    refused(scene.restore(), Code::TargetFull);
    scene.assert_nothing_half();
    filler.remove();
    scene.assert_completes();
}

#[test]
fn root_a_target_without_inodes_is_gone_on_with() {
    let scene = Scene::new("size=64m,nr_inodes=20", 2);
    Scene::assert_ended_early(Outcome::of(scene.command().arg("--json")));
    scene.assert_nothing_half();
    scene.mount.remount("nr_inodes=1000");
    scene.assert_completes();
}
