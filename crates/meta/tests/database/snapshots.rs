//! The index of snapshots: lists, scopes, hiding and forgetting.

use crate::{Fixture, OTHER_SET, SET, at, claim, request, snapshot};
use meta::{Deletion, Error, GrantRequest, NewSnapshot, SnapshotScope};
use model::{SnapshotId, VaultId};

/// Commits one complete snapshot under a new lease and gives the number to show next.
async fn commit(fixture: &Fixture, request: &GrantRequest, sequence: u64) -> (NewSnapshot, u64) {
    let lease = fixture.meta.grant(request).await.unwrap();
    let new = snapshot(&lease, sequence, true);
    fixture.meta.commit_snapshot(&new, &claim(&lease), request.now).await.unwrap();
    (new, lease.counter)
}

#[tokio::test]
async fn lists_come_newest_first_within_their_scope() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let (one, counter) = commit(&fixture, &request(&ann, None, 10), 1).await;
    let other = GrantRequest { set: OTHER_SET, ..request(&ann, Some(counter), 11) };
    let (two, counter) = commit(&fixture, &other, 2).await;
    let (three, _) = commit(&fixture, &request(&ann, Some(counter), 12), 3).await;
    let desktop = fixture.device(&ann.user).await.id;
    let (four, _) = commit(&fixture, &GrantRequest { device: desktop, ..request(&ann, None, 13) }, 4).await;
    let (foreign, _) = commit(&fixture, &request(&bob, None, 14), 1).await;

    let vault = ann.vault.id;
    let set = |set| SnapshotScope::Set { vault, set };
    let expected: [(SnapshotScope, &[SnapshotId]); 6] = [
        (SnapshotScope::Vault(vault), &[four.id, three.id, two.id, one.id]),
        (SnapshotScope::Vault(bob.vault.id), &[foreign.id]),
        (SnapshotScope::Vault(VaultId::random()), &[]),
        (set(OTHER_SET), &[two.id]),
        (set(SET), &[four.id, three.id, one.id]),
        (SnapshotScope::Set { vault: VaultId::random(), set: OTHER_SET }, &[]),
    ];
    for (scope, ids) in expected {
        let rows = fixture.meta.snapshots(scope, false).await.unwrap();
        assert_eq!(rows.iter().map(|row| row.snapshot.id).collect::<Vec<_>>(), ids, "{scope:?}");
    }
    assert_eq!(fixture.meta.snapshots(SnapshotScope::Everything, false).await.unwrap().len(), 5);
}

#[tokio::test]
async fn a_snapshot_is_reached_through_its_vault() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let (new, _) = commit(&fixture, &request(&ann, None, 10), 1).await;
    let found = fixture.meta.snapshot_in(ann.vault.id, new.id).await.unwrap().unwrap();
    assert_eq!(found.snapshot, new);
    assert_eq!(fixture.meta.snapshot_in(bob.vault.id, new.id).await.unwrap(), None);
}

#[tokio::test]
async fn a_deleted_snapshot_is_hidden_and_comes_back() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let (new, _) = commit(&fixture, &request(&household, None, 10), 1).await;
    let scope = SnapshotScope::Vault(household.vault.id);
    let first = Deletion { time: at(30), by: "root".to_owned() };
    let row = fixture.meta.delete_snapshot(new.id, "root", at(30)).await.unwrap();
    assert_eq!(row.deleted.as_ref(), Some(&first));
    let row = fixture.meta.delete_snapshot(new.id, "retention", at(40)).await.unwrap();
    assert_eq!(row.deleted, Some(first), "the first deletion stays");
    assert_eq!(fixture.meta.snapshots(scope, false).await.unwrap(), []);
    assert_eq!(fixture.meta.snapshots(scope, true).await.unwrap(), [row]);

    for _ in 0..2 {
        let row = fixture.meta.undelete_snapshot(new.id).await.unwrap();
        assert_eq!((row.snapshot, row.deleted), (new.clone(), None));
    }
    assert_eq!(fixture.meta.snapshots(scope, false).await.unwrap().len(), 1);
}

#[tokio::test]
async fn only_a_hidden_snapshot_can_be_forgotten() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let (new, _) = commit(&fixture, &request(&household, None, 10), 1).await;
    assert!(matches!(fixture.meta.remove_snapshot(new.id).await, Err(Error::SnapshotKept { .. })));
    fixture.meta.delete_snapshot(new.id, "root", at(30)).await.unwrap();
    for _ in 0..2 {
        fixture.meta.remove_snapshot(new.id).await.unwrap();
    }
    assert_eq!(fixture.meta.snapshot(new.id).await.unwrap(), None);
    for gone in [
        fixture.meta.delete_snapshot(new.id, "root", at(31)).await,
        fixture.meta.undelete_snapshot(new.id).await,
    ] {
        assert!(matches!(gone, Err(Error::SnapshotUnknown { .. })));
    }
}

#[tokio::test]
async fn numbers_that_an_agent_made_up_come_back_as_sent() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    let new = NewSnapshot { files: u64::MAX, bytes: 1 << 63, findings: 0, ..snapshot(&lease, 1, true) };
    let commit = fixture.meta.commit_snapshot(&new, &claim(&lease), at(12)).await.unwrap();
    assert_eq!(fixture.meta.snapshot(new.id).await.unwrap(), Some(commit.row));
}
