//! What was used lately, as far as its weight allows.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Values by key. The longest unused ones go when all together weigh too much.
#[derive(Debug)]
pub(super) struct Lru<K, V> {
    most: usize,
    weight: usize,
    turn: u64,
    values: HashMap<K, Held<V>>,
    /// Keys by the turn of their last use.
    order: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    weight: usize,
    turn: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> Lru<K, V> {
    /// Nothing yet; of `most` weight later. A single value may weigh more.
    pub(super) fn new(most: usize) -> Self {
        Self { most, weight: 0, turn: 0, values: HashMap::new(), order: BTreeMap::new() }
    }

    pub(super) fn has(&self, key: K) -> bool {
        self.values.contains_key(&key)
    }

    pub(super) fn get(&mut self, key: K) -> Option<V> {
        let held = self.values.get_mut(&key)?;
        self.turn += 1;
        self.order.remove(&held.turn);
        held.turn = self.turn;
        self.order.insert(self.turn, key);
        Some(held.value.clone())
    }

    pub(super) fn put(&mut self, key: K, value: V, weight: usize) {
        self.remove(key);
        self.turn += 1;
        self.weight += weight;
        self.values.insert(key, Held { value, weight, turn: self.turn });
        self.order.insert(self.turn, key);
        while self.weight > self.most && self.values.len() > 1 {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, key: K) {
        if let Some(held) = self.values.remove(&key) {
            self.weight -= held.weight;
            self.order.remove(&held.turn);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_go_when_it_gets_too_heavy() {
        let mut lru = Lru::new(10);
        lru.put(1, 'a', 4);
        lru.put(2, 'b', 4);
        assert_eq!(lru.get(1), Some('a'));
        lru.put(3, 'c', 4);
        assert_eq!([1, 2, 3].map(|key| lru.get(key)), [Some('a'), None, Some('c')]);
        // The same key again takes the place of its value.
        lru.put(3, 'd', 1);
        assert_eq!((lru.weight, lru.get(3)), (5, Some('d')));
        // One that is too heavy by itself stays alone.
        lru.put(4, 'e', 100);
        assert_eq!([1, 3, 4].map(|key| lru.has(key)), [false, false, true]);
        assert_eq!((lru.weight, lru.order.len()), (100, 1));
    }
}
