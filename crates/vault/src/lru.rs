//! A small cache that forgets what was not used for longest. Bounded by the cost of its values and by their number.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

pub(crate) struct Lru<K, V> {
    entries: HashMap<K, Entry<V>>,
    used: usize,
    budget: usize,
    most: usize,
    tick: u64,
}

struct Entry<V> {
    value: Arc<V>,
    cost: usize,
    last: u64,
}

impl<K: Copy + Eq + Hash, V> Lru<K, V> {
    /// Keeps at most `most` values that cost at most `budget` bytes together.
    pub(crate) fn new(budget: usize, most: usize) -> Self {
        Self { entries: HashMap::new(), used: 0, budget, most, tick: 0 }
    }

    pub(crate) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        self.tick += 1;
        let entry = self.entries.get_mut(key)?;
        entry.last = self.tick;
        Some(Arc::clone(&entry.value))
    }

    /// Keeps the value unless it alone is above the budget.
    pub(crate) fn insert(&mut self, key: K, value: &Arc<V>, cost: usize) {
        self.remove(&key);
        if cost > self.budget {
            return;
        }
        while !self.entries.is_empty() && (self.used + cost > self.budget || self.entries.len() >= self.most)
        {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last).map(|(key, _)| *key);
            oldest.iter().for_each(|key| self.remove(key));
        }
        self.tick += 1;
        self.used += cost;
        self.entries.insert(key, Entry { value: Arc::clone(value), cost, last: self.tick });
    }

    pub(crate) fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.used -= entry.cost;
        }
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
        self.used = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_and_the_oldest_goes() {
        let mut cache: Lru<u32, u32> = Lru::new(10, 3);
        for key in 0..3 {
            cache.insert(key, &Arc::new(key), 3);
        }
        assert_eq!(cache.get(&0).as_deref(), Some(&0));
        cache.insert(3, &Arc::new(3), 4);
        assert!(cache.get(&1).is_none() && cache.get(&0).is_some() && cache.get(&2).is_some());
        cache.insert(4, &Arc::new(4), 11);
        assert!(cache.get(&4).is_none() && cache.used == 10);
        cache.insert(5, &Arc::new(5), 10);
        assert!(cache.used == 10 && cache.entries.len() == 1);
        cache.clear();
        assert!(cache.get(&5).is_none() && cache.used == 0);
    }
}
