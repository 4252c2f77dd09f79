//! `kill -9` of a process in the middle of its transactions, again and again on one database: what was
//! acknowledged is there, nothing is half there, and the next process goes on without a repair.
//!
//! The test runs itself as that process: with `CHILD` set it works until it is killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "this is a test throughout")]

use meta::{
    Admission, Error, GrantRequest, Lease, LeaseClaim, Meta, NewDevice, NewSnapshot, NewToken, NewVault,
    SnapshotScope, SqlMeta,
};
use model::{Custody, DeviceId, SetId, SnapshotId, Timestamp, VaultId};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

const CHILD: &str = "HOLDFAST_TEST_META_CHILD";
const SEED: &str = "HOLDFAST_TEST_SEED";
const SET: SetId = SetId::from_bytes([7; 16]);
const TOKEN: [u8; 32] = [9; 32];

fn now() -> Timestamp {
    Timestamp::from_secs(100)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A small generator, so that the seed alone decides.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

fn seed() -> u64 {
    let seed = std::env::var(SEED).ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| u64::from_le_bytes(model::ids::random_bytes()));
    println!("seed {seed}: run again with {SEED}={seed}");
    seed
}

async fn opened(path: &Path) -> Box<dyn Meta> {
    let meta = match SqlMeta::create_sqlite(path).await {
        Err(Error::Exists { .. }) => SqlMeta::open_sqlite(path).await,
        created => created,
    };
    Box::new(meta.unwrap())
}

/// The user, vault and device that all rounds share; any round may be the one that makes them.
async fn household(meta: &dyn Meta) -> (VaultId, DeviceId) {
    let user = match meta.add_user("ann", now()).await {
        Ok(user) => user,
        Err(Error::NameTaken { .. }) => meta.find_user("ann").await.unwrap().unwrap(),
        Err(other) => panic!("{other}"),
    };
    let vault = NewVault {
        id: VaultId::from_bytes([1; 16]),
        user: user.id,
        custody: Custody::Managed,
        created: now(),
    };
    meta.create_vault(&vault).await.unwrap();
    if meta.tokens(user.id).await.unwrap().is_empty() {
        let token = NewToken {
            user: user.id,
            secret_hash: TOKEN,
            created: now(),
            expires: now().after(HOUR),
            replaces: None,
        };
        meta.create_token(&token).await.unwrap();
    }
    let device = NewDevice {
        recipient: "age1a".to_owned(),
        name: "laptop".to_owned(),
        os: "Linux".to_owned(),
        secret_hash: [3; 32],
    };
    (vault.id, meta.activate(&TOKEN, &device, now()).await.unwrap().device.id)
}

const HOUR: Duration = Duration::from_secs(3_600);

async fn grant(meta: &dyn Meta, vault: VaultId, device: DeviceId, counter: Option<u64>) -> Lease {
    let some_time = Timestamp::from_secs(0);
    let admission =
        Admission { limit: 1, device_limit: 1, active_since: some_time, waiting_since: some_time };
    let request = GrantRequest {
        vault,
        device,
        set: SET,
        counter,
        epoch: 1,
        now: now(),
        deadline: now().after(HOUR),
        admission,
    };
    meta.grant(&request).await.unwrap()
}

/// Works until killed. Each line on standard output is a promise: a number stored, a snapshot acknowledged.
async fn work(path: &Path, mut counter: Option<u64>) {
    let meta = opened(path).await;
    let (vault, device) = household(&*meta).await;
    let mut out = std::io::stdout();
    // The test runner has begun a line of its own.
    writeln!(out).unwrap();
    loop {
        let lease = grant(&*meta, vault, device, counter).await;
        writeln!(out, "counter {}", lease.counter).unwrap();
        counter = Some(lease.counter);
        let claim = LeaseClaim { lease: lease.id, vault, device, counter: lease.counter };
        for complete in [false, true] {
            let sequence = meta.begin_commit(&claim, now(), now().after(HOUR)).await.unwrap();
            let new = NewSnapshot {
                id: SnapshotId::random(),
                vault,
                device,
                set: SET,
                sequence,
                received: now(),
                files: 1,
                bytes: 2,
                stored_bytes: 3,
                findings: 0,
                complete,
                record_hash: [4; 32],
            };
            meta.commit_snapshot(&new, &claim, now()).await.unwrap();
            writeln!(out, "snapshot {}", new.id).unwrap();
        }
    }
}

/// What the killed process had promised so far.
#[derive(Default)]
struct Promises {
    counter: Option<u64>,
    snapshots: HashSet<SnapshotId>,
    kills: usize,
}

/// Runs one process until it is killed after `lines` lines and some more time, or kills itself at `fail`.
fn round(path: &Path, test: &str, lines: u64, extra: Duration, fail: Option<&str>, promises: &mut Promises) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command.env(CHILD, path).stdout(Stdio::piped()).stderr(Stdio::null());
    command.env("HOLDFAST_TEST_META_COUNTER", promises.counter.unwrap_or(0).to_string());
    if let Some(fail) = fail {
        command.env("HOLDFAST_FAIL", fail);
    }
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    let mut keep = |line: &str| {
        if let Some(text) = line.strip_prefix("counter ") {
            promises.counter = Some(text.parse().unwrap());
            seen += 1;
        } else if let Some(text) = line.strip_prefix("snapshot ") {
            promises.snapshots.insert(text.parse().unwrap());
            seen += 1;
        }
        seen
    };
    while let Some(Ok(line)) = output.next() {
        if keep(&line) >= lines && fail.is_none() {
            break;
        }
    }
    std::thread::sleep(extra);
    // A process that ended by its fail point is gone already.
    let _ = child.kill();
    let status = child.wait().unwrap();
    assert!(status.signal().is_some(), "the process was to work until killed: {status}");
    output.map_while(Result::ok).for_each(|line| {
        keep(&line);
    });
    promises.kills += 1;
}

async fn inspect(path: &Path, promises: &Promises) {
    let meta = opened(path).await;
    assert_eq!(meta.quick_check().await.unwrap(), Vec::<String>::new());
    let rows = meta.snapshots(SnapshotScope::Everything, true).await.unwrap();
    let stored: HashSet<_> = rows.iter().map(|row| row.snapshot.id).collect();
    let lost: Vec<_> = promises.snapshots.difference(&stored).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    let unpromised = stored.len() - promises.snapshots.len();
    assert!(unpromised <= promises.kills, "each kill can cut off one answer, and {unpromised} are stored");
    let checkpoints = rows.iter().filter(|row| !row.snapshot.complete && row.deleted.is_none()).count();
    assert!(checkpoints <= 1, "a checkpoint and what replaced it are both visible");
    let sequences: HashSet<_> = rows.iter().map(|row| row.snapshot.sequence).collect();
    assert_eq!(sequences.len(), rows.len(), "a sequence number was given twice");

    let Some(user) = meta.find_user("ann").await.unwrap() else { return };
    let devices = meta.devices(Some(user.id)).await.unwrap();
    let used = meta.tokens(user.id).await.unwrap().iter().filter(|token| token.used_by.is_some()).count();
    assert_eq!(devices.len(), used, "a token and its device belong together");
    for vault in meta.vaults(None).await.unwrap() {
        let live = meta.live_leases(vault.id, now()).await.unwrap();
        assert!(live.len() <= 1, "one set has one lease");
        assert!(live.iter().all(|lease| Some(lease.counter) >= promises.counter));
    }
    meta.close().await;
}

/// In a child: works. `None` in the test itself.
fn child() -> Option<()> {
    let path = std::env::var_os(CHILD)?;
    let counter = std::env::var("HOLDFAST_TEST_META_COUNTER").unwrap().parse().unwrap();
    runtime().block_on(work(Path::new(&path), (counter > 0).then_some(counter)));
    Some(())
}

#[test]
fn killed_at_random_moments() {
    if child().is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    let (mut random, mut promises) = (Random(seed()), Promises::default());
    for _ in 0..12 {
        let (lines, extra) = (random.below(30), Duration::from_micros(random.below(20_000)));
        round(&path, "killed_at_random_moments", lines, extra, None, &mut promises);
        if path.exists() {
            runtime().block_on(inspect(&path, &promises));
        }
    }
    println!("{} acknowledged in {} processes", promises.snapshots.len(), promises.kills);
    assert!(!promises.snapshots.is_empty());
}

#[test]
fn killed_before_and_after_commits() {
    if child().is_some() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("meta.db");
    let (mut random, mut promises) = (Random(seed()), Promises::default());
    for number in 0..12 {
        let place = if number % 2 == 0 { "before" } else { "after" };
        let fail = format!("meta.commit.{place}:{}", 1 + random.below(25));
        println!("{fail}");
        round(&path, "killed_before_and_after_commits", 0, Duration::ZERO, Some(&fail), &mut promises);
        runtime().block_on(inspect(&path, &promises));
    }
    println!("{} acknowledged in {} processes", promises.snapshots.len(), promises.kills);
    assert!(!promises.snapshots.is_empty());
}
