//! `recover`: the server again, from a backup of it, or from the object store alone; in both cases with the
//! organisation's recovery file. The database gets its name last, so a `recover` that was killed is done again.

use super::administrators::{AdministratorView, FIRST, give_password};
use super::check::{Problem, Severity, troubles};
use super::init::{InitOptions, store_elsewhere};
use crate::archive;
use crate::data::{DATABASE_SUFFIXES, DataDir, file_error, remove, with_suffix};
use crate::instance::Instance;
use crate::mirror::{Mirror, RecordObject, Unreadable};
use crate::names::counted;
use crate::org::Organisation;
use crate::reconcile;
use crate::settings::Settings;
use crate::tls::Authority;
use crate::watch::Watch;
use crate::{Error, Result, blocking};
use blobs::FolderStore;
use meta::{Adopted, Installation, SnapshotScope, SqlMeta, Tokens, Upkeep};
use model::code::exit;
use model::{Clock, Code, ServerId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// From what to recover.
#[derive(Debug, Clone)]
pub struct RecoverOptions {
    /// The organisation's recovery file.
    pub recovery_file: PathBuf,
    /// A file of `backup`.
    pub backup: Option<PathBuf>,
    /// The object store.
    pub store: Option<PathBuf>,
}

/// What was recovered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoverView {
    /// The server.
    pub server_id: ServerId,
    /// Its data folder.
    pub data: PathBuf,
    /// Whether the database came from a backup.
    pub from_backup: bool,
    /// Users that the object store knew and the backup did not.
    pub users: u64,
    /// The same for devices.
    pub devices: u64,
    /// The same for vaults.
    pub vaults: u64,
    /// The same for snapshots.
    pub snapshots: u64,
    /// The administrator, with a new password.
    pub administrator: AdministratorView,
    /// What could not be brought in from the object store, and what to look at. The server is there all the same.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

impl RecoverView {
    /// That of damage when something could not be brought in.
    pub(super) fn exit_status(&self) -> u8 {
        if self.errors().next().is_none() { exit::COMPLETE } else { exit::DAMAGED }
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.problems.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

/// Name of the database until it is whole.
const UNFINISHED: &str = "recover.db";

/// Recovers the server.
pub async fn recover(
    data: &DataDir,
    clock: &Clock,
    options: RecoverOptions,
    watch: &Watch,
) -> Result<RecoverView> {
    let begun = data.begin()?;
    let unfinished = data.path().join(UNFINISHED);
    remove_all(&unfinished)?;
    let made = match make(data, clock, &options, watch, &unfinished).await {
        Ok(made) => made,
        Err(error) => {
            // The first error is the one to report.
            let _ = remove_all(&unfinished);
            data.give_up(begun);
            return Err(error);
        }
    };
    let Made { server_id, from_backup, administrator, mut problems } = made;
    // The database has its name, and a second `recover` would be refused. So whatever fails from here on is told
    // beside the new password, which nobody could ever see otherwise.
    let adopted = match Instance::open(data.clone(), clock.clone(), begun.lock).await {
        Ok(instance) => {
            let adopted = adopt_all(&instance, watch, &mut problems).await;
            instance.close().await;
            adopted
        }
        Err(error) => {
            problems.push(problem("database", "", &error));
            Adopted::default()
        }
    };
    Ok(RecoverView {
        server_id,
        data: data.path().to_owned(),
        from_backup,
        users: adopted.users,
        devices: adopted.devices,
        vaults: adopted.vaults,
        snapshots: adopted.snapshots,
        administrator,
        problems,
    })
}

/// Makes the database under its unfinished name and the files beside it, then gives the database its own name.
async fn make(
    data: &DataDir,
    clock: &Clock,
    options: &RecoverOptions,
    watch: &Watch,
    unfinished: &Path,
) -> Result<Made> {
    let org = Organisation::open_recovery_file(&options.recovery_file)?;
    refuse_working(data).await?;
    watch.tell("opening the object store", 0, 0, "objects");
    let opened = {
        let (data, options, org, unfinished) =
            (data.clone(), options.clone(), org.clone(), unfinished.to_owned());
        blocking(move || open(&data, &options, &org, &unfinished)).await?
    };
    watch.check()?;
    // Only now, when what is to take its place was found to fit.
    set_aside(data, clock)?;
    let meta = match options.backup {
        Some(_) => SqlMeta::open_sqlite(unfinished).await?,
        None => SqlMeta::create_sqlite(unfinished).await?,
    };
    let filled = fill(&meta, clock, &opened, &org, options).await;
    meta.close().await;
    let made = filled?;
    {
        let (data, org, opened) = (data.clone(), org.clone(), opened.authority.clone());
        blocking(move || {
            org.store(&data)?;
            write_authority(&data, &opened)
        })
        .await?;
    }
    finish(data, unfinished)?;
    Ok(made)
}

/// Brings in what the store has; gives how much the database did not know. What fails is a problem and no more: one
/// vault that cannot be opened keeps nothing from the others.
async fn adopt_all(instance: &Arc<Instance>, watch: &Watch, problems: &mut Vec<Problem>) -> Adopted {
    let mut adopted = Adopted::default();
    if let Err(error) = adopt_each(instance, watch, problems, &mut adopted).await {
        problems.push(problem("store", "", &error));
    }
    adopted
}

async fn adopt_each(
    instance: &Arc<Instance>,
    watch: &Watch,
    problems: &mut Vec<Problem>,
    adopted: &mut Adopted,
) -> Result<()> {
    let brought = reconcile::bring_together(instance).await?;
    *adopted = brought.adopted;
    problems.extend(brought.unreadable.iter().map(|Unreadable { key, error }| problem("store", key, error)));
    let known = instance.meta.snapshots(SnapshotScope::Everything, true).await?.len();
    let vaults = instance.meta.vaults(None).await?;
    for (done, vault) in vaults.iter().enumerate() {
        watch.tell("reading the snapshots", done as u64, vaults.len() as u64, "vaults");
        match troubles(instance, vault).await {
            Ok(found) => problems.extend(found),
            Err(error) => problems.push(problem("vault", &format!("vault {}", vault.id), &error)),
        }
    }
    let all = instance.meta.snapshots(SnapshotScope::Everything, true).await?.len();
    adopted.snapshots = all.saturating_sub(known) as u64;
    Ok(())
}

fn problem(area: &str, place: &str, error: &Error) -> Problem {
    let text = error.to_string();
    // Some errors name the object themselves.
    let message = if place.is_empty() || text.contains(place) { text } else { format!("{place}: {text}") };
    let code = error.code().as_str().to_owned();
    Problem { severity: Severity::Error, area: area.to_owned(), code, message }
}

/// What stands before the objects of vaults are looked at.
struct Made {
    server_id: ServerId,
    from_backup: bool,
    administrator: AdministratorView,
    problems: Vec<Problem>,
}

struct Opened {
    /// `None` when the store has it no more, or it cannot be read.
    record: Option<RecordObject>,
    place: PathBuf,
    store_id: String,
    authority: zeroize::Zeroizing<Vec<u8>>,
}

/// Opens what there is, and puts the backup's database under its unfinished name.
fn open(data: &DataDir, options: &RecoverOptions, org: &Organisation, unfinished: &Path) -> Result<Opened> {
    // As the settings have it: relative below the data folder, absolute elsewhere.
    let place = options.store.as_deref().map_or_else(|| Ok(Settings::default().store), store_elsewhere)?;
    let store = FolderStore::open(&data.path().join(&place), None)?;
    let mirror = Mirror(&store);
    let record = mirror.any_record()?.found.pop();
    let wrong = || {
        let problem = "it belongs to another organisation than the object store";
        Error::RecoveryWrong { path: options.recovery_file.clone(), problem }
    };
    if record.as_ref().is_some_and(|record| record.settings.org_recipient != org.recipient().to_string()) {
        return Err(wrong());
    }
    let authority = match &options.backup {
        Some(backup) => {
            let opened = archive::read(backup, org.identity(), unfinished)?;
            if record.as_ref().is_some_and(|record| record.id != opened.manifest.server_id) {
                return Err(of_another_server(backup));
            }
            opened.authority
        }
        None => match (mirror.authority()?, &record) {
            // The recovery file opens it, so the store is this organisation's, with or without the record.
            (Some(sealed), _) => org.identity().unwrap_bytes(&sealed).map_err(|error| match error {
                format::Error::WrongIdentity => wrong(),
                other => other.into(),
            })?,
            (None, Some(_)) => {
                return Err(Error::refused(
                    Code::DataDamaged,
                    "the store has no server/ca.age; a backup of the server has it",
                ));
            }
            (None, None) => {
                return Err(Error::refused(
                    Code::StoreMissing,
                    "the store has no server's record; it is not the store of a server",
                ));
            }
        },
    };
    Ok(Opened { record, place, store_id: store.id().to_string(), authority })
}

fn of_another_server(backup: &Path) -> Error {
    let problem = "it is of another server than the object store";
    Error::RecoveryWrong { path: backup.to_owned(), problem }
}

/// Fills the database with what does not come from the objects of vaults.
async fn fill(
    meta: &SqlMeta,
    clock: &Clock,
    opened: &Opened,
    org: &Organisation,
    options: &RecoverOptions,
) -> Result<Made> {
    let mut problems = Vec::new();
    let mut settings = match (&options.backup, &opened.record) {
        (Some(backup), record) => {
            let settings = Settings::read(meta).await?;
            // Without a record the store's own id says whose it is.
            if record.is_none() && settings.store_id != opened.store_id {
                return Err(of_another_server(backup));
            }
            if record.as_ref().is_some_and(|record| !decide_alike(&settings, &record.settings)) {
                problems.push(settings_differ());
            }
            settings
        }
        (None, Some(record)) => record.settings.clone(),
        (None, None) => {
            let lost = "server/record is lost: the server has a new id, and the settings of a new server";
            problems.push(problem("store", "", &Error::refused(Code::DataDamaged, lost)));
            super::init::settings(&InitOptions::default())?
        }
    };
    settings.store.clone_from(&opened.place);
    settings.store_id.clone_from(&opened.store_id);
    settings.org_recipient = org.recipient().to_string();
    settings.write(meta).await?;
    // What the backup calls unused may have been used since, and whoever has seen it could use it again.
    meta.end_unused_tokens(clock.now()).await?;
    let administrator = give_password(meta, FIRST, clock.now()).await?;
    let server = match meta.server().await? {
        Some(server) => server,
        None => {
            let known = opened.record.as_ref().map(RecordObject::to_record);
            let server = known.unwrap_or_else(|| super::init::server_record(ServerId::random(), clock.now()));
            meta.create_server(&server).await?;
            server
        }
    };
    Ok(Made { server_id: server.id, from_backup: options.backup.is_some(), administrator, problems })
}

/// True when both would run the server alike. Where it lies may differ, and custody of single users is brought
/// together from both.
fn decide_alike(one: &Settings, other: &Settings) -> bool {
    let Settings { store, store_id, custody_of, .. } = other.clone();
    Settings { store, store_id, custody_of, ..one.clone() } == *other
}

fn settings_differ() -> Problem {
    let message = "the settings of the backup differ from those of the object store; those of the backup are in force: \
                   look at them with settings show";
    let (area, code) = ("store".to_owned(), Code::StoreDisagrees.as_str().to_owned());
    Problem { severity: Severity::Warning, area, code, message: message.to_owned() }
}

/// A database that works is never replaced.
async fn refuse_working(data: &DataDir) -> Result<()> {
    if !data.has_database()? {
        return Ok(());
    }
    let exists =
        |problem: &str| Error::DataExists { path: data.path().to_owned(), problem: problem.to_owned() };
    let usable = match SqlMeta::open_sqlite(&data.database()).await {
        Ok(meta) => {
            let found = meta.server().await;
            meta.close().await;
            found
        }
        Err(error) => Err(error),
    };
    match usable {
        Ok(Some(_)) => Err(exists(
            "has a database that works; to replace it move server.db away, with server.db-wal and server.db-shm \
             where they are there",
        )),
        // Made by an `init` that was killed.
        Ok(None) | Err(meta::Error::Damaged { .. } | meta::Error::Foreign { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Keeps a database that is damaged under another name, and what is left of one that was moved away: SQLite would take
/// what a killed server has left beside it for a part of the new one, and write it into that.
fn set_aside(data: &DataDir, clock: &Clock) -> Result<()> {
    let stamp = clock.now().as_secs();
    for suffix in DATABASE_SUFFIXES {
        let from = with_suffix(&data.database(), suffix);
        let to = with_suffix(&data.database(), &format!("{suffix}.damaged-{stamp}"));
        match std::fs::rename(&from, &to) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(file_error(&from, &error, "rename file"));
            }
            Ok(()) => tracing::warn!(file = %to.display(), "what was there of a database was set aside"),
            Err(_) => {}
        }
    }
    sync(data)
}

fn write_authority(data: &DataDir, bytes: &[u8]) -> Result<()> {
    let tls = data.tls();
    platform::durable::create_dir_all(&tls, 0o700)
        .map_err(|source| Error::File { path: tls.clone(), source })?;
    DataDir::write(&data.authority(), bytes)?;
    // Nothing goes on that could not be served with.
    Authority::open(&tls).map(drop).map_err(Error::from)
}

/// Gives the whole database its name, durably.
fn finish(data: &DataDir, unfinished: &Path) -> Result<()> {
    std::fs::rename(unfinished, data.database())
        .map_err(|error| file_error(unfinished, &error, "rename file"))?;
    sync(data)
}

fn sync(data: &DataDir) -> Result<()> {
    platform::durable::sync_dir(data.path())
        .map_err(|source| Error::File { path: data.path().to_owned(), source })
}

/// Removes a database with all that SQLite puts beside it.
fn remove_all(database: &Path) -> Result<()> {
    DATABASE_SUFFIXES.iter().try_for_each(|suffix| remove(&with_suffix(database, suffix)))
}

impl fmt::Display for RecoverView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server_id, users, devices, vaults, snapshots, .. } = self;
        let source = if self.from_backup { "the backup and the object store" } else { "the object store" };
        writeln!(f, "Recovered server {server_id} in {} from {source}.", self.data.display())?;
        let only =
            if self.from_backup { "Found in the object store only" } else { "Found in the object store" };
        writeln!(
            f,
            "{only}: {}, {}, {}, {}.\n",
            counted(*users, "user"),
            counted(*devices, "device"),
            counted(*vaults, "vault"),
            counted(*snapshots, "snapshot")
        )?;
        write!(f, "{}", self.administrator)?;
        for Problem { area, code, message, .. } in
            self.problems.iter().filter(|problem| problem.severity == Severity::Warning)
        {
            writeln!(f, "\nwarning: {area}: {message} [{code}]")?;
        }
        if self.errors().next().is_some() {
            writeln!(f, "\nNot everything could be brought in:")?;
            for Problem { area, code, message, .. } in self.errors() {
                writeln!(f, "error: {area}: {message} [{code}]")?;
            }
        }
        writeln!(
            f,
            "\nMove the recovery file away again. Then: holdfast-server serve --data {}",
            self.data.display()
        )
    }
}
