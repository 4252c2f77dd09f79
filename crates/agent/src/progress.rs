//! Shows how far a run is: a bar on a terminal, a line now and then elsewhere, events for programs. It reads the
//! counters of the engine from a thread of its own and never holds the run up.

mod estimate;
mod sample;

use crate::json::Event;
use crate::{Interrupts, Output};
use engine::progress::Progress;
use estimate::Estimator;
use indicatif::{ProgressBar, ProgressStyle};
use sample::{JsonSample, Sample};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What the phases of a run are called.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    /// While the run prepares.
    pub(crate) preparing: &'static str,
    /// While it works.
    pub(crate) working: &'static str,
    /// While it finishes.
    pub(crate) finishing: &'static str,
}

/// How often a terminal is drawn anew.
const BAR_EVERY: Duration = Duration::from_millis(120);
/// How often an event is written.
const EVENT_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether a line is due, and how long without one at most.
const LINE_LOOK_EVERY: Duration = Duration::from_millis(500);
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Runs `work` and shows its progress meanwhile. Signals stop it.
pub(crate) fn watch<T>(
    output: &Output,
    interrupts: &Interrupts,
    words: Words,
    work: impl FnOnce(&Progress) -> T,
) -> T {
    let progress = Arc::new(Progress::new());
    let _guard = interrupts.guard(&progress);
    let (done, ended) = channel::<()>();
    std::thread::scope(|scope| {
        let watcher = Watcher { output, words, progress: &progress, began: Instant::now() };
        scope.spawn(move || {
            let mut face = watcher.face();
            let mut estimator = Estimator::default();
            loop {
                let sample = watcher.sample();
                estimator.add(&sample);
                watcher.show(&mut face, &sample, &estimator);
                match ended.recv_timeout(face.every()) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => break,
                }
            }
            watcher.clear(&face);
        });
        let result = work(&progress);
        drop(done);
        result
    })
}

/// What looks at a run.
struct Watcher<'a> {
    output: &'a Output,
    words: Words,
    progress: &'a Progress,
    began: Instant,
}

/// How a run is shown.
enum Face {
    Bar(ProgressBar),
    Lines { shown_at: Duration, shown_tenth: u64 },
    Events,
}

impl Face {
    const fn every(&self) -> Duration {
        match self {
            Self::Bar(_) => BAR_EVERY,
            Self::Lines { .. } => LINE_LOOK_EVERY,
            Self::Events => EVENT_EVERY,
        }
    }
}

impl Watcher<'_> {
    fn face(&self) -> Face {
        if self.output.is_json() {
            Face::Events
        } else if self.output.stderr_is_terminal() {
            Face::Bar(self.output.bars().add(ProgressBar::no_length()))
        } else {
            Face::Lines { shown_at: Duration::ZERO, shown_tenth: 0 }
        }
    }

    fn sample(&self) -> Sample {
        Sample::take(self.progress, self.began.elapsed())
    }

    fn show(&self, face: &mut Face, sample: &Sample, estimator: &Estimator) {
        match face {
            Face::Bar(bar) => self.draw(bar, sample, estimator),
            Face::Lines { shown_at, shown_tenth } => {
                let tenth = sample.permille().map_or(0, |permille| permille / 100);
                if sample.at >= *shown_at + LINE_EVERY || tenth > *shown_tenth {
                    (*shown_at, *shown_tenth) = (sample.at, tenth);
                    self.output.note(&sample.line(self.words, estimator));
                }
            }
            // A reader that is gone must not end the run; the last event tells about other failures.
            Face::Events => {
                let fields = JsonSample::new(sample, estimator);
                let _ = self.output.event(&Event { event: "progress", fields });
            }
        }
    }

    fn draw(&self, bar: &ProgressBar, sample: &Sample, estimator: &Estimator) {
        let template = match sample.permille() {
            Some(permille) => {
                bar.set_length(1000);
                bar.set_position(permille);
                "[{wide_bar}] {percent:>3} %\n{wide_msg}"
            }
            None => "{spinner} {wide_msg}",
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_message(sample.line(self.words, estimator));
        bar.tick();
    }

    fn clear(&self, face: &Face) {
        if let Face::Bar(bar) = face {
            bar.finish_and_clear();
            self.output.bars().remove(bar);
        }
    }
}
