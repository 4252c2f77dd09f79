//! What the surroundings mean for backups: on which network they may run.

use super::EventLoop;
use crate::AgentError;
use crate::service::around::Around;
use crate::service::network_rules::{Blocked, battery_limit, judge, of_users};
use crate::service::protocol::Reply;
use model::Code;
use status::{Event, Step, Why};
use std::time::Duration;
use surroundings::{Network, NetworkKind};

/// How long a start waits for the first look. A name server that is away must not keep backups back for ever.
const FIRST_LOOK: Duration = Duration::from_secs(10);

impl EventLoop<'_> {
    /// Whether it is known by now where the device is, so that no backup begins on a blocked network.
    pub(super) fn has_looked(&self) -> bool {
        self.around.is_some() || self.started.elapsed() > FIRST_LOOK
    }

    /// Takes in what is around the device now.
    pub(super) fn take_around(&mut self, around: Around) {
        let power_changed = self.around.as_ref().is_none_or(|before| before.power != around.power);
        let is_other = self.around.as_ref().is_none_or(|before| before.way != around.way);
        if around.woke || (is_other && self.around.is_some()) {
            // What could not be reached may be there now.
            self.contact.ask_soon();
        }
        self.around = Some(around);
        if power_changed {
            self.judge_power();
        }
        if !is_other {
            return;
        }
        if let Some(network) = self.network().cloned()
            && self.networks.note(&network, self.clock.now())
        {
            self.keep_networks();
        }
        self.judge_network();
        self.note_network_used();
        self.is_news = true;
    }

    /// Lets backups run or not, by the network that the device is on.
    pub(super) fn judge_network(&mut self) {
        let way = self.around.as_ref().and_then(|around| around.way.as_ref());
        let blocked = way.and_then(|way| judge(self.control.policy(), way, &self.networks.blocked()));
        let known = self.book.status().blocked_network();
        match blocked {
            Some(Blocked { network, .. }) if known == Some(&network[..]) => {}
            Some(Blocked { network, why }) => {
                tracing::info!(network, why, "no backup runs on this network");
                self.apply(&Event::NetworkBlocked { network });
            }
            None if known.is_some() => {
                self.apply(&Event::NetworkAllowed);
            }
            None => {}
        }
        self.set_gate();
    }

    /// Tells the user of the first backup on a network, who may want none there.
    pub(super) fn note_network_used(&mut self) {
        let begun = [Step::Initializing, Step::InProgress, Step::Finishing].contains(&self.step());
        let may_block = self.may_block();
        let Some(network) = self.network().cloned().filter(|_| begun) else { return };
        if self.book.status().blocked_network().is_none() && self.networks.note_used(&network) {
            self.keep_networks();
            if may_block {
                self.apply(&Event::NewNetwork { network: network.name });
            }
        }
    }

    /// Lets backups run or not, by what the device runs on.
    pub(super) fn judge_power(&mut self) {
        let power = self.around.as_ref().map(|around| around.power).unwrap_or_default();
        let limit = battery_limit(self.control.policy(), power);
        if limit == self.book.status().battery_limit() {
            return;
        }
        self.apply(&limit.map_or(Event::PowerSuffices, |limit| Event::BatteryLow { limit }));
        self.set_gate();
    }

    /// A run cannot go on as things are: what a network or a battery forbids is not waited for with a place at the
    /// server.
    pub(super) fn cut_by_surroundings(&mut self) {
        let (why, code) = match self.book.status().what_holds() {
            Some(why @ Why::NetworkBlocked { .. }) => (why, Code::NetworkBlocked),
            Some(why @ Why::BatteryLow { .. }) => (why, Code::BatteryLow),
            _ => return,
        };
        if !self.step().can_be_held() {
            return;
        }
        let Some(running) = self.running.as_mut().filter(|running| !running.is_over) else { return };
        if running.progress.stop() {
            running.is_over = true;
            let message = why.to_string();
            running.tell(&Reply::failed(&AgentError::Service { code, message }));
            running.askers.clear();
            self.to_come.clear();
            self.apply(&Event::Cut);
        }
    }

    /// Whether the user may keep backups off the network that the device is on.
    pub(super) fn may_block(&self) -> bool {
        self.network().is_some_and(|network| of_users(self.control.policy()).may_block(network).is_ok())
    }

    /// The network that the server is reached by; none on the server's own machine.
    fn network(&self) -> Option<&Network> {
        let network = &self.around.as_ref()?.way.as_ref()?.network;
        (network.kind != NetworkKind::Loopback).then_some(network)
    }

    fn keep_networks(&self) {
        if let Err(error) = self.networks.write(&self.state) {
            tracing::warn!(%error, "the network could not be noted");
        }
    }
}
