//! Where the content of a file lies in it: all of it, or the runs of a sparse file with holes between.

use format::entry::{Entry, flags};
use platform::file;
use std::fs::File;
use std::io;

/// The runs of one file.
#[derive(Debug)]
pub(crate) enum Runs {
    /// No holes.
    Whole {
        /// Bytes of content.
        size: u64,
    },
    /// Runs with holes before, between or after them.
    Sparse {
        /// Each run with the content's offset at which it begins.
        list: Vec<Run>,
        /// Bytes of content.
        data_bytes: u64,
        /// Bytes of the file.
        size: u64,
    },
}

/// A run of content.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    /// Bytes of content before it.
    pub(crate) content_from: u64,
    /// Where it lies in the file.
    pub(crate) file_from: u64,
    pub(crate) length: u64,
}

impl Runs {
    /// The runs of a file's entry; `None` when they do not fit into its size.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        if !entry.has(flags::SPARSE) {
            return Some(Self::Whole { size: entry.size });
        }
        let mut list = Vec::with_capacity(entry.rare.runs.len());
        let (mut content_from, mut file_from) = (0u64, 0u64);
        for run in &entry.rare.runs {
            file_from = file_from.checked_add(run.hole)?;
            list.push(Run { content_from, file_from, length: run.length });
            content_from = content_from.checked_add(run.length)?;
            file_from = file_from.checked_add(run.length)?;
        }
        (file_from <= entry.size).then_some(Self::Sparse { list, data_bytes: content_from, size: entry.size })
    }

    /// Bytes of content that the file's chunks must have together.
    pub(crate) const fn data_bytes(&self) -> u64 {
        match self {
            Self::Whole { size } => *size,
            Self::Sparse { data_bytes, .. } => *data_bytes,
        }
    }

    /// The runs, and parts of runs, that lie from the byte `from` of the file up to `end`.
    pub(crate) fn within(&self, from: u64, end: u64) -> Vec<Run> {
        let cut = |run: Run| {
            let (begin, end) = (run.file_from.max(from), end.min(run.file_from + run.length));
            let content_from = run.content_from + begin.saturating_sub(run.file_from);
            Run { content_from, file_from: begin, length: end.saturating_sub(begin) }
        };
        match self {
            Self::Whole { size } => vec![cut(Run { content_from: 0, file_from: 0, length: *size })],
            Self::Sparse { list, .. } => {
                let first = list.partition_point(|run| run.file_from + run.length <= from);
                list[first..].iter().take_while(|run| run.file_from < end).copied().map(cut).collect()
            }
        }
        .into_iter()
        .filter(|run| run.length > 0)
        .collect()
    }

    /// The hole in front of the content at the offset `from`, and the bytes of content from there to the next hole.
    /// At the end of the content, what is left of the file is a hole.
    pub(crate) fn at(&self, from: u64) -> (u64, u64) {
        match self {
            Self::Whole { size } => (0, size.saturating_sub(from)),
            Self::Sparse { list, size, .. } => {
                let next = list.partition_point(|run| run.content_from + run.length <= from);
                let before = match next.checked_sub(1).map(|before| list[before]) {
                    Some(before) => before.file_from + before.length,
                    None => 0,
                };
                match list.get(next) {
                    Some(run) if run.content_from < from => (0, run.content_from + run.length - from),
                    Some(run) => (run.file_from - before, run.length),
                    None => (size - before, 0),
                }
            }
        }
    }

    /// Gives a new file its length, so that holes are holes; costs nothing where there are none.
    pub(crate) fn begin(&self, file: &File) -> io::Result<()> {
        match self {
            Self::Whole { .. } => Ok(()),
            Self::Sparse { size, .. } => file.set_len(*size),
        }
    }

    /// Writes the piece of the content that begins at its offset `from`. The piece ends within the content.
    pub(crate) fn write(&self, file: &File, mut from: u64, mut piece: &[u8]) -> io::Result<()> {
        let list = match self {
            Self::Whole { .. } => return Ok(file::write_all_at(file, piece, from)?),
            Self::Sparse { list, .. } => list,
        };
        let first = list.partition_point(|run| run.content_from + run.length <= from);
        for run in &list[first..] {
            if piece.is_empty() {
                break;
            }
            let within = from - run.content_from;
            let length = usize::try_from(run.length - within).unwrap_or(usize::MAX).min(piece.len());
            let (now, rest) = piece.split_at(length);
            file::write_all_at(file, now, run.file_from + within)?;
            from += length as u64;
            piece = rest;
        }
        Ok(())
    }
}

/// Bytes of content of a file by its entry alone; 0 for other kinds.
pub(crate) fn data_bytes(entry: &Entry) -> u64 {
    if entry.has(flags::SPARSE) {
        entry.rare.runs.iter().fold(0u64, |sum, run| sum.saturating_add(run.length))
    } else {
        entry.size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use format::entry::{DataRun, EntryKind, FileTime, Owner, Rare};
    use format::ranges::RangeList;
    use std::io::Read;
    use std::sync::Arc;

    fn sparse(size: u64, runs: &[(u64, u64)]) -> Entry {
        let runs = runs.iter().map(|(hole, length)| DataRun { hole: *hole, length: *length }).collect();
        Entry {
            path: b"/f".to_vec(),
            kind: EntryKind::File,
            flags: flags::SPARSE,
            mode: 0,
            owner: Arc::new(Owner::default()),
            modified: FileTime::default(),
            changed: FileTime::default(),
            dev: 0,
            ino: 0,
            size,
            class: 0,
            rare: Rare { runs, ..Rare::default() },
            content: RangeList::new(),
        }
    }

    #[test]
    fn pieces_of_any_size_end_up_in_their_runs() {
        let runs = Runs::of(&sparse(40, &[(3, 5), (0, 2), (10, 4)])).unwrap();
        assert_eq!(runs.data_bytes(), 11);
        let content: Vec<u8> = (1..=11).collect();
        let mut expected = vec![0; 40];
        expected[3..10].copy_from_slice(&content[..7]);
        expected[20..24].copy_from_slice(&content[7..]);
        for step in 1..=11 {
            let mut file = tempfile::tempfile().unwrap();
            runs.begin(&file).unwrap();
            for (number, piece) in content.chunks(step).enumerate().collect::<Vec<_>>().into_iter().rev() {
                runs.write(&file, (number * step) as u64, piece).unwrap();
            }
            let mut found = Vec::new();
            file.read_to_end(&mut found).unwrap();
            assert_eq!(found, expected, "pieces of {step}");
        }
    }

    #[test]
    fn holes_are_told_from_front_to_back() {
        let runs = Runs::of(&sparse(40, &[(3, 5), (0, 2), (10, 4)])).unwrap();
        assert_eq!(
            [0, 2, 5, 6, 7, 11].map(|from| runs.at(from)),
            [(3, 5), (0, 3), (0, 2), (0, 1), (10, 4), (16, 0)]
        );
        assert_eq!(Runs::of(&sparse(9, &[])).unwrap().at(0), (9, 0));
        assert_eq!(Runs::Whole { size: 5 }.at(2), (0, 3));
    }

    #[test]
    fn what_lies_in_a_part_of_the_file_is_cut_to_it() {
        let runs = Runs::of(&sparse(40, &[(3, 5), (0, 2), (10, 4)])).unwrap();
        let within = |from, end| {
            let found = runs.within(from, end).into_iter();
            found.map(|run| (run.content_from, run.file_from, run.length)).collect::<Vec<_>>()
        };
        assert_eq!(within(0, 40), [(0, 3, 5), (5, 8, 2), (7, 20, 4)]);
        assert_eq!(within(4, 9), [(1, 4, 4), (5, 8, 1)]);
        assert_eq!(within(22, 23), [(9, 22, 1)]);
        assert!(within(10, 20).is_empty() && within(24, 40).is_empty() && within(5, 5).is_empty());
        let whole = Runs::Whole { size: 9 }.within(4, 20);
        assert_eq!((whole[0].content_from, whole[0].file_from, whole[0].length), (4, 4, 5));
    }

    #[test]
    fn runs_beyond_the_size_are_refused() {
        assert!(Runs::of(&sparse(10, &[(3, 8)])).is_none());
        assert!(Runs::of(&sparse(11, &[(3, 8)])).is_some());
        assert!(Runs::of(&sparse(u64::MAX, &[(u64::MAX, 1)])).is_none());
        let hole = Runs::of(&sparse(1 << 40, &[])).unwrap();
        assert_eq!(hole.data_bytes(), 0);
    }
}
