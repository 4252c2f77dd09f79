//! Folders with very many entries, and trees with very many files.

use e2e::random::Random;
use e2e::{Outcome, Proxy, Site, tree};
use platform::Dir;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

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

/// The first words of a command that may have so many files open.
fn limited(open_files: u32) -> Vec<OsString> {
    let limit = format!("--nofile={open_files}:{open_files}");
    vec!["prlimit".into(), limit.into(), e2e::command::program("holdfast").into()]
}

/// The same on one core, where a backup has one worker.
fn limited_on_one_core(open_files: u32) -> Vec<OsString> {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let cores = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    let core: String = cores.trim().chars().take_while(char::is_ascii_digit).collect();
    ["taskset", "-c", &core].iter().map(OsString::from).chain(limited(open_files)).collect()
}

/// Waits until the process opens nothing more, and has `least` files open.
fn wait_until_as_many_are_open(process: &Child, least: usize) {
    let count = || fs::read_dir(format!("/proc/{}/fd", process.id())).unwrap().count();
    let mut before = 0;
    for _ in 0..600 {
        std::thread::sleep(Duration::from_millis(100));
        let now = count();
        if now >= least && now == before {
            return;
        }
        before = now;
    }
    panic!("{before} files are open");
}

/// Folders stay open until their files are read. A process may have 1,024 open files wherever nobody has raised that.
#[test]
fn a_backup_of_very_many_folders_needs_few_open_files() {
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    // More than may wait to be sent: while nothing goes out, the only worker reads none of the files behind it.
    fs::write(root.join("0 large"), Random::new().bytes(120 << 20)).unwrap();
    for number in 0..4_000 {
        let folder = root.join(format!("{}/{number}", number % 50));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("file"), number.to_string()).unwrap();
    }
    let mut agent = site.device("laptop");
    let proxy = Proxy::to(site.server.port());
    agent.set("HOLDFAST_SERVER", proxy.url());
    agent.launch_with(limited_on_one_core(1_024));
    proxy.hold_after(1 << 20);
    let mut command = agent.command();
    command.args(["backup", "--json"]).arg(&root).stdin(Stdio::null());
    let backup = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    proxy.wait_until_held();
    wait_until_as_many_are_open(&backup, 500);
    proxy.release();
    let outcome = Outcome::new(format!("{command:?}"), &backup.wait_with_output().unwrap()).ok();
    let summary = outcome.events().pop().unwrap();
    assert_eq!((&summary["files"], &summary["findings"]), (&4_001.into(), &0.into()), "{summary}");
}

/// Neither a backup nor a restore keeps all folders of a very deep path open.
#[test]
fn a_very_deep_tree_needs_few_open_files() {
    const LEVELS: u32 = 3_000;
    let site = Site::new();
    let root = site.path("tree");
    fs::create_dir(&root).unwrap();
    let mut dir = Dir::open_root(&root).unwrap();
    for level in 0..LEVELS {
        // One on the way down, one on the way back.
        for name in [&b"a"[..], b"z"] {
            dir.create_file(name).unwrap().write_all_at(level.to_string().as_bytes(), 0).unwrap();
        }
        dir.create_dir(b"folder", 0o755).unwrap();
        dir = dir.open_child(b"folder").unwrap();
    }
    let mut agent = site.device("laptop");
    agent.launch_with(limited(1_024));
    let summary = agent.backup(&[&root]);
    assert_eq!((&summary["files"], &summary["findings"]), (&(2 * LEVELS).into(), &0.into()), "{summary}");
    assert_eq!(agent.backup(&[&root])["new_bytes"], 0);
    let target = site.path("restored");
    agent.restore(&format!("latest:{}", root.display()), &target);
    tree::assert_same(&root, &target);
    for top in [root, target] {
        // The standard library opens all levels of what it removes.
        assert!(Command::new("rm").arg("-rf").arg(top).status().unwrap().success());
    }
}
