//! `holdfast backup`: one run of a backup set.

mod dry_run;
mod report;

use super::{Context, Outcome};
use crate::progress::{self, Words};
use crate::run::{Chosen, Manner};
use crate::sets::{Change, Choice, Wish};
use crate::state::State;
use crate::{AgentError, roots, rules, service, text};
use clap::Args;
use engine::backup::BackupSummary;
use std::path::PathBuf;
use std::time::Instant;

const WORDS: Words =
    Words { preparing: "Asking the server", working: "Backing up", finishing: "Sending the rest" };

/// Back up folders
#[derive(Debug, Args)]
#[command(
    after_help = "Folders that are named make a set of their own, and later runs of the same folders belong to it.
Without folders the set 'default' is backed up, or the only one there is.

Examples:
  holdfast backup ~/Documents
  holdfast backup --set work ~/src ~/notes --exclude 'target/'
  holdfast backup --set work
  holdfast backup --dry-run ~/Documents

Exit status 3 means that the backup is there, with findings: see holdfast findings."
)]
pub(crate) struct BackupArgs {
    /// Folders and files
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// The name of the set
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Leave out what fits this rule, in the syntax of gitignore; stored with the set
    #[arg(long, value_name = "RULE", allow_hyphen_values = true)]
    exclude: Vec<String>,
    /// Stay on the file systems of the folders; stored with the set
    #[arg(long)]
    one_file_system: bool,
    /// Back up caches and trash, too; stored with the set
    #[arg(long)]
    no_default_exclusions: bool,
    /// Change the set to the folders and rules that are given
    #[arg(long)]
    update_set: bool,
    /// Folders of the set that are gone, empty, something else or on another file system than before are meant to be so
    #[arg(long)]
    accept_changed_roots: bool,
    /// Say what a first run would bring, and change nothing; no server is asked
    #[arg(long, conflicts_with_all = ["accept_changed_roots", "show_rules"])]
    dry_run: bool,
    /// Print the default exclusions and end
    #[arg(long)]
    show_rules: bool,
}

pub(crate) fn run(args: &BackupArgs, context: &Context) -> Result<Outcome, AgentError> {
    if args.show_rules {
        report::default_rules(&context.output)?;
        return Ok(Outcome::Complete);
    }
    let began = Instant::now();
    let state = State::locate()?;
    let wish = args.wish(&state, context)?;
    if args.dry_run {
        return dry_run::run(&state, &wish, context);
    }
    let manner = Manner {
        walks_all: true,
        accept_changed_roots: args.accept_changed_roots,
        is_watched: context.output.is_json() || context.output.stderr_is_terminal(),
    };
    let asked = service::ask_backup(&state, &wish, manner, context, WORDS, |choice| {
        say_what_is_chosen(choice, context);
    })?;
    let (name, summary) = match asked {
        Some(done) => done,
        None => alone(&state, &wish, manner, context)?,
    };
    report::summary(&summary, &name, began.elapsed(), &context.output)?;
    Ok(Outcome::with(summary.finding_count))
}

/// Makes the backup in this process: no service runs on this state.
fn alone(
    state: &State,
    wish: &Wish,
    manner: Manner,
    context: &Context,
) -> Result<(String, BackupSummary), AgentError> {
    let session = context.patient_session(state.clone())?;
    let _lock = state.lock()?;
    let chosen = Chosen::of(state, wish)?;
    say_what_is_chosen(&chosen.choice, context);
    let summary = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        chosen.back_up(&session, manner, None, progress)
    })?;
    Ok((chosen.choice.name, summary))
}

impl BackupArgs {
    fn wish(&self, state: &State, context: &Context) -> Result<Wish, AgentError> {
        let own = state.root().canonicalize().unwrap_or_else(|_| state.root().to_owned());
        let mut paths = Vec::new();
        for path in &self.paths {
            let root = roots::resolve(path)?;
            if root.path.starts_with(&own) {
                let path = text::escaped_path(path);
                let problem = format!("{path} is the agent's own state, which is never backed up");
                return Err(AgentError::Usage(problem));
            }
            if root.through_link {
                let (from, to) = (text::escaped_path(path), text::escaped_path(&root.path));
                context.output.note(&format!("{from} leads to {to}, which is backed up"));
            }
            paths.push(root.path);
        }
        Ok(Wish {
            paths,
            set: self.set.clone(),
            exclude: self.exclude.clone(),
            one_file_system: self.one_file_system,
            no_default_exclusions: self.no_default_exclusions,
            update: self.update_set,
        })
    }
}

fn say_what_is_chosen(choice: &Choice, context: &Context) {
    let folders = text::paths(choice.set.paths.iter().map(|path| path.0.as_path()));
    let word = match choice.change {
        Change::None => "Set",
        Change::Created => "New set",
        Change::Updated => "Changed set",
    };
    context.output.note(&format!("{word} '{}': {folders}", choice.name));
    if choice.change == Change::Created && choice.set.default_exclusions {
        let rules: Vec<&str> = rules::DEFAULT.iter().map(|(rule, _)| *rule).collect();
        context.output.note(&format!(
            "Left out by default: {}, and folders with a CACHEDIR.TAG. See holdfast backup --show-rules; \
             --no-default-exclusions takes them in.",
            rules.join("  ")
        ));
    }
}
