//! One run of a backup set: which set is meant, and how it is backed up. The command and the service share it.

use crate::session::Session;
use crate::sets::{Change, Choice, DEFAULT, Wish, choose};
use crate::state::State;
use crate::state::settings::{Settings, StoredPath};
use crate::{AgentError, rules};
use engine::EngineError;
use engine::backup::{self, BackupRequest, BackupSummary, Changed, WatchedSet};
use engine::progress::Progress;
use model::Clock;
use std::sync::Arc;
use std::time::Duration;

const COMPRESSION_LEVEL: i32 = 3;
const CHECKPOINT_EVERY: Duration = Duration::from_secs(15 * 60);
/// What a run reads again because cleanup wants to get rid of its place.
const RENEWAL_LIMIT_BYTES: u64 = 256 << 20;

/// The set that a run is of, stored in the settings.
#[derive(Debug)]
pub(crate) struct Chosen {
    /// The set.
    pub(crate) choice: Choice,
    /// The settings as they were.
    before: Settings,
}

/// How to back it up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// Folders that are gone or replaced are meant to be so.
    pub(crate) accept_changed_roots: bool,
    /// Somebody watches how far it is.
    pub(crate) is_watched: bool,
    /// Folders are walked also where nothing was told of: whoever asks for a backup wants to be sure.
    pub(crate) walks_all: bool,
}

/// The sets that are backed up by themselves: the default one, else all.
pub(crate) fn scheduled(state: &State) -> Result<Vec<String>, AgentError> {
    let sets = Settings::read(state)?.sets;
    Ok(if sets.contains_key(DEFAULT) { vec![DEFAULT.to_owned()] } else { sets.into_keys().collect() })
}

/// The folders of these sets that are not there; none when no folder is.
pub(crate) fn missing_folders(state: &State) -> Result<Option<Vec<String>>, AgentError> {
    let settings = Settings::read(state)?;
    let names = scheduled(state)?;
    let paths = names.iter().filter_map(|name| settings.sets.get(name)).flat_map(|set| &set.paths);
    Ok(missing_of(&paths.collect::<Vec<_>>()))
}

fn missing_of(paths: &[&StoredPath]) -> Option<Vec<String>> {
    let missing = paths.iter().filter(|path| path.0.symlink_metadata().is_err());
    let missing: Vec<_> = missing.map(|path| path.0.to_string_lossy().into_owned()).collect();
    (missing.len() < paths.len()).then_some(missing)
}

impl Chosen {
    /// Finds the set that is meant, and stores what is new of it. The caller holds the state's lock.
    pub(crate) fn of(state: &State, wish: &Wish) -> Result<Self, AgentError> {
        let mut settings = Settings::read(state)?;
        let before = settings.clone();
        let choice = choose(&mut settings, wish, |path| path.symlink_metadata().map(drop))?;
        if choice.change != Change::None {
            settings.write(state)?;
        }
        Ok(Self { choice, before })
    }

    /// Its folders that are not there; none when no folder is. Whether one can be read is for the run to find out.
    pub(crate) fn missing_folders(&self) -> Option<Vec<String>> {
        missing_of(&self.choice.set.paths.iter().collect::<Vec<_>>())
    }

    /// Backs it up.
    pub(crate) fn back_up(
        &self,
        session: &Session,
        manner: Manner,
        changed: Option<Arc<Changed>>,
        progress: &Progress,
    ) -> Result<BackupSummary, AgentError> {
        // More than a few hundred files are open only on machines with many cores; then the limit may be low.
        if let Err(error) = platform::process::raise_open_file_limit() {
            tracing::info!(%error, "the limit of open files stays as it is");
        }
        let request = BackupRequest { changed, ..self.request(session, manner) };
        let classes = &session.identity.vault.format.classes;
        let clock = Clock::system();
        let result = backup::run(&session.vault, session.keyring(), classes, &request, &clock, progress);
        if let Err(EngineError::BadRule { .. }) = &result
            && self.choice.change != Change::None
        {
            // A rule that cannot be read must not stay in the settings.
            self.before.write(&session.state)?;
        }
        Ok(result?)
    }

    /// What a watch over it has to watch.
    pub(crate) fn watched_set(&self, state: &State) -> WatchedSet {
        let scope = rules::scope(&self.choice.set, state.root());
        WatchedSet {
            paths: scope.paths,
            exclusions: scope.exclusions,
            exclude_caches: scope.exclude_caches,
            one_file_system: scope.one_file_system,
            own_folders: scope.own_folders,
        }
    }

    fn request(&self, session: &Session, manner: Manner) -> BackupRequest {
        let scope = rules::scope(&self.choice.set, session.state.root());
        BackupRequest {
            device: session.identity.device,
            device_name: session.identity.device_name.clone(),
            set_name: self.choice.name.clone(),
            paths: scope.paths,
            exclusions: scope.exclusions,
            exclude_caches: scope.exclude_caches,
            one_file_system: scope.one_file_system,
            own_folders: scope.own_folders,
            accept_changed_roots: manner.accept_changed_roots,
            cache: session.state.cache_folder(),
            frame_target: session.identity.vault.format.frame_target as usize,
            compression_level: COMPRESSION_LEVEL,
            workers: 0,
            checkpoint_every: checkpoint_every(),
            renewal_limit_bytes: RENEWAL_LIMIT_BYTES,
            index_ids_max: index_ids_max(),
            changed: None,
            // Counting asks for the attributes of every file once more: not where nobody watches a bar.
            count_ahead: manner.is_watched,
        }
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
