//! The queue of devices that wait to back up. A device has one place, whatever the number of its sets; one that does not
//! ask again in time has left it.

use super::Write;
use super::value::args;
use crate::{GrantRequest, Result};
use model::{DeviceId, Timestamp};

pub(super) const COUNT: &str = "SELECT COUNT(*) FROM waiting WHERE asked >= $1";

/// How many others come first. Who has no place comes after all.
pub(super) async fn ahead(tx: &mut Write, device: DeviceId, since: Timestamp) -> Result<u64> {
    let number: Option<u64> = tx
        .one("SELECT number FROM waiting WHERE device_id = $1 AND asked >= $2", args![device, since])
        .await?;
    let ahead = tx
        .one(
            "SELECT COUNT(*) FROM waiting WHERE asked >= $1 AND device_id <> $2 AND ($3 IS NULL OR number < $3)",
            args![since, device, number],
        )
        .await?;
    Ok(ahead.unwrap_or(0))
}

/// Keeps the device's place, or gives it the last one. The next place is 1.
pub(super) async fn take(tx: &mut Write, request: &GrantRequest) -> Result<u64> {
    let (device, now, since) = (request.device, request.now, request.admission.waiting_since);
    tx.run("DELETE FROM waiting WHERE asked < $1", args![since]).await?;
    tx.run(
        "INSERT INTO waiting (device_id, number, asked)
         VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM waiting), $2)
         ON CONFLICT (device_id) DO UPDATE SET asked = excluded.asked",
        args![device, now],
    )
    .await?;
    Ok(ahead(tx, device, since).await? + 1)
}

/// Gives the device's place up.
pub(super) async fn leave(tx: &mut Write, device: DeviceId) -> Result<()> {
    tx.run("DELETE FROM waiting WHERE device_id = $1", args![device]).await?;
    Ok(())
}
