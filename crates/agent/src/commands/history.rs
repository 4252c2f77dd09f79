//! `holdfast history`: what the status of this device has said.

use super::{Context, Outcome};
use crate::state::State;
use crate::state::event_log::read_events;
use crate::state::identity::Identity;
use crate::{AgentError, text};
use clap::Args;
use jiff::tz::TimeZone;
use model::{Clock, Moment, Timestamp};
use notices::{NONE, Platform, Reader, catalogue};
use serde::Serialize;
use status::{Change, Transition};

/// List what the status of this device has said, the newest first
#[derive(Debug, Args)]
#[command(after_help = "With --json also what ended and what changed is listed, with all values.

Examples:
  holdfast history
  holdfast history --limit 100 --json")]
pub(crate) struct HistoryArgs {
    /// Rows at most
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: usize,
}

#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    change: Transition,
    status: String,
    sub_status: String,
}

impl Row {
    fn new(change: Transition, now: Timestamp, zone: &TimeZone) -> Self {
        let moment = |time| Moment::of(time, now, zone);
        let reader = Reader { platform: Platform::Linux, moment: &moment };
        let texts =
            catalogue::find(&change.code).and_then(|notice| notice.render(&change.values, reader).ok());
        let (status, sub_status) = match texts {
            Some(texts) => (texts.status, texts.sub_status),
            // Of another version.
            None => (change.code.clone(), NONE.to_owned()),
        };
        Self { change, status, sub_status }
    }
}

pub(crate) fn run(args: &HistoryArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    // A machine that is no device has no history, rather than an empty one.
    Identity::read(&state)?;
    let events = read_events(&state)?;
    let (now, zone, json) = (Clock::system().now(), TimeZone::system(), context.output.is_json());
    // What ended says nothing to people that the next beginning does not say.
    let told = |change: &Transition| json || matches!(change.change, Change::Raised | Change::Told);
    let rows = events.into_iter().rev().filter(told).take(args.limit);
    let rows: Vec<Row> = rows.map(|change| Row::new(change, now, &zone)).collect();
    context.output.print(&rows, |out| {
        for row in &rows {
            let sub_status = text::escaped(row.sub_status.as_bytes());
            let joint = if sub_status == NONE { String::new() } else { format!(": {sub_status}") };
            writeln!(out, "{}  {}{joint}", text::time(row.change.time), row.status)?;
        }
        Ok(())
    })?;
    Ok(Outcome::Complete)
}
