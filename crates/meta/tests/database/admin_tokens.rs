//! Tokens of administrators.

use crate::{Fixture, at};
use meta::{AdminToken, Administrator, Error};
use model::AdminTokenId;

fn token(administrator: &str, created: i64) -> AdminToken {
    AdminToken {
        id: AdminTokenId::random(),
        administrator: administrator.to_owned(),
        label: "monitoring".to_owned(),
        secret_hash: [5; 32],
        created: at(created),
        expires: (created > 5).then(|| at(100)),
        last_used: None,
    }
}

#[tokio::test]
async fn tokens_are_kept_until_they_are_revoked() {
    let fixture = Fixture::new().await;
    let missing = fixture.meta.create_admin_token(&token("Berta", 1)).await;
    assert!(matches!(missing, Err(Error::AdministratorUnknown { .. })));
    let berta = Administrator {
        name: "Berta".to_owned(),
        password_hash: String::new(),
        must_change: true,
        created: at(0),
    };
    fixture.meta.add_administrator(&berta).await.unwrap();
    let (first, second) = (token("Berta", 1), token("Berta", 9));
    fixture.meta.create_admin_token(&first).await.unwrap();
    fixture.meta.create_admin_token(&second).await.unwrap();
    assert_eq!(fixture.meta.admin_tokens().await.unwrap(), [second.clone(), first.clone()]);
    assert_eq!(fixture.meta.admin_token(first.id).await.unwrap(), Some(first.clone()));
    for (now, stored) in [(100, 100), (159, 100), (160, 160)] {
        fixture.meta.touch_admin_token(first.id, at(now)).await.unwrap();
        let used = fixture.meta.admin_token(first.id).await.unwrap().unwrap().last_used;
        assert_eq!(used, Some(at(stored)), "at {now}");
    }
    assert!(fixture.meta.revoke_admin_token(first.id).await.unwrap());
    assert!(!fixture.meta.revoke_admin_token(first.id).await.unwrap());
    assert_eq!(fixture.meta.admin_token(first.id).await.unwrap(), None);
    assert_eq!(fixture.meta.admin_tokens().await.unwrap(), [second]);
}
