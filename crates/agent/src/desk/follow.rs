//! What the service says, for as long as this process lives: services come and go.

use crate::AgentError;
use crate::change::categories;
use crate::commands::status::without_agent;
use crate::service::{DesktopNews, DesktopView, ask_desktop};
use crate::state::State;
use crate::state::policy::policy_in_force;
use crate::state::settings::Settings;
use crossbeam_channel::{Receiver, Sender, unbounded};
use model::policy::UserChoices;
use status::Transition;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

/// How often a service is looked for.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A service that is away for less is being started or restarted, and nobody need hear of that.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is told.
pub(super) enum News {
    /// What is to be seen now.
    View(Box<DesktopView>),
    /// What comes up and is over.
    Event(Box<Transition>),
}

/// Follows the service on a thread of its own.
pub(super) fn begin(state: State) -> io::Result<Receiver<News>> {
    let (sender, news) = unbounded();
    thread::Builder::new().name("service".into()).spawn(move || follow(&state, &sender))?;
    Ok(news)
}

fn follow(state: &State, news: &Sender<News>) {
    let mut away_since = Instant::now();
    let mut is_said = false;
    loop {
        let show = |told: DesktopNews| {
            // Nobody listens: the process is about to end.
            let _ = news.send(match told {
                DesktopNews::View(view) => News::View(view),
                DesktopNews::Event(event) => News::Event(event),
            });
        };
        match ask_desktop(state, show) {
            Ok(true) => (away_since, is_said) = (Instant::now(), false),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the service does not say what to show"),
        }
        if !is_said && away_since.elapsed() >= PATIENCE {
            match without_service(state) {
                Ok(view) => {
                    is_said = true;
                    if news.send(News::View(Box::new(view))).is_err() {
                        return;
                    }
                }
                Err(error) => tracing::warn!(%error, "what to show without a service is not known"),
            }
        }
        thread::sleep(LOOK_EVERY);
    }
}

/// What is to be seen while no service runs.
fn without_service(state: &State) -> Result<DesktopView, AgentError> {
    let choices = Settings::read(state).map_or_else(|_| UserChoices::default(), |settings| settings.choices);
    let (policy, origins) = policy_in_force(state);
    let (policy, _) = policy.with_choices(origins, &choices);
    Ok(DesktopView {
        status: without_agent(state)?,
        categories: categories(policy.notifications),
        has_tray_icon: policy.tray_icon,
        possible: Vec::new(),
    })
}
