//! `holdfast status`: what there is to say of this device.

use super::{Context, Outcome};
use crate::service::ask_status;
use crate::state::State;
use crate::state::status::read_status;
use crate::{AgentError, text};
use clap::Args;
use jiff::tz::TimeZone;
use model::Clock;
use model::schedule::Schedule;
use notices::{NONE, Platform};
use status::{Event, Reader, Shown, Status};
use std::io::{self, Write};

/// The details of a notice that say more than its texts and the lines below them.
const WORTH_READING: [&str; 3] = ["error", "incident", "reason"];

/// Say how the backup of this device stands
#[derive(Debug, Args)]
#[command(
    after_help = "docs/notices.md says what each status means. Without a running agent it says so, and what it knew last.

Examples:
  holdfast status
  holdfast status --watch
  holdfast status --json"
)]
pub(crate) struct StatusArgs {
    /// Say it anew with each change, until the agent ends
    #[arg(long)]
    watch: bool,
}

pub(crate) fn run(args: &StatusArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    let show = |status: &Status| -> Result<(), AgentError> {
        context.output.row(status, |out| write(out, status))?;
        context.output.finish()
    };
    let runs = match ask_status(&state, args.watch, show) {
        // Whoever watches may go at any time.
        Err(AgentError::OutputClosed) => return Ok(Outcome::Complete),
        other => other?,
    };
    if !runs {
        show(&without_agent(&state)?)?;
    }
    Ok(Outcome::Complete)
}

/// What was known last, and that no agent runs.
pub(crate) fn without_agent(state: &State) -> Result<Status, AgentError> {
    let now = Clock::system().now();
    crate::state::identity::Identity::read(state)?;
    let mut status = read_status(state)?.unwrap_or_else(|| status::State::new(now));
    // It can happen at any time, and stays in this process.
    let _ = status.apply(&Event::FoundNoAgent, now);
    let (zone, schedule) = (TimeZone::system(), Schedule::default());
    Ok(status.status(Reader { now, zone: &zone, platform: Platform::Linux, schedule: &schedule }))
}

fn write(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    match &status.line {
        Some(line) => {
            write_shown(out, line, "")?;
            for name in WORTH_READING {
                if let Some(value) = line.details.get(name) {
                    writeln!(out, "  {name}: {}", text::escaped_lines(value))?;
                }
            }
            writeln!(out, "  since {}", text::time(line.since))?;
            writeln!(out, "  {}", line.next)?;
        }
        None => writeln!(out, "Nothing is known of this device.")?,
    }
    for below in &status.details {
        write_shown(out, below, "  ")?;
    }
    for overlay in &status.overlays {
        write_shown(out, overlay, "! ")?;
    }
    if let Some(backup) = &status.last_backup {
        let id = &backup.snapshot.to_string()[..8];
        writeln!(out, "Last backup: {}, snapshot {id}", text::time(backup.time))?;
    }
    if let Some(pause) = &status.pause {
        writeln!(out, "Paused until: {}", text::time(pause.until))?;
    }
    if let Some(time) = status.next_attempt {
        writeln!(out, "Next backup: {}", text::time(time))?;
    }
    Ok(())
}

fn write_shown(out: &mut dyn Write, shown: &Shown, before: &str) -> io::Result<()> {
    let (status, sub_status) = (&shown.status, text::escaped(shown.sub_status.as_bytes()));
    match sub_status.as_str() {
        NONE => writeln!(out, "{before}{status}"),
        _ => writeln!(out, "{before}{status}: {sub_status}"),
    }
}
