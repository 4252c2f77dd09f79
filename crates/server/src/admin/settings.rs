//! `settings show` and `settings set`.

use crate::instance::Instance;
use crate::names::{show_bytes, show_duration};
use crate::settings::Settings;
use crate::{Error, Result};
use model::{Code, Custody};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// New settings; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// Where `serve` listens, from its next start on.
    pub listen: Option<SocketAddr>,
    /// The addresses of new tokens, and from the next start on the names in the certificate.
    pub urls: Option<Vec<String>>,
    /// Custody of new vaults.
    pub custody: Option<Custody>,
    /// Time between the two passes of a cleanup, in seconds.
    pub grace_seconds: Option<u64>,
    /// How long a deleted snapshot can be brought back, in seconds.
    pub undo_seconds: Option<u64>,
    /// Time between scheduled cleanups, in seconds.
    pub cleanup_every_seconds: Option<u64>,
    /// Backups that may run at once.
    pub leases_max: Option<u64>,
    /// Disk space that uploads leave free, in bytes.
    pub reserve_bytes: Option<u64>,
}

/// The settings in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsView {
    /// All of them.
    #[serde(flatten)]
    pub settings: Settings,
}

/// Shows the settings.
pub(super) fn show(instance: &Arc<Instance>) -> SettingsView {
    SettingsView { settings: (*instance.settings()).clone() }
}

/// Changes settings.
pub(super) async fn set(instance: &Arc<Instance>, change: SettingsChange) -> Result<SettingsView> {
    if let Some(urls) = &change.urls {
        check_urls(urls)?;
    }
    if change.leases_max == Some(0) || change.cleanup_every_seconds == Some(0) {
        return Err(Error::refused(Code::Usage, "that setting must be 1 or more"));
    }
    let settings = instance
        .change_settings(|settings| {
            change.apply(settings);
            Ok(())
        })
        .await?;
    tracing::info!("settings changed");
    Ok(SettingsView { settings: (*settings).clone() })
}

impl SettingsChange {
    fn apply(self, settings: &mut Settings) {
        fn put<T>(new: Option<T>, place: &mut T) {
            if let Some(new) = new {
                *place = new;
            }
        }
        put(self.listen, &mut settings.listen);
        put(self.urls, &mut settings.urls);
        put(self.custody, &mut settings.custody);
        put(self.grace_seconds, &mut settings.grace_seconds);
        put(self.undo_seconds, &mut settings.undo_seconds);
        put(self.cleanup_every_seconds, &mut settings.cleanup_every_seconds);
        put(self.leases_max, &mut settings.leases_max);
        if self.reserve_bytes.is_some() {
            settings.reserve_bytes = self.reserve_bytes;
        }
    }
}

/// Refuses addresses that no token can hold.
pub(super) fn check_urls(urls: &[String]) -> Result<()> {
    let nobody = api::Secret::from_bytes([0; 32]);
    match api::Token::new(urls.to_vec(), api::Pin::Os, nobody) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::refused(Code::Usage, format!("the addresses cannot be used: {error}"))),
    }
}

impl fmt::Display for SettingsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { listen, urls, store, custody, leases_max, reserve_bytes, .. } = &self.settings;
        let reserve = reserve_bytes.map_or("by the size of the disk".to_owned(), show_bytes);
        writeln!(f, "listen           {listen}")?;
        writeln!(f, "addresses        {}", urls.join(" "))?;
        writeln!(f, "store            {}", store.display())?;
        writeln!(f, "custody          {custody}")?;
        writeln!(f, "grace            {}", show_duration(self.settings.grace_seconds))?;
        writeln!(f, "undo             {}", show_duration(self.settings.undo_seconds))?;
        writeln!(f, "cleanup every    {}", show_duration(self.settings.cleanup_every_seconds))?;
        writeln!(f, "backups at once  {leases_max}")?;
        writeln!(f, "disk reserve     {reserve}")
    }
}
