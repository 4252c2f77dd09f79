//! Who is told of each change, until they go: those who watch the status, and the desktops.

use super::desktop_view::DesktopView;
use super::protocol::Reply;
use super::running::Replies;
use ::status::{Status, Transition};

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    status: Vec<Replies>,
    desktops: Vec<Replies>,
}

impl Watchers {
    /// Somebody watches the status.
    pub(super) fn add_status(&mut self, replies: Replies) {
        self.status.push(replies);
    }

    /// A desktop watches.
    pub(super) fn add_desktop(&mut self, replies: Replies) {
        self.desktops.push(replies);
    }

    /// Nobody watches.
    pub(super) fn is_empty(&self) -> bool {
        self.status.is_empty() && self.desktops.is_empty()
    }

    /// Tells what there is to say now.
    pub(super) fn tell(&mut self, status: &Status, view: &DesktopView) {
        tell(&mut self.status, &Reply::Status(Box::new(status.clone())));
        tell(&mut self.desktops, &Reply::Desktop(Box::new(view.clone())));
    }

    /// Tells of an event that is over with that.
    pub(super) fn tell_event(&mut self, event: &Transition) {
        tell(&mut self.desktops, &Reply::Event(Box::new(event.clone())));
    }
}

/// Who has gone is told nothing more.
fn tell(watchers: &mut Vec<Replies>, reply: &Reply) {
    watchers.retain(|watcher| watcher.send(reply.clone()).is_ok());
}
