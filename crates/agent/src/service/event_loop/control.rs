//! What the loop does with what the server tells: state, policy, and orders of the administrator.

use super::{EventLoop, refused};
use crate::AgentError;
use crate::run::scheduled;
use crate::service::causes::contact_event;
use crate::state::identity;
use api::control::{DeviceState, Order, OrderAnswer, OrderKind, PolicyAnswer};
use engine::remote::RemoteError;
use model::{Code, Timestamp};
use status::{Asker, Canceler, Event, Kind, Refusal, Step, Why};
use std::time::Duration;

impl EventLoop<'_> {
    /// The server tells how it sees this device.
    pub(super) fn told(&mut self, told: &DeviceState) {
        self.note_contact(true);
        match told.refusal() {
            // What a run meets tells more. One that only winds down tells nothing any more.
            None if self.running.as_ref().is_some_and(|running| !running.is_over) => {}
            // The server takes a copy of this state for the device, and does not know them apart without a run.
            None if identity::is_cloned(&self.state) => {}
            None => drop(self.apply(&Event::Accepted)),
            Some(code) => self.turned_away(&RemoteError::new(code, code.meaning()).into()),
        }
        if !told.policy.is_empty() {
            self.control.told_version(&told.policy, self.context.dialling(), &self.inputs);
        }
        told.orders.iter().for_each(|order| self.obey(order));
    }

    /// The channel could not be opened, or has ended. Whether the server is there is asked elsewhere; what it says of this
    /// device counts.
    pub(super) fn channel_ended(&mut self, result: Result<(), AgentError>) {
        self.is_connected = false;
        let Err(error) = result else { return };
        let says_something = matches!(
            error.code(),
            Code::AccountDisabled
                | Code::DeviceDisabled
                | Code::DeviceDeactivated
                | Code::DeviceDeleted
                | Code::DeviceReplaced
        );
        if says_something {
            self.turned_away(&error);
        }
    }

    /// The server takes nothing from this device any more. A run ends at once; one that is being accepted is told by its
    /// own answer.
    fn turned_away(&mut self, error: &AgentError) {
        if self.running.as_ref().is_some_and(|running| !running.is_over) && !self.wind_down(error) {
            return;
        }
        if let Some(event) = contact_event(error, self.clock.now()) {
            self.apply(&event);
        }
    }

    /// The policy that was asked for.
    pub(super) fn take_policy(&mut self, answer: Result<Box<PolicyAnswer>, AgentError>) {
        if self.control.take_policy(answer) {
            // Any version but the one that is there now.
            self.control.told_version("", self.context.dialling(), &self.inputs);
        }
        if self.schedule != self.control.policy().schedule {
            self.schedule = self.control.policy().schedule.clone();
            self.look_at_time();
        }
        self.judge_network();
        self.judge_power();
        // When the next backup is due is shown, and what comes up on the desktop.
        self.is_news = true;
    }

    /// Does what an administrator wants, once.
    fn obey(&mut self, order: &Order) {
        if self.control.answer_to(order.id).is_none() {
            let done = match order.kind {
                OrderKind::Start => self.start_for_administrator(),
                OrderKind::Cancel => self.cancel_for_administrator(Duration::from_secs(order.age_seconds)),
                OrderKind::Unknown => return,
            };
            tracing::info!(order = %order.id, kind = ?order.kind, ?done, "an order of the administrator");
            let answer =
                done.map_or_else(|error| OrderAnswer::refused(error.code()), |()| OrderAnswer::done());
            self.control.obeyed(order.id, answer);
        }
        self.control.tell(order.id, self.context.dialling(), &self.inputs);
    }

    fn start_for_administrator(&mut self) -> Result<(), AgentError> {
        if let Some(why) = self.book.status().what_holds() {
            return Err(refused(Refusal { event: Kind::RunAsked, step: self.step(), why }));
        }
        if self.running.is_some() {
            return Err(refused(Refusal { event: Kind::RunAsked, step: self.step(), why: Why::RunUnderWay }));
        }
        self.to_come = scheduled(&self.state)?;
        self.begin_next(Asker::Administrator)
    }

    /// A backup that began after the order was given is not meant by it.
    fn cancel_for_administrator(&mut self, age: Duration) -> Result<(), AgentError> {
        let began = self.running.as_ref().map(|running| running.began.elapsed());
        if began.is_some_and(|began| began.as_secs() < age.as_secs()) {
            return Err(refused(Refusal { event: Kind::Canceled, step: Step::Idle, why: Why::NothingRuns }));
        }
        self.cancel(Canceler::Administrator)
    }

    /// Refuses what the policy does not let a user do.
    pub(super) fn check_right(&self, is_allowed: bool, what: &str) -> Result<(), AgentError> {
        if is_allowed {
            return Ok(());
        }
        let message = format!("the policy of this device does not let its user {what}");
        Err(AgentError::Service { code: Code::PolicyForbids, message })
    }

    /// Refuses a pause that is longer than the policy allows.
    pub(super) fn check_pause(&self, until: Timestamp, now: Timestamp) -> Result<(), AgentError> {
        let hours = self.control.policy().user_pause_max_hours;
        if until.since(now) <= Duration::from_secs(u64::from(hours) * 3_600) {
            return Ok(());
        }
        let message = format!("the policy of this device allows pauses of {hours} h at most");
        Err(AgentError::Service { code: Code::PolicyForbids, message })
    }
}
