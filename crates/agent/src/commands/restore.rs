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
use engine::reader::SnapshotReader;
use engine::restore::{self as engine_restore, Layout, RestoreRequest, Target};
use model::{Clock, Code};
use platform::Names;
use std::ffi::OsString;
use std::path::PathBuf;
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
    if request.resume {
        context.output.note("An earlier restore of the same was cut short; this one goes on from there.");
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
    if let Err(error) = platform::process::raise_open_file_limit() {
        tracing::info!(%error, "the limit of open files stays as it is");
    }
    let result = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        engine_restore::run(reader, request, &Names::new(), progress)
    });
    match result {
        Ok(summary) => {
            // One that ended early goes on when there is space again.
            if summary.ended_early.is_none() {
                journal.close()?;
            }
            report::summary(&summary, reader.clear().snapshot, began.elapsed(), &context.output)
        }
        Err(error) => {
            if !request.resume && began_nothing(&error) {
                journal.close()?;
            } else if error.code() != Code::SnapshotUnknown {
                context.output.note("The same command again goes on from here.");
            }
            Err(error.into())
        }
    }
}

/// Whether this was found before anything was written, so that a later restore does not go on from anything.
fn began_nothing(error: &EngineError) -> bool {
    matches!(
        error.code(),
        Code::TargetExists | Code::TargetFull | Code::TargetCaseClash | Code::PathMissing | Code::Usage
    )
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
