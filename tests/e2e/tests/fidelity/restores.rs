//! Where restored files go and what they may do there: rules for names that are taken, dry runs, links in the way.

use e2e::{Agent, Outcome, Site};
use model::Code;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// What a small tree holds: the content of files, the target of links, `/` for folders.
fn content(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = fs::symlink_metadata(&path).unwrap().file_type();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            let what = if kind.is_dir() {
                folders.push(path);
                "/".to_owned()
            } else if kind.is_symlink() {
                format!("-> {}", fs::read_link(&path).unwrap().display())
            } else {
                fs::read_to_string(&path).unwrap()
            };
            found.insert(name, what);
        }
    }
    found
}

/// Inode, times and content of everything: equal only when nothing was touched.
fn exact(root: &Path) -> BTreeMap<String, (u64, i64, i64, i64, String)> {
    let look = |(name, what): (String, String)| {
        let found = fs::symlink_metadata(root.join(&name)).unwrap();
        (name, (found.ino(), found.mtime_nsec(), found.ctime(), found.ctime_nsec(), what))
    };
    content(root).into_iter().map(look).collect()
}

fn expected(names: &[(&str, &str)]) -> BTreeMap<String, String> {
    names.iter().map(|(name, what)| ((*name).to_owned(), (*what).to_owned())).collect()
}

fn set_age(path: &Path, seconds: u64) {
    let time = SystemTime::now() - Duration::from_secs(seconds);
    File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

/// A site whose device has backed up a small tree, which was then changed in every way that a restore can meet.
struct Changed {
    site: Site,
    agent: Agent,
    tree: PathBuf,
}

impl Changed {
    fn new() -> Self {
        let site = Site::new();
        let tree = site.path("tree");
        fs::create_dir_all(tree.join("folder")).unwrap();
        for name in ["same", "newer.txt", "older.txt", "deleted", "folder/inside", "becomes folder"] {
            fs::write(tree.join(name), "backed up").unwrap();
            set_age(&tree.join(name), 1000);
        }
        fs::create_dir(tree.join("becomes file")).unwrap();
        fs::write(tree.join("becomes file/inside"), "backed up").unwrap();
        let agent = site.device("laptop");
        agent.backup(&[&tree]);

        fs::write(tree.join("newer.txt"), "changed").unwrap();
        fs::write(tree.join("older.txt"), "changed").unwrap();
        set_age(&tree.join("newer.txt"), 10);
        set_age(&tree.join("older.txt"), 5000);
        fs::remove_file(tree.join("deleted")).unwrap();
        fs::remove_file(tree.join("folder/inside")).unwrap();
        fs::write(tree.join("extra"), "not in the backup").unwrap();
        fs::remove_file(tree.join("becomes folder")).unwrap();
        fs::create_dir(tree.join("becomes folder")).unwrap();
        fs::write(tree.join("becomes folder/mine"), "mine").unwrap();
        fs::remove_dir_all(tree.join("becomes file")).unwrap();
        fs::write(tree.join("becomes file"), "mine").unwrap();
        Self { site, agent, tree }
    }

    /// What is the same under every rule that restores anything.
    fn common() -> BTreeMap<String, String> {
        expected(&[
            ("same", "backed up"),
            ("deleted", "backed up"),
            ("folder", "/"),
            ("folder/inside", "backed up"),
            ("extra", "not in the backup"),
            ("becomes folder", "/"),
            ("becomes folder/mine", "mine"),
        ])
    }

    fn in_place(&self, arguments: &[&str]) -> Outcome {
        let what = format!("latest:{}", self.tree.display());
        let words = ["--json", "restore", &what, "--in-place"];
        self.agent.run(words.iter().chain(arguments))
    }

    #[track_caller]
    fn assert_holds(&self, more: &[(&str, &str)]) {
        let mut all = Self::common();
        all.extend(expected(more));
        assert_eq!(content(&self.tree), all);
    }
}

fn summary(outcome: &Outcome) -> Value {
    let last = outcome.events().pop().unwrap();
    assert_eq!(last["event"], "summary", "{outcome}");
    last
}

#[test]
fn in_place_nothing_is_touched_without_a_rule() {
    let changed = Changed::new();
    let before = exact(&changed.tree);
    let outcome = changed.in_place(&[]).fails_with(Code::TargetExists);
    assert_eq!(outcome.events().pop().unwrap()["error"]["code"], "target_exists");
    assert_eq!(exact(&changed.tree), before);
}

#[test]
fn skip_brings_back_only_what_is_missing() {
    let changed = Changed::new();
    let outcome = changed.in_place(&["--conflict", "skip"]).ok();
    changed.assert_holds(&[("newer.txt", "changed"), ("older.txt", "changed"), ("becomes file", "mine")]);
    let summary = summary(&outcome);
    // `deleted` and `folder/inside`.
    assert_eq!(summary["files"], 2, "{outcome}");
    // `same` is unchanged; the two changed files, both kinds that became others, and what lay in one of them.
    assert_eq!((&summary["unchanged"], &summary["skipped"]), (&1.into(), &5.into()), "{outcome}");
}

#[test]
fn replace_makes_everything_as_it_was_and_destroys_no_folder() {
    let changed = Changed::new();
    let outcome = changed.in_place(&["--conflict", "replace"]).expect(3);
    changed.assert_holds(&[
        ("newer.txt", "backed up"),
        ("older.txt", "backed up"),
        ("becomes file", "/"),
        ("becomes file/inside", "backed up"),
    ]);
    let events = outcome.events();
    let findings: Vec<_> = events.iter().filter(|event| event["event"] == "finding").collect();
    assert_eq!(findings.len(), 1, "{outcome}");
    assert!(findings[0]["path"].as_str().unwrap().ends_with("/becomes folder"), "{outcome}");
    assert_eq!(findings[0]["reason"], "write_failed");
}

#[test]
fn replace_if_newer_replaces_only_older_ones() {
    let changed = Changed::new();
    changed.in_place(&["--conflict", "replace-if-newer"]).ok();
    changed.assert_holds(&[("newer.txt", "changed"), ("older.txt", "backed up"), ("becomes file", "mine")]);
}

#[test]
fn keep_both_puts_the_restored_ones_beside() {
    let changed = Changed::new();
    let outcome = changed.in_place(&["--conflict", "keep-both"]).ok();
    let mut found = content(&changed.tree);
    for (name, what) in Changed::common() {
        assert_eq!(found.remove(&name), Some(what), "{name}");
    }
    for name in ["newer.txt", "older.txt"] {
        assert_eq!(found.remove(name).unwrap(), "changed", "{name}");
    }
    assert_eq!(found.remove("becomes file").unwrap(), "mine");
    // What is left came beside: with its extension still at the end, and the restored content.
    let names: Vec<&String> = found.keys().collect();
    let beside = |start: &str, end: &str| {
        let fits = |name: &&&String| name.starts_with(&format!("{start} (restored ")) && name.ends_with(end);
        let fitting: Vec<&&String> = names.iter().filter(fits).collect();
        assert_eq!(fitting.len(), 1, "{start}: {names:?}");
        found[*fitting[0]].clone()
    };
    assert_eq!(beside("newer", ").txt"), "backed up");
    assert_eq!(beside("older", ").txt"), "backed up");
    assert_eq!(beside("becomes folder", ")"), "backed up");
    assert_eq!(beside("becomes file", ")"), "/");
    assert_eq!(beside("becomes file", "/inside"), "backed up");
    assert_eq!(found.len(), 5, "{names:?}");
    assert_eq!(summary(&outcome)["kept_both"], 4, "{outcome}");
    let _ = &changed.site;
}

#[test]
fn a_dry_run_tells_everything_and_touches_nothing() {
    let changed = Changed::new();
    let before = exact(&changed.tree);
    let action = |outcome: &Outcome, name: &str| {
        let path = changed.tree.join(name).display().to_string();
        let events = outcome.events();
        let event = events.iter().find(|event| event["event"] == "planned" && event["path"] == path.as_str());
        event.unwrap_or_else(|| panic!("{name}: {outcome}"))["action"].as_str().unwrap().to_owned()
    };
    let refused = changed.in_place(&["--dry-run"]).expect(11);
    assert_eq!(action(&refused, "same"), "refuse");
    assert_eq!(action(&refused, "deleted"), "create");
    let plan = refused.events().pop().unwrap();
    assert_eq!((&plan["event"], &plan["possible"]), (&"plan".into(), &false.into()), "{refused}");

    for (rule, newer, older) in [
        ("skip", "skip", "skip"),
        ("replace", "replace", "replace"),
        ("replace-if-newer", "skip", "replace"),
        ("keep-both", "keep_both", "keep_both"),
    ] {
        // A folder is never replaced by a file: the restore would end with that finding.
        let status = if rule == "replace" { 3 } else { 0 };
        let outcome = changed.in_place(&["--dry-run", "--conflict", rule]).expect(status);
        assert_eq!(
            (action(&outcome, "newer.txt"), action(&outcome, "older.txt")),
            (newer.into(), older.into())
        );
        assert_eq!(action(&outcome, "deleted"), "create", "{rule}");
        let plan = outcome.events().pop().unwrap();
        assert_eq!((&plan["event"], &plan["possible"]), (&"plan".into(), &true.into()), "{outcome}");
        assert!(plan["bytes"].as_u64().unwrap() > 0, "{outcome}");
    }
    assert_eq!(exact(&changed.tree), before);

    // Nor is the target made.
    let target = changed.site.path("new");
    let mut dry = changed.agent.command();
    dry.args(["restore", "latest", "--dry-run", "--to"]).arg(&target);
    let outcome = Outcome::of(&mut dry).ok();
    assert!(outcome.stdout.contains("Nothing was changed"), "{outcome}");
    assert!(!target.exists());
    // And it leaves no mark that a later restore would go on from.
    let restored = changed.agent.restore("latest", &target);
    assert!(!restored.stderr.contains("cut short"), "{restored}");
}

#[test]
fn a_target_with_taken_names_is_refused_and_others_are_let_alone() {
    let changed = Changed::new();
    let what = format!("latest:{}", changed.tree.display());
    let target = changed.site.path("target");
    fs::create_dir(&target).unwrap();
    fs::write(target.join("deleted"), "taken").unwrap();
    let before = exact(&target);
    let refuse = || {
        let mut restore = changed.agent.command();
        Outcome::of(restore.args(["restore", &what, "--to"]).arg(&target)).fails_with(Code::TargetExists)
    };
    refuse();
    assert_eq!(exact(&target), before);
    // Once more: the first one has not begun anything that could be gone on with.
    refuse();
    assert_eq!(exact(&target), before);

    fs::rename(target.join("deleted"), target.join("something else")).unwrap();
    changed.agent.restore(&what, &target);
    let found = content(&target);
    assert_eq!(found["something else"], "taken");
    assert_eq!((&found["deleted"], &found["newer.txt"]), (&"backed up".into(), &"backed up".into()));
}

#[test]
fn one_path_gives_its_contents_and_several_keep_their_paths() {
    let changed = Changed::new();
    let Changed { site, agent, tree } = &changed;
    let of_tree = |name: &str| format!("latest:{}/{name}", tree.display());
    let folder = site.path("folder");
    agent.restore(&of_tree("folder"), &folder);
    assert_eq!(content(&folder), expected(&[("inside", "backed up")]));
    let file = site.path("file");
    agent.restore(&of_tree("newer.txt"), &file);
    assert_eq!(content(&file), expected(&[("newer.txt", "backed up")]));

    let both = site.path("both");
    let mut restore = agent.command();
    restore.args(["restore", &of_tree("folder"), &of_tree("deleted"), "--to"]).arg(&both);
    Outcome::of(&mut restore).ok();
    let below = both.join(tree.strip_prefix("/").unwrap());
    assert_eq!(
        content(&below),
        expected(&[("folder", "/"), ("folder/inside", "backed up"), ("deleted", "backed up")])
    );

    let missing = site.path("missing");
    let mut restore = agent.command();
    restore.args(["restore", &of_tree("never was"), "--to"]).arg(&missing);
    Outcome::of(&mut restore).fails_with(Code::PathMissing);
    assert!(!missing.exists());
}

#[test]
fn links_in_the_target_are_never_followed() {
    let changed = Changed::new();
    let Changed { site, agent, tree } = &changed;
    let (target, outside) = (site.path("target"), site.path("outside"));
    for folder in [&target, &outside] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(outside.join("secret"), "not to be touched").unwrap();
    symlink(&outside, target.join("folder")).unwrap();
    symlink(outside.join("secret"), target.join("newer.txt")).unwrap();
    symlink(outside.join("made"), target.join("deleted")).unwrap();
    let restore = |rule: &[&str]| {
        let mut restore = agent.command();
        restore
            .args(["--json", "restore", &format!("latest:{}", tree.display()), "--to"])
            .arg(&target)
            .args(rule);
        Outcome::of(&mut restore)
    };
    restore(&[]).fails_with(Code::TargetExists);
    for (rule, status) in [("skip", 3), ("replace-if-newer", 3), ("keep-both", 3), ("replace", 3)] {
        let outcome = restore(&["--conflict", rule]).expect(status);
        let events = outcome.events();
        let blocked = events
            .iter()
            .any(|event| event["event"] == "finding" && event["path"].as_str().unwrap().ends_with("/folder"));
        assert!(blocked, "the link in place of a folder is not reported: {outcome}");
        assert_eq!(content(&outside), expected(&[("secret", "not to be touched")]), "{rule}");
        assert_eq!(fs::read_link(target.join("folder")).unwrap(), outside, "{rule}");
    }
    // The last rule put files in place of the links themselves.
    for name in ["newer.txt", "deleted"] {
        assert!(fs::symlink_metadata(target.join(name)).unwrap().is_file(), "{name}");
        assert_eq!(fs::read_to_string(target.join(name)).unwrap(), "backed up");
    }
}
