//! `retention show` and `retention set`.

use crate::Result;
use crate::instance::Instance;
use model::retention::Retention;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// New numbers; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionChange {
    /// The newest N.
    pub keep_last: Option<u32>,
    /// One an hour.
    pub hourly: Option<u32>,
    /// One a day.
    pub daily: Option<u32>,
    /// One a week.
    pub weekly: Option<u32>,
    /// One a month.
    pub monthly: Option<u32>,
}

/// The rule in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetentionView {
    /// The numbers.
    #[serde(flatten)]
    pub retention: Retention,
}

/// Shows the rule.
pub(super) fn show(instance: &Arc<Instance>) -> RetentionView {
    RetentionView { retention: instance.settings().retention }
}

/// Changes the rule; it is applied before the next cleanup.
pub(super) async fn set(instance: &Arc<Instance>, change: RetentionChange) -> Result<RetentionView> {
    let settings = instance
        .change_settings(|settings| {
            let old = settings.retention;
            settings.retention = Retention {
                keep_last: change.keep_last.unwrap_or(old.keep_last),
                hourly: change.hourly.unwrap_or(old.hourly),
                daily: change.daily.unwrap_or(old.daily),
                weekly: change.weekly.unwrap_or(old.weekly),
                monthly: change.monthly.unwrap_or(old.monthly),
            };
            Ok(())
        })
        .await?;
    tracing::info!(retention = ?settings.retention, "retention changed");
    Ok(RetentionView { retention: settings.retention })
}

impl fmt::Display for RetentionView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retention { keep_last, hourly, daily, weekly, monthly } = self.retention;
        writeln!(f, "Of each set are kept:")?;
        writeln!(f, "{keep_last:6}  newest snapshots")?;
        for (count, period) in [(hourly, "hours"), (daily, "days"), (weekly, "weeks"), (monthly, "months")] {
            writeln!(f, "{count:6}  {period}, the newest of each")?;
        }
        writeln!(f, "The newest complete snapshot of a set is always kept.")
    }
}
