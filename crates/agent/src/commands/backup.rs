//! `holdfast backup`: one run of a backup set.

mod dry_run;
mod report;

use super::{Context, Outcome};
use crate::progress::{self, Words};
use crate::sets::{Change, Choice, Wish, choose};
use crate::state::State;
use crate::state::settings::Settings;
use crate::{AgentError, roots, rules, text};
use clap::Args;
use engine::EngineError;
use engine::backup::{self, BackupRequest};
use model::Clock;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const COMPRESSION_LEVEL: i32 = 3;
const CHECKPOINT_EVERY: Duration = Duration::from_secs(15 * 60);
/// What a run reads again because cleanup wants to get rid of its place.
const RENEWAL_LIMIT_BYTES: u64 = 256 << 20;
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
    let session = context.patient_session(state.clone())?;
    let _lock = state.lock()?;
    let mut settings = Settings::read(&state)?;
    let before = settings.clone();
    let choice = choose(&mut settings, &wish, |path| path.symlink_metadata().map(drop))?;
    if choice.change != Change::None {
        settings.write(&state)?;
    }
    say_what_is_chosen(&choice, context);
    // More than a few hundred files are open only on machines with many cores; then the limit may be low.
    if let Err(error) = platform::process::raise_open_file_limit() {
        tracing::info!(%error, "the limit of open files stays as it is");
    }
    let request = request(args, &choice, &session, context);
    let classes = &session.identity.vault.format.classes;
    let result = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        backup::run(&session.vault, session.keyring(), classes, &request, &Clock::system(), progress)
    });
    let summary = match result {
        Ok(summary) => summary,
        Err(error) => {
            // A rule that cannot be read must not stay in the settings.
            if matches!(error, EngineError::BadRule { .. }) && choice.change != Change::None {
                before.write(&state)?;
            }
            return Err(error.into());
        }
    };
    report::summary(&summary, &choice.name, began.elapsed(), &context.output)?;
    Ok(Outcome::with(summary.finding_count))
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

fn request(
    args: &BackupArgs,
    choice: &Choice,
    session: &crate::session::Session,
    context: &Context,
) -> BackupRequest {
    let scope = rules::scope(&choice.set, session.state.root());
    BackupRequest {
        device: session.identity.device,
        device_name: session.identity.device_name.clone(),
        set_name: choice.name.clone(),
        paths: scope.paths,
        exclusions: scope.exclusions,
        exclude_caches: scope.exclude_caches,
        one_file_system: scope.one_file_system,
        own_folders: scope.own_folders,
        accept_changed_roots: args.accept_changed_roots,
        cache: session.state.cache_folder(),
        frame_target: session.identity.vault.format.frame_target as usize,
        compression_level: COMPRESSION_LEVEL,
        workers: 0,
        checkpoint_every: checkpoint_every(),
        renewal_limit_bytes: RENEWAL_LIMIT_BYTES,
        index_ids_max: index_ids_max(),
        // Counting asks for the attributes of every file once more: not where nobody watches a bar.
        count_ahead: context.output.is_json() || context.output.stderr_is_terminal(),
    }
}

#[cfg(not(feature = "test-hooks"))]
const fn index_ids_max() -> u64 {
    backup::INDEX_IDS_MAX
}

/// Tests have vaults of few chunks.
#[cfg(feature = "test-hooks")]
fn index_ids_max() -> u64 {
    let ids = std::env::var("HOLDFAST_TEST_INDEX_IDS").ok().and_then(|text| text.parse().ok());
    ids.unwrap_or(backup::INDEX_IDS_MAX)
}

#[cfg(not(feature = "test-hooks"))]
const fn checkpoint_every() -> Duration {
    CHECKPOINT_EVERY
}

/// Tests cannot wait a quarter of an hour.
#[cfg(feature = "test-hooks")]
fn checkpoint_every() -> Duration {
    let seconds = std::env::var("HOLDFAST_TEST_CHECKPOINT_SECONDS").ok().and_then(|text| text.parse().ok());
    seconds.map_or(CHECKPOINT_EVERY, Duration::from_secs_f64)
}
