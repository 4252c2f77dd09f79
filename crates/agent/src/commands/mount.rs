//! `holdfast mount`: snapshots as folders.

mod point;

use super::{Context, Outcome};
use crate::json::{Event, JsonPath};
use crate::mount::{MountTree, Shelves, Wish, fetch_ahead};
use crate::state::State;
use crate::{AgentError, text};
use clap::Args;
use engine::progress::Progress;
use platform::fuse::{Mounted, Tree};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

/// What the table of mounts shows.
const NAME: &str = "holdfast";
/// Stretches of files that may wait to be fetched ahead.
const AHEAD: usize = 4;

/// Show snapshots as folders, read-only, until stopped
#[derive(Debug, Args)]
#[command(
    after_help = "The folder then holds one for each set, and in it one for each snapshot by its date, and 'latest'.
Only this user can look into it. It runs until Ctrl-C, or until somebody unmounts the folder: fusermount3 -u DIR.

Examples:
  holdfast mount ~/snapshots
  holdfast mount ~/snapshots --set work
  holdfast mount /mnt --all"
)]
pub(crate) struct MountArgs {
    /// An empty folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Only snapshots of the set with this name
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Those of the user's other devices too, with a folder for each device
    #[arg(long)]
    all: bool,
}

/// The event that the folder can be looked into.
#[derive(Debug, Serialize)]
struct Begun {
    #[serde(flatten)]
    path: JsonPath,
    snapshots: usize,
}

/// The event that it no longer can.
#[derive(Debug, Serialize)]
struct Ended {
    /// `signal`, or `unmounted` by somebody else.
    by: &'static str,
}

pub(crate) fn run(args: &MountArgs, context: &Context) -> Result<Outcome, AgentError> {
    let (point, owner) = point::check(&args.folder)?;
    let session = context.waiting_session(State::locate()?)?;
    let shelves = Shelves::open(&session, Wish { set: args.set.clone(), all: args.all })?;
    let snapshots = shelves.count();
    if let Some(set) = args.set.as_ref().filter(|_| snapshots == 0) {
        return Err(AgentError::NoSnapshot {
            what: format!("snapshot of the set '{}'", text::escaped(set.as_bytes())),
        });
    }
    let progress = Arc::new(Progress::new());
    // From here on a signal unmounts.
    let guard = context.interrupts.guard(&progress);
    let mounted =
        Mounted::new(&point, NAME).map_err(|source| AgentError::Mount { path: point.clone(), source })?;
    say_begun(&point, snapshots, context)?;
    let (sender, wanted) = mpsc::sync_channel(AHEAD);
    let tree = MountTree::new(&session, shelves, sender, owner);
    let served = std::thread::scope(|scope| {
        let tree = &tree;
        scope.spawn(move || fetch_ahead(&wanted, tree));
        let served = serve(mounted, tree, &progress, context);
        tree.end();
        served
    });
    drop(guard);
    served.map_err(|source| AgentError::Mount { path: point, source })?;
    say_ended(&progress, context)?;
    Ok(Outcome::Complete)
}

fn serve(
    mounted: Mounted,
    tree: &dyn Tree,
    progress: &Progress,
    context: &Context,
) -> Result<(), platform::fuse::MountError> {
    let leave = || {
        // The folder is unmounted. Who still has a file of it open meets an error from now on.
        let _ = say_ended(progress, context).and_then(|()| context.output.finish());
        std::process::exit(Outcome::Complete.exit_status().into());
    };
    mounted.serve(tree, &|| progress.is_stopped(), &leave)
}

fn say_begun(point: &Path, snapshots: usize, context: &Context) -> Result<(), AgentError> {
    let shown = text::escaped_path(point);
    let count = text::counted(snapshots as u64, "snapshot");
    let path = platform::path::bytes(point);
    context.output.note(&format!(
        "{count} at {shown}, read-only. New ones appear by themselves. End it with Ctrl-C, or with: fusermount3 -u {}",
        text::quoted(path)
    ));
    let path = JsonPath::new(path);
    context.output.event(&Event { event: "mounted", fields: Begun { path, snapshots } })
}

fn say_ended(progress: &Progress, context: &Context) -> Result<(), AgentError> {
    let by = if progress.is_stopped() { "signal" } else { "unmounted" };
    context.output.note("Unmounted.");
    context.output.event(&Event { event: "ended", fields: Ended { by } })
}
