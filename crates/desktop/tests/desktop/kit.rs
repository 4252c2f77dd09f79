//! What these tests have in common: notices, views of them, and a desktop that shows them.

use crossbeam_channel::{Receiver, unbounded};
use desktop::{Desktop, Event, Held, Memory, Setup, View};
use model::{Clock, Timestamp};
use notices::{Action, Category, Value, catalogue};
use std::path::Path;
use std::time::Duration;

/// A desktop and what it told.
pub(crate) struct Shown {
    pub(crate) desktop: Desktop,
    pub(crate) events: Receiver<Event>,
    pub(crate) clock: Clock,
}

impl Shown {
    pub(crate) fn start(folder: &Path, memory: Memory) -> Self {
        let (sender, events) = unbounded();
        let clock = Clock::manual(Timestamp::from_secs(1_795_000_000));
        let setup = Setup { icons: folder.join("icons"), memory, clock: clock.clone(), events: sender };
        Self { desktop: Desktop::start(setup).unwrap(), events, clock }
    }

    /// Shows these notices, with all categories on and everything possible.
    pub(crate) fn show(&self, holding: &[Held]) {
        self.desktop.show(view(holding));
    }

    /// The next thing that the user asked for.
    pub(crate) fn asked(&self) -> (Action, Option<(String, u64)>) {
        loop {
            match self.next() {
                Event::Asked { action, about } => {
                    return (action, about.map(|about| (about.code, about.episode)));
                }
                Event::Remember(_) => {}
            }
        }
    }

    /// What is to be kept, the next time that it changes.
    pub(crate) fn remembered(&self) -> Memory {
        loop {
            if let Event::Remember(memory) = self.next() {
                return memory;
            }
        }
    }

    fn next(&self) -> Event {
        self.events.recv_timeout(Duration::from_mins(1)).expect("an event")
    }
}

pub(crate) fn view(holding: &[Held]) -> View {
    View {
        holding: holding.to_vec(),
        categories: Category::ALL.into(),
        possible: Action::ALL.into(),
        has_tray_icon: false,
    }
}

/// A notice, with its only value.
pub(crate) fn held(code: &str, value: Option<(&'static str, Value)>, episode: u64) -> Held {
    let values = value.map(|(name, value)| (name.into(), value)).into_iter().collect();
    let notice = catalogue::find(code).unwrap();
    Held { notice, values, episode, since: Timestamp::from_secs(1_794_999_000) }
}

pub(crate) fn not_backed_up(days: u32, episode: u64) -> Held {
    held("device_not_backed_up", Some(("days", Value::Days(days))), episode)
}
