//! Talking to a notification daemon, as the Desktop Notifications Specification says.

use crate::popups::Place;
use crate::wording::{Words, without_markup};
use bus::{Bus, Error, Signal};
use notices::{Action, Category};
use std::collections::HashMap;
use std::path::Path;
use zbus::zvariant::Value;

pub(crate) const SERVICE: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// Who the pop-ups are from, and the desktop entry of that name.
const APPLICATION: &str = "Holdfast";
const DESKTOP_ENTRY: &str = "holdfast";

/// The action of a click on the notification itself.
const DEFAULT: &str = "default";

/// The daemon that has the name now.
pub(crate) struct Daemon {
    /// Its connection.
    owner: String,
    /// Tells this life of it from all others.
    name: String,
    can: Capabilities,
}

/// What a daemon can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Capabilities {
    actions: bool,
    body: bool,
    markup: bool,
}

/// A pop-up as it is to be shown.
pub(crate) struct PopUp<'p> {
    pub(crate) words: &'p Words,
    pub(crate) category: Category,
    pub(crate) icon: Option<&'p Path>,
    pub(crate) offers: &'p [Action],
    /// An earlier one whose place it takes.
    pub(crate) replaces: Option<&'p Place>,
}

/// What the user or the daemon did with one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A click; the text is the action's name, none for the notification itself.
    Clicked(Place, Option<String>),
    /// It is gone.
    Closed(Place),
}

/// The rules by which the bus tells what happens.
pub(crate) fn signal_rules() -> Vec<String> {
    vec![format!("type='signal',interface='{SERVICE}',path='{PATH}'"), Bus::owner_rule(SERVICE)]
}

/// Reads a signal; none when it is about something else. Whether the place is one of ours is for the caller to know.
pub(crate) fn happened(bus_id: &str, signal: &Signal) -> Option<Happened> {
    let place = |id| Place { daemon: life(bus_id, &signal.sender()), id };
    if signal.is(SERVICE, "ActionInvoked") {
        let (id, action): (u32, String) = signal.arguments().ok()?;
        Some(Happened::Clicked(place(id), Some(action).filter(|action| action != DEFAULT)))
    } else if signal.is(SERVICE, "NotificationClosed") {
        let (id, _reason): (u32, u32) = signal.arguments().ok()?;
        Some(Happened::Closed(place(id)))
    } else {
        None
    }
}

/// A connection's own name is never used again on one bus.
fn life(bus_id: &str, owner: &str) -> String {
    format!("{bus_id} {owner}")
}

impl Daemon {
    /// The one that runs, or that the desktop starts when it is asked for.
    pub(crate) fn find(bus: &Bus) -> Result<Self, Error> {
        let can: Vec<String> = bus.call(SERVICE, PATH, (SERVICE, "GetCapabilities"), &())?;
        let owner = bus.owner(SERVICE)?;
        let name = life(&bus.id()?, &owner);
        Ok(Self { owner, name, can: Capabilities::of(&can) })
    }

    /// Tells this life of it from all others.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Shows a pop-up and tells where.
    pub(crate) fn show(&self, bus: &Bus, pop_up: &PopUp<'_>) -> Result<Place, Error> {
        let (summary, body) = self.can.texts(pop_up.words);
        let actions = if self.can.actions { buttons(pop_up.offers) } else { Vec::new() };
        let icon = pop_up.icon.map(Path::to_string_lossy).unwrap_or_default();
        let hints = HashMap::from([
            ("urgency", Value::U8(urgency(pop_up.category))),
            ("desktop-entry", Value::from(DESKTOP_ENTRY)),
        ]);
        let replaces = pop_up.replaces.map_or(0, |place| place.id);
        let arguments =
            (APPLICATION, replaces, &*icon, summary, body, actions, hints, timeout(pop_up.category));
        let id = bus.call(&self.owner, PATH, (SERVICE, "Notify"), &arguments)?;
        Ok(Place { daemon: self.name.clone(), id })
    }

    /// Takes a pop-up away. That it is gone already is no error.
    pub(crate) fn close(&self, bus: &Bus, place: &Place) -> Result<(), Error> {
        match bus.call(&self.owner, PATH, (SERVICE, "CloseNotification"), &(place.id,)) {
            // What the daemon says to a number that it does not know any more.
            Err(Error::Failed(error)) => {
                tracing::debug!(%error, "a pop-up could not be taken away");
                Ok(())
            }
            other => other,
        }
    }
}

impl Capabilities {
    fn of(words: &[String]) -> Self {
        let has = |word: &str| words.iter().any(|own| own == word);
        Self { actions: has("actions"), body: has("body"), markup: has("body-markup") }
    }

    /// The summary, which never has markup, and the body.
    fn texts(self, words: &Words) -> (String, String) {
        match &words.sub_status {
            _ if !self.body => (words.line(), String::new()),
            None => (words.status.clone(), String::new()),
            Some(text) if self.markup => (words.status.clone(), without_markup(text)),
            Some(text) => (words.status.clone(), text.clone()),
        }
    }
}

/// Names and labels in turn; a click on the notification itself does the first.
fn buttons(offers: &[Action]) -> Vec<&'static str> {
    let first = offers.first().map(|first| [DEFAULT, first.label()]);
    let all = offers.iter().map(|offer| [offer.code(), offer.label()]);
    first.into_iter().chain(all).flatten().collect()
}

/// Low, normal and critical, in the specification's numbers.
fn urgency(category: Category) -> u8 {
    match category {
        Category::Informative => 0,
        Category::Warning | Category::High => 1,
        Category::Critical => 2,
    }
}

/// In milliseconds. What asks the user to act stays until it is closed or no longer holds; how long the rest stays is
/// the daemon's choice.
fn timeout(category: Category) -> i32 {
    match category {
        Category::Critical | Category::High => 0,
        Category::Warning | Category::Informative => -1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notices::PauseSpan;

    #[test]
    fn texts_fit_what_the_daemon_can_show() {
        let can =
            |words: &[&str]| Capabilities::of(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let words = Words { status: "A & B".into(), sub_status: Some("<x> & y".into()) };
        let texts = |can: Capabilities| can.texts(&words);
        assert_eq!(texts(can(&["body", "body-markup"])), ("A & B".into(), "&lt;x&gt; &amp; y".into()));
        assert_eq!(texts(can(&["actions", "body"])), ("A & B".into(), "<x> & y".into()));
        assert_eq!(texts(can(&["persistence"])), ("A & B: <x> & y".into(), String::new()));
    }

    #[test]
    fn a_click_on_the_notification_does_what_is_offered_first() {
        let offers = [Action::Details, Action::Pause(PauseSpan::Hour)];
        assert_eq!(buttons(&offers), ["default", "Details", "details", "Details", "pause_hour", "Pause"]);
        assert!(buttons(&[]).is_empty());
    }
}
