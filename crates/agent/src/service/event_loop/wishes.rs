//! What the user wants besides backups, and who watches.

use super::EventLoop;
use crate::AgentError;
use crate::change::SettingsChange;
use crate::run::missing_folders;
use crate::service::desktop_view::DesktopView;
use crate::state::networks::Networks;
use crate::state::settings::Settings;
use model::policy::Policy;
use status::{Event, Status};

impl EventLoop<'_> {
    /// Changes the settings, and takes in what follows from that.
    pub(super) fn change(&mut self, change: &SettingsChange) -> Result<(), AgentError> {
        change.apply(&self.state, self.control.policy())?;
        self.read_choices();
        if matches!(change, SettingsChange::AddFolder { .. })
            && let Some(missing_folders) = missing_folders(&self.state)?
        {
            self.apply(&Event::FoldersFound { missing_folders });
        }
        if matches!(change, SettingsChange::Block { .. } | SettingsChange::Unblock { .. }) {
            self.judge_network();
        }
        self.is_news = true;
        Ok(())
    }

    /// The policy with what the user wants. Settings that cannot be read leave it as it was.
    pub(super) fn read_choices(&mut self) {
        match Settings::read(&self.state) {
            Ok(settings) => self.choices = settings.choices,
            Err(error) => tracing::warn!(%error, "the user's choices are not known"),
        }
        match Networks::read(&self.state) {
            Ok(networks) => self.networks = networks,
            Err(error) => tracing::warn!(%error, "the networks are not known"),
        }
    }

    pub(super) fn desktop_view(&self, status: Status) -> DesktopView {
        let (_, origins) = Policy::of_layers([]);
        let (policy, _) = self.control.policy().clone().with_choices(origins, &self.choices);
        DesktopView::new(status, self.book.status(), &policy, self.may_block())
    }

    pub(super) fn tell_watchers(&mut self) {
        for event in self.book.take_told() {
            self.watchers.tell_event(&event);
        }
        if std::mem::take(&mut self.is_news) && !self.watchers.is_empty() {
            let status = self.status();
            let view = self.desktop_view(status.clone());
            self.watchers.tell(&status, &view);
        }
    }
}
