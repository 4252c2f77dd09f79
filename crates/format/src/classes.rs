//! Chunk classes: how finely a file is cut, by its size, and when a file changes its class.

use crate::Error;
use crate::codec::{Put, Reader};

/// One class: files up to `largest_file` bytes (0 = any) are cut into chunks of `average` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Class {
    /// Largest file of the class in bytes; 0 means no limit.
    pub largest_file: u64,
    /// Average chunk in bytes, a power of two.
    pub average: u32,
}

/// The classes of a vault, from small files to large ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes(Vec<Class>);

/// A file keeps its class until its size is this many times beyond the border.
const HYSTERESIS: u64 = 16;

impl Default for Classes {
    fn default() -> Self {
        Self(vec![
            Class { largest_file: 1 << 20, average: 8 << 10 },
            Class { largest_file: 256 << 20, average: 64 << 10 },
            Class { largest_file: 0, average: 512 << 10 },
        ])
    }
}

impl Classes {
    /// These classes; `None` unless their borders ascend, the last one has none, and their averages are powers of two
    /// from 1 KiB to 1 MiB.
    pub fn new(classes: Vec<Class>) -> Option<Self> {
        let averages_fit = classes
            .iter()
            .all(|class| class.average.is_power_of_two() && (1 << 10..=1 << 20).contains(&class.average));
        let borders_ascend = classes.windows(2).all(|two| {
            two[0].largest_file != 0
                && (two[1].largest_file == 0 || two[0].largest_file < two[1].largest_file)
        });
        let ends_without = classes.last().is_some_and(|last| last.largest_file == 0);
        (averages_fit && borders_ascend && ends_without).then_some(Self(classes))
    }

    /// The classes in order.
    pub fn as_slice(&self) -> &[Class] {
        &self.0
    }

    /// The class of a file of `size` bytes that has no history.
    pub fn of_size(&self, size: u64) -> u8 {
        let found = self.0.iter().position(|class| class.largest_file == 0 || size <= class.largest_file);
        found.unwrap_or(self.0.len() - 1) as u8
    }

    /// The class of a file of `size` bytes, whose earlier version was cut by `previous` where there is one.
    pub fn of_version(&self, previous: Option<u8>, size: u64) -> u8 {
        previous.map_or_else(|| self.of_size(size), |previous| self.keep_or_change(previous, size))
    }

    /// The class of a file of `size` bytes whose earlier version was cut by `previous`.
    pub fn keep_or_change(&self, previous: u8, size: u64) -> u8 {
        let Some(class) = self.0.get(previous as usize) else { return self.of_size(size) };
        let above = class.largest_file != 0 && size / HYSTERESIS > class.largest_file;
        let lower_border = (previous as usize).checked_sub(1).map_or(0, |below| self.0[below].largest_file);
        let below = size < lower_border / HYSTERESIS;
        if above || below { self.of_size(size) } else { previous }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        out.put_varint(self.0.len() as u64);
        for class in &self.0 {
            out.put_varint(class.largest_file);
            out.put_varint(u64::from(class.average));
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let count = reader.bounded(16)?;
        let mut classes = Vec::with_capacity(count);
        for _ in 0..count {
            classes.push(Class { largest_file: reader.varint()?, average: reader.varint_u32()? });
        }
        Self::new(classes).ok_or_else(|| {
            Error::malformed(reader.what(), "chunk classes ascend and averages are powers of two")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_class_until_far_beyond_the_border() {
        let classes = Classes::default();
        assert_eq!([1, 1 << 20, (1 << 20) + 1, 1 << 30].map(|size| classes.of_size(size)), [0, 0, 1, 2]);
        assert_eq!(classes.keep_or_change(0, 15 << 20), 0);
        assert_eq!(classes.keep_or_change(0, 17 << 20), 1);
        assert_eq!(classes.keep_or_change(1, 100 << 10), 1);
        assert_eq!(classes.keep_or_change(1, 60 << 10), 0);
        assert_eq!(classes.keep_or_change(2, 17 << 20), 2);
        assert_eq!(classes.keep_or_change(9, 10), 0);
    }

    #[test]
    fn classes_of_ones_own_are_checked() {
        let class = |largest_file, average| Class { largest_file, average };
        assert!(Classes::new(vec![class(1 << 20, 8 << 10), class(0, 1 << 20)]).is_some());
        for wrong in [
            vec![],
            vec![class(1 << 20, 8 << 10)],
            vec![class(0, 8 << 10), class(0, 8 << 10)],
            vec![class(2, 8 << 10), class(1, 8 << 10), class(0, 8 << 10)],
            vec![class(0, 3 << 10)],
            vec![class(0, 512)],
            vec![class(0, 2 << 20)],
        ] {
            assert_eq!(Classes::new(wrong.clone()), None, "{wrong:?}");
        }
    }
}
