//! What the server does by itself: retention and cleanup of every vault, one after another, the removal of users and
//! devices that were deleted long enough ago, and the end of leases whose deadline passed.

use crate::instance::Instance;
use crate::watch::Watch;
use crate::{Result, accounts, cleanup, events, orders};
use model::{Code, Timestamp};
use serde_json::Value;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// How often it looks whether something is due. Clocks may be set, so it never sleeps until a far time.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The first look after a start, when agents come back all at once.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// When the last scheduled cleanup began.
const LAST: &str = "last_cleanup";

/// Works until `shutdown`; what runs then is asked to stop.
pub async fn run(instance: Arc<Instance>, shutdown: impl Future<Output = ()>) {
    let watch = Watch::silent();
    let work = async {
        tokio::time::sleep(FIRST_LOOK).await;
        loop {
            if let Err(error) = look(&instance, &watch).await {
                tracing::error!(%error, "scheduled work failed");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        () = work => {}
        // What runs in another thread ends by itself or with the process; both are as good as a kill.
        () = shutdown => watch.stop(),
    }
}

async fn look(instance: &Arc<Instance>, watch: &Watch) -> Result<()> {
    instance.vaults.close_idle();
    let now = instance.clock.now();
    let expired = instance.meta.expire_leases(now).await?;
    if expired > 0 {
        tracing::info!(expired, "leases expired");
    }
    if is_due(instance, now).await? {
        instance.meta.set_setting(LAST, &Value::from(now.as_micros())).await?;
        // What cannot be hidden now is tried again next time; the other vaults are cleaned up all the same.
        if let Err(error) = accounts::remove_overdue(instance).await {
            tracing::error!(%error, "what was deleted could not be removed");
        }
        if let Err(error) = events::prune(instance).await {
            tracing::error!(%error, "old events could not be forgotten");
        }
        if let Err(error) = orders::prune(instance).await {
            tracing::error!(%error, "old orders could not be forgotten");
        }
        clean_all(instance, watch).await?;
    }
    Ok(())
}

/// Due when the time since the last one is over, or when the clock was set back behind it.
async fn is_due(instance: &Arc<Instance>, now: Timestamp) -> Result<bool> {
    let last =
        instance.meta.setting(LAST).await?.and_then(|value| value.as_i64()).map(Timestamp::from_micros);
    let every = Duration::from_secs(instance.settings().cleanup_every_seconds);
    Ok(last.is_none_or(|last| last > now || now.since(last) >= every))
}

async fn clean_all(instance: &Arc<Instance>, watch: &Watch) -> Result<()> {
    for vault in instance.meta.vaults(None).await? {
        watch.check()?;
        match cleanup::clean(instance, vault.id, false, watch).await {
            Ok(_) => {}
            Err(error) if error.code() == Code::ServerBusy => {
                tracing::info!(vault = %vault.id, %error, "cleanup is left for later");
            }
            // One vault's trouble is not that of the others.
            Err(error) => tracing::error!(vault = %vault.id, code = %error.code(), %error, "cleanup failed"),
        }
    }
    Ok(())
}
