//! Folders with very many entries, and trees with very many files.

use e2e::{Site, tree};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;

/// A folder with 100,000 entries; a million when `HOLDFAST_TEST_FULL` is set.
#[test]
fn a_folder_with_very_many_entries_comes_back() {
    let count: u64 = if std::env::var_os("HOLDFAST_TEST_FULL").is_some() { 1_000_000 } else { 100_000 };
    let site = Site::new();
    let folder = site.path("many");
    fs::create_dir(&folder).unwrap();
    for number in 0..count {
        let path = folder.join(format!("{number}"));
        // Most are empty, so that making them takes less time than what is tested.
        match number % 50 {
            0 => fs::write(&path, number.to_string()).unwrap(),
            _ => drop(File::create(&path).unwrap()),
        }
    }
    let agent = site.device("laptop");
    let summary = agent.backup(&[&folder]);
    assert_eq!((&summary["files"], &summary["findings"]), (&count.into(), &0.into()), "{summary}");

    let target = site.path("restored");
    agent.restore(&format!("latest:{}", folder.display()), &target);
    assert_eq!(fs::read_dir(&target).unwrap().count() as u64, count);
    tree::assert_same(&folder, &target);

    let listed = agent.run(["ls", &format!("latest:{}", folder.display())]).ok();
    assert_eq!(listed.stdout.lines().count() as u64, count);
    let again = agent.backup(&[&folder]);
    assert_eq!((&again["files"], &again["new_bytes"]), (&count.into(), &0.into()), "{again}");
    let time = |path| fs::metadata(path).map(|found| (found.mtime(), found.mtime_nsec())).unwrap();
    assert_eq!(time(&folder), time(&target));
}

/// Folders stay open until their files are read. A process may have 1,024 open files wherever nobody has raised that.
#[test]
fn a_tree_of_very_many_folders_needs_few_open_files() {
    let site = Site::new();
    let root = site.path("tree");
    for number in 0..4_000 {
        let folder = root.join(format!("{}/{number}", number % 50));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), number.to_string()).unwrap();
    }
    let mut agent = site.device("laptop");
    let program = e2e::command::program("holdfast");
    agent.launch_with(vec!["prlimit".into(), "--nofile=1024:1024".into(), program.into()]);
    let summary = agent.backup(&[&root]);
    assert_eq!((&summary["files"], &summary["findings"]), (&4_000.into(), &0.into()), "{summary}");
}
