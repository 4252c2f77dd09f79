//! Vaults: one open for each user, closed ones readable.

use crate::{Fixture, at, claim, request};
use meta::{Error, LeaseState, NewVault, VaultState};
use model::{Custody, UserId, VaultId};

#[tokio::test]
async fn a_user_has_one_open_vault_and_keeps_older_ones() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let next = NewVault {
        id: VaultId::random(),
        user: household.user.id,
        custody: Custody::Private,
        created: at(5),
    };
    match fixture.meta.create_vault(&next).await {
        Err(Error::VaultExists { vault }) => assert_eq!(vault, household.vault.id),
        other => panic!("{other:?}"),
    }
    fixture.meta.close_vault(household.vault.id).await.unwrap();
    let second = fixture.meta.create_vault(&next).await.unwrap();
    assert_eq!((second.state, second.custody), (VaultState::Open, Custody::Private));
    assert_eq!(fixture.meta.open_vault(household.user.id).await.unwrap(), Some(second.clone()));
    let first = meta::Vault { state: VaultState::Closed, ..household.vault.clone() };
    assert_eq!(fixture.meta.vaults(Some(household.user.id)).await.unwrap(), [first.clone(), second]);
    assert_eq!(fixture.meta.vault(first.id).await.unwrap(), Some(first));
    assert_eq!(fixture.meta.vaults(Some(UserId::random())).await.unwrap(), []);
    assert_eq!(fixture.meta.vaults(None).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_creation_repeated_gives_the_first_vault() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap().id;
    let vault = NewVault { id: VaultId::random(), user, custody: Custody::Managed, created: at(5) };
    let first = fixture.meta.create_vault(&vault).await.unwrap();
    let later = NewVault { created: at(9), ..vault.clone() };
    assert_eq!(fixture.meta.create_vault(&later).await.unwrap(), first);
    let other_custody = NewVault { custody: Custody::Private, ..vault.clone() };
    assert!(matches!(fixture.meta.create_vault(&other_custody).await, Err(Error::VaultExists { .. })));
    let someone = fixture.meta.add_user("bob", at(0)).await.unwrap().id;
    let stolen = NewVault { user: someone, ..vault.clone() };
    assert!(matches!(fixture.meta.create_vault(&stolen).await, Err(Error::VaultExists { .. })));
    let nobody = NewVault { id: VaultId::random(), user: UserId::random(), ..vault };
    assert!(matches!(fixture.meta.create_vault(&nobody).await, Err(Error::UserUnknown { .. })));
}

#[tokio::test]
async fn a_closed_vault_takes_nothing_more() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    let lease = fixture.first_lease(&household).await;
    fixture.meta.close_vault(household.vault.id).await.unwrap();
    fixture.meta.close_vault(household.vault.id).await.unwrap();
    assert_eq!(fixture.meta.lease(lease.id).await.unwrap().unwrap().state, LeaseState::Superseded);
    let begun = fixture.meta.begin_commit(&claim(&lease), at(11), at(60)).await;
    assert!(matches!(begun, Err(Error::LeaseSuperseded { .. })));
    let granted = fixture.meta.grant(&request(&household, Some(lease.counter), 12)).await;
    assert!(matches!(granted, Err(Error::VaultClosed { .. })));
    assert!(matches!(fixture.meta.close_vault(VaultId::random()).await, Err(Error::VaultUnknown { .. })));
}
