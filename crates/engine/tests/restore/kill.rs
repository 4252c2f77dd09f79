//! Restores that are killed, and restored again. The test program starts itself as the process to be killed; both have
//! a vault of their own with the same content.

use crate::bench::{Bench, assert_equal, contents, findings};
use crate::round_trip::noise;
use engine::restore::{RestoreRequest, TEMP_PREFIX};
use format::entry::{DataRun, Entry, EntryKind, flags};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use testkit::snapshot_writer::{entry, file, folder, symlink};
use testkit::tree::{self, Look, Tree};

const TARGET: &str = "HOLDFAST_TEST_TARGET";
const MANY: &str = "HOLDFAST_TEST_MANY";

/// A snapshot with all that a restore does differently; with `many` small files it takes a while.
fn snapshot(bench: &Bench, many: usize) -> model::SnapshotId {
    let mut writer = bench.writer().with_sizes(1000, 4000);
    let mode = |entry: Entry, mode| Entry { mode, ..entry };
    writer.add(mode(folder(b"/"), 0o750)).add(folder(b"/empty")).add(mode(folder(b"/closed"), 0o500));
    writer.add_file(mode(file(b"/closed/in", 2), 0o400), b"in").add(symlink(b"/link", b"target"));
    writer.add(entry(b"/pipe", EntryKind::Fifo));
    let linked = |path: &[u8]| Entry { flags: flags::HARD_LINK, ino: 7, ..file(path, 6) };
    writer.add_file(linked(b"/a"), b"linked").add_file(linked(b"/closed/b"), b"linked");
    let mut sparse = file(b"/sparse", 1 << 20);
    sparse.flags = flags::SPARSE;
    sparse.rare.runs = vec![DataRun { hole: 500_000, length: 3000 }];
    writer.add_file(sparse, &noise(3000, 1));
    let large = noise(100_000, 2);
    writer.add_file(file(b"/large", large.len()), &large);
    for number in 0..many {
        let path = format!("/many{}/{number}", number % 7);
        writer.add_file(file(path.as_bytes(), 3000), &noise(3000, number as u8));
    }
    (0..7.min(many)).for_each(|number| {
        writer.add(folder(format!("/many{number}").as_bytes()));
    });
    writer.commit()
}

fn request(to: &Path) -> RestoreRequest {
    RestoreRequest { resume: true, workers: 2, ..contents("/", to) }
}

/// Not a test by itself: what the killed process does. Without the variable it is the parent's run, which has nothing
/// to do here.
#[test]
fn killed_process() {
    let Ok(to) = std::env::var(TARGET) else { return };
    let bench = Bench::new();
    let many = std::env::var(MANY).unwrap().parse().unwrap();
    let id = snapshot(&bench, many);
    println!("begins");
    bench.restore(id, &request(Path::new(&to)));
    println!("ended by itself");
}

fn child(to: &Path, many: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "kill::killed_process", "--nocapture"]);
    command.env(TARGET, to).env(MANY, many.to_string()).stderr(Stdio::null());
    command
}

/// The whole tree, and what of it is equal to what a kill left.
fn check_what_is_left(whole: &Tree, to: &Path) -> usize {
    if !to.exists() {
        return 0;
    }
    let left = tree::read(to).unwrap();
    let mut complete = 0;
    for (path, node) in left {
        let has_its_name = !path.split(|byte| *byte == b'/').any(|name| name.starts_with(TEMP_PREFIX));
        if node.kind == EntryKind::Dir || !has_its_name {
            continue;
        }
        let expected = Tree::from([(path.clone(), whole[&path].clone())]);
        let found = Tree::from([(path, node)]);
        assert_eq!(tree::differences(&expected, &found, Look::default()), Vec::<String>::new());
        complete += 1;
    }
    complete
}

#[test]
fn a_kill_at_any_fail_point_leaves_whole_files_and_can_be_resumed() {
    let bench = Bench::new();
    let id = snapshot(&bench, 0);
    let whole_path = bench.path("whole");
    bench.restore(id, &contents("/", &whole_path));
    let whole = tree::read(&whole_path).unwrap();

    let log = bench.path("log");
    let status = child(&bench.path("0"), 0).env("HOLDFAST_FAIL_LOG", &log).stdout(Stdio::null()).status();
    assert!(status.unwrap().success());
    assert_equal(&whole_path, &bench.path("0"));
    let passed = fs::read_to_string(&log).unwrap();
    let points: BTreeSet<_> = passed.lines().filter(|line| line.starts_with("restore.")).collect();
    assert_eq!(
        points.into_iter().collect::<Vec<_>>(),
        [
            "restore.after_rename",
            "restore.before_create",
            "restore.before_folder",
            "restore.before_folder_attributes",
            "restore.before_link",
            "restore.before_rename",
            "restore.before_sync",
            "restore.before_write",
        ]
    );
    for number in 1..=passed.lines().count() {
        let to = bench.path(&number.to_string());
        let status = child(&to, 0).env("HOLDFAST_FAIL", format!("*:{number}")).stdout(Stdio::null()).status();
        assert!(!status.unwrap().success(), "{number}");
        let complete = check_what_is_left(&whole, &to);
        let summary = bench.restore(id, &request(&to));
        assert_eq!(findings(&summary), [], "{number}");
        assert_equal(&whole_path, &to);
        let folders = 2;
        assert!(summary.unchanged as usize >= complete && complete <= whole.len() - folders, "{number}");
    }
}

#[test]
fn a_kill_at_any_moment_can_be_resumed() {
    let rounds = if std::env::var_os("HOLDFAST_TEST_FULL").is_some() { 30 } else { 5 };
    let many = 1000;
    let bench = Bench::new();
    let id = snapshot(&bench, many);
    let whole_path = bench.path("whole");
    bench.restore(id, &contents("/", &whole_path));
    let whole = tree::read(&whole_path).unwrap();

    // The length of a restore, from its beginning to its end.
    let measured = run_until(&bench.path("measured"), many, None).expect("nobody kills it");
    let mut seed = [0; 8];
    seed.copy_from_slice(&model::ids::random_bytes::<8>());
    println!("seed {seed:?}, {measured:?}");
    let mut stream = blake3::Hasher::new().update(&seed).finalize_xof();
    let mut killed = 0;
    for round in 0..rounds {
        let mut bytes = [0; 4];
        stream.fill(&mut bytes);
        let share = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
        let to = bench.path(&format!("round{round}"));
        killed += u32::from(run_until(&to, many, Some(measured.mul_f64(share))).is_none());
        check_what_is_left(&whole, &to);
        let summary = bench.restore(id, &request(&to));
        assert_eq!(findings(&summary), []);
        assert_equal(&whole_path, &to);
    }
    assert!(killed > 0, "no round was killed in time");
}

/// Runs the process and kills it so long after it begins. Gives the time it took unless it was killed.
fn run_until(to: &Path, many: usize, after: Option<Duration>) -> Option<Duration> {
    use std::io::{BufRead, BufReader};
    let mut child = child(to, many).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains("begins")));
    let began = Instant::now();
    if let Some(after) = after {
        std::thread::sleep(after);
        child.kill().unwrap();
    }
    let ended = lines.map_while(Result::ok).any(|line| line.contains("ended by itself"));
    child.wait().unwrap();
    ended.then(|| began.elapsed())
}
