//! `device events`: the event log of a device, newest first, in pages.

use super::show_time;
use crate::instance::Instance;
use crate::{Error, Result};
use meta::LoggedEvent;
use model::{Code, DeviceId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// Events of a page unless a number is given, and the most.
pub(crate) const PAGE: u64 = 100;
const PAGE_MAX: u64 = 1_000;

/// An event, as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// The server's number of it, from 1.
    pub number: u64,
    /// When the server learnt of it.
    pub received: Timestamp,
    /// `device` or `server`: who told of it.
    pub source: String,
    /// The device's own number of it.
    pub sequence: Option<u64>,
    /// When it happened, by the clock of who told of it.
    pub time: Timestamp,
    /// What happened.
    pub code: String,
    /// More about it.
    pub params: Value,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventsView {
    /// Newest first.
    pub events: Vec<EventView>,
    /// Where the next page begins: those before this number. `None` when there is none.
    pub next_before: Option<u64>,
}

/// A page of a device's log: events with numbers below `before`, or the newest.
pub(crate) async fn list(
    instance: &Arc<Instance>,
    device: DeviceId,
    before: Option<u64>,
    limit: u64,
) -> Result<EventsView> {
    if limit == 0 || limit > PAGE_MAX {
        return Err(Error::refused(Code::Usage, format!("a page has 1 to {PAGE_MAX} events")));
    }
    // One more tells whether there is a next page.
    let mut found = instance.meta.events(device, before, limit + 1).await?;
    let has_more = found.len() as u64 > limit;
    found.truncate(limit as usize);
    let view = |event: LoggedEvent| {
        let LoggedEvent { number, received, source, sequence, time, code, params } = event;
        EventView { number, received, source: source.to_string(), sequence, time, code, params }
    };
    let events: Vec<_> = found.into_iter().map(view).collect();
    let next_before = events.last().map(|event| event.number).filter(|_| has_more);
    Ok(EventsView { events, next_before })
}

/// The list for people.
impl fmt::Display for EventsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.events.is_empty() {
            return writeln!(f, "There are no events.");
        }
        for EventView { received, source, code, params, .. } in &self.events {
            let params = if params == &serde_json::json!({}) { String::new() } else { format!("  {params}") };
            writeln!(f, "{}  {source:6}  {code}{params}", show_time(*received))?;
        }
        match self.next_before {
            Some(before) => writeln!(f, "There are more: --before {before}"),
            None => Ok(()),
        }
    }
}
