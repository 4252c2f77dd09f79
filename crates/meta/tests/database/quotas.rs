//! What a quota counts.

use crate::{Fixture, Household, OTHER_SET, at, claim, request, snapshot};
use meta::{Change, GrantRequest, NewSnapshot, NewestSnapshot};
use model::SetId;

/// Commits a snapshot of this size.
async fn commit(
    fixture: &Fixture,
    household: &Household,
    set: SetId,
    bytes: u64,
    complete: bool,
) -> NewSnapshot {
    let counter = fixture.meta.device(household.device.id).await.unwrap().map(|_| ());
    assert!(counter.is_some());
    let mut shown = None;
    let lease = loop {
        match fixture.meta.grant(&GrantRequest { set, ..request(household, shown, 10) }).await {
            Ok(lease) => break lease,
            Err(meta::Error::DeviceCloned { .. }) => shown = Some(shown.map_or(1, |number: u64| number + 1)),
            Err(other) => panic!("{other}"),
        }
    };
    let sequence = fixture.meta.begin_commit(&claim(&lease), at(11), at(12)).await.unwrap();
    let new = NewSnapshot { bytes, ..snapshot(&lease, sequence, complete) };
    fixture.meta.commit_snapshot(&new, &claim(&lease), at(12)).await.unwrap();
    new
}

#[tokio::test]
async fn the_newest_complete_snapshot_of_each_set_counts() {
    let fixture = Fixture::new().await;
    let (ann, bob) = (fixture.household("ann").await, fixture.household("bob").await);
    let sister = Household {
        user: ann.user.clone(),
        vault: ann.vault.clone(),
        device: fixture.device(&ann.user).await,
    };
    let set = crate::SET;
    commit(&fixture, &ann, set, 1, true).await;
    let newest = commit(&fixture, &ann, set, 20, true).await;
    commit(&fixture, &ann, set, 300, false).await;
    commit(&fixture, &ann, OTHER_SET, 4_000, true).await;
    commit(&fixture, &sister, set, 50_000, true).await;
    commit(&fixture, &bob, set, 600_000, true).await;
    let counted = async || {
        let mut bytes: Vec<u64> = fixture
            .meta
            .newest_snapshots(ann.user.id)
            .await
            .unwrap()
            .iter()
            .map(|newest| newest.bytes)
            .collect();
        bytes.sort_unstable();
        bytes
    };
    assert_eq!(counted().await, [20, 4_000, 50_000]);
    let of_bob = fixture.meta.newest_snapshots(bob.user.id).await.unwrap();
    assert_eq!(of_bob, [NewestSnapshot { device: bob.device.id, set, bytes: 600_000 }]);
    // A hidden one leaves it to the one before.
    fixture.meta.delete_snapshot(newest.id, "somebody", at(20)).await.unwrap();
    assert_eq!(counted().await, [1, 4_000, 50_000]);
    fixture.meta.undelete_snapshot(newest.id).await.unwrap();
    fixture.meta.change_device(sister.device.id, Change::Delete, at(21)).await.unwrap();
    assert_eq!(counted().await, [20, 4_000]);
    fixture.meta.change_device(sister.device.id, Change::Undelete, at(22)).await.unwrap();
    fixture.meta.change_device(sister.device.id, Change::Deactivate, at(23)).await.unwrap();
    assert_eq!(counted().await, [20, 4_000, 50_000], "what it has backed up is there");
}

#[tokio::test]
async fn a_quota_is_kept_with_its_user() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap();
    assert_eq!(user.quota_bytes, None);
    for quota in [Some(5), Some(0), None] {
        let set = fixture.meta.set_quota(user.id, quota).await.unwrap();
        assert_eq!(set.quota_bytes, quota);
        assert_eq!(fixture.meta.user(user.id).await.unwrap(), Some(set));
    }
}
