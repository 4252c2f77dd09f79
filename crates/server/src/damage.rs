//! What is damaged in the object store and known to be: who finds damage notes it in the database, and backups no
//! longer refer to it. It must not be noted while the store is out of reach: what cannot be read for the moment is
//! not lost.

use crate::instance::{Instance, store_path};
use crate::vaults::OpenVault;
use crate::{Result, blocking};
use blobs::FolderStore;
use model::{Damaged, PackId, VaultId};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use vault::Condition;

/// What is known of a vault.
pub async fn known(instance: &Instance, vault: VaultId) -> Result<Vec<Damaged>> {
    Ok(instance.meta.damage(vault).await?.into_iter().map(|known| known.damaged).collect())
}

/// Notes what was found damaged, as far as the log lists it.
pub async fn note(instance: &Arc<Instance>, open: &Arc<OpenVault>, found: Vec<Damaged>) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    let (looked, at) = (open.clone(), instance.clone());
    let listed = blocking(move || {
        require_store(&at)?;
        let mut listed = Vec::with_capacity(found.len());
        for damaged in found {
            if looked.vault().lists(damaged)? {
                listed.push(damaged);
            }
        }
        Ok::<_, crate::Error>(listed)
    })
    .await?;
    let vault = open.vault().id();
    let new = instance.meta.note_damage(vault, &listed, instance.clock.now()).await?;
    if new > 0 {
        tracing::error!(%vault, new, "damage was found; the next backups bring anew what their devices still have");
    }
    Ok(())
}

/// Notes frames that a reader could not be given. When a pack is lost altogether, all packs are looked for: what the
/// reader did not come to ask for may be lost as well.
pub async fn note_frames(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    frames: Vec<Damaged>,
) -> Result<()> {
    let known: HashSet<Damaged> = known(instance, open.vault().id()).await?.into_iter().collect();
    let is_known = |one: &Damaged| one.frame.is_some_and(|number| Damaged::is_in(&known, one.pack, number));
    let mut found: Vec<Damaged> = frames.into_iter().filter(|one| !is_known(one)).collect();
    if found.is_empty() {
        return Ok(());
    }
    let packs: BTreeSet<PackId> = found.iter().map(|one| one.pack).collect();
    let looked = open.clone();
    let whole = blocking(move || {
        let mut whole = Vec::new();
        for pack in packs.into_iter().map(Damaged::pack) {
            if looked.vault().look_again(pack)? == Condition::Damaged {
                whole.push(pack);
            }
        }
        if !whole.is_empty() {
            whole.extend(looked.vault().missing_packs()?.into_iter().map(Damaged::pack));
        }
        Ok::<_, vault::Error>(whole)
    })
    .await?;
    found.extend(whole);
    note(instance, open, found).await
}

/// Reads these packs of the log and notes what is damaged in them.
pub async fn note_in_packs(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    packs: Vec<PackId>,
) -> Result<()> {
    let looked = open.clone();
    let found = blocking(move || {
        let mut found = Vec::new();
        for pack in packs {
            found.extend(looked.vault().damage_in(pack)?);
        }
        Ok::<_, vault::Error>(found)
    })
    .await?;
    note(instance, open, found).await
}

/// Forgets what the log lists no more.
pub async fn forget_removed(instance: &Arc<Instance>, open: &Arc<OpenVault>) -> Result<()> {
    forget(instance, open, HashSet::new(), |vault, damaged| Ok(!vault.lists(damaged)?)).await
}

/// Looks at what is known, except for what was `found` damaged just now, and forgets what is good again or removed.
pub async fn review(instance: &Arc<Instance>, open: &Arc<OpenVault>, found: HashSet<Damaged>) -> Result<()> {
    forget(instance, open, found, |vault, damaged| Ok(vault.look_again(damaged)? != Condition::Damaged)).await
}

async fn forget(
    instance: &Arc<Instance>,
    open: &Arc<OpenVault>,
    except: HashSet<Damaged>,
    is_over: impl Fn(&vault::Vault, Damaged) -> Result<bool, vault::Error> + Send + 'static,
) -> Result<()> {
    let vault = open.vault().id();
    let mut known = known(instance, vault).await?;
    known.retain(|damaged| !except.contains(damaged));
    let looked = open.clone();
    let healed = blocking(move || {
        let mut healed = Vec::new();
        for damaged in known {
            if is_over(looked.vault(), damaged)? {
                healed.push(damaged);
            }
        }
        Ok::<_, vault::Error>(healed)
    })
    .await?;
    if !healed.is_empty() {
        tracing::info!(%vault, count = healed.len(), "damage is gone");
    }
    Ok(instance.meta.forget_damage(vault, &healed).await?)
}

/// Fails unless the store is at its place: on a disk that was taken away everything seems to be lost.
pub fn require_store(instance: &Instance) -> Result<()> {
    let path = store_path(&instance.data, &instance.settings());
    FolderStore::look(&path, Some(instance.store.id()))?;
    Ok(())
}
