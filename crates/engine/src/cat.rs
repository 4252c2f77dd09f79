//! The content of one file of a snapshot, from front to back.

use crate::EngineError;
use crate::content::{Group, collect, groups};
use crate::frame_cache::{FrameCache, Opened};
use crate::progress::{Phase, Progress, add};
use crate::reader::SnapshotReader;
use crate::runs::Runs;
use format::entry::{Entry, EntryKind, flags};
use format::ranges::Range;
use std::io::{self, Write};

/// Frames that are read in one go. As many again wait until they are written.
const FRAMES_AT_ONCE: usize = 4;

/// Writes the content of the file at `path` to `out`, holes as zeros, and gives its size in bytes. What was written
/// before an error is the beginning of the file.
pub fn cat(
    reader: &SnapshotReader<'_>,
    path: &[u8],
    out: &mut dyn Write,
    progress: &Progress,
) -> Result<u64, EngineError> {
    let shown = || platform::path::from_bytes(path).to_owned();
    let entry = reader.find_whole(path)?.ok_or_else(|| EngineError::NotInSnapshot { path: shown() })?;
    if entry.kind != EntryKind::File {
        return Err(EngineError::NotAFile { path: shown() });
    }
    if entry.has(flags::UNREAD) {
        return Err(EngineError::NeverRead { path: shown() });
    }
    let damaged = || {
        let source = format::Error::Mismatch { what: "file", check: "content" };
        EngineError::damaged(shown().display().to_string(), source)
    };
    let runs = Runs::of(&entry).ok_or_else(damaged)?;
    add(&progress.total_files, 1);
    add(&progress.total_bytes, entry.size);
    progress.total_known();
    progress.enter(Phase::Working);

    let mut writer = Writer { out, runs, from: 0, progress };
    let written = read_ahead(reader, &entry, |ranges, opened| {
        progress.go_on()?;
        let (mut content, mut ids) = (Vec::new(), Vec::new());
        collect(ranges, opened, &mut content, &mut ids).ok_or_else(damaged)?;
        for part in content {
            if !writer.write(part).map_err(failed)? {
                return Err(damaged());
            }
        }
        Ok(())
    });
    written?;
    if !writer.finish().map_err(failed)? {
        return Err(damaged());
    }
    add(&progress.done_files, 1);
    Ok(entry.size)
}

fn failed(error: io::Error) -> EngineError {
    EngineError::Output { source: error }
}

/// Gives each group of ranges with its frames to `sink`, while the frames of the next one are fetched.
fn read_ahead(
    reader: &SnapshotReader<'_>,
    entry: &Entry,
    mut sink: impl FnMut(&[Range], &Opened) -> Result<(), EngineError>,
) -> Result<(), EngineError> {
    let ranges = entry.content.as_slice();
    let cache = FrameCache::new(reader);
    let groups = groups(ranges, FRAMES_AT_ONCE);
    std::thread::scope(|scope| {
        // With no place in the channel, one group is written, and one waits in the hands of the other thread.
        let (sender, receiver) = crossbeam_channel::bounded(0);
        let (cache, groups) = (&cache, &groups);
        scope.spawn(move || {
            for Group { frames, .. } in groups {
                let opened = cache.get(frames);
                let is_over = opened.is_err();
                if sender.send(opened).is_err() || is_over {
                    break;
                }
            }
        });
        for group in groups {
            let opened =
                receiver.recv().map_err(|_| EngineError::Defect("the thread that fetches ended"))??;
            sink(&ranges[group.ranges.clone()], &opened)?;
        }
        Ok(())
    })
}

/// Puts holes between the runs of content.
struct Writer<'w> {
    out: &'w mut dyn Write,
    runs: Runs,
    /// Bytes of content so far.
    from: u64,
    progress: &'w Progress,
}

impl Writer<'_> {
    /// False when there is more content than the file has room for.
    fn write(&mut self, mut part: &[u8]) -> io::Result<bool> {
        while !part.is_empty() {
            let (hole, room) = self.runs.at(self.from);
            if room == 0 {
                return Ok(false);
            }
            self.zeros(hole)?;
            let length = usize::try_from(room).unwrap_or(usize::MAX).min(part.len());
            let (now, rest) = part.split_at(length);
            self.out.write_all(now)?;
            add(&self.progress.done_bytes, length as u64);
            self.from += length as u64;
            part = rest;
        }
        Ok(true)
    }

    /// False when content is missing.
    fn finish(&mut self) -> io::Result<bool> {
        let (hole, room) = self.runs.at(self.from);
        if room > 0 {
            return Ok(false);
        }
        self.zeros(hole)?;
        self.out.flush()?;
        Ok(true)
    }

    fn zeros(&mut self, mut count: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        while count > 0 {
            let length = usize::try_from(count).unwrap_or(usize::MAX).min(ZEROS.len());
            self.out.write_all(&ZEROS[..length])?;
            add(&self.progress.done_bytes, length as u64);
            count -= length as u64;
        }
        Ok(())
    }
}
