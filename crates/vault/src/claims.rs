//! Claims on packs: uploads of a pack share it, whoever removes or rewrites its objects has it alone.

use crate::locks::lock;
use model::PackId;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};

#[derive(Default)]
pub(crate) struct Claims {
    /// Number of uploads under way; 0 stands for the one who has the pack alone.
    packs: Mutex<HashMap<PackId, u32>>,
    released: Condvar,
}

/// Returned when dropped.
pub(crate) struct Claim {
    claims: Arc<Claims>,
    pack: PackId,
}

impl Claims {
    /// Claims a pack for an upload. Waits while somebody removes or rewrites it.
    pub(crate) fn share(self: &Arc<Self>, pack: PackId) -> Claim {
        let mut packs = lock(&self.packs);
        while packs.get(&pack) == Some(&0) {
            packs = self.released.wait(packs).unwrap_or_else(PoisonError::into_inner);
        }
        *packs.entry(pack).or_default() += 1;
        Claim { claims: Arc::clone(self), pack }
    }

    /// Claims a pack alone; `None` while it is being uploaded or is claimed.
    pub(crate) fn take(self: &Arc<Self>, pack: PackId) -> Option<Claim> {
        let mut packs = lock(&self.packs);
        if packs.contains_key(&pack) {
            return None;
        }
        packs.insert(pack, 0);
        Some(Claim { claims: Arc::clone(self), pack })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut packs = lock(&self.claims.packs);
        match packs.get_mut(&self.pack) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                packs.remove(&self.pack);
                self.claims.released.notify_all();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_share_a_pack_and_removal_has_it_alone() {
        let claims = Arc::new(Claims::default());
        let pack = PackId::from_bytes([1; 16]);
        let one = claims.share(pack);
        let two = claims.share(pack);
        assert!(claims.take(pack).is_none());
        drop(one);
        assert!(claims.take(pack).is_none());
        drop(two);
        let alone = claims.take(pack).unwrap();
        assert!(claims.take(pack).is_none());
        assert!(claims.take(PackId::from_bytes([2; 16])).is_some());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| drop(claims.share(pack)));
            drop(alone);
            waiting.join().unwrap();
        });
        assert!(lock(&claims.packs).is_empty());
    }
}
