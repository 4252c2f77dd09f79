//! The content of a file at any place.

use super::places::{Places, Side, within_frames};
use super::{Browser, Opened, lock};
use crate::EngineError;
use crate::content::{RANGES_AT_ONCE, frames_of};
use crate::frames::FrameName;
use crate::runs::Runs;
use format::entry::{Entry, EntryKind, flags};
use format::path::compare;
use format::ranges::{Range, RangeList};
use model::SnapshotId;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Frames that are fetched in one go.
const FRAMES_AT_ONCE: usize = 4;
/// How far ahead of a reader that goes from front to back content is fetched.
const AHEAD_BYTES: u64 = 6 << 20;
/// How far reads of one reader may be apart, since the kernel sends several at once.
const STEP_BYTES: u64 = 1 << 20;

/// A file that is read.
#[derive(Debug)]
pub struct OpenFile {
    snapshot: SnapshotId,
    entry: Entry,
    runs: Runs,
    places: Mutex<Places>,
    /// Where the last read ended.
    last_end: AtomicU64,
    /// Up to where content was fetched ahead.
    ahead: AtomicU64,
}

/// Content that will soon be wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ahead {
    from: u64,
    to: u64,
}

impl OpenFile {
    fn damaged(&self) -> EngineError {
        let source = format::Error::Mismatch { what: "file", check: "content" };
        EngineError::damaged(shown(&self.entry.path).display().to_string(), source)
    }

    /// What a reader that has come to `end` will want next, when it goes from front to back and that was not told yet.
    fn wants_next(&self, offset: u64, end: u64) -> Option<Ahead> {
        let last = self.last_end.swap(end, Ordering::Relaxed);
        let is_going_on = offset.abs_diff(last) <= STEP_BYTES;
        let ahead = self.ahead.load(Ordering::Relaxed);
        if !is_going_on {
            self.ahead.store(end, Ordering::Relaxed);
            return None;
        }
        let to = end.saturating_add(AHEAD_BYTES).min(self.entry.size);
        if end.saturating_add(AHEAD_BYTES / 2) <= ahead || to <= ahead.max(end) {
            return None;
        }
        self.ahead.store(to, Ordering::Relaxed);
        Some(Ahead { from: ahead.max(end), to })
    }
}

fn shown(path: &[u8]) -> PathBuf {
    platform::path::from_bytes(path).to_owned()
}

impl Browser<'_> {
    /// Opens the file at `path`.
    pub fn open(&self, snapshot: SnapshotId, path: &[u8]) -> Result<OpenFile, EngineError> {
        let opened = self.snapshot(snapshot)?;
        let entry = self.whole_entry(&opened, path)?;
        if entry.kind != EntryKind::File {
            return Err(EngineError::NotAFile { path: shown(path) });
        }
        if entry.has(flags::UNREAD) {
            return Err(EngineError::NeverRead { path: shown(path) });
        }
        let runs = Runs::of(&entry).ok_or_else(|| {
            let source = format::Error::Mismatch { what: "file", check: "runs" };
            EngineError::damaged(shown(path).display().to_string(), source)
        })?;
        let places = Places::new(entry.content.as_slice().len(), runs.data_bytes());
        let (last_end, ahead) = Default::default();
        Ok(OpenFile { snapshot, entry, runs, places: Mutex::new(places), last_end, ahead })
    }

    /// The entry with its continuations, which begin a hunk each.
    fn whole_entry(&self, opened: &Opened<'_>, path: &[u8]) -> Result<Entry, EngineError> {
        let reader = &opened.reader;
        let missing = || EngineError::NotInSnapshot { path: shown(path) };
        let hunks = &reader.sealed().hunks;
        let after = hunks.partition_point(|hunk| compare(&hunk.first_path, path).is_lt());
        let may_go_on = hunks.get(after).is_some_and(|hunk| hunk.first_path == path);
        let entry = if may_go_on {
            reader.find_whole(path)?
        } else {
            self.find(reader.clear().snapshot, path)?.map(|found| (*found).clone())
        };
        entry.ok_or_else(missing)
    }

    /// Content from `offset` on, `size` bytes unless the file ends before. Tells what a reader that goes from front to
    /// back wants next: [`Self::fetch_ahead`] may fetch it meanwhile.
    pub fn read(
        &self,
        file: &OpenFile,
        offset: u64,
        size: usize,
    ) -> Result<(Vec<u8>, Option<Ahead>), EngineError> {
        let end = offset.saturating_add(size as u64).min(file.entry.size);
        if offset >= end {
            return Ok((Vec::new(), None));
        }
        // Holes are zeros.
        let mut out = vec![0; usize::try_from(end - offset).unwrap_or(size)];
        for piece in file.runs.within(offset, end) {
            let at = (piece.file_from - offset) as usize;
            self.fill(file, piece.content_from, &mut out[at..at + piece.length as usize])?;
        }
        Ok((out, file.wants_next(offset, end)))
    }

    /// Fetches what [`Self::read`] told. What fails is met again by the read that wants it.
    pub fn fetch_ahead(&self, file: &OpenFile, ahead: Ahead) {
        for piece in file.runs.within(ahead.from, ahead.to) {
            let mut from = piece.content_from;
            let end = from + piece.length;
            while from < end {
                let Ok(next) = self.take(file, from, end, &mut |_, _| {}) else { return };
                from = next;
            }
        }
    }

    /// The content from its byte `from` on.
    fn fill(&self, file: &OpenFile, from: u64, out: &mut [u8]) -> Result<(), EngineError> {
        let end = from + out.len() as u64;
        let mut next = from;
        while next < end {
            next = self.take(file, next, end, &mut |at, part| {
                let skip = (at - from) as usize;
                out[skip..skip + part.len()].copy_from_slice(part);
            })?;
        }
        Ok(())
    }

    /// Gives some content from `from` on, at most up to `end`, and where it stopped.
    fn take(
        &self,
        file: &OpenFile,
        from: u64,
        end: u64,
        give: &mut dyn FnMut(u64, &[u8]),
    ) -> Result<u64, EngineError> {
        let (first, mut start) = self.place(file, from)?;
        let ranges = file.entry.content.as_slice();
        let count = within_frames(ranges[first..].iter(), FRAMES_AT_ONCE, RANGES_AT_ONCE);
        let wanted = self.as_far_as(file, &ranges[first..first + count], first, end);
        let opened = self.snapshot(file.snapshot)?;
        let frames = self.frames.get(&opened.reader, &names(wanted))?;
        self.frames.forget_damaged();
        for range in wanted {
            // What follows may be damaged.
            if start >= end {
                break;
            }
            let content = frames
                .get(&(range.pack, range.frame))
                .and_then(Option::as_ref)
                .and_then(|frame| frame.content.chunks(range.first, range.count))
                .ok_or_else(|| file.damaged())?;
            let after = start + content.len() as u64;
            let (a, b) = (from.max(start), end.min(after));
            if a < b {
                give(a, &content[(a - start) as usize..(b - start) as usize]);
            }
            start = after;
        }
        // An empty range would never end.
        if start <= from { Err(file.damaged()) } else { Ok(start.min(end)) }
    }

    /// The first of these ranges, which begin at `first`, up to the one that holds the byte before `end`, as far as that
    /// is known.
    fn as_far_as<'e>(&self, file: &OpenFile, ranges: &'e [Range], first: usize, end: u64) -> &'e [Range] {
        let last = lock(&file.places).of(end - 1).map(|(last, _)| last);
        let count = last.map_or(ranges.len(), |last| (last + 1).saturating_sub(first));
        &ranges[..count.clamp(1, ranges.len())]
    }

    /// The range that holds the byte of the content, and where it begins; decodes ranges until that is known.
    fn place(&self, file: &OpenFile, byte: u64) -> Result<(usize, u64), EngineError> {
        let mut blocked = None;
        loop {
            let (known, nearer, unknown) = {
                let places = lock(&file.places);
                (places.of(byte), places.nearer(byte), places.unknown())
            };
            if let Some(place) = known {
                return Ok(place);
            }
            if unknown.is_empty() {
                return Err(file.damaged());
            }
            let side = match blocked {
                Some(Side::Front) => Side::Back,
                Some(Side::Back) => Side::Front,
                None => nearer,
            };
            match self.measure(file, side, unknown) {
                Ok(()) => {}
                // What is damaged on this side may be passed by on the other.
                Err(EngineError::Damaged { .. }) if blocked.is_none() => blocked = Some(side),
                Err(error) => return Err(error),
            }
        }
    }

    /// Decodes some ranges next to the known ones for their lengths.
    fn measure(
        &self,
        file: &OpenFile,
        side: Side,
        unknown: std::ops::Range<usize>,
    ) -> Result<(), EngineError> {
        let ranges = &file.entry.content.as_slice()[unknown.clone()];
        let group = match side {
            Side::Front => &ranges[..within_frames(ranges.iter(), FRAMES_AT_ONCE, RANGES_AT_ONCE)],
            Side::Back => {
                &ranges[ranges.len() - within_frames(ranges.iter().rev(), FRAMES_AT_ONCE, RANGES_AT_ONCE)..]
            }
        };
        let opened = self.snapshot(file.snapshot)?;
        let frames = self.frames.get(&opened.reader, &names(group))?;
        self.frames.forget_damaged();
        let length = |range: &Range| {
            let frame = frames.get(&(range.pack, range.frame))?.as_ref()?;
            Some(frame.content.chunks(range.first, range.count)?.len() as u64)
        };
        // Up to the first that is damaged.
        let (first, lengths): (usize, Vec<u64>) = match side {
            Side::Front => (unknown.start, group.iter().map_while(length).collect()),
            Side::Back => (unknown.end - 1, group.iter().rev().map_while(length).collect()),
        };
        let fits = lock(&file.places).add(side, first, &lengths);
        if fits && !lengths.is_empty() { Ok(()) } else { Err(file.damaged()) }
    }
}

fn names(ranges: &[Range]) -> Vec<FrameName> {
    let mut list = RangeList::new();
    ranges.iter().for_each(|range| list.push_range(*range));
    let mut names = Vec::new();
    frames_of(&list, &mut names);
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::tests::plain_entry;

    #[test]
    fn a_reader_from_front_to_back_is_known_and_a_jump_is_none() {
        let entry = Entry { size: 100 << 20, ..plain_entry("/f") };
        let runs = Runs::of(&entry).unwrap();
        let (places, last_end, ahead) = (Mutex::new(Places::new(0, 0)), AtomicU64::new(0), AtomicU64::new(0));
        let file = OpenFile { snapshot: SnapshotId::random(), entry, runs, places, last_end, ahead };
        let step = 128 << 10;
        assert_eq!(file.wants_next(0, step), Some(Ahead { from: step, to: step + AHEAD_BYTES }));
        // Told once for some megabytes.
        assert_eq!(file.wants_next(step, 2 * step), None);
        let mut told = 0;
        for at in 2..100 {
            told += u64::from(file.wants_next(at * step, (at + 1) * step).is_some());
        }
        assert!((3..6).contains(&told), "{told}");
        assert_eq!(file.wants_next(50 << 20, (50 << 20) + step), None);
        let end = file.entry.size;
        assert_eq!(file.wants_next(end - step, end), None);
    }
}
