//! The one loop that everything comes to: commands, what the backup has reached, what the server says, and time. It
//! alone feeds the machine of the status, so what is told is true in one order.

mod around;
mod control;
mod wishes;

use super::around::Around;
use super::book::Book;
use super::causes::{committed, contact_event, event_of};
use super::channel;
use super::contact::{Answer, Contact};
use super::control::Control;
use super::hold;
use super::protocol::{ChosenSet, Command, Counters, Made, Order, PauseWish, Reply};
use super::quota::Quota;
use super::running::{Replies, Running};
use super::telling::Telling;
use super::watchers::Watchers;
use super::watches::Watches;
use crate::AgentError;
use crate::commands::Context;
use crate::run::{Chosen, Manner, scheduled};
use crate::session::Dialling;
use crate::sets::{DEFAULT, Wish};
use crate::state::networks::Networks;
use crate::state::{State, identity};
use api::control::{DeviceState, PolicyAnswer};
use api::runs::QuotaAnswer;
use engine::Gate;
use engine::backup::BackupSummary;
use engine::progress::Milestone;
use jiff::tz::TimeZone;
use model::policy::UserChoices;
use model::schedule::{Due, Schedule};
use model::{Clock, Code, OrderId, Timestamp};
use notices::Platform;
use notices::catalogue::QUOTA_REACHED;
use status::{Asker, Canceler, Event, Reader, Refusal, Status, Step, Why};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// How often time is looked at.
const TICK: Duration = Duration::from_millis(250);
/// A run that is held for longer is ended and gone on with later: it takes a place at the server.
const HELD_LONG: Duration = Duration::from_secs(10 * 60);
/// How often days without a backup are counted, and how long after the start for the first time: a device that was off
/// for a week gets the time for a backup first.
const COUNT_EVERY: Duration = Duration::from_secs(60 * 60);
const COUNT_AFTER_START: Duration = Duration::from_secs(30 * 60);
/// Time for a commit under way when the service is stopped.
const LAST_COMMIT: Duration = Duration::from_secs(15);
/// Time for another run to end.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// What comes to the loop.
#[derive(Debug)]
pub(super) enum Input {
    /// A command, and where its answers go.
    Asked(Command, Replies),
    /// The backup with this number has reached something.
    Reached(u64, Milestone),
    /// It ended.
    Ended(u64, Box<Result<BackupSummary, AgentError>>),
    /// The server was asked how it sees this device, and how full the quota is.
    Answered(Result<Answer, AgentError>),
    /// It told that over the control channel.
    Told(DeviceState),
    /// The control channel could not be opened, or has ended.
    ChannelEnded(Result<(), AgentError>),
    /// It was asked for the policy.
    Policy(Result<Box<PolicyAnswer>, AgentError>),
    /// The answer to an order is no longer on its way.
    OrderAnswered(OrderId),
    /// What is around the device was looked at.
    Around(Box<Around>),
    /// The server was told what changed; up to which change it has them all.
    EventsTold(Result<u64, AgentError>),
}

/// The loop.
pub(super) struct EventLoop<'a> {
    state: State,
    context: &'a Context,
    clock: Clock,
    schedule: Schedule,
    book: Book,
    inputs: Sender<Input>,
    running: Option<Running>,
    runs: u64,
    /// Sets whose turn comes after the one that is backed up.
    to_come: Vec<String>,
    watchers: Watchers,
    watches: Arc<Watches>,
    contact: Contact,
    control: Control,
    /// The control channel is open.
    is_connected: bool,
    telling: Telling,
    quota: Quota,
    around: Option<Around>,
    networks: Networks,
    started: Instant,
    choices: UserChoices,
    next_count: Timestamp,
    /// Something that is shown has changed since the watchers were told.
    is_news: bool,
}

impl<'a> EventLoop<'a> {
    pub(super) fn new(state: State, context: &'a Context, book: Book, inputs: Sender<Input>) -> Self {
        let clock = Clock::system();
        let control = Control::open(&state);
        Self {
            state,
            context,
            schedule: control.policy().schedule.clone(),
            control,
            is_connected: false,
            book,
            inputs,
            running: None,
            runs: 0,
            to_come: Vec::new(),
            watchers: Watchers::default(),
            watches: Arc::default(),
            contact: Contact::new(),
            telling: Telling::new(),
            quota: Quota::default(),
            around: None,
            networks: Networks::default(),
            started: Instant::now(),
            choices: UserChoices::default(),
            next_count: clock.now().after(COUNT_AFTER_START),
            is_news: false,
            clock,
        }
    }

    /// Runs until a signal ends the process.
    pub(super) fn run(&mut self, inputs: &Receiver<Input>) {
        let mut looked = Instant::now();
        channel::keep_open(&self.state, self.context.dialling(), &self.inputs);
        self.read_choices();
        self.look_at_time();
        while !self.context.interrupts.caught() {
            match inputs.recv_timeout(TICK.saturating_sub(looked.elapsed())) {
                Ok(input) => self.take(input),
                Err(RecvTimeoutError::Timeout) => {}
                // The loop holds a sender itself.
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if looked.elapsed() >= TICK {
                self.look_at_time();
                looked = Instant::now();
            }
            self.tell_watchers();
        }
        self.end(inputs);
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Asked(command, replies) => self.answer(command, replies),
            Input::Reached(number, milestone) => self.reached(number, milestone),
            Input::Ended(number, result) => self.ended(number, *result),
            Input::Answered(result) => self.answered(result),
            Input::Told(told) => {
                self.is_connected = true;
                self.told(&told);
            }
            Input::ChannelEnded(result) => self.channel_ended(result),
            Input::Policy(answer) => self.take_policy(answer),
            Input::OrderAnswered(order) => self.control.told(order),
            Input::Around(around) => self.take_around(*around),
            Input::EventsTold(result) => self.telling.told(result),
        }
        self.set_gate();
    }

    /// Stops what runs, as cleanly as it can be stopped in a moment.
    fn end(&mut self, inputs: &Receiver<Input>) {
        let began = Instant::now();
        // A commit that the server has is told as such; other runs get the time to give back their lease.
        let commits = self.running.as_ref().is_some_and(|running| !running.progress.stop());
        let patience = if commits { LAST_COMMIT } else { LAST_WORDS };
        self.to_come.clear();
        while self.running.is_some() && began.elapsed() < patience {
            if let Ok(input) = inputs.recv_timeout(TICK) {
                self.take(input);
            }
        }
        self.apply(&Event::Stopped);
    }

    /// Feeds the machine. That an event is refused is its sender's business where it can happen at all.
    fn apply(&mut self, event: &Event) -> bool {
        match self.book.apply(event, self.clock.now()) {
            Ok(changed) => {
                self.is_news |= changed;
                true
            }
            Err(refusal) => {
                tracing::warn!(%refusal, ?event, "an event came out of order");
                false
            }
        }
    }

    fn step(&self) -> Step {
        self.book.status().step()
    }

    // Commands.

    fn answer(&mut self, command: Command, replies: Replies) {
        let result = match command {
            Command::Status { watch } => {
                let _ = replies.send(Reply::Status(Box::new(self.status())));
                if watch {
                    self.watchers.add_status(replies);
                }
                return;
            }
            Command::Desktop => {
                let _ = replies.send(Reply::Desktop(Box::new(self.desktop_view(self.status()))));
                return self.watchers.add_desktop(replies);
            }
            Command::Change(change) => self.change(&change).map(|()| Reply::Done),
            Command::Backup(order) => match self.ask_run(order, &replies) {
                Ok(()) => return,
                Err(error) => Err(error),
            },
            Command::Cancel => {
                let may = self.check_right(self.control.policy().user_may_cancel, "cancel a backup");
                may.and_then(|()| self.cancel(Canceler::User)).map(|()| Reply::Done)
            }
            Command::Pause(wish) => self.pause(wish).map(|until| Reply::Paused { until }),
            Command::Resume => self.try_event(&Event::PauseEnded).map(|()| Reply::Done),
        };
        let _ = replies.send(result.unwrap_or_else(|error| Reply::failed(&error)));
    }

    fn try_event(&mut self, event: &Event) -> Result<(), AgentError> {
        let changed = self.book.apply(event, self.clock.now()).map_err(refused)?;
        self.is_news |= changed;
        Ok(())
    }

    fn ask_run(&mut self, order: Order, replies: &Replies) -> Result<(), AgentError> {
        let (wish, manner) = order.into_parts();
        let runs = Refusal { event: status::Kind::RunAsked, step: self.step(), why: Why::RunUnderWay };
        if self.running.as_ref().is_some_and(|running| !running.is_over) {
            return Err(refused(runs));
        }
        // A run that was ended by what holds backups back may still wind down.
        if let Some(why) = self.book.status().what_holds() {
            return Err(refused(Refusal { why, ..runs }));
        }
        if self.running.is_some() {
            return Err(refused(runs));
        }
        let chosen = Chosen::of(&self.state, &wish)?;
        let beside = !scheduled(&self.state)?.contains(&chosen.choice.name);
        let _ = replies.send(Reply::Chosen(ChosenSet::new(&chosen.choice)));
        self.begin(Asker::User, beside, chosen, manner)?;
        if let Some(running) = &mut self.running {
            running.askers.push(replies.clone());
        }
        Ok(())
    }

    fn begin(&mut self, by: Asker, beside: bool, chosen: Chosen, manner: Manner) -> Result<(), AgentError> {
        self.try_event(&Event::RunAsked { by, beside })?;
        if let Some(missing_folders) = chosen.missing_folders() {
            self.apply(&Event::FoldersFound { missing_folders });
        }
        self.runs += 1;
        let dialling = Dialling { gate: Gate::default(), ..self.context.patient_dialling() };
        let begun =
            Running::begin(self.runs, &self.state, dialling, chosen, manner, &self.watches, &self.inputs);
        match begun {
            Ok(running) => self.running = Some(running),
            Err(error) => {
                self.apply(&event_of(&error, self.clock.now()));
                return Err(error);
            }
        }
        Ok(())
    }

    fn cancel(&mut self, by: Canceler) -> Result<(), AgentError> {
        let event = Event::Canceled { by, reason: None };
        if self.running.as_ref().is_none_or(|running| running.is_over) {
            return self.try_event(&event);
        }
        if !self.wind_down(&AgentError::Interrupted) {
            let step = Step::Finishing;
            return Err(refused(Refusal { event: event.kind(), step, why: Why::Finishing }));
        }
        self.try_event(&event)
    }

    /// Stops the backup, whose askers are told why; false when the server is accepting it already.
    fn wind_down(&mut self, why: &AgentError) -> bool {
        let Some(running) = self.running.as_mut() else { return true };
        if !running.progress.stop() {
            return false;
        }
        running.is_over = true;
        // Who waits need not wait for its last words to the server.
        running.tell(&Reply::failed(why));
        running.askers.clear();
        self.to_come.clear();
        if self.step() == Step::Finishing {
            // Its commit was refused, and the new attempt has not told yet that it began.
            self.apply(&Event::BegunAnew);
        }
        true
    }

    fn pause(&mut self, wish: PauseWish) -> Result<Timestamp, AgentError> {
        let now = self.clock.now();
        self.check_right(self.control.policy().user_may_pause, "pause backups")?;
        let due = self.book.status().due(&self.schedule, now, &TimeZone::system());
        let until = hold::end_of(wish, due, &self.schedule, now)?;
        self.check_pause(until, now)?;
        self.try_event(&Event::Paused { until })?;
        Ok(until)
    }

    fn status(&self) -> Status {
        let zone = TimeZone::system();
        let reader = Reader {
            now: self.clock.now(),
            zone: &zone,
            platform: Platform::Linux,
            schedule: &self.schedule,
        };
        self.book.status().status(reader)
    }

    // The backup.

    fn reached(&mut self, number: u64, milestone: Milestone) {
        if self.running.as_ref().is_none_or(|running| running.number != number || running.is_over) {
            return;
        }
        let event = match (milestone, self.step()) {
            (Milestone::Granted, Step::Waiting) => Event::LeaseGranted,
            (Milestone::Granted, _) => Event::BegunAnew,
            (Milestone::UploadBegan, _) => Event::UploadBegan,
            (Milestone::UploadAccepted, _) => Event::UploadAccepted,
            (Milestone::Committing, _) => Event::AllUploaded,
        };
        self.apply(&event);
        if event == Event::LeaseGranted {
            self.note_contact(true);
            self.note_network_used();
        }
    }

    fn ended(&mut self, number: u64, result: Result<BackupSummary, AgentError>) {
        let Some(running) = self.running.take_if(|running| running.number == number) else { return };
        if running.is_over {
            return;
        }
        match result {
            Ok(summary) => {
                self.apply(&committed(&summary));
                running.tell(&Reply::Progress(Counters::of(&running.progress)));
                running.tell(&Reply::Made(Box::new(Made::new(&running.set, summary))));
                self.note_contact(true);
                // The quota is fuller now.
                self.contact.ask_soon();
                if !self.to_come.is_empty() && self.book.status().what_holds().is_none() {
                    // That it could not begin is in the status.
                    let _ = self.begin_next(Asker::Schedule);
                }
            }
            Err(error) => {
                self.to_come.clear();
                if error.code() == Code::DeviceCloned
                    && let Err(error) = identity::mark_cloned(&self.state)
                {
                    tracing::warn!(%error, "that this state was copied could not be noted");
                }
                let event = match error.code() {
                    // Only the end of the service stops a run without an event of its own.
                    Code::Interrupted => Event::Cut,
                    _ => event_of(&error, self.clock.now()),
                };
                if matches!(event, Event::Unreachable { .. }) {
                    self.note_contact(false);
                }
                self.apply(&event);
                running.tell(&Reply::failed(&error));
            }
        }
    }

    /// A run is held while something holds it and it can be held.
    fn set_gate(&mut self) {
        self.cut_by_surroundings();
        let holds = self.book.status().what_holds().is_some() && self.step().can_be_held();
        let Some(running) = self.running.as_mut().filter(|running| !running.is_over) else { return };
        match (holds, running.held_since) {
            (true, None) => {
                running.gate.close();
                running.held_since = Some(Instant::now());
            }
            (false, Some(_)) => {
                running.gate.open();
                running.held_since = None;
            }
            (true, Some(since)) if since.elapsed() > HELD_LONG && running.progress.stop() => {
                running.is_over = true;
                running.tell(&Reply::failed(&AgentError::Interrupted));
                running.askers.clear();
                self.apply(&Event::Cut);
            }
            _ => {}
        }
    }

    // The server.

    fn answered(&mut self, result: Result<Answer, AgentError>) {
        if !self.contact.take_answer() {
            return;
        }
        match result {
            Ok(Answer { state, quota }) => {
                self.told(&state);
                if let Some(quota) = quota {
                    self.note_quota(quota);
                }
            }
            Err(error) => {
                self.note_contact(false);
                let event = contact_event(&error, self.clock.now());
                // A run finds out by itself, and tries for longer.
                if let Some(event) = event.filter(|_| self.running.is_none()) {
                    self.apply(&event);
                }
            }
        }
    }

    /// Takes in how full the quota is; while a run is under way that is about to change.
    fn note_quota(&mut self, answer: QuotaAnswer) {
        if self.running.is_some() {
            return;
        }
        let is_used_up = self.book.holds(&QUOTA_REACHED);
        for event in self.quota.events(answer, is_used_up) {
            self.apply(&event);
        }
    }

    /// Takes in whether the server was reached.
    fn note_contact(&mut self, well: bool) {
        self.contact.note(well);
        if well {
            self.telling.note_answer();
        }
    }

    // Time.

    fn look_at_time(&mut self) {
        let (now, zone) = (self.clock.now(), TimeZone::system());
        if self.book.status().pause().is_some_and(|pause| pause.until <= now) {
            self.apply(&Event::PauseEnded);
        }
        match (self.schedule.blackout_until(now, &zone), self.book.status().blackout_until()) {
            (Some(until), known) if known != Some(until) => {
                self.apply(&Event::BlackoutBegan { until });
            }
            (None, Some(_)) => {
                self.apply(&Event::BlackoutEnded);
            }
            _ => {}
        }
        if self.next_count <= now {
            self.next_count = now.after(COUNT_EVERY);
            self.apply(&Event::DaysCounted { limit: self.control.policy().not_backed_up_days });
        }
        self.set_gate();
        let until = self.book.written();
        if self.telling.is_due(until) {
            self.telling.tell(&self.state, self.context.dialling(), until, &self.inputs);
        }
        if let Some(running) = &self.running {
            if !running.askers.is_empty() {
                running.tell(&Reply::Progress(Counters::of(&running.progress)));
            }
            // Without the channel this is how a run learns that it is to end.
            if !self.is_connected && self.contact.is_due() {
                self.contact.ask(&self.state, self.context.dialling(), &self.inputs);
            }
            return;
        }
        if self.has_looked() && matches!(self.book.status().due(&self.schedule, now, &zone), Due::Now { .. })
        {
            self.run_is_due();
        }
        if self.running.is_none() && self.contact.is_due() {
            self.contact.ask(&self.state, self.context.dialling(), &self.inputs);
        }
    }

    fn run_is_due(&mut self) {
        if self.book.status().what_holds().is_some() {
            if !self.book.status().is_held_back() {
                self.apply(&Event::HeldBack);
            }
            return;
        }
        match scheduled(&self.state) {
            Ok(sets) => self.to_come = sets,
            Err(error) => tracing::warn!(%error, "the sets are not known"),
        }
        // That it could not begin is in the status.
        let _ = self.begin_next(Asker::Schedule);
    }

    /// Begins the backup of the next set whose turn it is.
    fn begin_next(&mut self, by: Asker) -> Result<(), AgentError> {
        let manner = Manner {
            accept_changed_roots: false,
            is_watched: false,
            walks_all: !matches!(by, Asker::Schedule),
        };
        let set = if self.to_come.is_empty() { None } else { Some(self.to_come.remove(0)) };
        // Without any set the default one is asked for, and is not there.
        let wish = Wish { set: set.or_else(|| Some(DEFAULT.to_owned())), ..Wish::default() };
        let begun = Chosen::of(&self.state, &wish).and_then(|chosen| {
            if chosen.missing_folders().is_some() { Ok(chosen) } else { Err(AgentError::NothingThere) }
        });
        let begun = match begun {
            Ok(chosen) => self.begin(by, false, chosen, manner),
            Err(error) => {
                self.apply(&Event::RunAsked { by, beside: false });
                self.apply(&event_of(&error, self.clock.now()));
                Err(error)
            }
        };
        begun.inspect_err(|error| {
            self.to_come.clear();
            tracing::warn!(%error, "a backup could not begin");
        })
    }
}

/// A refusal of the machine as the error of a command.
fn refused(Refusal { why, .. }: Refusal) -> AgentError {
    let message = why.to_string();
    let code = match why {
        Why::NothingRuns => Code::NothingRuns,
        Why::RunUnderWay => Code::BackupRuns,
        Why::Finishing => Code::BackupFinishing,
        Why::Paused { .. } => Code::BackupPaused,
        Why::Blackout { .. } => Code::Blackout,
        Why::NetworkBlocked { .. } => Code::NetworkBlocked,
        Why::BatteryLow { .. } => Code::BatteryLow,
        Why::NotPaused => Code::NotPaused,
        _ => Code::Internal,
    };
    AgentError::Service { code, message }
}
