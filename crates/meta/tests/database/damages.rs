//! What is known to be damaged.

use crate::{Fixture, at};
use meta::{Error, KnownDamage};
use model::{Damaged, PackId, VaultId};

#[tokio::test]
async fn damage_is_known_until_it_is_forgotten_and_to_its_vault_alone() {
    let fixture = Fixture::new().await;
    let meta = &fixture.meta;
    let (vault, other) = (fixture.household("ann").await.vault.id, fixture.household("bob").await.vault.id);
    let (low, high) = (PackId::from_bytes([1; 16]), PackId::from_bytes([2; 16]));
    let [whole, first, last, elsewhere] =
        [Damaged::pack(low), Damaged::frame(low, 0), Damaged::frame(low, u32::MAX), Damaged::frame(high, 7)];
    assert_eq!(meta.note_damage(vault, &[elsewhere, first, first], at(5)).await.unwrap(), 2);
    assert_eq!(meta.note_damage(vault, &[last, whole, first], at(9)).await.unwrap(), 2);
    assert_eq!(meta.note_damage(other, &[first], at(7)).await.unwrap(), 1);
    let known = |damaged, found| KnownDamage { damaged, found: at(found) };
    let all = [known(whole, 9), known(first, 5), known(last, 9), known(elsewhere, 5)];
    assert_eq!(meta.damage(vault).await.unwrap(), all);

    meta.forget_damage(vault, &[first, first, Damaged::pack(high)]).await.unwrap();
    assert_eq!(meta.damage(vault).await.unwrap(), [all[0], all[2], all[3]]);
    assert_eq!(meta.damage(other).await.unwrap(), [known(first, 7)]);
    // Found once more, it is a new one.
    assert_eq!(meta.note_damage(vault, &[first], at(20)).await.unwrap(), 1);
    assert_eq!(meta.damage(vault).await.unwrap()[1], known(first, 20));

    assert_eq!(meta.note_damage(vault, &[], at(1)).await.unwrap(), 0);
    let unknown = meta.note_damage(VaultId::random(), &[first], at(1)).await;
    assert!(matches!(unknown, Err(Error::VaultUnknown { .. })));
}
