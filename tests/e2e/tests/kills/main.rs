//! Any process may be killed at any moment: afterwards the same command works, nothing is damaged, and nothing
//! that was acknowledged is sent twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

mod checkpoints;

use e2e::random::Random;
use e2e::{Agent, Server, Site, tree};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

/// Moments to kill at: 10 of each kind, 30 in a full run.
fn rounds() -> u64 {
    if std::env::var_os("HOLDFAST_TEST_FULL").is_some() { 30 } else { 10 }
}

struct Scene {
    site: Site,
    agent: Agent,
    documents: PathBuf,
    random: Random,
}

impl Scene {
    fn new() -> Self {
        let mut random = Random::new();
        let site = Site::new();
        let documents = site.path("documents");
        tree::make(&documents, 400, &mut random);
        let agent = site.device("laptop");
        Self { site, agent, documents, random }
    }

    /// Changes the tree, so that a run has something to send.
    fn change(&mut self) {
        tree::change(&self.documents, 15, &mut self.random);
        let new = self.documents.join(format!("new{:x}", self.random.next()));
        std::fs::write(new, self.random.bytes(3_000_000)).unwrap();
    }

    /// A good backup, every stored byte checked, and the newest snapshot equal to the tree.
    #[track_caller]
    fn assert_whole(&self) {
        let summary = self.agent.backup(&[&self.documents]);
        assert_eq!(summary["findings"], 0, "{summary}");
        self.site.server.verify();
        let target = tempfile::tempdir_in(self.site.folder()).unwrap();
        self.agent.restore(&format!("latest:{}", self.documents.display()), target.path());
        tree::assert_equal(&self.documents, target.path());
    }

    /// How long a run takes that sends what `change` makes.
    fn length_of_a_run(&mut self) -> Duration {
        self.change();
        let begin = Instant::now();
        self.agent.backup(&[&self.documents]);
        begin.elapsed()
    }

    fn moment(&mut self, length: Duration) -> Duration {
        Duration::from_micros(self.random.below(length.as_micros() as u64 + 1))
    }
}

/// Runs at a random moment of which something is killed; whatever comes of them, the next one is whole.
fn kill_at_any_moment(mut kill: impl FnMut(&mut Site, &mut Child)) -> Scene {
    let mut scene = Scene::new();
    scene.assert_whole();
    let length = scene.length_of_a_run();
    for _ in 0..rounds() {
        scene.change();
        let moment = scene.moment(length);
        let mut child = scene.agent.spawn([Path::new("backup"), &scene.documents]);
        std::thread::sleep(moment);
        kill(&mut scene.site, &mut child);
        child.wait().unwrap();
        scene.assert_whole();
    }
    scene
}

/// Waits until the server stores nothing any more. It finishes a pack that it has received as a whole, and a run that is
/// granted its lease before that cannot know of it.
fn await_rest(server: &Server) {
    let stored = || server.json(["stats"])["uploads"].clone();
    let mut before = stored();
    loop {
        std::thread::sleep(Duration::from_millis(300));
        let now = stored();
        if now == before {
            return;
        }
        before = now;
    }
}

#[test]
fn an_agent_that_is_killed_at_any_moment_goes_on_with_the_next_run() {
    let scene = kill_at_any_moment(|site, agent| {
        agent.kill().unwrap();
        await_rest(&site.server);
    });
    let totals = scene.site.server.json(["stats"]);
    let (chunks, twice) = (counter(&totals, "chunks"), counter(&totals, "duplicate_chunks"));
    assert!(chunks > 0);
    assert_eq!(twice, 0, "of {chunks} chunks so many were sent although the vault had them");
}

#[test]
fn a_server_that_is_killed_at_any_moment_starts_again_without_repair() {
    // With a server that is back the run may end well; it must end in any case.
    kill_at_any_moment(|site, _| {
        site.server.kill();
        site.server.start();
    });
}

#[test]
fn an_agent_dies_at_every_kind_of_step() {
    let mut scene = Scene::new();
    scene.assert_whole();
    scene.change();
    let log = scene.site.path("agent-points");
    scene.agent.set("HOLDFAST_FAIL_LOG", &log);
    scene.agent.backup(&[&scene.documents]);
    scene.agent.unset("HOLDFAST_FAIL_LOG");
    let points = std::fs::read_to_string(&log).unwrap();
    let hits = points.lines().count() as u64;
    assert!(hits > 0, "a backup passes no fail point");
    for _ in 0..rounds() {
        scene.change();
        let hit = 1 + scene.random.below(hits);
        scene.agent.set("HOLDFAST_FAIL", format!("*:{hit}"));
        let died = scene.agent.run([Path::new("backup"), &scene.documents]);
        assert_ne!(died.status, 0, "nobody died at step {hit} of {hits}: {died}");
        scene.agent.unset("HOLDFAST_FAIL");
        scene.assert_whole();
    }
}

#[test]
fn a_server_dies_at_every_kind_of_step() {
    let mut scene = Scene::new();
    scene.assert_whole();
    // Once with the log of fail points, to know how many a run passes.
    let log = scene.site.path("server-points");
    scene.site.server.stop();
    scene.site.server.set("HOLDFAST_FAIL_LOG", log.to_str().unwrap());
    scene.site.server.start();
    std::fs::write(&log, b"").unwrap();
    scene.change();
    scene.agent.backup(&[&scene.documents]);
    let points = std::fs::read_to_string(&log).unwrap();
    let hits = points.lines().count() as u64;
    assert!(points.lines().any(|point| point.starts_with("vault.")), "no fail point of the vault: {points}");
    scene.site.server.stop();
    scene.site.server.unset("HOLDFAST_FAIL_LOG");
    for _ in 0..rounds() {
        scene.change();
        let hit = 1 + scene.random.below(hits);
        scene.site.server.set("HOLDFAST_FAIL", &format!("*:{hit}"));
        // It may die while it starts: then no agent sees it.
        scene.site.server.spawn();
        let mut child = scene.agent.spawn([Path::new("backup"), &scene.documents]);
        let ended = child_or_server(&mut child, &mut scene.site);
        scene.site.server.kill();
        scene.site.server.unset("HOLDFAST_FAIL");
        scene.site.server.start();
        child.wait().unwrap();
        assert!(ended, "neither the run nor the server ended");
        scene.assert_whole();
        scene.site.server.stop();
    }
}

/// Waits until the run has ended or the server has died.
fn child_or_server(child: &mut std::process::Child, site: &mut Site) -> bool {
    for _ in 0..60_000 {
        if child.try_wait().unwrap().is_some() || !site.server.is_running() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    false
}

fn counter(totals: &serde_json::Value, name: &str) -> u64 {
    fn find(value: &serde_json::Value, name: &str) -> Option<u64> {
        match value {
            serde_json::Value::Object(map) => map
                .get(name)
                .and_then(serde_json::Value::as_u64)
                .or_else(|| map.values().find_map(|v| find(v, name))),
            _ => None,
        }
    }
    find(totals, name).unwrap_or_else(|| panic!("no counter {name} in {totals}"))
}
