//! Tests of what is repeated, how often, and after which pauses.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{RetryPolicy, Retrying};
use crate::{BlobStore, ErrorKind, Fault, FaultPlan, Faulty, Key, MemoryStore, Op, PutMode};

type Pauses = Arc<Mutex<Vec<Duration>>>;
type Store = Arc<Faulty<MemoryStore>>;

const POLICY: RetryPolicy = RetryPolicy {
    attempts: 4,
    first_pause: Duration::from_millis(100),
    longest_pause: Duration::from_millis(300),
};
const LOST: Fault = Fault::FailAfter(ErrorKind::Transient);
const FAILED: Fault = Fault::Fail(ErrorKind::Transient);

fn key() -> Key {
    Key::parse("a").unwrap()
}

fn retrying(plan: FaultPlan) -> (Retrying<Store>, Store, MemoryStore, Pauses) {
    let memory = MemoryStore::new();
    let faulty = Arc::new(Faulty::new(memory.clone(), plan));
    let pauses = Pauses::default();
    let noted = Arc::clone(&pauses);
    let store =
        Retrying::with_pause(Arc::clone(&faulty), POLICY, move |pause| noted.lock().unwrap().push(pause));
    (store, faulty, memory, pauses)
}

#[test]
fn transient_errors_are_repeated_until_success() {
    let plan = FaultPlan::new()
        .nth(Op::Read, 1, FAILED)
        .nth(Op::Read, 2, FAILED)
        .nth(Op::Open, 1, FAILED)
        .nth(Op::ReadAt, 1, FAILED)
        .nth(Op::Info, 1, FAILED)
        .nth(Op::List, 1, FAILED)
        .nth(Op::Delete, 1, LOST)
        .nth(Op::Space, 1, FAILED)
        .nth(Op::Create, 1, FAILED)
        .nth(Op::Put, 1, FAILED);
    let (store, faulty, _, pauses) = retrying(plan);
    store.put(&key(), b"abc", PutMode::Replace).unwrap();
    assert_eq!(store.read(&key()).unwrap(), b"abc");
    let mut buf = [0; 2];
    store.open(&key()).unwrap().read_at(1, &mut buf).unwrap();
    assert_eq!(&buf, b"bc");
    assert!(store.info(&key()).unwrap().is_some());
    assert_eq!(store.list("").unwrap().len(), 1);
    store.delete(&key()).unwrap();
    store.space().unwrap();
    let mut writer = store.create(&key(), PutMode::CreateNew).unwrap();
    writer.write_all(b"x").unwrap();
    writer.finish().unwrap();
    assert_eq!(faulty.committed().len(), 10);
    assert_eq!(pauses.lock().unwrap().len(), 10);
}

#[test]
fn attempts_and_pauses_are_bounded() {
    let (store, faulty, _, pauses) = retrying(FaultPlan::new().from(Op::Info, 1, FAILED));
    assert_eq!(store.info(&key()).unwrap_err().kind(), ErrorKind::Transient);
    assert_eq!(faulty.calls(Op::Info), 4);
    let pauses = pauses.lock().unwrap().clone();
    assert_eq!(pauses.len(), 3);
    for (pause, longest) in pauses.iter().zip([100, 200, 300]) {
        let longest = Duration::from_millis(longest);
        assert!(*pause >= longest / 2 && *pause <= longest, "{pause:?} of {longest:?}");
    }
}

#[test]
fn other_errors_are_not_repeated() {
    for kind in
        [ErrorKind::Full, ErrorKind::Denied, ErrorKind::Corrupt, ErrorKind::NotFound, ErrorKind::Other]
    {
        let (store, faulty, _, pauses) = retrying(FaultPlan::new().from(Op::Read, 1, Fault::Fail(kind)));
        assert_eq!(store.read(&key()).unwrap_err().kind(), kind);
        assert_eq!(faulty.calls(Op::Read), 1);
        assert!(pauses.lock().unwrap().is_empty());
    }
}

#[test]
fn a_lost_answer_of_create_new_is_recognised() {
    let (store, _, memory, _) = retrying(FaultPlan::new().nth(Op::Put, 1, LOST));
    store.put(&key(), b"mine", PutMode::CreateNew).unwrap();
    assert_eq!(memory.read(&key()).unwrap(), b"mine");
    assert_eq!(store.put(&key(), b"mine", PutMode::CreateNew).unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[test]
fn the_blob_of_another_writer_is_not_taken_for_ours() {
    for other in [b"else".as_slice(), b"else and longer"] {
        let (store, _, memory, _) = retrying(FaultPlan::new().nth(Op::Put, 1, FAILED));
        memory.put(&key(), other, PutMode::CreateNew).unwrap();
        let error = store.put(&key(), b"mine", PutMode::CreateNew).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(memory.read(&key()).unwrap(), other);
    }
}

#[test]
fn streamed_writes_are_not_repeated() {
    let (store, faulty, memory, pauses) =
        retrying(FaultPlan::new().nth(Op::Write, 1, FAILED).nth(Op::Finish, 2, FAILED));
    let mut writer = store.create(&key(), PutMode::CreateNew).unwrap();
    writer.write_all(b"abc").unwrap_err();
    writer.finish().unwrap_err();
    let mut writer = store.create(&key(), PutMode::CreateNew).unwrap();
    writer.write_all(b"abc").unwrap();
    writer.finish().unwrap_err();
    assert_eq!((faulty.calls(Op::Write), faulty.calls(Op::Finish)), (2, 2));
    assert!(pauses.lock().unwrap().is_empty());
    assert!(memory.list("").unwrap().is_empty());
}
