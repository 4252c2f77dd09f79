//! Names of users and groups, remembered, since a name service may be a server far away.

use crate::{Result, sys};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Looks up names and ids of users and groups and remembers every answer, also that there was none.
/// `None` means that there is no such user or group, or that the name service did not answer.
#[derive(Debug, Default)]
pub struct Names {
    users: Cache<u32, Arc<[u8]>>,
    groups: Cache<u32, Arc<[u8]>>,
    uids: Cache<Box<[u8]>, u32>,
    gids: Cache<Box<[u8]>, u32>,
}

#[derive(Debug)]
struct Cache<K, V>(Mutex<HashMap<K, Option<V>>>);

impl<K, V> Default for Cache<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq, V: Clone> Cache<K, V> {
    fn get(&self, key: K, look_up: impl FnOnce(&K) -> Result<Option<V>>) -> Option<V> {
        if let Some(known) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return known.clone();
        }
        // Without the lock: a slow name service must not stop those whose answer is known.
        let found = look_up(&key).ok().flatten();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, found.clone());
        found
    }
}

impl Names {
    /// An empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// The name of the user `uid`.
    pub fn user_name(&self, uid: u32) -> Option<Arc<[u8]>> {
        self.users.get(uid, |uid| sys::user_name(*uid))
    }

    /// The name of the group `gid`.
    pub fn group_name(&self, gid: u32) -> Option<Arc<[u8]>> {
        self.groups.get(gid, |gid| sys::group_name(*gid))
    }

    /// The id of the user `name`.
    pub fn uid_of(&self, name: &[u8]) -> Option<u32> {
        self.uids.get(name.into(), |name| sys::uid_of(name))
    }

    /// The id of the group `name`.
    pub fn gid_of(&self, name: &[u8]) -> Option<u32> {
        self.gids.get(name.into(), |name| sys::gid_of(name))
    }
}
