//! Every kind of entry comes back, seen by rsync and by a comparison of our own.

use crate::make;
use e2e::{Outcome, Site, tree};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// Fails unless rsync, which is told to look at whole nanoseconds, sees no difference beside the file that it would
/// read for an hour.
#[track_caller]
fn assert_equal_to_rsync(expected: &Path, found: &Path) {
    let mut rsync = Command::new("rsync");
    rsync.args(["-aHAXn", "--checksum", "--delete", "--itemize-changes", "--modify-window=-1"]);
    rsync.arg(format!("--exclude=/{}", make::HUGE));
    rsync.arg(format!("{}/", expected.display())).arg(format!("{}/", found.display()));
    let outcome = Outcome::of(&mut rsync).ok();
    assert!(outcome.stdout.trim().is_empty(), "not equal:\n{outcome}");
}

#[test]
fn root_every_kind_of_entry_comes_back() {
    let site = Site::new();
    let tree = site.path("every kind");
    fs::create_dir(&tree).unwrap();
    make::every_kind(&tree);
    let agent = site.device("laptop");

    let summary = agent.backup(&[&tree]);
    assert_eq!(summary["findings"], 0, "{summary}");
    // Of the tebibyte only its data was read.
    let read = summary["read_bytes"].as_u64().unwrap();
    assert!((40 << 20..100 << 20).contains(&read), "{read} bytes were read");

    let whole = site.path("whole");
    agent.restore("latest", &whole);
    let restored = whole.join(tree.strip_prefix("/").unwrap());
    assert_equal_to_rsync(&tree, &restored);
    tree::assert_same(&tree, &restored);

    // The contents of the folder alone, with its own attributes on the target.
    let alone = site.path("alone");
    agent.restore(&format!("latest:{}", tree.display()), &alone);
    assert_equal_to_rsync(&tree, &alone);
    tree::assert_same(&tree, &alone);

    // A run that finds nothing changed reads at most what was written within two seconds of the first run's read.
    let again = agent.backup(&[&tree]);
    assert_eq!((&again["files"], &again["entries"]), (&summary["files"], &summary["entries"]));
    assert_eq!(again["findings"], 0);
    assert_eq!(again["new_bytes"], 0, "{again}");
    site.server.verify();
}

#[test]
fn root_one_of_several_names_comes_back_alone() {
    let site = Site::new();
    let tree = site.path("linked");
    fs::create_dir(&tree).unwrap();
    make::every_kind(&tree);
    let agent = site.device("laptop");
    agent.backup(&[&tree]);

    let target = site.path("third");
    agent.restore(&format!("latest:{}/links/elsewhere/third", tree.display()), &target);
    assert_eq!(fs::read(target.join("third")).unwrap(), b"one file, three names");
    assert_eq!(fs::metadata(target.join("third")).unwrap().nlink(), 1);

    // Two names of one file from different folders stay one file.
    let both = site.path("both");
    let of_tree = |name: &str| format!("latest:{}/links/{name}", tree.display());
    let mut restore = agent.command();
    restore.args(["restore", &of_tree("second"), &of_tree("elsewhere/third"), "--to"]).arg(&both);
    Outcome::of(&mut restore).ok();
    let links = both.join(tree.strip_prefix("/").unwrap()).join("links");
    let (second, third) = (fs::metadata(links.join("second")), fs::metadata(links.join("elsewhere/third")));
    let (second, third) = (second.unwrap(), third.unwrap());
    assert_eq!((second.ino(), second.nlink()), (third.ino(), 2));
}

#[test]
fn paths_longer_than_the_system_takes_come_back() {
    let site = Site::new();
    let tree = site.path("deep");
    fs::create_dir(&tree).unwrap();
    let inside = make::deep(&tree);
    let agent = site.device("laptop");
    let summary = agent.backup(&[&tree]);
    assert_eq!((&summary["findings"], &summary["files"]), (&0.into(), &2.into()), "{summary}");

    let target = site.path("restored");
    agent.restore(&format!("latest:{}", tree.display()), &target);
    tree::assert_same(&tree, &target);
    let whole = site.path("whole");
    agent.restore("latest", &whole);
    tree::assert_same(&tree, &whole.join(tree.strip_prefix("/").unwrap()));

    // Such a path can be named, too.
    let named = format!("latest:{}/{}", tree.display(), inside.display());
    let content = agent.run(["cat", &format!("{named}/at the end")]).ok();
    assert_eq!(content.stdout, "deep content");
    let end = site.path("end");
    agent.restore(&named, &end);
    assert_eq!(fs::read(end.join("also at the end")).unwrap(), b"deep content");
    assert_eq!(agent.backup(&[&tree])["new_bytes"], 0);
}
