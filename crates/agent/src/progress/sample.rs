//! The counters of a run at one moment, and how they read. Pure: no clock, no output.

use super::Words;
use super::estimate::Estimator;
use crate::text::{count, counted, duration, size};
use engine::progress::{Phase, Progress};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// What one file costs beside its bytes, for how far a run is: many small files are no less work than few large ones.
const FILE_WEIGHT_BYTES: u64 = 4096;

/// The counters at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    /// Time since the run began.
    pub(super) at: Duration,
    pub(super) phase: Phase,
    /// The counting pass is through.
    pub(super) total_is_known: bool,
    pub(super) total_files: u64,
    pub(super) total_bytes: u64,
    pub(super) done_files: u64,
    pub(super) done_bytes: u64,
    pub(super) read_bytes: u64,
    pub(super) new_bytes: u64,
    pub(super) stored_bytes: u64,
    pub(super) findings: u64,
}

impl Sample {
    pub(super) fn take(progress: &Progress, at: Duration) -> Self {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            at,
            phase: progress.phase(),
            total_is_known: progress.total_is_known(),
            total_files: read(&progress.total_files),
            total_bytes: read(&progress.total_bytes),
            done_files: read(&progress.done_files),
            done_bytes: read(&progress.done_bytes),
            read_bytes: read(&progress.read_bytes),
            new_bytes: read(&progress.new_bytes),
            stored_bytes: read(&progress.stored_bytes),
            findings: read(&progress.findings),
        }
    }

    /// Work done so far, in bytes.
    pub(super) const fn done(&self) -> u64 {
        self.done_bytes.saturating_add(self.done_files.saturating_mul(FILE_WEIGHT_BYTES))
    }

    /// Work in all, in bytes; `None` while it is not known. Files that grew meanwhile may have brought more.
    pub(super) fn total(&self) -> Option<u64> {
        let total = self.total_bytes.saturating_add(self.total_files.saturating_mul(FILE_WEIGHT_BYTES));
        self.total_is_known.then(|| total.max(self.done()))
    }

    /// How far the run is, of 1000; `None` while it is not known.
    pub(super) fn permille(&self) -> Option<u64> {
        let total = u128::from(self.total()?);
        (u128::from(self.done()) * 1000).checked_div(total).map(|permille| permille as u64)
    }

    /// One line for people.
    pub(super) fn line(&self, words: Words, estimator: &Estimator) -> String {
        let phase = match self.phase {
            Phase::Preparing => return words.preparing.to_owned(),
            Phase::Working => words.working,
            Phase::Finishing => words.finishing,
        };
        let mut parts = Vec::new();
        if self.total_is_known {
            let (files, bytes) =
                (self.total_files.max(self.done_files), self.total_bytes.max(self.done_bytes));
            parts.push(format!("{} of {}", count(self.done_files), counted(files, "file")));
            parts.push(format!("{} of {}", size(self.done_bytes), size(bytes)));
        } else {
            parts.push(counted(self.done_files, "file"));
            parts.push(size(self.done_bytes));
            // A short run is never counted, and in the last phase a total is of no use any more.
            if self.total_files > 0 && self.phase == Phase::Working {
                let (files, bytes) = (counted(self.total_files, "file"), size(self.total_bytes));
                parts.push(format!("counting: {files}, {bytes}"));
            }
        }
        if let Some(speed) = estimator.bytes_per_second().filter(|_| self.phase == Phase::Working) {
            parts.push(format!("{}/s", size(speed)));
        }
        if let Some(left) = estimator.left(self) {
            parts.push(format!("{} left", duration(left)));
        }
        if self.findings > 0 {
            parts.push(counted(self.findings, "finding"));
        }
        format!("{phase}: {}", parts.join(", "))
    }
}

/// The fields of a progress event.
#[derive(Debug, Serialize)]
pub(super) struct JsonSample {
    phase: &'static str,
    done_files: u64,
    done_bytes: u64,
    total_files: u64,
    total_bytes: u64,
    total_is_known: bool,
    read_bytes: u64,
    new_bytes: u64,
    stored_bytes: u64,
    findings: u64,
    seconds: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds_left: Option<u64>,
}

impl JsonSample {
    pub(super) fn new(sample: &Sample, estimator: &Estimator) -> Self {
        Self {
            phase: match sample.phase {
                Phase::Preparing => "preparing",
                Phase::Working => "working",
                Phase::Finishing => "finishing",
            },
            done_files: sample.done_files,
            done_bytes: sample.done_bytes,
            total_files: sample.total_files,
            total_bytes: sample.total_bytes,
            total_is_known: sample.total_is_known,
            read_bytes: sample.read_bytes,
            new_bytes: sample.new_bytes,
            stored_bytes: sample.stored_bytes,
            findings: sample.findings,
            seconds: sample.at.as_secs_f64(),
            seconds_left: estimator.left(sample).map(|left| left.as_secs()),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::progress) const WORKING: Sample = Sample {
        at: Duration::ZERO,
        phase: Phase::Working,
        total_is_known: true,
        total_files: 0,
        total_bytes: 0,
        done_files: 0,
        done_bytes: 0,
        read_bytes: 0,
        new_bytes: 0,
        stored_bytes: 0,
        findings: 0,
    };

    const WORDS: Words = Words { preparing: "asking", working: "backing up", finishing: "sending the rest" };

    #[test]
    fn a_line_says_what_is_known() {
        let line = |sample: Sample| sample.line(WORDS, &Estimator::default());
        assert_eq!(line(Sample { phase: Phase::Preparing, ..WORKING }), "asking");
        let counting = Sample { total_is_known: false, total_files: 1200, done_files: 7, ..WORKING };
        assert_eq!(line(counting), "backing up: 7 files, 0 B, counting: 1,200 files, 0 B");
        let not_yet = Sample { total_files: 0, ..counting };
        assert_eq!(line(not_yet), "backing up: 7 files, 0 B");
        assert_eq!(line(Sample { phase: Phase::Finishing, ..counting }), "sending the rest: 7 files, 0 B");
        let known = Sample {
            total_files: 2,
            done_files: 1,
            total_bytes: 4096,
            done_bytes: 1024,
            findings: 1,
            phase: Phase::Finishing,
            ..WORKING
        };
        assert_eq!(line(known), "sending the rest: 1 of 2 files, 1.0 KiB of 4.0 KiB, 1 finding");
        // More was found than the counting pass saw.
        assert!(line(Sample { total_files: 1, done_files: 3, ..WORKING }).contains("3 of 3 files"));
    }

    #[test]
    fn how_far_is_between_nothing_and_all() {
        assert_eq!(Sample { total_is_known: false, ..WORKING }.permille(), None);
        assert_eq!(WORKING.permille(), None, "an empty folder has no share");
        let sample = Sample { total_files: 10, total_bytes: 1 << 40, ..WORKING };
        assert_eq!(sample.permille(), Some(0));
        assert_eq!(Sample { done_bytes: 1 << 39, done_files: 5, ..sample }.permille(), Some(500));
        assert_eq!(Sample { done_bytes: u64::MAX, done_files: 11, ..sample }.permille(), Some(1000));
    }
}
