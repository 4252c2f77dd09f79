//! The desktop as a whole: one thread that knows what holds, and shows it wherever it can.

use crate::icons::IconFolder;
use crate::notifications::{self, Daemon, Happened, PopUp};
use crate::tray::{Face, Tray};
use crate::wording::Words;
use crate::{About, Held, Memory};
use bus::{Bus, Error, Heard, Which};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use jiff::tz::TimeZone;
use model::{Clock, Timestamp};
use notices::{Action, Category, Notice, Role, catalogue, priority};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{io, thread};

/// At least this often it is looked whether something is due, since clocks are set and machines sleep; and whether
/// there is a desktop by now.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How many notices the tray shows beside the status line; the status has them all.
const MOST_BESIDE: usize = 4;

/// What a [`Desktop`] begins with.
pub struct Setup {
    /// A folder for pictures. It may be emptied at any time.
    pub icons: PathBuf,
    /// What was shown before, from the last [`Event::Remember`].
    pub memory: Memory,
    /// The time.
    pub clock: Clock,
    /// Where events go.
    pub events: Sender<Event>,
}

/// What is to be seen on the desktop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// All notices that hold.
    pub holding: Vec<Held>,
    /// The categories that come up.
    pub categories: BTreeSet<Category>,
    /// What the user can and may do now. A pop-up offers nothing else, and other entries of the menu are grey.
    pub possible: Vec<Action>,
    /// There is to be an icon in the tray.
    pub has_tray_icon: bool,
}

/// What a desktop tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The user wants something; with the notice that it was clicked on, if it was not in the tray.
    Asked {
        /// What is wanted.
        action: Action,
        /// The notice.
        about: Option<About>,
    },
    /// What is to be kept for the next start.
    Remember(Memory),
}

/// The user's desktop, which may come and go. Its icon leaves with it; pop-ups stay until the next one takes them over.
pub struct Desktop {
    orders: Sender<Order>,
    thread: Option<thread::JoinHandle<()>>,
}

enum Order {
    View(View),
    Tell(Held),
    Heard(Heard),
    End,
}

impl Desktop {
    /// Begins with an empty desktop, whether there is one or not.
    pub fn start(setup: Setup) -> io::Result<Self> {
        let (orders, received) = unbounded();
        let heard = orders.clone();
        let forward = move |what| {
            // Nobody listens any more: the end is near.
            let _ = heard.send(Order::Heard(what));
        };
        let bus = Bus::open(Which::Session, notifications::signal_rules(), forward)?;
        let events = setup.events.clone();
        let tray = Tray::start(move |action| {
            let _ = events.send(Event::Asked { action, about: None });
        })?;
        let keeper = Keeper {
            bus,
            tray,
            icons: IconFolder::new(setup.icons),
            clock: setup.clock,
            events: setup.events,
            remembered: setup.memory.clone(),
            memory: setup.memory,
            view: None,
            events_to_tell: Vec::new(),
            daemon: None,
            look_again: Instant::now(),
            is_said: false,
        };
        let thread = thread::Builder::new().name("desktop".into()).spawn(move || keeper.keep(&received))?;
        Ok(Self { orders, thread: Some(thread) })
    }

    /// Shows what holds now, whatever was shown before.
    pub fn show(&self, view: View) {
        self.order(Order::View(view));
    }

    /// Shows an event that is over when it was told ([`Role::Event`]), if its category comes up and there is a desktop
    /// within a minute.
    pub fn tell(&self, event: Held) {
        self.order(Order::Tell(event));
    }

    fn order(&self, order: Order) {
        if self.orders.send(order).is_err() {
            tracing::error!("the desktop's thread has ended");
        }
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::End);
        if let Some(thread) = self.thread.take() {
            // A panic was reported by the thread itself.
            let _ = thread.join();
        }
    }
}

/// What the thread knows.
struct Keeper {
    bus: Bus,
    tray: Tray,
    icons: IconFolder,
    clock: Clock,
    events: Sender<Event>,
    memory: Memory,
    /// What the caller was told to keep.
    remembered: Memory,
    view: Option<View>,
    /// Events that no daemon has shown yet, with the time at which they were told. They soon are no news.
    events_to_tell: Vec<(Held, Timestamp)>,
    daemon: Option<Daemon>,
    /// When a daemon that was not there is looked for again, if nothing says earlier that it is.
    look_again: Instant,
    /// It was said that there is no daemon.
    is_said: bool,
}

impl Keeper {
    fn keep(mut self, orders: &Receiver<Order>) {
        let mut wait = LONGEST_WAIT;
        loop {
            match orders.recv_timeout(wait) {
                Ok(Order::View(view)) => self.view = Some(view),
                Ok(Order::Tell(event)) => self.events_to_tell.push((event, self.clock.now())),
                Ok(Order::Heard(heard)) => self.hear(heard),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            let now = self.clock.now();
            let next = self.refresh(now);
            wait = next.map_or(LONGEST_WAIT, |next| next.since(now).min(LONGEST_WAIT));
            if self.memory != self.remembered {
                self.remembered = self.memory.clone();
                // A caller that no longer listens is about to end.
                let _ = self.events.send(Event::Remember(self.memory.clone()));
            }
        }
    }

    fn hear(&mut self, heard: Heard) {
        let signal = match heard {
            Heard::Connected => {
                self.tray.found();
                return self.expect_another_daemon();
            }
            Heard::Lost => {
                self.tray.lost();
                return self.expect_another_daemon();
            }
            Heard::Signal(signal) => signal,
        };
        if signal.owner_changed().is_some_and(|(service, _)| service == notifications::SERVICE) {
            return self.expect_another_daemon();
        }
        let Ok(bus_id) = self.bus.id() else { return };
        match notifications::happened(&bus_id, &signal) {
            Some(Happened::Clicked(place, action)) => {
                let Some(about) = self.memory.find(&place) else { return };
                let chosen = match action {
                    Some(code) => Action::find(&code),
                    None => catalogue::find(&about.code).and_then(|notice| self.first_offer(notice)),
                };
                // What was possible when it came up need not be so any more: whoever is asked has to look.
                if let Some(action) = chosen {
                    let _ = self.events.send(Event::Asked { action, about: Some(about) });
                }
            }
            Some(Happened::Closed(place)) => {
                self.memory.note_gone(&place);
            }
            None => {}
        }
    }

    /// What a click on the notification itself does now.
    fn first_offer(&self, notice: &Notice) -> Option<Action> {
        offers(notice.offers, &self.view.as_ref()?.possible).first().copied()
    }

    fn expect_another_daemon(&mut self) {
        self.daemon = None;
        self.look_again = Instant::now();
    }

    /// Brings the desktop to what the view says, as far as there is one. Answers when to look again.
    fn refresh(&mut self, now: Timestamp) -> Option<Timestamp> {
        let view = self.view.take()?;
        self.memory.tidy(&view.holding, now);
        self.tray.show(view.has_tray_icon.then(|| face(&view, now)));
        let memory = &self.memory;
        self.events_to_tell.retain(|(event, told)| {
            now.since(*told) < LONGEST_WAIT && memory.is_wanted(event, &view.categories)
        });
        let mut plan = memory.plan(&view.holding, &view.categories, now);
        let is_idle = plan.show.is_empty() && plan.withdraw.is_empty() && self.events_to_tell.is_empty();
        // Without anything to do no daemon is looked for: it might be started for nothing.
        if !is_idle && self.find_daemon() {
            // It may not be the one that showed what was shown before.
            plan = self.memory.plan(&view.holding, &view.categories, now);
            for place in &plan.withdraw {
                if self.ask(|daemon, bus| daemon.close(bus, place)).is_some() {
                    self.memory.note_gone(place);
                }
            }
            for held in plan.show {
                self.pop_up(held, &view.possible, now);
            }
            for (event, told) in std::mem::take(&mut self.events_to_tell) {
                if self.memory.is_wanted(&event, &view.categories) {
                    self.pop_up(&event, &view.possible, now);
                    // Should the daemon have failed, it is tried again.
                    self.events_to_tell.push((event, told));
                }
            }
        }
        let next = plan.next;
        self.view = Some(view);
        next
    }

    fn pop_up(&mut self, held: &Held, possible: &[Action], now: Timestamp) {
        let words = Words::of(held, now, &TimeZone::system());
        let told = |error: &io::Error| tracing::warn!(%error, "the picture of a notice cannot be written");
        let icon = self.icons.file(held.notice.icon).inspect_err(told).ok();
        let offers = offers(held.notice.offers, possible);
        let replaces = self.memory.place_of(held).cloned();
        let pop_up = PopUp {
            words: &words,
            category: held.notice.category,
            icon: icon.as_deref(),
            offers: &offers,
            replaces: replaces.as_ref(),
        };
        if let Some(place) = self.ask(|daemon, bus| daemon.show(bus, &pop_up)) {
            self.memory.note_shown(held, place, now);
        }
    }

    /// Asks the daemon, if there is one. One that does not answer counts as gone until it comes back or is looked for.
    fn ask<T>(&mut self, question: impl FnOnce(&Daemon, &Bus) -> Result<T, Error>) -> Option<T> {
        let answer = question(self.daemon.as_ref()?, &self.bus);
        answer.inspect_err(|error| self.miss_daemon(error)).ok()
    }

    fn find_daemon(&mut self) -> bool {
        if self.daemon.is_none() && Instant::now() >= self.look_again {
            match Daemon::find(&self.bus) {
                Ok(daemon) => {
                    if std::mem::take(&mut self.is_said) {
                        tracing::info!("notices come up on the desktop again");
                    }
                    self.memory.keep_places_of(daemon.name());
                    self.daemon = Some(daemon);
                }
                Err(error) => self.miss_daemon(&error),
            }
        }
        self.daemon.is_some()
    }

    fn miss_daemon(&mut self, error: &Error) {
        self.daemon = None;
        self.look_again = Instant::now() + LONGEST_WAIT;
        if !std::mem::replace(&mut self.is_said, true) {
            tracing::info!(%error, "there is no desktop to show notices on; the status has them all");
        }
    }
}

/// What a notice offers of what is possible.
fn offers(offers: &[Action], possible: &[Action]) -> Vec<Action> {
    offers.iter().copied().filter(|offer| possible.contains(offer)).collect()
}

/// What the tray shows of a view.
fn face(view: &View, now: Timestamp) -> Face {
    let zone = TimeZone::system();
    let (icon, is_urgent) = Face::worst(&view.holding);
    let line = priority::status_line(view.holding.iter().map(|held| held.notice));
    let line = line.and_then(|line| view.holding.iter().find(|held| held.notice == line));
    let mut beside: Vec<_> = view.holding.iter().filter(|held| held.notice.role == Role::Overlay).collect();
    beside.sort_by_key(|held| priority::rank(held.notice));
    Face {
        icon,
        is_urgent,
        line: line.map(|held| Words::of(held, now, &zone)),
        beside: beside.into_iter().take(MOST_BESIDE).map(|held| Words::of(held, now, &zone)).collect(),
        possible: view.possible.clone(),
    }
}
