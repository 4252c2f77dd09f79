//! A run that is held still, goes on, is stopped meanwhile, or can be stopped no more.

use super::*;
use engine::progress::Milestone;
use engine::{EngineError, Gate};
use std::sync::{Arc, Mutex};

/// A run that is held from the moment on when the server let it begin, and what it told.
struct Held {
    gate: Gate,
    progress: Progress,
    told: Arc<Mutex<Vec<Milestone>>>,
}

fn held() -> Held {
    let (gate, told) = (Gate::default(), Arc::new(Mutex::new(Vec::new())));
    let progress = Progress::observed(gate.clone(), {
        let (gate, told) = (gate.clone(), Arc::clone(&told));
        move |milestone| {
            told.lock().unwrap().push(milestone);
            if milestone == Milestone::Granted {
                gate.close();
            }
        }
    });
    Held { gate, progress, told }
}

fn bench() -> Bench {
    let bench = Bench::new();
    for at in 0..40u8 {
        bench.write(&format!("file{at}"), &noise(300_000, at));
    }
    bench
}

fn run(bench: &Bench, progress: &Progress) -> Result<BackupSummary, EngineError> {
    let (classes, clock) = (Classes::default(), Clock::system());
    backup::run(&bench.remote, &bench.keyring, &classes, &bench.request(), &clock, progress)
}

/// Waits until the run is held, and long enough for one that is not to read a file.
fn await_hold(held: &Held) {
    while !held.gate.is_closed() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::thread::sleep(Duration::from_millis(300));
}

#[test]
fn a_run_that_is_held_reads_and_sends_nothing_and_then_goes_on() {
    let (bench, held) = (bench(), held());
    let summary = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&bench, &held.progress));
        await_hold(&held);
        assert!(!running.is_finished());
        assert_eq!(held.progress.read_bytes.load(Ordering::SeqCst), 0);
        assert_eq!(bench.remote.calls(Call::SendPack), 0);
        held.gate.open();
        running.join().unwrap().unwrap()
    });
    bench.assert_stored(summary.snapshot);
    use Milestone::{Committing, Granted, UploadAccepted, UploadBegan};
    assert_eq!(*held.told.lock().unwrap(), [Granted, UploadBegan, UploadAccepted, Committing]);
}

#[test]
fn a_run_that_is_held_can_be_stopped() {
    let (bench, held) = (bench(), held());
    let error = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&bench, &held.progress));
        await_hold(&held);
        assert!(held.progress.stop());
        running.join().unwrap().unwrap_err()
    });
    assert_eq!(error.code(), Code::Interrupted);
    assert_eq!(bench.remote.snapshot_count(), 0);
}

#[test]
fn a_run_that_commits_cannot_be_stopped() {
    let bench = bench();
    let progress = Arc::new(Progress::new());
    let (asked, answer) = (Arc::clone(&progress), Arc::new(Mutex::new(None)));
    let noted = Arc::clone(&answer);
    bench.remote.fail_when(move |call, _| {
        if call == Call::Commit {
            *noted.lock().unwrap() = Some(asked.stop());
        }
        None
    });
    let summary = run(&bench, &progress).unwrap();
    assert_eq!(*answer.lock().unwrap(), Some(false));
    bench.assert_stored(summary.snapshot);
}
