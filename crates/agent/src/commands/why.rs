//! `holdfast why`: whether a path is backed up, by which set, and what keeps it away.

mod document;
mod place;
mod stored;
mod words;

use super::{Context, Outcome};
use crate::state::State;
use crate::state::settings::Settings;
use crate::{AgentError, rules};
use clap::Args;
use document::{Document, InSet};
use engine::backup::why::{Verdict, fate};
use format::snapshot::ClearPart;
use std::path::PathBuf;
use stored::Asked;

/// Say whether a path is backed up, and why not
#[derive(Debug, Args)]
#[command(
    after_help = "Goes to the path as a backup would: the folders of each set, its rules, caches, file systems.
What the last backups say of it follows, and what to do.

Examples:
  holdfast why ~/Documents/thesis.tex
  holdfast why /srv/data --set work
  holdfast why --json ~/.cache

Exit status 0 means that it is backed up; 3 that it is in no set, left out, has a finding, or was never backed up."
)]
pub(crate) struct WhyArgs {
    /// A file or folder of this machine
    path: PathBuf,
    /// Only as the set with this name has it
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
}

pub(crate) fn run(args: &WhyArgs, context: &Context) -> Result<Outcome, AgentError> {
    let state = State::locate()?;
    let session = context.session()?;
    let settings = Settings::read(&state)?;
    if let Some(name) = args.set.as_ref().filter(|name| !settings.sets.contains_key(*name)) {
        let known = settings.sets.keys().cloned().collect();
        return Err(AgentError::SetUnknown { name: name.clone(), known });
    }
    let full = place::resolve(&args.path)?;
    let path = platform::path::bytes(&full);
    let mut sets = Vec::new();
    for (name, set) in &settings.sets {
        if args.set.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        let scope = rules::scope(set, state.root());
        let fate = fate(&scope, path)?;
        if fate.verdict != Verdict::Outside || !fate.roots_below.is_empty() {
            sets.push(InSet::new(name, set, &scope, fate));
        }
    }
    let set_id = |name: &str| ClearPart::set_id(session.identity.device, name.as_bytes());
    let asked = Asked {
        path,
        only: args.set.as_deref().map(set_id),
        sets: sets.iter().filter_map(|set| Some((set_id(&set.name), set.root()?))).collect(),
    };
    let stored = stored::search(&session, &asked)?;
    for set in &mut sets {
        set.report = stored.reports.get(&set_id(&set.name)).cloned().unwrap_or_default();
    }
    let on_disk = place::look(&full);
    // Of a path that is nowhere a set that would leave it out can still tell.
    let is_nowhere = on_disk.is_none() && stored.newest.is_none();
    let tells = |set: &InSet| !matches!(set.fate.verdict, Verdict::Gone | Verdict::Outside);
    if is_nowhere && !sets.iter().any(tells) {
        return Err(AgentError::PathMissing { path: full });
    }
    let document = Document::new(path, on_disk, sets, stored.newest);
    let settings_file = state.settings_folder().join("settings.toml");
    context.output.print(&document, |out| words::write(out, &document, &settings_file, &context.output))?;
    Ok(if document.is_backed_up() { Outcome::Complete } else { Outcome::Findings })
}
