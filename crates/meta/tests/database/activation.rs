//! Tokens: what becomes of them, and what they are refused for.

use crate::{Fixture, at, new_device};
use meta::{Change, Error, Hash, NewDevice, NewToken, Standing};
use model::UserId;

const SECRET: Hash = [9; 32];

async fn token(fixture: &Fixture, user: UserId) {
    let token = NewToken { user, secret_hash: SECRET, created: at(10), expires: at(100), replaces: None };
    fixture.meta.create_token(&token).await.unwrap();
}

#[tokio::test]
async fn a_token_becomes_a_device_of_its_user() {
    let fixture = Fixture::new().await;
    let household = fixture.household("ann").await;
    token(&fixture, household.user.id).await;
    let activation = fixture.meta.activate(&SECRET, &new_device("age1a"), at(50)).await.unwrap();
    assert!(!activation.repeated);
    assert_eq!(activation.user, household.user);
    assert_eq!(activation.vault, Some(household.vault));
    assert_eq!(activation.device.recipient.as_deref(), Some("age1a"));
    assert_eq!(activation.device.standing, Standing::active(at(50)));
    let stored = fixture.meta.device(activation.device.id).await.unwrap();
    assert_eq!(stored.as_ref(), Some(&activation.device));
    let tokens = fixture.meta.tokens(household.user.id).await.unwrap();
    assert_eq!((tokens[0].used, tokens[0].used_by), (Some(at(50)), Some(activation.device.id)));
    assert_eq!(tokens.len(), 2, "the household's own token is there too");
}

#[tokio::test]
async fn without_an_open_vault_the_answer_has_none() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap();
    token(&fixture, user.id).await;
    let activation = fixture.meta.activate(&SECRET, &new_device("age1a"), at(50)).await.unwrap();
    assert_eq!(activation.vault, None);
}

#[tokio::test]
async fn unknown_and_expired_tokens_are_refused() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap();
    let unknown = fixture.meta.activate(&SECRET, &new_device("age1a"), at(50)).await;
    assert!(matches!(unknown, Err(Error::TokenUnknown)));
    token(&fixture, user.id).await;
    match fixture.meta.activate(&SECRET, &new_device("age1a"), at(100)).await {
        Err(Error::TokenExpired { expired }) => assert_eq!(expired, at(100)),
        other => panic!("{other:?}"),
    }
    assert_eq!(fixture.meta.devices(None).await.unwrap(), []);
    fixture.meta.activate(&SECRET, &new_device("age1a"), at(99)).await.unwrap();
}

#[tokio::test]
async fn tokens_that_were_not_used_can_be_ended() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap();
    token(&fixture, user.id).await;
    assert_eq!(fixture.meta.end_unused_tokens(at(50)).await.unwrap(), 1);
    let refused = fixture.meta.activate(&SECRET, &new_device("age1a"), at(50)).await;
    assert!(matches!(refused, Err(Error::TokenExpired { expired }) if expired == at(50)));
    // Before that time it could be used, and an answer that was lost can be asked for again.
    fixture.meta.activate(&SECRET, &new_device("age1a"), at(49)).await.unwrap();
    assert_eq!(fixture.meta.end_unused_tokens(at(10)).await.unwrap(), 0);
    assert!(fixture.meta.activate(&SECRET, &new_device("age1a"), at(49)).await.unwrap().repeated);
}

#[tokio::test]
async fn repeated_by_the_same_device_it_stores_the_new_secret() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap();
    token(&fixture, user.id).await;
    let first = fixture.meta.activate(&SECRET, &new_device("age1a"), at(50)).await.unwrap();
    let renamed = NewDevice { secret_hash: [4; 32], name: "new name".to_owned(), ..new_device("age1a") };
    let second = fixture.meta.activate(&SECRET, &renamed, at(60)).await.unwrap();
    assert!(second.repeated);
    assert_eq!(second.device.id, first.device.id);
    assert_eq!(second.device.secret_hash, Some([4; 32]));
    let devices = fixture.meta.devices(Some(user.id)).await.unwrap();
    assert_eq!(devices, [second.device]);
    let late = fixture.meta.activate(&SECRET, &renamed, at(100)).await;
    assert!(matches!(late, Err(Error::TokenExpired { .. })));
}

#[tokio::test]
async fn a_used_token_serves_no_other_device_and_revives_none() {
    let fixture = Fixture::new().await;
    let user = fixture.meta.add_user("ann", at(0)).await.unwrap();
    token(&fixture, user.id).await;
    let first = fixture.meta.activate(&SECRET, &new_device("age1a"), at(50)).await.unwrap();
    for now in [60, 200] {
        match fixture.meta.activate(&SECRET, &new_device("age1b"), at(now)).await {
            Err(Error::TokenUsed { device }) => assert_eq!(device, first.device.id),
            other => panic!("{other:?}"),
        }
    }
    fixture.meta.change_device(first.device.id, Change::Deactivate, at(55)).await.unwrap();
    let revived = fixture.meta.activate(&SECRET, &new_device("age1a"), at(60)).await;
    assert!(matches!(revived, Err(Error::TokenUsed { .. })));
}

#[tokio::test]
async fn a_token_needs_a_user() {
    let fixture = Fixture::new().await;
    let user = UserId::random();
    let token = NewToken { user, secret_hash: SECRET, created: at(10), expires: at(100), replaces: None };
    match fixture.meta.create_token(&token).await {
        Err(Error::UserUnknown { user: named }) => assert_eq!(named, user),
        other => panic!("{other:?}"),
    }
}
