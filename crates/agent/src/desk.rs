//! The helper of a session: shows on the user's desktop what the service says, and hands on what is clicked there.
//!
//! It knows nothing by itself. It can be ended at any time: what it has shown is kept beside the settings, so that the
//! next one shows nothing twice and takes away what no longer holds.

mod act;
mod follow;
mod memory;

use crate::AgentError;
use crate::service::DesktopView;
use crate::state::State;
use crate::state::identity::Identity;
use crossbeam_channel::{select, unbounded};
use desktop::{Desktop, Event, Held, Setup, View};
use follow::News;
use model::Clock;
use notices::{Action, catalogue};
use platform::Lock;
use status::{Shown, Transition};

/// Shows what the service of this state says until the process is ended.
pub(crate) fn run(state: &State) -> Result<(), AgentError> {
    // A machine that is no device has nothing to show.
    Identity::read(state)?;
    let path = state.settings_folder().join("desktop.lock");
    let _lock = Lock::try_exclusive(&path).map_err(|error| AgentError::state(&path, error))?;
    let (told, events) = unbounded();
    let setup = Setup {
        icons: state.cache_folder().join("icons"),
        memory: memory::read(state)?,
        clock: Clock::system(),
        events: told,
    };
    let defect = |error: std::io::Error| AgentError::Defect(format!("no thread for the desktop: {error}"));
    let desktop = Desktop::start(setup).map_err(defect)?;
    let news = follow::begin(state.clone()).map_err(defect)?;
    let ended = || AgentError::Defect("a thread of the desktop has ended".into());
    loop {
        select! {
            recv(news) -> news => match news.map_err(|_| ended())? {
                News::View(view) => desktop.show(shown(&view)),
                News::Event(event) => {
                    if let Some(held) = told_of(&event) {
                        desktop.tell(held);
                    }
                }
            },
            recv(events) -> event => match event.map_err(|_| ended())? {
                Event::Remember(memory) => {
                    // Written without the state's lock, so that a service that starts may take half a file away. The
                    // next change is written again, and what is lost is shown once more.
                    if let Err(error) = memory::write(state, &memory) {
                        tracing::warn!(%error, "what was shown could not be kept");
                    }
                }
                Event::Asked { action, about } => act::begin(state, action, about),
            },
        }
    }
}

/// What the desktop crate is to show.
fn shown(view: &DesktopView) -> View {
    let DesktopView { status, categories, has_tray_icon, possible } = view;
    let rows = status.line.iter().chain(&status.others).chain(&status.overlays).chain(&status.details);
    let offered = possible.iter().filter_map(|code| Action::find(code));
    View {
        holding: rows.filter_map(held).collect(),
        categories: categories.clone(),
        possible: offered.filter(|action| act::can(*action)).chain(act::of_the_session()).collect(),
        has_tray_icon: *has_tray_icon,
    }
}

/// None for a notice that this version does not know.
fn held(shown: &Shown) -> Option<Held> {
    let notice = catalogue::find(&shown.code)?;
    Some(Held { notice, values: shown.values.clone(), episode: shown.episode, since: shown.since })
}

fn told_of(event: &Transition) -> Option<Held> {
    let notice = catalogue::find(&event.code)?;
    Some(Held { notice, values: event.values.clone(), episode: event.episode, since: event.time })
}
