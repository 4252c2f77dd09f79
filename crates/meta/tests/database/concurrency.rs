//! Many callers at once: nobody sees a locked database, nothing is half done, nobody waits for ever.

use crate::{Fixture, Household, at, claim, new_device, request, snapshot};
use meta::{Error, GrantRequest, LeaseState, Meta, NewToken, SnapshotScope, SqlMeta};
use model::SetId;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

/// Runs of one device in its own set, each with all its steps; gives the sequence numbers of its commits.
async fn runs(meta: Arc<dyn Meta>, household: Arc<Household>, set: SetId, count: u64) -> Vec<u64> {
    let secret_hash = *blank_hash(set);
    let token =
        NewToken { user: household.user.id, secret_hash, created: at(0), expires: at(1_000), replaces: None };
    meta.create_token(&token).await.unwrap();
    let device = meta.activate(&secret_hash, &new_device(&format!("age1{set}")), at(1)).await.unwrap().device;
    let (mut counter, mut sequences) = (None, Vec::new());
    for _ in 0..count {
        let asked = GrantRequest { set, device: device.id, ..request(&household, counter, 10) };
        let lease = meta.grant(&asked).await.unwrap();
        meta.touch_device(device.id, at(10)).await.unwrap();
        meta.use_lease(&claim(&lease), at(11)).await.unwrap();
        for complete in [false, true] {
            let sequence = meta.begin_commit(&claim(&lease), at(12), at(60)).await.unwrap();
            let new = snapshot(&lease, sequence, complete);
            meta.commit_snapshot(&new, &claim(&lease), at(13)).await.unwrap();
            sequences.push(sequence);
        }
        counter = Some(lease.counter);
    }
    sequences
}

fn blank_hash(set: SetId) -> Box<[u8; 32]> {
    let mut hash = Box::new([0; 32]);
    hash[..16].copy_from_slice(set.as_bytes());
    hash
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_in_two_processes_and_readers_never_meet_a_locked_database() {
    let fixture = Fixture::new().await;
    let household = Arc::new(fixture.household("ann").await);
    // A second instance on the same file stands for a second process.
    let second: Arc<dyn Meta> = Arc::new(SqlMeta::open_sqlite(&fixture.path("meta.db")).await.unwrap());
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..12 {
        let meta = if number % 2 == 0 { Arc::clone(&fixture.meta) } else { Arc::clone(&second) };
        writers.spawn(runs(meta, Arc::clone(&household), SetId::from_bytes([number; 16]), 6));
    }
    let (reader, vault) = (Arc::clone(&second), household.vault.id);
    let reading = tokio::spawn(async move {
        let mut seen = 0;
        while seen < 12 * 6 * 2 {
            let rows = reader.snapshots(SnapshotScope::Vault(vault), true).await.unwrap();
            assert!(rows.len() >= seen, "a commit vanished");
            seen = rows.len();
            reader.expire_leases(at(20)).await.unwrap();
        }
    });
    let copy = fixture.path("copy.db");
    fixture.meta.backup_into(&copy).await.unwrap();
    let sequences: Vec<u64> = writers.join_all().await.into_iter().flatten().collect();
    reading.await.unwrap();
    assert_eq!(sequences.len(), 12 * 6 * 2);
    assert_eq!(sequences.iter().collect::<HashSet<_>>().len(), sequences.len(), "a number was given twice");
    assert_eq!(second.quick_check().await.unwrap(), Vec::<String>::new());
    let copied: Box<dyn Meta> = Box::new(SqlMeta::open_sqlite(&copy).await.unwrap());
    assert_eq!(copied.quick_check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_activations_with_one_token_one_wins() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap().id;
    let token = NewToken { user, secret_hash: [9; 32], created: at(0), expires: at(1_000), replaces: None };
    fixture.meta.create_token(&token).await.unwrap();
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..16 {
        let meta = Arc::clone(&fixture.meta);
        let device = new_device(&format!("age1{number}"));
        callers.spawn(async move { meta.activate(&[9; 32], &device, at(1)).await });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Error::TokenUsed { .. }))));
    assert_eq!(fixture.meta.devices(None).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_grants_the_limit_holds() {
    let fixture = Fixture::new().await;
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..10 {
        let household = fixture.household(&format!("user {number}")).await;
        let meta = Arc::clone(&fixture.meta);
        callers.spawn(async move {
            let mut asked = request(&household, None, 10);
            asked.admission.limit = 3;
            meta.grant(&asked).await
        });
    }
    let answers = callers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 3);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(_) | Err(Error::ServerBusy { active: 3, limit: 3, .. })))
    );
    assert_eq!(fixture.meta.active_leases(at(0), at(11)).await.unwrap(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_given_up_leave_nothing_half_done() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let vault = household.vault.id;
    let (mut counter, mut given_up) = (None, 0);
    for round in 0..150_u64 {
        let lease = fixture.meta.grant(&request(&household, counter, 10)).await.unwrap();
        fixture.meta.use_lease(&claim(&lease), at(10)).await.unwrap();
        counter = Some(lease.counter);
        let new = snapshot(&lease, round, true);
        // Whether the call ends in time differs from round to round; what must hold does not.
        let patience = Duration::from_micros(round * 37 % 1_500);
        let (lease_claim, now) = (claim(&lease), at(11));
        let commit = fixture.meta.commit_snapshot(&new, &lease_claim, now);
        given_up += u32::from(tokio::time::timeout(patience, commit).await.is_err());
        let stored = fixture.meta.snapshot(new.id).await.unwrap();
        let again = fixture.meta.commit_snapshot(&new, &lease_claim, now).await.unwrap();
        assert!(again.repeated || stored.is_none(), "a visible snapshot was stored once more");
        let lease = fixture.meta.lease(lease.id).await.unwrap().unwrap();
        assert_eq!(lease.state, LeaseState::Committed);
    }
    println!("{given_up} of 150 calls were given up");
    let rows = fixture.meta.snapshots(SnapshotScope::Vault(vault), false).await.unwrap();
    assert_eq!(rows.len(), 150);
}
