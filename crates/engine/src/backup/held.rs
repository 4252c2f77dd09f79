//! Files that are cut by another class than their size says: a renamed one is known by its inode and keeps its class.

use format::classes::Classes;
use format::codec::{Put, Reader};
use format::entry::{Entry, EntryKind, flags};
use std::collections::HashMap;

/// Files that are remembered at most. What is beyond takes the class of its size, which costs only space.
const FILES_MAX: usize = 65_536;

/// Classes by device and inode number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HeldClasses(HashMap<(u64, u64), u8>);

impl HeldClasses {
    /// Remembers the class of this entry unless its size says it.
    pub(super) fn note(&mut self, classes: &Classes, entry: &Entry) {
        let is_held = entry.kind == EntryKind::File
            && !entry.has(flags::UNREAD)
            && entry.class != classes.of_size(entry.size);
        if is_held && self.0.len() < FILES_MAX {
            self.0.insert((entry.dev, entry.ino), entry.class);
        }
    }

    /// The class of a file that is new to its path.
    pub(super) fn get(&self, dev: u64, ino: u64) -> Option<u8> {
        self.0.get(&(dev, ino)).copied()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.put_varint(self.0.len() as u64);
        for ((dev, ino), class) in &self.0 {
            out.put_varint(*dev);
            out.put_varint(*ino);
            out.push(*class);
        }
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, format::Error> {
        let mut held = HashMap::new();
        for _ in 0..reader.count()? {
            held.insert((reader.varint()?, reader.varint()?), reader.u8()?);
        }
        Ok(Self(held))
    }
}
