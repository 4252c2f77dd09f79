//! Files and folders that an ordinary user may not read.

use crate::report::Run;
use e2e::{Agent, OrdinaryUser, Outcome, Site, tree};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const EACCES: i64 = 13;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A home folder of an ordinary user.
struct Home {
    site: Site,
    agent: Agent,
    root: PathBuf,
    /// Last, so that nothing runs as the user when it is removed.
    _user: OrdinaryUser,
}

impl Home {
    fn new(files: &[&str]) -> Self {
        let site = Site::new();
        let user = OrdinaryUser::new();
        let agent = user.device(&site, "ordinary");
        let root = site.path("home");
        for name in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, format!("first version of {name}")).unwrap();
        }
        Outcome::of(std::process::Command::new("chown").arg("-R").arg(user.uid().to_string()).arg(&root))
            .ok();
        Self { site, agent, root, _user: user }
    }

    fn run(&self) -> Run {
        Run::of(&self.agent, &[&self.root], &[])
    }
}

#[test]
fn root_an_unreadable_file_keeps_its_last_good_version() {
    let home = Home::new(&["good", "secret", "folder/other"]);
    home.run().assert_found(&[]);
    let good = home.site.path("good version");
    fs::write(home.root.join("good"), "second version of good").unwrap();
    fs::create_dir(&good).unwrap();

    // Its content changed, and nobody may read it.
    let secret = home.root.join("secret");
    fs::write(&secret, "second version, never read").unwrap();
    set_mode(&secret, 0o000);
    let first = home.run();
    first.assert_found(&[(&secret, "denied", EACCES, true)]);
    assert_eq!(first.summary["files"], 3, "{}", first.summary);
    let since = first.first_seen(&secret);

    let target = home.site.path("target");
    root_restore(&home, &first, &target);
    assert_eq!(fs::read_to_string(target.join("secret")).unwrap(), "first version of secret");
    assert_eq!(fs::read_to_string(target.join("good")).unwrap(), "second version of good");
    let marks = home.agent.run(["ls", "--json", &format!("latest:{}", secret.display())]).ok().json();
    assert_eq!(marks["marks"][0], "kept from an earlier backup", "{marks}");

    // It stays the same finding for as long as it lasts, and the version is kept from run to run.
    let again = home.run();
    again.assert_found(&[(&secret, "denied", EACCES, true)]);
    assert_eq!(again.first_seen(&secret), since);
    let target = home.site.path("target again");
    root_restore(&home, &again, &target);
    assert_eq!(fs::read_to_string(target.join("secret")).unwrap(), "first version of secret");

    // When the cause is gone so is the finding, and the file as it is now is read.
    set_mode(&secret, 0o600);
    let healed = home.run();
    healed.assert_found(&[]);
    let target = home.site.path("healed");
    root_restore(&home, &healed, &target);
    tree::assert_equal(&home.root, &target);

    // One that comes back later is a new one.
    set_mode(&secret, 0o000);
    assert_ne!(home.run().first_seen(&secret), since);
}

/// Restores as root, who may set all owners.
fn root_restore(home: &Home, run: &Run, target: &Path) {
    let root = match home.site.path("state-root").exists() {
        true => Agent::at(&home.site.path("state-root")),
        false => home.site.device("root"),
    };
    run.restore(&root, &home.root, target);
}

#[test]
fn root_a_file_that_was_never_readable_is_named_and_never_made_up() {
    let home = Home::new(&["good", "secret"]);
    let secret = home.root.join("secret");
    set_mode(&secret, 0o000);
    let run = home.run();
    run.assert_found(&[(&secret, "denied", EACCES, false)]);
    let since = run.first_seen(&secret);

    // It is listed, and a restore says that it has no content instead of making an empty file.
    let row = home.agent.run(["ls", "--json", &format!("latest:{}", secret.display())]).ok().json();
    assert_eq!(row["marks"][0], "never read", "{row}");
    let target = home.site.path("target");
    let what = format!("{}:{}", run.snapshot, home.root.display());
    let root = home.site.device("root");
    let outcome = root.run(["--json", "restore", &what, "--to", target.to_str().unwrap()]).expect(3);
    let events = outcome.events();
    let finding = events.iter().find(|event| event["event"] == "finding").unwrap();
    assert_eq!(finding["path"], secret.to_str().unwrap(), "{outcome}");
    assert!(target.join("good").exists() && !target.join("secret").exists());

    let again = home.run();
    again.assert_found(&[(&secret, "denied", EACCES, false)]);
    assert_eq!(again.first_seen(&secret), since);
    set_mode(&secret, 0o600);
    home.run().assert_found(&[]);
}

#[test]
fn root_an_unreadable_folder_keeps_everything_below_it() {
    let home = Home::new(&["good", "folder/a", "folder/b", "folder/below/c", "zlast"]);
    home.run().assert_found(&[]);
    let folder = home.root.join("folder");
    // It cannot be listed, though names in it could be reached.
    set_mode(&folder, 0o300);
    let run = home.run();
    run.assert_found(&[(&folder, "folder_unreadable", EACCES, true)]);
    assert_eq!(run.summary["files"], 5, "{}", run.summary);
    let since = run.first_seen(&folder);

    // Names can be listed, but nothing about them: each of them is kept, too.
    set_mode(&folder, 0o600);
    let run = home.run();
    assert_eq!(run.summary["files"], 5, "{}", run.summary);
    assert!(!run.findings().is_empty());
    assert!(run.findings().iter().all(|(path, found)| path.starts_with(&folder) && found.2), "{run:?}");

    set_mode(&folder, 0o000);
    let run = home.run();
    run.assert_found(&[(&folder, "folder_unreadable", EACCES, true)]);
    assert_eq!(run.summary["files"], 5, "{}", run.summary);
    assert!(run.first_seen(&folder) >= since);
    let target = home.site.path("target");
    root_restore(&home, &run, &target);
    for name in ["folder/a", "folder/b", "folder/below/c", "zlast"] {
        assert_eq!(fs::read_to_string(target.join(name)).unwrap(), format!("first version of {name}"));
    }

    set_mode(&folder, 0o700);
    fs::remove_file(folder.join("b")).unwrap();
    let healed = home.run();
    healed.assert_found(&[]);
    assert_eq!(healed.summary["files"], 4, "{}", healed.summary);
}

#[test]
fn root_many_unreadable_files_do_not_fail_the_run_and_are_all_counted() {
    let names: Vec<String> = (0..200).map(|number| format!("f{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let home = Home::new(&names);
    for name in &names[..150] {
        set_mode(&home.root.join(name), 0o000);
    }
    let run = home.run();
    assert_eq!(run.findings().len(), 150);
    assert!(run.findings().values().all(|found| *found == ("denied".to_owned(), EACCES, false)));
    // People see a screen of them, and how to see the rest.
    let text = home.agent.run(["backup", home.root.to_str().unwrap()]).expect(3);
    assert!(text.stdout.contains("no permission to read: 150 findings"), "{text}");
    assert!(text.stdout.contains("130 more: holdfast findings"), "{text}");
    let listed = home.agent.run(["findings"]).ok();
    assert_eq!(listed.stdout.lines().count(), 150, "{listed}");
}

#[test]
fn root_a_root_that_may_not_be_reached_keeps_its_version() {
    let home = Home::new(&["closed/root/file", "other/file"]);
    let roots = [home.root.join("closed/root"), home.root.join("other")];
    let roots: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
    Run::of(&home.agent, &roots, &[]).assert_found(&[]);
    set_mode(&home.root.join("closed"), 0o000);
    let run = Run::of(&home.agent, &[], &[]);
    assert_eq!(run.findings().len(), 1, "{run:?}");
    let found = &run.findings()[roots[0]];
    assert_eq!((found.0.as_str(), found.1, found.2), ("denied", EACCES, true));
    assert_eq!(run.summary["files"], 2, "{}", run.summary);
    set_mode(&home.root.join("closed"), 0o700);
    Run::of(&home.agent, &[], &[]).assert_found(&[]);
}

#[test]
fn root_a_root_may_lie_in_a_folder_that_only_its_owner_lists() {
    let home = Home::new(&["letter"]);
    let homes = home.site.path("homes");
    fs::create_dir(&homes).unwrap();
    let root = homes.join("anna");
    fs::rename(&home.root, &root).unwrap();
    set_mode(&homes, 0o711);
    for _ in 0..2 {
        let run = Run::of(&home.agent, &[&root], &[]);
        run.assert_found(&[]);
        assert_eq!(run.summary["files"], 1, "{}", run.summary);
    }
}

#[test]
fn root_a_root_that_may_not_be_listed_for_a_while_lies_where_it_was() {
    let home = Home::new(&["letter"]);
    for is_first in [true, false] {
        set_mode(&home.root, 0o311);
        let closed = home.run();
        closed.assert_found(&[(&home.root, "folder_unreadable", EACCES, !is_first)]);
        set_mode(&home.root, 0o755);
        let open = home.run();
        open.assert_found(&[]);
        assert_eq!(open.summary["files"], 1, "{}", open.summary);
    }
}
