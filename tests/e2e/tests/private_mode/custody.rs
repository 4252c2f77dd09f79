//! Who reads a private vault: its devices, and whoever has its recovery file. What the server says later changes
//! nothing about that.

use e2e::{Agent, Outcome, Site, tree};
use model::Code;
use std::path::{Path, PathBuf};

struct Scene {
    site: Site,
    first: Agent,
    recovery: PathBuf,
    documents: PathBuf,
}

#[track_caller]
fn refused(outcome: Outcome, code: Code) -> Outcome {
    assert!(outcome.stderr.contains(&format!("[{code}]")), "expected [{code}]: {outcome}");
    assert!(outcome.stderr.contains(code.advice()), "expected the advice of {code}: {outcome}");
    outcome.fails_with(code)
}

impl Scene {
    fn new() -> Self {
        let site = Site::with(&[], &["--custody", "private"]);
        let recovery = site.path("recovery.txt");
        let first = Agent::at(&site.path("state-first"));
        let token = site.server.token("anna");
        let arguments = ["activate", &token, "--json", "--recovery-file", recovery.to_str().unwrap()];
        let document = first.run(arguments).ok().json();
        assert_eq!((&document["custody"], &document["origin"]), (&"private".into(), &"created".into()));
        assert_eq!(document["recovery_file"], recovery.to_str().unwrap());
        let documents = site.path("documents");
        tree::make(&documents, 30, &mut e2e::random::Random::new());
        first.backup(&[&documents]);
        Self { site, first, recovery, documents }
    }

    fn machine(&self, name: &str) -> Agent {
        Agent::at(&self.site.path(&format!("state-{name}")))
    }

    fn join(&self, agent: &Agent, recovery: Option<&Path>) -> Outcome {
        let mut command = agent.command();
        command.arg("activate").arg(self.site.server.token("anna"));
        if let Some(recovery) = recovery {
            command.arg("--recovery-file").arg(recovery);
        }
        Outcome::of(&mut command)
    }

    #[track_caller]
    fn assert_reads_all(&self, agent: &Agent) {
        let all = agent.run(["snapshots", "--all", "--json"]).ok().json();
        for row in all.as_array().unwrap() {
            let target = tempfile::tempdir_in(self.site.folder()).unwrap();
            let id = row["id"].as_str().unwrap();
            agent.restore(&format!("{id}:{}", self.documents.display()), target.path());
            tree::assert_equal(&self.documents, target.path());
        }
        assert!(!all.as_array().unwrap().is_empty());
    }
}

#[test]
fn a_further_device_needs_the_recovery_file() {
    let scene = Scene::new();
    let second = scene.machine("second");
    refused(scene.join(&second, None), Code::KeyMissing);
    refused(second.run(["snapshots"]), Code::NotActivated);
    // Another vault's file, no file at all, and one that is none.
    let other = Scene::new();
    refused(scene.join(&second, Some(&other.recovery)), Code::RecoveryWrong);
    refused(scene.join(&second, Some(&scene.site.path("none"))), Code::PathMissing);
    let text = scene.site.path("text");
    std::fs::write(&text, "not a recovery file").unwrap();
    refused(scene.join(&second, Some(&text)), Code::RecoveryWrong);
    refused(second.run(["snapshots"]), Code::NotActivated);

    scene.join(&second, Some(&scene.recovery)).ok();
    scene.assert_reads_all(&second);
    second.backup(&[&scene.documents]);
    scene.assert_reads_all(&scene.first);
    scene.assert_reads_all(&second);
    scene.site.server.verify();
}

#[test]
fn a_token_that_was_tried_without_the_file_is_still_good_with_it() {
    let scene = Scene::new();
    let second = scene.machine("second");
    let token = scene.site.server.token("anna");
    refused(second.run(["activate", &token]), Code::KeyMissing);
    second.activate(&token, &["--recovery-file", scene.recovery.to_str().unwrap()]);
    scene.assert_reads_all(&second);
}

#[test]
fn the_recovery_file_opens_the_vault_when_no_device_is_left() {
    let scene = Scene::new();
    refused_as_usage(&scene.first.run(["deactivate"]));
    scene.first.run(["deactivate", "--yes"]).ok();
    let new = scene.machine("new");
    refused(scene.join(&new, None), Code::KeyMissing);
    scene.join(&new, Some(&scene.recovery)).ok();
    scene.assert_reads_all(&new);
}

/// The last device of a private vault ends only when the user says so.
#[track_caller]
fn refused_as_usage(outcome: &Outcome) {
    assert!(outcome.status == 2 && outcome.stderr.contains("--yes"), "{outcome}");
}

#[test]
fn the_recovery_file_is_never_written_over_another_file() {
    let site = Site::with(&[], &["--custody", "private"]);
    let file = site.path("precious.txt");
    std::fs::write(&file, "precious").unwrap();
    let agent = Agent::at(&site.path("state"));
    let token = site.server.token("anna");
    let outcome = agent.run(["activate", &token, "--recovery-file", file.to_str().unwrap()]);
    outcome.fails_with(Code::TargetExists);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    agent.run(["snapshots"]).fails_with(Code::NotActivated);
    assert_eq!(
        site.server.json(["stats"])["vaults"],
        serde_json::json!([]),
        "no vault without its recovery file"
    );
    agent.activate(&token, &["--recovery-file", site.path("recovery.txt").to_str().unwrap()]);
    use std::os::unix::fs::PermissionsExt;
    let mode = site.path("recovery.txt").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_change_of_policy_does_not_open_a_private_vault() {
    let scene = Scene::new();
    let server = &scene.site.server;
    server.run(["settings", "set", "--custody", "managed"]).ok();
    // The device goes on with the custody that it pinned, and the vault keeps its own.
    scene.first.backup(&[&scene.documents]);
    scene.assert_reads_all(&scene.first);
    let users = server.json(["user", "list"]);
    assert_eq!(users[0]["custody"], "private");
    let keys: Vec<String> = tree::files(&server.data().join("store/blobs/vaults"))
        .iter()
        .filter(|path| path.parent().unwrap().ends_with("keys"))
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    assert!(keys.iter().all(|key| key != "org") && keys.contains(&"recovery".to_owned()), "{keys:?}");
    // A further device is not let in without the file, whatever the policy says now.
    let second = scene.machine("second");
    refused(scene.join(&second, None), Code::KeyMissing);
    scene.join(&second, Some(&scene.recovery)).ok();
    scene.assert_reads_all(&second);
}

#[test]
fn whoever_expects_a_private_vault_is_not_given_a_managed_one() {
    let site = Site::new();
    let agent = Agent::at(&site.path("state"));
    let token = site.server.token("anna");
    let recovery = site.path("recovery.txt");
    let outcome = agent.run(["activate", &token, "--recovery-file", recovery.to_str().unwrap()]);
    refused(outcome, Code::RecoveryWrong);
    assert!(!recovery.exists());
    agent.run(["snapshots"]).fails_with(Code::NotActivated);
    assert_eq!(site.server.json(["stats"])["vaults"], serde_json::json!([]));
}

#[test]
fn the_server_cannot_make_a_private_vault_look_managed() {
    let mut scene = Scene::new();
    // Whoever holds the server changes what it says of the vault.
    scene.site.server.stop();
    let database = scene.site.server.data().join("server.db");
    assert_eq!(crate::database::run(&database, "UPDATE vaults SET custody = 'managed'"), 1);
    scene.site.server.start();
    // The device that made it knows better, and goes on sealing for itself alone.
    let new = scene.documents.join("new");
    std::fs::write(&new, "sealed as before").unwrap();
    scene.first.backup(&[&scene.documents]);
    let snapshot = scene.first.snapshots()[0]["id"].as_str().unwrap().to_owned();
    let outcome = scene.first.run(["cat", &format!("{snapshot}:{}", new.display())]).ok();
    assert_eq!(outcome.stdout, "sealed as before");
    // Who comes with the recovery file is not talked into anything else, and without it there is no key to give.
    let second = scene.machine("second");
    let outcome = scene.join(&second, Some(&scene.recovery));
    assert!([4, 5, 6, 7].contains(&outcome.status), "{outcome}");
    second.run(["snapshots"]).fails_with(Code::NotActivated);
    let third = scene.machine("third");
    let outcome = scene.join(&third, None);
    assert!([4, 5, 6, 7].contains(&outcome.status), "{outcome}");
    third.run(["snapshots"]).fails_with(Code::NotActivated);
}
