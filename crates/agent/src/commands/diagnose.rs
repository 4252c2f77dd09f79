//! `holdfast diagnose`: what support needs to know of this device, without what it need not know.

use super::status::without_agent;
use super::{Context, Outcome};
use crate::service::ask_status;
use crate::session::Session;
use crate::state::State;
use crate::state::event_log::read_events;
use crate::state::identity::Identity;
use crate::state::networks::Networks;
use crate::state::settings::Settings;
use crate::{AgentError, text};
use clap::Args;
use model::Clock;
use notices::Value as NoticeValue;
use platform::durable;
use serde_json::{Map, Value, json};
use status::{Shown, Status, Transition};
use std::path::{Path, PathBuf};

const FILE_MODE: u32 = 0o600;
/// Changes of the status that are told.
const CHANGES: usize = 500;

/// Details that name nothing of the user's. Errors may name paths.
const NAMELESS: [&str; 6] = ["incident", "snapshot", "missed", "retry_at", "replaced", "device_only"];

/// Write a file for support that names no files, people, networks or servers
#[derive(Debug, Args)]
#[command(
    after_help = "The file is JSON, for you to read before you give it to anybody. It says how the device stands and stood, which
version runs on which system, how many folders and networks there are, how large the parts of the state are, and
whether the server answers. It holds no key, and no name but those of Holdfast's own files. A file that is there
already is not replaced.

Examples:
  holdfast diagnose
  holdfast diagnose --to /tmp/holdfast.json"
)]
pub(crate) struct DiagnoseArgs {
    /// Where to write it
    #[arg(long, value_name = "FILE", default_value = "holdfast-diagnose.json")]
    to: PathBuf,
}

pub(crate) fn run(args: &DiagnoseArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    let to = std::path::absolute(&args.to).map_err(|error| AgentError::local(&args.to, error))?;
    if to.symlink_metadata().is_ok() {
        return Err(AgentError::Usage(format!("{} is there already", text::escaped_path(&to))));
    }
    let bundle = bundle(&state, context)?;
    let mut bytes =
        serde_json::to_vec_pretty(&bundle).map_err(|error| AgentError::Defect(error.to_string()))?;
    bytes.push(b'\n');
    durable::write_file(&to, &bytes, FILE_MODE).map_err(|error| AgentError::local(&to, error))?;
    let written = json!({ "file": to.to_string_lossy(), "bytes": bytes.len() });
    context.output.print(&written, |out| {
        writeln!(out, "Written: {}. Look at it before you give it to anybody.", text::escaped_path(&to))
    })?;
    Ok(Outcome::Complete)
}

fn bundle(state: &State, context: &Context) -> Result<Value, AgentError> {
    let identity = Identity::read(state)?;
    let mut now = None;
    let keep = |status: &Status| {
        now = Some(status.clone());
        Ok(())
    };
    let is_running = ask_status(state, false, keep).unwrap_or(false);
    let status = match now {
        Some(status) => status,
        None => without_agent(state)?,
    };
    let events = read_events(state)?;
    let skipped = events.len().saturating_sub(CHANGES);
    let settings = Settings::read(state)?;
    let sets: Vec<Value> = settings
        .sets
        .values()
        .map(|set| {
            let missing = set.paths.iter().filter(|path| path.0.symlink_metadata().is_err()).count();
            json!({
                "folders": set.paths.len(),
                "missing": missing,
                "rules": set.exclude.len(),
                "default_exclusions": set.default_exclusions,
                "one_file_system": set.one_file_system,
            })
        })
        .collect();
    let networks: Vec<Value> = Networks::read(state)?
        .known
        .iter()
        .map(|known| {
            json!({
                "kind": known.network.kind,
                "prefix_length": known.network.prefix.map(|prefix| prefix.length()),
                "has_router": known.network.gateway_mac.is_some(),
                "is_managed": known.network.connection.is_some(),
                "blocked": known.is_blocked,
                "used": known.was_used,
            })
        })
        .collect();
    let answer = Session::open(state.clone(), &context.dialling())
        .and_then(|session| Ok(session.vault.connection().quota()?));
    Ok(json!({
        "made": Clock::system().now(),
        "version": env!("CARGO_PKG_VERSION"),
        "system": { "os": std::env::consts::OS, "architecture": std::env::consts::ARCH },
        "device": identity.device,
        "custody": identity.vault.keyring.custody(),
        "server": {
            "addresses": identity.server.urls.len(),
            "has_own_authority": identity.server.authority.is_some(),
            "answers": answer.is_ok(),
            "code": answer.as_ref().err().map(|error| error.code().as_str()),
        },
        "service": { "answers": is_running },
        "status": redacted_status(&status),
        "changes": { "left_out": skipped, "newest": events[skipped..].iter().map(redacted).collect::<Vec<_>>() },
        "sets": sets,
        "notifications": settings.choices.notifications,
        "networks": networks,
        "state": sizes(state),
    }))
}

fn redacted_status(status: &Status) -> Value {
    let rows = |rows: &[Shown]| rows.iter().map(redacted_row).collect::<Vec<_>>();
    json!({
        "line": status.line.as_ref().map(redacted_row),
        "overlays": rows(&status.overlays),
        "details": rows(&status.details),
        "others": rows(&status.others),
        "step": status.step,
        "run": status.run,
        "pause": status.pause,
        "next_attempt": status.next_attempt,
        "last_backup": status.last_backup,
    })
}

/// A row without its texts, in which names stand.
fn redacted_row(row: &Shown) -> Value {
    json!({
        "code": row.code,
        "since": row.since,
        "episode": row.episode,
        "values": nameless_values(row.values.iter().map(|(name, value)| (name.as_ref(), value))),
        "details": nameless_details(row.details.iter()),
    })
}

fn redacted(change: &Transition) -> Value {
    json!({
        "sequence": change.sequence,
        "time": change.time,
        "change": change.change,
        "code": change.code,
        "episode": change.episode,
        "values": nameless_values(change.values.iter().map(|(name, value)| (name.as_ref(), value))),
        "details": nameless_details(change.details.iter()),
    })
}

fn nameless_values<'v>(values: impl Iterator<Item = (&'v str, &'v NoticeValue)>) -> Map<String, Value> {
    let shown = |value: &NoticeValue| match value {
        NoticeValue::Text(_) => json!("(a name)"),
        other => json!(other),
    };
    values.map(|(name, value)| (name.to_owned(), shown(value))).collect()
}

fn nameless_details<'d>(details: impl Iterator<Item = (&'d String, &'d String)>) -> Map<String, Value> {
    let shown = |name: &str, text: &str| {
        if NAMELESS.contains(&name) { json!(text) } else { json!(format!("({} bytes)", text.len())) }
    };
    details.map(|(name, text)| (name.clone(), shown(name, text))).collect()
}

/// How large the parts of the state are; names below them are Holdfast's own, but for restores.
fn sizes(state: &State) -> Map<String, Value> {
    let folders = [
        ("identity", state.identity_folder()),
        ("settings", state.settings_folder()),
        ("cache", state.cache_folder()),
        ("restores", state.restores_folder()),
    ];
    let part = |(name, folder): (&str, PathBuf)| {
        let (files, bytes) = sum(&folder);
        (name.to_owned(), json!({ "files": files, "bytes": bytes }))
    };
    folders.into_iter().map(part).collect()
}

/// Files and bytes below a folder. What vanishes meanwhile or cannot be read counts for nothing.
fn sum(folder: &Path) -> (u64, u64) {
    let Ok(entries) = std::fs::read_dir(folder) else { return (0, 0) };
    entries.flatten().fold((0, 0), |(files, bytes), entry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => {
            let (more_files, more_bytes) = sum(&entry.path());
            (files + more_files, bytes + more_bytes)
        }
        Ok(meta) => (files + 1, bytes + meta.len()),
        Err(_) => (files, bytes),
    })
}
