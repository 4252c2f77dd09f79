//! Where in a file's content each of its ranges begins. Lengths stand inside the sealed frames, so a place in the
//! middle is known once all ranges in front of it were decoded, or all behind it: both ends are tried, the nearer first.

use format::ranges::Range;

/// What is known of the places so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Places {
    count: usize,
    total: u64,
    /// Where the ranges from the first on begin, and where the next one would.
    front: Vec<u64>,
    /// Where the ranges from the last on begin, backwards.
    back: Vec<u64>,
}

/// The end of the known part that is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Front,
    Back,
}

impl Places {
    /// Of `count` ranges with `total` bytes together.
    pub(super) fn new(count: usize, total: u64) -> Self {
        Self { count, total, front: vec![0], back: Vec::new() }
    }

    /// The range that holds this byte, and where it begins; `None` when that is not known yet.
    pub(super) fn of(&self, byte: u64) -> Option<(usize, u64)> {
        if byte < self.front_edge() {
            let at = self.front.partition_point(|start| *start <= byte) - 1;
            return Some((at, self.front[at]));
        }
        if byte >= self.back_edge() && byte < self.total {
            let at = self.back.partition_point(|start| *start > byte);
            return Some((self.count - 1 - at, self.back[at]));
        }
        None
    }

    /// From which side the byte is reached sooner.
    pub(super) fn nearer(&self, byte: u64) -> Side {
        let from_front = byte.saturating_sub(self.front_edge());
        if from_front <= self.back_edge().saturating_sub(byte) { Side::Front } else { Side::Back }
    }

    /// The ranges whose places are not known.
    pub(super) fn unknown(&self) -> std::ops::Range<usize> {
        self.front.len() - 1..self.count - self.back.len()
    }

    /// Takes the lengths of ranges that lie next to the known ones: from `first` on at the front, up to `first` backwards
    /// at the back. Another thread may have come first; then nothing changes. False when the lengths contradict the size.
    pub(super) fn add(&mut self, side: Side, first: usize, lengths: &[u64]) -> bool {
        let unknown = self.unknown();
        let is_next = match side {
            Side::Front => first == unknown.start,
            Side::Back => first + 1 == unknown.end,
        };
        if !is_next || lengths.len() > unknown.len() {
            return true;
        }
        for length in lengths {
            let next = match side {
                Side::Front => self.front_edge().checked_add(*length),
                Side::Back => self.back_edge().checked_sub(*length),
            };
            match (next, side) {
                (Some(next), Side::Front) if next <= self.back_edge() => self.front.push(next),
                (Some(next), Side::Back) if next >= self.front_edge() => self.back.push(next),
                _ => return false,
            }
        }
        !self.unknown().is_empty() || self.front_edge() == self.back_edge()
    }

    /// Where the first range of unknown place begins.
    pub(super) fn front_edge(&self) -> u64 {
        self.front.last().copied().unwrap_or(0)
    }

    fn back_edge(&self) -> u64 {
        self.back.last().copied().unwrap_or(self.total)
    }
}

/// How many of these ranges lie in the first few frames.
pub(super) fn within_frames<'r>(
    ranges: impl Iterator<Item = &'r Range>,
    frames: usize,
    most: usize,
) -> usize {
    let mut known = Vec::with_capacity(frames);
    let fits = |range: &&Range| {
        let name = (range.pack, range.frame);
        if known.contains(&name) {
            return true;
        }
        let fits = known.len() < frames;
        if fits {
            known.push(name);
        }
        fits
    };
    ranges.take(most).take_while(fits).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_known_from_both_ends() {
        let mut places = Places::new(5, 100);
        assert_eq!((places.of(0), places.nearer(10), places.nearer(90)), (None, Side::Front, Side::Back));
        assert!(places.add(Side::Front, 0, &[10, 20]));
        assert_eq!(
            [0, 9, 10, 29].map(|byte| places.of(byte)),
            [Some((0, 0)), Some((0, 0)), Some((1, 10)), Some((1, 10))]
        );
        assert_eq!((places.of(30), places.unknown()), (None, 2..5));
        assert!(places.add(Side::Back, 4, &[15]));
        assert_eq!([84, 85, 99, 100].map(|byte| places.of(byte)), [None, Some((4, 85)), Some((4, 85)), None]);
        // What another thread has brought meanwhile counts once.
        assert!(places.add(Side::Front, 0, &[10]) && places.unknown() == (2..4));
        assert!(places.add(Side::Back, 3, &[5, 50]));
        assert_eq!((places.of(30), places.of(80), places.unknown().len()), (Some((2, 30)), Some((3, 80)), 0));
    }

    #[test]
    fn lengths_that_do_not_fit_are_seen() {
        assert!(!Places::new(2, 10).add(Side::Front, 0, &[11]));
        assert!(!Places::new(2, 10).add(Side::Front, 0, &[5, 4]));
        assert!(!Places::new(2, 10).add(Side::Back, 1, &[11]));
        assert!(Places::new(2, 10).add(Side::Front, 0, &[5, 5]));
        assert_eq!(Places::new(0, 0).of(0), None);
    }

    #[test]
    fn ranges_are_taken_frame_by_frame() {
        let range = |frame| Range { pack: model::PackId::from_bytes([1; 16]), frame, first: 0, count: 1 };
        let ranges: Vec<Range> = [1, 1, 2, 1, 3, 2].map(range).to_vec();
        assert_eq!(within_frames(ranges.iter(), 2, 100), 4);
        assert_eq!(within_frames(ranges.iter().rev(), 2, 100), 2);
        assert_eq!(within_frames(ranges.iter(), 9, 5), 5);
    }
}
