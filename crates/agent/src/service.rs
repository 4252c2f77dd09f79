//! The service: makes backups when they are due, keeps the status of this device, and answers commands over a socket.
//!
//! One loop decides (`event_loop.rs`), with the state machine of `crates/status` (`book.rs`); a thread backs up
//! (`running.rs`), one asks the server now and then (`contact.rs`), one tells it what changed (`telling.rs`), one hears what
//! it wants (`channel.rs`), one looks around (`around.rs`), and one answers commands (`socket.rs`).

mod around;
mod ask;
mod book;
mod causes;
mod channel;
mod contact;
mod control;
mod desktop_view;
mod event_loop;
mod for_server;
mod hold;
mod network_rules;
mod protocol;
mod quota;
mod running;
mod socket;
mod telling;
mod watchers;
mod watches;

pub(crate) use ask::{DesktopNews, ask_backup, ask_begin, ask_change, ask_desktop, ask_done, ask_status};
pub(crate) use desktop_view::DesktopView;
pub(crate) use network_rules::of_users;
pub(crate) use protocol::{Command, PauseWish};

use crate::AgentError;
use crate::commands::Context;
use crate::state::State;
use crate::state::identity::Identity;
use crate::state::status::{read_mark, remove_mark, write_mark};
use book::Book;
use engine::progress::Progress;
use event_loop::EventLoop;
use model::Clock;
use socket::Socket;
use status::Event;
use std::sync::Arc;
use std::sync::mpsc::channel;

/// Runs the service of this state until a signal ends it.
pub(crate) fn run(state: &State, context: &Context) -> Result<(), AgentError> {
    // A machine that is no device has nothing to serve, and no state is made for it.
    Identity::read(state)?;
    let _lock = state.lock()?;
    // From now on a signal asks for an end and is waited for, instead of ending the process.
    let life = Arc::new(Progress::new());
    let _guard = context.interrupts.guard(&life);

    let boot = platform::host::boot_id().map_err(|error| AgentError::Defect(error.to_string()))?;
    let started = how_it_started(read_mark(state)?.as_deref(), &boot);
    let now = Clock::system().now();
    let mut book = Book::open(state, now)?;
    if let Err(refusal) = book.apply(&started, now) {
        // Whoever stopped the last one left a run: it did not get to write that.
        tracing::warn!(%refusal, "the last service left a backup");
        let _ = book.apply(&Event::StartedAfterRestart, now);
    }
    write_mark(state, &boot)?;
    let (sender, inputs) = channel();
    let socket = Socket::listen(state, sender.clone())?;
    around::watch(state.clone(), sender.clone())?;
    tracing::info!(socket = %socket.path().display(), "the service runs");
    EventLoop::new(state.clone(), context, book, sender).run(&inputs);
    drop(socket);
    remove_mark(state)
}

/// What the mark of the last service says about its end.
fn how_it_started(mark: Option<&str>, boot: &str) -> Event {
    match mark {
        None => Event::Started,
        Some(mark) if mark != boot => Event::StartedAfterRestart,
        Some(_) => {
            let incident = causes::incident();
            tracing::error!(incident, "the service ended in this boot without being stopped");
            Event::StartedAfterCrash { incident }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use status::Kind;

    #[test]
    fn only_an_end_in_the_same_boot_is_a_crash() {
        assert_eq!(how_it_started(None, "a"), Event::Started);
        assert_eq!(how_it_started(Some("a"), "b"), Event::StartedAfterRestart);
        assert_eq!(how_it_started(Some("a"), "a").kind(), Kind::StartedAfterCrash);
    }
}
