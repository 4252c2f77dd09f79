//! The event log of each device: what the device tells, and what the server itself has done with it.

use crate::Result;
use crate::words::words;
use async_trait::async_trait;
use model::{DeviceId, Timestamp};
use serde_json::Value;
use std::time::Duration;

words! {
    /// Who told of an event.
    EventSource {
        /// The device.
        Device = "device",
        /// The server.
        Server = "server",
    }
}

/// An event as a device tells it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceEvent {
    /// The device's number of it, from 1.
    pub sequence: u64,
    /// When it happened, by the device's clock.
    pub time: Timestamp,
    /// What happened.
    pub code: String,
    /// More about it.
    pub params: Value,
}

/// An event of the log.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedEvent {
    /// The server's number of it in the log of its device, from 1.
    pub number: u64,
    /// When the server learnt of it.
    pub received: Timestamp,
    /// Who told of it.
    pub source: EventSource,
    /// The device's number of it.
    pub sequence: Option<u64>,
    /// When it happened, by the clock of who told of it.
    pub time: Timestamp,
    /// What happened.
    pub code: String,
    /// More about it.
    pub params: Value,
}

/// What was stored of a device's events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// How many were new.
    pub stored: u64,
    /// The greatest number of the device that is known; 0 for none.
    pub last_sequence: u64,
}

/// Which events stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventLimit {
    /// Those that the server learnt of before this go.
    pub oldest: Timestamp,
    /// The most of one device; the older ones go.
    pub most: u64,
}

/// How long a repetition of the newest event of the server is not stored once more.
pub const REPEATED_WITHIN: Duration = Duration::from_secs(60 * 60);

/// Event logs.
#[async_trait]
pub trait Events: Send + Sync {
    /// Stores what a device tells. An event with a number that is known changes nothing.
    async fn add_device_events(
        &self,
        device: DeviceId,
        events: &[DeviceEvent],
        now: Timestamp,
    ) -> Result<Told>;

    /// Stores an event of the server, unless the newest of the device's log says the same and is younger than
    /// [`REPEATED_WITHIN`]: a device that asks again and again for what it does not get must not fill the log.
    async fn add_server_event(
        &self,
        device: DeviceId,
        code: &str,
        params: &Value,
        now: Timestamp,
    ) -> Result<()>;

    /// The events of a device with numbers below `before`, or all, newest first, at most `limit`.
    async fn events(&self, device: DeviceId, before: Option<u64>, limit: u64) -> Result<Vec<LoggedEvent>>;

    /// Forgets what is too old or too much. Gives the number.
    async fn prune_events(&self, limit: EventLimit) -> Result<u64>;
}
