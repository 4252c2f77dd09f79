//! What the server wants of this device, as far as it is kept: the policy, and which orders were obeyed.

use super::event_loop::Input;
use crate::AgentError;
use crate::session::{Dialling, Session};
use crate::state::State;
use crate::state::orders::Obeyed;
use crate::state::policy::{read_policy, write_policy};
use api::control::{OrderAnswer, PolicyAnswer};
use model::OrderId;
use model::policy::Policy;
use std::collections::HashSet;
use std::sync::mpsc::Sender;

/// The policy and the orders.
#[derive(Debug)]
pub(super) struct Control {
    state: State,
    version: String,
    policy: Policy,
    fetching: Fetching,
    obeyed: Obeyed,
    /// Orders whose answers are on their way.
    answering: HashSet<OrderId>,
}

/// Whether the policy is being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fetching {
    No,
    Yes,
    /// And another version was told meanwhile.
    Again,
}

impl Control {
    /// What is kept in this state.
    pub(super) fn open(state: &State) -> Self {
        let (version, policy) =
            read_policy(state).map_or_else(Default::default, |kept| (kept.version, kept.policy));
        let (state, obeyed) = (state.clone(), Obeyed::read(state));
        Self { state, version, policy, fetching: Fetching::No, obeyed, answering: HashSet::new() }
    }

    /// The policy that holds.
    pub(super) const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The server told which version holds: another one is asked for, on a thread of its own.
    pub(super) fn told_version(&mut self, version: &str, dialling: Dialling, inputs: &Sender<Input>) {
        if version == self.version {
            return;
        }
        if self.fetching != Fetching::No {
            self.fetching = Fetching::Again;
            return;
        }
        let state = self.state.clone();
        let asks = ask(inputs, move || {
            let policy = Session::open(state, &dialling)
                .and_then(|session| Ok(session.vault.connection().policy()?));
            Input::Policy(policy.map(Box::new))
        });
        if asks {
            self.fetching = Fetching::Yes;
        }
    }

    /// The policy came, or did not. Gives whether it has to be asked for once more.
    pub(super) fn take_policy(&mut self, answer: Result<Box<PolicyAnswer>, AgentError>) -> bool {
        let again = self.fetching == Fetching::Again;
        self.fetching = Fetching::No;
        match answer {
            Ok(answer) => {
                if let Err(error) = write_policy(&self.state, &answer) {
                    // It holds all the same; the next start asks for it anew.
                    tracing::error!(%error, "the policy could not be kept");
                }
                tracing::info!(version = answer.version, "another policy holds");
                (self.version, self.policy) = (answer.version, answer.policy);
                again
            }
            Err(error) => {
                tracing::warn!(%error, "the policy could not be fetched; it is asked for again later");
                false
            }
        }
    }

    /// The answer to an order that was obeyed before.
    pub(super) fn answer_to(&self, order: OrderId) -> Option<&OrderAnswer> {
        self.obeyed.answer(order)
    }

    /// An order was obeyed.
    pub(super) fn obeyed(&mut self, order: OrderId, answer: OrderAnswer) {
        if let Err(error) = self.obeyed.add(&self.state, order, answer) {
            tracing::error!(%error, %order, "that an order was obeyed could not be kept");
        }
    }

    /// Tells the server what became of an order, unless that is on its way. What is lost is told again when the server
    /// names the order again.
    pub(super) fn tell(&mut self, order: OrderId, dialling: Dialling, inputs: &Sender<Input>) {
        let Some(answer) = self.answer_to(order).cloned() else { return };
        if self.answering.contains(&order) {
            return;
        }
        let state = self.state.clone();
        let asks = ask(inputs, move || {
            let told = Session::open(state, &dialling)
                .and_then(|session| Ok(session.vault.connection().answer_order(order, &answer)?));
            if let Err(error) = told {
                tracing::warn!(%error, %order, "an order could not be answered; it will be when it is told again");
            }
            Input::OrderAnswered(order)
        });
        if asks {
            self.answering.insert(order);
        }
    }

    /// The answer to an order is no longer on its way.
    pub(super) fn told(&mut self, order: OrderId) {
        self.answering.remove(&order);
    }
}

/// Asks the server on a thread of its own; what comes of it comes to the loop. False when there is no thread.
fn ask(inputs: &Sender<Input>, work: impl FnOnce() -> Input + Send + 'static) -> bool {
    let inputs = inputs.clone();
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
        // A loop that has ended needs to know nothing more.
        let _ = inputs.send(work());
    });
    thread.inspect_err(|error| tracing::warn!(%error, "no thread to ask the server")).is_ok()
}
