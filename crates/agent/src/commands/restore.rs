//! `holdfast restore`: files come back, below a folder or where they were.

mod report;

use super::{Context, Outcome, one_snapshot};
use crate::AgentError;
use crate::progress::{self, Words};
use crate::select::Selector;
use crate::state::State;
use crate::state::restores::{Journal, Restore};
use clap::{ArgGroup, Args, ValueEnum};
use engine::EngineError;
use engine::progress::Phase;
use engine::reader::SnapshotReader;
use engine::restore::{self as engine_restore, FILLING_MODE, Layout, NEW_MODE, RestoreRequest, Target};
use model::Clock;
use platform::{Names, permissions};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Instant;

const WORDS: Words = Words {
    preparing: "Looking at the target",
    working: "Restoring",
    finishing: "Setting attributes of folders",
};

/// Bring files back, below a folder or where they were
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("place").required(true).args(["to", "in_place"]))]
#[command(after_help = "A whole snapshot, or several paths, come below DIR with their absolute paths.
Of one path the contents come into DIR: restore latest:/home/ada/Documents --to DIR.

Nothing is overwritten unless --conflict says so. A restore that was cut short goes on when the same
command is given again.

Examples:
  holdfast restore latest --to ~/restored
  holdfast restore latest:/home/ada/thesis --to ~/restored
  holdfast restore 3fa09c21:/etc/fstab --in-place --conflict keep-both")]
pub(crate) struct RestoreArgs {
    /// The snapshot, 'latest' or the beginning of its id, and a path in it
    #[arg(value_name = "SNAPSHOT[:PATH]", required = true)]
    snapshots: Vec<OsString>,
    /// The folder to restore into; it is made when missing
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Restore to where the files were
    #[arg(long)]
    in_place: bool,
    /// What happens to names that are taken [default: nothing at all is restored]
    #[arg(long, value_enum)]
    conflict: Option<Conflict>,
    /// Wait until all of it is on the disk; with --conflict=replace a restore always does
    #[arg(long)]
    sync: bool,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// The set that 'latest' means
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

/// What happens to names that are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Conflict {
    /// Restore beside the existing one, under another name
    KeepBoth,
    /// Replace the existing one
    Replace,
    /// Replace the existing one when the restored one was modified later
    ReplaceIfNewer,
    /// Keep the existing one
    Skip,
}

impl Conflict {
    const fn rule(chosen: Option<Self>) -> engine_restore::Conflict {
        match chosen {
            None => engine_restore::Conflict::Refuse,
            Some(Self::KeepBoth) => engine_restore::Conflict::KeepBoth,
            Some(Self::Replace) => engine_restore::Conflict::Replace,
            Some(Self::ReplaceIfNewer) => engine_restore::Conflict::ReplaceIfNewer,
            Some(Self::Skip) => engine_restore::Conflict::Skip,
        }
    }
}

pub(crate) fn run(args: &RestoreArgs, context: &Context) -> Result<Outcome, AgentError> {
    let selectors = args.snapshots.iter().map(|text| Selector::parse(text)).collect::<Result<_, _>>()?;
    let (wanted, selections) = one_snapshot(selectors)?;
    let target = args.target(selections.len())?;
    let session = context.patient_session(State::locate()?)?;
    let reader = context.open_snapshot(&session, &wanted, args.set.as_deref())?;
    let mut request = RestoreRequest {
        selections,
        target,
        conflict: Conflict::rule(args.conflict),
        label: label(),
        resume: false,
        after_restart: false,
        after_another: false,
        durable: args.sync,
        workers: 0,
    };
    if args.dry_run {
        return plan(&reader, &request, context);
    }
    let to = match &request.target {
        Target::Folder { to, .. } => Some(to.clone()),
        Target::InPlace => None,
    };
    let restore = Restore {
        snapshot: reader.clear().snapshot,
        selections: &request.selections.clone(),
        target: to.as_deref(),
    };
    let journal = Journal::open(&session.state, &restore, request.label)?;
    request.label = journal.label().to_owned();
    request.resume = journal.resumes();
    request.after_another = journal.other().is_some();
    request.after_restart = request.resume && journal.is_after_restart();
    if request.resume {
        context.output.note(going_on(&request));
    }
    if let (Some(earlier), true) = (journal.other(), args.conflict.is_some()) {
        context.output.note(&format!(
            "An earlier restore of snapshot {earlier} into this target was cut short. This one is of another snapshot and \
             takes what is there for the user's."
        ));
    }
    restore_and_close(&reader, &request, journal, context)
}

impl RestoreArgs {
    fn target(&self, selections: usize) -> Result<Target, AgentError> {
        let Some(to) = &self.to else { return Ok(Target::InPlace) };
        let to = std::path::absolute(to).map_err(|error| AgentError::local(to, error))?;
        let layout = if selections == 1 { Layout::Contents } else { Layout::Absolute };
        Ok(Target::Folder { to, layout })
    }
}

/// Stands in the names of files that are restored beside others. Without colons, which not every file system takes.
fn label() -> String {
    let now = Clock::system().now().to_jiff().to_zoned_datetime(jiff::tz::TimeZone::system());
    format!("restored {}", now.strftime("%Y-%m-%d %H.%M.%S"))
}

fn plan(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    context: &Context,
) -> Result<Outcome, AgentError> {
    let mut failed = None;
    let plan = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        engine_restore::plan(reader, request, progress, &mut |planned| {
            if let Err(error) = report::planned(planned, &context.output) {
                failed.get_or_insert(error);
                progress.stop();
            }
        })
    });
    if let Some(error) = failed {
        return Err(error);
    }
    report::plan(&plan?, &context.output)
}

fn restore_and_close(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    journal: Journal,
    context: &Context,
) -> Result<Outcome, AgentError> {
    let began = Instant::now();
    // What a restore makes has the snapshot's modes, and is made with them; all else that is made names its mode.
    for (what, done) in [
        ("the limit of open files", platform::process::raise_open_file_limit().map(drop)),
        ("the umask", platform::process::clear_umask()),
    ] {
        if let Err(error) = done {
            tracing::info!(what, %error, "the process's limits stay as they are");
        }
    }
    // Until it begins to work the engine changes nothing, or takes it back.
    let mut is_begun = true;
    let result = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        let result = engine_restore::run(reader, request, &Names::new(), progress);
        is_begun = progress.phase() != Phase::Preparing;
        result
    });
    match result {
        Ok(summary) => {
            // One that ended early goes on when there is space again.
            if summary.ended_early.is_none() {
                if let (Target::Folder { to, .. }, Some(_)) = (&request.target, journal.other()) {
                    open_again(to, journal.mode())?;
                }
                journal.close()?;
            }
            report::summary(&summary, reader.clear().snapshot, began.elapsed(), &context.output)
        }
        Err(error) if is_begun => {
            context.output.note("The same command again goes on from here.");
            Err(error.into())
        }
        // A later restore must not go on from this one, which has left nothing.
        Err(error) => {
            let earlier = journal.other();
            if request.resume {
                context.output.note("The same command again goes on from where the earlier restore was.");
            }
            journal.withdraw()?;
            match (error, earlier) {
                (EngineError::TargetExists { first, .. }, Some(snapshot)) => {
                    Err(AgentError::RestoreOfAnother { snapshot, first })
                }
                (error, _) => Err(error.into()),
            }
        }
    }
}

/// What is said of a restore that goes on.
fn going_on(request: &RestoreRequest) -> &'static str {
    match request.conflict {
        _ if !request.after_restart => {
            "An earlier restore of the same was cut short; this one goes on from there."
        }
        engine_restore::Conflict::Refuse | engine_restore::Conflict::Replace => {
            "An earlier restore of the same was cut short, and the machine was started again since. This one goes on \
             from there, and writes all files anew: what was written last may not have reached the disk."
        }
        _ => {
            "An earlier restore of the same was cut short, and the machine was started again since. This one goes on \
             from there, but files that were written last may be short or damaged, and it cannot tell them from \
             yours: --conflict=replace writes all anew."
        }
    }
}

/// Gives the target, which a restore of another snapshot has left closed, its mode again.
fn open_again(target: &Path, mode: Option<u32>) -> Result<(), AgentError> {
    let failed = |error| AgentError::local(target, error);
    if permissions::mode(target).map_err(failed)? != FILLING_MODE {
        return Ok(());
    }
    // One that was cut short at once has found the mode that the one before it has left.
    let mode = mode.filter(|mode| *mode != FILLING_MODE).unwrap_or(NEW_MODE);
    permissions::set_mode(target, mode).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_path_gives_its_contents_and_all_else_keeps_its_paths() {
        let args = |to: Option<&str>| RestoreArgs {
            snapshots: Vec::new(),
            to: to.map(PathBuf::from),
            in_place: to.is_none(),
            conflict: None,
            sync: false,
            dry_run: false,
            set: None,
        };
        let layout = |selections| match args(Some("/x")).target(selections).unwrap() {
            Target::Folder { to, layout } => {
                assert_eq!(to, PathBuf::from("/x"));
                layout
            }
            Target::InPlace => panic!("in place"),
        };
        assert_eq!([0, 1, 2].map(layout), [Layout::Absolute, Layout::Contents, Layout::Absolute]);
        assert_eq!(args(None).target(1).unwrap(), Target::InPlace);
    }

    #[test]
    fn the_label_is_a_name_on_every_file_system() {
        let label = label();
        assert!(label.starts_with("restored 2") && !label.contains([':', '/']), "{label}");
    }
}
