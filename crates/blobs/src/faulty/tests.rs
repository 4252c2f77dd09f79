//! Tests of each fault.

use std::io::Write;

use super::{Fault, FaultPlan, Faulty};
use crate::{BlobStore, Error, ErrorKind, Key, MemoryStore, Op, PutMode};

fn key(text: &str) -> Key {
    Key::parse(text).unwrap()
}

fn faulty(plan: FaultPlan) -> (MemoryStore, Faulty<MemoryStore>) {
    let inner = MemoryStore::new();
    (inner.clone(), Faulty::new(inner, plan))
}

#[test]
fn the_nth_call_fails_and_only_that() {
    let (inner, store) = faulty(FaultPlan::new().nth(Op::Put, 2, Fault::Fail(ErrorKind::Full)));
    store.put(&key("a"), b"1", PutMode::CreateNew).unwrap();
    let error = store.put(&key("b"), b"2", PutMode::CreateNew).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert!(matches!(error, Error::Io { op: Op::Put, .. }));
    store.put(&key("c"), b"3", PutMode::CreateNew).unwrap();
    assert_eq!(inner.info(&key("b")).unwrap(), None);
    assert_eq!(store.committed(), [(Op::Put, Fault::Fail(ErrorKind::Full))]);
    assert_eq!(store.calls(Op::Put), 3);
}

#[test]
fn every_kind_can_be_injected() {
    for kind in [
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::Full,
        ErrorKind::Denied,
        ErrorKind::Corrupt,
        ErrorKind::Transient,
        ErrorKind::Unsupported,
        ErrorKind::Other,
    ] {
        let (_, store) = faulty(FaultPlan::new().from(Op::Put, 1, Fault::Fail(kind)));
        assert_eq!(store.put(&key("a"), b"1", PutMode::Replace).unwrap_err().kind(), kind);
        assert_eq!(store.put(&key("a"), b"1", PutMode::Replace).unwrap_err().kind(), kind);
    }
}

#[test]
fn an_answer_can_be_lost() {
    let (inner, store) = faulty(FaultPlan::new().nth(Op::Put, 1, Fault::FailAfter(ErrorKind::Transient)));
    assert_eq!(store.put(&key("a"), b"1", PutMode::CreateNew).unwrap_err().kind(), ErrorKind::Transient);
    assert_eq!(inner.read(&key("a")).unwrap(), b"1");
}

#[test]
fn bytes_are_lost_or_turned() {
    let plan = FaultPlan::new()
        .nth(Op::Put, 1, Fault::Short)
        .nth(Op::Put, 2, Fault::Flip)
        .nth(Op::Read, 1, Fault::Short)
        .nth(Op::Read, 2, Fault::Flip)
        .nth(Op::ReadAt, 1, Fault::Short)
        .nth(Op::ReadAt, 2, Fault::Flip)
        .nth(Op::List, 1, Fault::Flip);
    let (inner, store) = faulty(plan);
    store.put(&key("a"), b"abcd", PutMode::Replace).unwrap();
    assert_eq!(inner.read(&key("a")).unwrap(), b"ab");
    store.put(&key("a"), b"abcd", PutMode::Replace).unwrap();
    assert_eq!(inner.read(&key("a")).unwrap(), b"abbd");
    inner.put(&key("a"), b"abcd", PutMode::Replace).unwrap();
    assert_eq!(store.read(&key("a")).unwrap(), b"ab");
    assert_eq!(store.read(&key("a")).unwrap(), b"abbd");
    let reader = store.open(&key("a")).unwrap();
    let mut buf = [0; 3];
    assert_eq!(reader.read_at(0, &mut buf).unwrap_err().kind(), ErrorKind::Corrupt);
    reader.read_at(0, &mut buf).unwrap();
    assert_eq!(&buf, b"acc");
    reader.read_at(0, &mut buf).unwrap();
    assert_eq!(&buf, b"abc");
    assert_eq!(store.list("").unwrap_err().kind(), ErrorKind::Other);
    assert_eq!(store.committed().len(), 7);
}

#[test]
fn a_short_write_is_carried_on_by_write_all() {
    let (inner, store) = faulty(FaultPlan::new().nth(Op::Write, 1, Fault::Short));
    let mut writer = store.create(&key("a"), PutMode::CreateNew).unwrap();
    assert_eq!(writer.write(b"abcde").unwrap(), 3);
    writer.write_all(b"de").unwrap();
    assert_eq!(writer.finish().unwrap(), 5);
    assert_eq!(inner.read(&key("a")).unwrap(), b"abcde");
}

#[test]
fn a_failed_write_cannot_be_finished() {
    for fault in [Fault::Fail(ErrorKind::Full), Fault::FailAfter(ErrorKind::Full)] {
        let (inner, store) = faulty(FaultPlan::new().nth(Op::Write, 2, fault));
        let mut writer = store.create(&key("a"), PutMode::CreateNew).unwrap();
        writer.write_all(b"abc").unwrap();
        let error = Error::from_write(&key("a"), writer.write_all(b"def").unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Full);
        assert!(matches!(writer.finish(), Err(Error::WriteFailed { .. })));
        assert!(inner.list("").unwrap().is_empty());
    }
}

#[test]
fn a_crash_ends_everything_and_loses_what_was_open() {
    let (inner, store) = faulty(FaultPlan::new().nth(Op::Put, 2, Fault::Crash));
    store.put(&key("a"), b"1", PutMode::CreateNew).unwrap();
    let mut writer = store.create(&key("w"), PutMode::CreateNew).unwrap();
    writer.write_all(b"abc").unwrap();
    let reader = store.open(&key("a")).unwrap();
    assert!(!store.is_crashed());
    store.put(&key("b"), b"2", PutMode::CreateNew).unwrap_err();
    assert!(store.is_crashed());
    writer.write_all(b"abc").unwrap_err();
    writer.finish().unwrap_err();
    reader.read_at(0, &mut [0]).unwrap_err();
    store.read(&key("a")).unwrap_err();
    store.create(&key("c"), PutMode::CreateNew).unwrap_err();
    store.open(&key("a")).unwrap_err();
    store.info(&key("a")).unwrap_err();
    store.list("").unwrap_err();
    store.delete(&key("a")).unwrap_err();
    assert_eq!(store.space().unwrap_err().kind(), ErrorKind::Other);
    let left: Vec<_> = inner.list("").unwrap().into_iter().map(|blob| blob.key).collect();
    assert_eq!(left, [key("a")]);
}

#[test]
fn a_crash_can_hide_a_success() {
    let (inner, store) = faulty(FaultPlan::new().nth(Op::Finish, 1, Fault::CrashAfter));
    let mut writer = store.create(&key("a"), PutMode::CreateNew).unwrap();
    writer.write_all(b"abc").unwrap();
    writer.finish().unwrap_err();
    assert!(store.is_crashed());
    assert_eq!(inner.read(&key("a")).unwrap(), b"abc");

    let (inner, store) = faulty(FaultPlan::new());
    store.crash();
    store.put(&key("a"), b"1", PutMode::CreateNew).unwrap_err();
    assert!(inner.list("").unwrap().is_empty());
}

#[test]
fn chances_are_repeatable() {
    let run = |seed| {
        let fault = Fault::Fail(ErrorKind::Transient);
        let (_, store) = faulty(FaultPlan::new().chance(&[Op::Put, Op::Info], 0.3, seed, fault));
        (0..200).map(|_| store.put(&key("a"), b"1", PutMode::Replace).is_ok()).collect::<Vec<_>>()
    };
    let outcomes = run(7);
    assert_eq!(outcomes, run(7));
    assert_ne!(outcomes, run(8));
    let failed = outcomes.iter().filter(|ok| !**ok).count();
    assert!((30..=90).contains(&failed), "{failed} of 200");
}
