//! The name of something in a vault that cannot be read as it was stored.

use crate::PackId;
use std::collections::HashSet;

/// A frame, or with `None` every frame of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Damaged {
    /// The pack.
    pub pack: PackId,
    /// The frame's number; `None` when the pack's object is gone, or its table cannot be read.
    pub frame: Option<u32>,
}

impl Damaged {
    /// All of a pack.
    pub const fn pack(pack: PackId) -> Self {
        Self { pack, frame: None }
    }

    /// One frame.
    pub const fn frame(pack: PackId, number: u32) -> Self {
        Self { pack, frame: Some(number) }
    }

    /// Whether this frame is among what is damaged, by itself or with its pack.
    pub fn is_in(damaged: &HashSet<Self>, pack: PackId, number: u32) -> bool {
        !damaged.is_empty()
            && (damaged.contains(&Self::pack(pack)) || damaged.contains(&Self::frame(pack, number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_damaged_by_itself_or_with_its_pack() {
        let [a, b, c] = [1, 2, 3].map(|byte| PackId::from_bytes([byte; 16]));
        let damaged = HashSet::from([Damaged::pack(a), Damaged::frame(b, 2)]);
        let is_in = |pack, number| Damaged::is_in(&damaged, pack, number);
        assert!(is_in(a, 0) && is_in(a, 9) && is_in(b, 2));
        assert!(!is_in(b, 1) && !is_in(c, 2));
        assert!(!Damaged::is_in(&HashSet::new(), a, 0));
    }
}
