//! Commits: idempotence, the lease behind each, sequence numbers, checkpoints.

use crate::{Fixture, OTHER_SET, WEEK, at, claim, request, snapshot};
use meta::{Change, Error, LeaseState, NewSnapshot, REPLACED, SnapshotRow, SnapshotScope};

#[tokio::test]
async fn a_complete_snapshot_becomes_visible_and_ends_its_lease() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let sequence = fixture.meta.begin_commit(&claim(&lease), at(11), at(60)).await.unwrap();
    assert_eq!(sequence, 1);
    let new = snapshot(&lease, sequence, true);
    let commit = fixture.meta.commit_snapshot(&new, &claim(&lease), at(12)).await.unwrap();
    assert!(!commit.repeated && commit.replaced.is_empty());
    let row = SnapshotRow { snapshot: new.clone(), deleted: None };
    assert_eq!(commit.row, row);
    assert_eq!(fixture.meta.snapshot(new.id).await.unwrap(), Some(row));
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Committed);
    let more = snapshot(&lease, 2, true);
    match fixture.meta.commit_snapshot(&more, &claim(&lease), at(13)).await {
        Err(Error::LeaseEnded { state, .. }) => assert_eq!(state, LeaseState::Committed),
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.meta.snapshot(more.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_commit_repeated_gets_the_first_answer_for_ever() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let new = snapshot(&lease, 1, true);
    let first = fixture.meta.commit_snapshot(&new, &claim(&lease), at(12)).await.unwrap();
    let retold = NewSnapshot { sequence: 7, received: at(99), ..new.clone() };
    for now in [13, 10 + 2 * WEEK] {
        let again = fixture.meta.commit_snapshot(&retold, &claim(&lease), at(now)).await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.row, first.row);
    }
    let forged = NewSnapshot { record_hash: [1; 32], ..new.clone() };
    match fixture.meta.commit_snapshot(&forged, &claim(&lease), at(13)).await {
        Err(Error::SnapshotConflict { snapshot }) => assert_eq!(snapshot, new.id),
        other => panic!("{other:?}"),
    }
    let bob = fixture.household("bob").await;
    for foreign in [
        NewSnapshot { device: fixture.device(&household.user).await.id, ..new.clone() },
        NewSnapshot { vault: bob.vault.id, ..new.clone() },
    ] {
        let refused = fixture.meta.commit_snapshot(&foreign, &claim(&lease), at(13)).await;
        assert!(matches!(refused, Err(Error::SnapshotConflict { .. })), "{foreign:?}");
    }
}

#[tokio::test]
async fn the_lease_must_be_of_this_vault_device_and_set() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let (lease, other) = (fixture.first_lease(&ann).await, fixture.first_lease(&bob).await);
    let good = snapshot(&lease, 1, true);
    for wrong in [
        NewSnapshot { set: OTHER_SET, ..good.clone() },
        NewSnapshot { device: bob.device.id, ..good.clone() },
        NewSnapshot { vault: bob.vault.id, ..good.clone() },
    ] {
        let refused = fixture.meta.commit_snapshot(&wrong, &claim(&lease), at(12)).await;
        assert!(matches!(refused, Err(Error::LeaseUnknown { .. })), "{wrong:?}");
    }
    let mut borrowed = claim(&other);
    (borrowed.vault, borrowed.device) = (lease.vault, lease.device);
    let refused = fixture.meta.commit_snapshot(&good, &borrowed, at(12)).await;
    assert!(matches!(refused, Err(Error::LeaseUnknown { .. })));
    assert_eq!(fixture.meta.snapshots(SnapshotScope::Everything, true).await.unwrap(), []);
    fixture.meta.commit_snapshot(&good, &claim(&lease), at(12)).await.unwrap();
}

#[tokio::test]
async fn a_stopped_device_or_lease_commits_nothing() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let new = snapshot(&lease, 1, true);
    let late = fixture.meta.commit_snapshot(&new, &claim(&lease), at(10 + WEEK)).await;
    assert!(matches!(late, Err(Error::LeaseExpired { .. })));
    fixture.meta.change_device(household.device.id, Change::Deactivate, at(30)).await.unwrap();
    let ended = fixture.meta.commit_snapshot(&new, &claim(&lease), at(12)).await;
    assert!(matches!(ended, Err(Error::Barred { .. })));
    assert_eq!(fixture.meta.snapshot(new.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_commit_that_has_begun_is_not_overtaken_by_the_deadline() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let end = 10 + WEEK;
    let sequence = fixture.meta.begin_commit(&claim(&lease), at(end - 1), at(end + 60)).await.unwrap();
    assert_eq!(fixture.meta.expire_leases(at(end + 30)).await.unwrap(), 0);
    assert_eq!(fixture.meta.live_leases(lease.vault, at(end + 30)).await.unwrap().len(), 1);
    let new = snapshot(&lease, sequence, true);
    fixture.meta.commit_snapshot(&new, &claim(&lease), at(end + 59)).await.unwrap();
}

#[tokio::test]
async fn a_hold_never_shortens_a_lease() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    fixture.meta.begin_commit(&claim(&lease), at(11), at(12)).await.unwrap();
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().deadline, lease.deadline);
}

#[tokio::test]
async fn sequence_numbers_rise_and_are_never_given_twice() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let (lease, other) = (fixture.first_lease(&ann).await, fixture.first_lease(&bob).await);
    for expected in 1..4 {
        let sequence = fixture.meta.begin_commit(&claim(&lease), at(11), at(60)).await.unwrap();
        assert_eq!(sequence, expected);
    }
    assert_eq!(fixture.meta.begin_commit(&claim(&other), at(11), at(60)).await.unwrap(), 1);
    // A record that a killed server had written brings its own number along.
    let new = snapshot(&lease, 40, false);
    fixture.meta.commit_snapshot(&new, &claim(&lease), at(12)).await.unwrap();
    assert_eq!(fixture.meta.begin_commit(&claim(&lease), at(13), at(60)).await.unwrap(), 41);
}

#[tokio::test]
async fn a_checkpoint_replaces_the_last_one_and_a_complete_snapshot_both() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let mut last = Vec::new();
    for sequence in 1..4 {
        let checkpoint = snapshot(&lease, sequence, false);
        let commit = fixture.meta.commit_snapshot(&checkpoint, &claim(&lease), at(20)).await.unwrap();
        assert_eq!(commit.replaced, last);
        assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Live);
        last = vec![checkpoint.id];
    }
    let other = meta::GrantRequest { set: OTHER_SET, ..request(&household, Some(lease.counter), 21) };
    let other = fixture.meta.grant(&other).await.unwrap();
    let of_other_set = snapshot(&other, 4, false);
    let commit = fixture.meta.commit_snapshot(&of_other_set, &claim(&other), at(22)).await.unwrap();
    assert_eq!(commit.replaced, [], "another set");

    let complete = snapshot(&lease, 5, true);
    let commit = fixture.meta.commit_snapshot(&complete, &claim(&lease), at(23)).await.unwrap();
    assert_eq!(commit.replaced, last);
    let of_the_set = async |with_deleted| {
        let scope = SnapshotScope::Vault(lease.vault);
        let mut rows = fixture.meta.snapshots(scope, with_deleted).await.unwrap();
        rows.retain(|row| row.snapshot.set == lease.set);
        rows
    };
    assert_eq!(of_the_set(false).await, [commit.row]);
    let all = of_the_set(true).await;
    assert_eq!(all.len(), 4);
    for row in &all[1..] {
        assert_eq!(row.deleted.as_ref().map(|deleted| deleted.by.as_str()), Some(REPLACED));
    }
    match fixture.meta.undelete_snapshot(last[0]).await {
        Err(Error::CheckpointReplaced { snapshot }) => assert_eq!(snapshot, last[0]),
        other => panic!("{other:?}"),
    }
    let repeated = fixture.meta.commit_snapshot(&complete, &claim(&lease), at(24)).await.unwrap();
    assert_eq!((repeated.repeated, repeated.replaced), (true, vec![]));
}

#[tokio::test]
async fn a_device_that_takes_the_set_of_another_replaces_none_of_its_checkpoints() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let checkpoint = snapshot(&lease, 1, false);
    fixture.meta.commit_snapshot(&checkpoint, &claim(&lease), at(20)).await.unwrap();
    let sister = fixture.device(&household.user).await;
    let same_set = meta::GrantRequest { device: sister.id, ..request(&household, None, 21) };
    let theirs = fixture.meta.grant(&same_set).await.unwrap();
    for (sequence, complete) in [(2, false), (3, true)] {
        let new = snapshot(&theirs, sequence, complete);
        let commit = fixture.meta.commit_snapshot(&new, &claim(&theirs), at(22)).await.unwrap();
        assert!(!commit.replaced.contains(&checkpoint.id));
    }
    let row = fixture.meta.snapshot(checkpoint.id).await.unwrap().unwrap();
    assert_eq!(row.deleted, None);
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Live);
}
