//! `init`: a data folder becomes a server. Each step can be repeated, and the server's record in the database comes
//! last: an `init` that was killed is finished by the next one.

use super::administrators::{AdministratorView, FIRST, give_password};
use super::settings::check_urls;
use crate::data::{DataDir, authority_file};
use crate::instance::{refuse_in_store, store_path};
use crate::mirror::{Mirror, RecordObject};
use crate::org::Organisation;
use crate::settings::Settings;
use crate::tls::Authority;
use crate::{Error, Result, blocking};
use blobs::{BlobStore, FolderStore};
use meta::{Installation, ServerRecord, SqlMeta, Upkeep};
use model::{Clock, Code, Custody, ServerId, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What `init` may be told.
#[derive(Debug, Clone, Default)]
pub struct InitOptions {
    /// Where `serve` listens.
    pub listen: Option<SocketAddr>,
    /// The addresses that agents are told.
    pub urls: Vec<String>,
    /// Folder of the object store.
    pub store: Option<PathBuf>,
    /// Where the organisation's recovery file is written.
    pub recovery_file: Option<PathBuf>,
    /// Custody of new vaults.
    pub custody: Option<Custody>,
}

/// What `init` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InitView {
    /// The new server.
    pub server_id: ServerId,
    /// Its data folder.
    pub data: PathBuf,
    /// Its object store.
    pub store: PathBuf,
    /// Where it will listen.
    pub listen: SocketAddr,
    /// The addresses that agents are told.
    pub urls: Vec<String>,
    /// SHA-256 of the authority's certificate, in hexadecimal.
    pub authority: String,
    /// The first administrator.
    pub administrator: AdministratorView,
    /// The organisation's recovery file.
    pub recovery_file: PathBuf,
}

/// Makes the server.
pub async fn init(data: &DataDir, clock: &Clock, options: InitOptions) -> Result<InitView> {
    let mut settings = settings(&options)?;
    check_free(data)?;
    let begun = data.begin()?;
    // Once more, as another `init` may have been faster.
    check_free(data)?;
    data.close_to_others();
    let made = match open_database(data).await {
        Ok(meta) => {
            let made = fill(data, clock, &options, &mut settings, &meta).await;
            meta.close().await;
            made
        }
        Err(error) => Err(Failed { error, is_begun: false }),
    };
    made.map_err(|Failed { error, is_begun }| {
        if !is_begun {
            data.give_up(begun);
        }
        error
    })
}

/// An `init` that failed. One that has begun to write into the store is finished by the next one, with the same key.
struct Failed {
    error: Error,
    is_begun: bool,
}

impl<E: Into<Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self { error: error.into(), is_begun: true }
    }
}

async fn fill(
    data: &DataDir,
    clock: &Clock,
    options: &InitOptions,
    settings: &mut Settings,
    meta: &SqlMeta,
) -> Result<InitView, Failed> {
    if meta.server().await?.is_some() {
        return Err(exists(data, "is a server already").into());
    }
    let prepared = {
        let (data, clock, options, settings) =
            (data.clone(), clock.clone(), options.clone(), settings.clone());
        blocking(move || prepare(&data, &clock, &options, settings)).await
    };
    let Prepared { made, store, sealed } = prepared.map_err(|error| Failed { error, is_begun: false })?;
    let made = blocking(move || {
        let mirror = Mirror(&store);
        mirror.put_record(&made.object)?;
        mirror.put_authority(&sealed)?;
        Ok::<_, Error>(made)
    })
    .await?;
    *settings = made.object.settings.clone();
    settings.write(meta).await?;
    let administrator = give_password(meta, FIRST, clock.now()).await?;
    meta.create_server(&made.object.to_record()).await?;
    tracing::info!(server = %made.object.id, "server made");
    Ok(InitView {
        server_id: made.object.id,
        data: data.path().to_owned(),
        store: store_path(data, settings),
        listen: settings.listen,
        urls: settings.urls.clone(),
        authority: api::Pin::Authority(made.authority.pin()).to_string(),
        administrator,
        recovery_file: made.recovery_file,
    })
}

struct Made {
    object: RecordObject,
    authority: Authority,
    recovery_file: PathBuf,
}

struct Prepared {
    made: Made,
    store: FolderStore,
    /// The authority, sealed for the organisation.
    sealed: Vec<u8>,
}

/// Everything outside the database and before the store's objects.
fn prepare(data: &DataDir, clock: &Clock, options: &InitOptions, mut settings: Settings) -> Result<Prepared> {
    let recovery_file = options.recovery_file.clone().unwrap_or_else(|| data.recovery_file());
    // The file of a key that is yet to be made is nowhere. Told before a store is made, since that would stay.
    if recovery_file != data.recovery_file() && recovery_file.exists() && !data.org_key().exists() {
        return Err(recovery_exists(data, &recovery_file));
    }
    refuse_in_store(&store_path(data, &settings), &recovery_file)?;
    let org = Organisation::open_or_create(data)?;
    settings.org_recipient = org.recipient().to_string();
    let store = open_store(data, &store_path(data, &settings))?;
    settings.store_id = store.id().to_string();
    let found = Mirror(&store).record()?;
    // The key is made before the store is touched, so an `init` that was killed finds its own.
    if found.as_ref().is_some_and(|object| object.settings.org_recipient != settings.org_recipient) {
        return Err(exists(data, "would take the store of another server"));
    }
    let id = found.as_ref().map_or_else(ServerId::random, |object| object.id);
    let created = found.map_or_else(|| clock.now(), |object| object.created);
    let object = RecordObject::new(&server_record(id, created), &settings);
    let authority = open_authority(data, id, clock)?;
    let sealed = org.recipient().wrap_bytes(&authority_file(data)?)?;
    write_recovery_file(data, &recovery_file, &org, id)?;
    Ok(Prepared { made: Made { object, authority, recovery_file }, store, sealed })
}

/// The record of a server on this machine.
pub(super) fn server_record(id: ServerId, created: Timestamp) -> ServerRecord {
    let name = platform::host::hostname().unwrap_or_else(|_| "holdfast".to_owned());
    ServerRecord { id, name, created }
}

/// The place of a store that does not lie in the data folder, as the settings have it.
pub(super) fn store_elsewhere(path: &Path) -> Result<PathBuf> {
    let place =
        std::path::absolute(path).map_err(|error| crate::data::file_error(path, &error, "resolve path"))?;
    if place.to_str().is_none() {
        return Err(Error::refused(Code::Usage, "the path of the store is not UTF-8"));
    }
    Ok(place)
}

/// The settings of a new server.
pub(super) fn settings(options: &InitOptions) -> Result<Settings> {
    let defaults = Settings::default();
    let listen = options.listen.unwrap_or(defaults.listen);
    if listen.port() == 0 && options.urls.is_empty() {
        let detail = "with port 0 nobody knows where to reach the server: name a port, or tell agents where with --url";
        return Err(Error::refused(Code::Usage, detail));
    }
    let urls = if options.urls.is_empty() { vec![default_url(listen)] } else { options.urls.clone() };
    check_urls(&urls)?;
    // Refused now, not at the first start.
    crate::tls::Names::collect(&urls, &[listen], None)?;
    let store = options.store.as_deref().map_or_else(|| Ok(defaults.store.clone()), store_elsewhere)?;
    let custody = options.custody.unwrap_or(defaults.custody);
    Ok(Settings { listen, urls, store, custody, ..defaults })
}

/// This machine's name, or the address when it listens on one only.
fn default_url(listen: SocketAddr) -> String {
    let port = listen.port();
    if !listen.ip().is_unspecified() {
        return format!("https://{listen}");
    }
    let host = platform::host::hostname().ok();
    let usable = |host: &String| check_urls(&[format!("https://{host}:{port}")]).is_ok();
    let host = host.filter(usable).unwrap_or_else(|| "localhost".to_owned());
    format!("https://{host}:{port}")
}

/// Refuses a folder that is somebody else's, before anything is made in it.
fn check_free(data: &DataDir) -> Result<()> {
    const OWN: &[&str] = &["lock", "org-key", "tls", "store", "organisation-recovery.txt"];
    const LOST_AND_FOUND: &str = "lost+found";
    let entries = match std::fs::read_dir(data.path()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(crate::data::file_error(data.path(), &error, "list folder")),
    };
    for entry in entries {
        let entry = entry.map_err(|error| crate::data::file_error(data.path(), &error, "list folder"))?;
        let name = entry.file_name();
        let is_database = data.database_files().contains(&entry.path());
        let known = name.to_str().is_some_and(|name| {
            is_database
                || OWN.contains(&name)
                || name == LOST_AND_FOUND
                || name.as_bytes().starts_with(platform::durable::TEMP_PREFIX)
        });
        if !known {
            return Err(exists(data, &format!("is not empty: it holds {name:?}")));
        }
    }
    // SQLite would take what a killed server has left for a part of the new database, or delete it, and with it what
    // was committed last.
    let [database, beside @ ..] = data.database_files();
    if let Some(left) = beside.iter().find(|path| path.exists() && !database.exists()) {
        let name = left.file_name().unwrap_or_default();
        return Err(exists(data, &format!("holds {name:?} of a database that is not there; move it away")));
    }
    Ok(())
}

/// The database of an `init` that was killed, or a new one.
async fn open_database(data: &DataDir) -> Result<SqlMeta> {
    if data.has_database()? {
        return Ok(SqlMeta::open_sqlite(&data.database()).await?);
    }
    if holds_vaults(data)? {
        return Err(exists(data, "holds backups but no database; holdfast-server recover rebuilds it"));
    }
    Ok(SqlMeta::create_sqlite(&data.database()).await?)
}

fn holds_vaults(data: &DataDir) -> Result<bool> {
    match FolderStore::open(&data.store(), None) {
        Ok(store) => Ok(!store.list("vaults/")?.is_empty()),
        Err(blobs::Error::NoStore { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A new store, or the one of an `init` that was killed. One with vaults in it belongs to a server.
fn open_store(data: &DataDir, path: &Path) -> Result<FolderStore> {
    let store = match FolderStore::init(path) {
        Err(blobs::Error::StoreExists { .. }) => FolderStore::open(path, None)?,
        other => other?,
    };
    if store.list("vaults/")?.is_empty() {
        Ok(store)
    } else {
        Err(exists(data, "would take a store with backups in it; holdfast-server recover takes it over"))
    }
}

fn open_authority(data: &DataDir, id: ServerId, clock: &Clock) -> Result<Authority> {
    match Authority::open(&data.tls()) {
        Err(crate::tls::TlsError::Missing { .. }) => {
            let label: String = id.to_string().chars().take(8).collect();
            Ok(Authority::create(&data.tls(), &label, clock.now())?)
        }
        other => Ok(other?),
    }
}

/// A file that is there is replaced only in the data folder, where nobody else writes one.
fn write_recovery_file(data: &DataDir, path: &Path, org: &Organisation, id: ServerId) -> Result<()> {
    let text = org.recovery_text(id);
    if path == data.recovery_file() {
        return DataDir::write(path, text.as_bytes());
    }
    match DataDir::write_new(path, text.as_bytes()) {
        // The key makes it ours. Its text names the server, whose id a killed `init` may not have kept.
        Err(Error::File { source, .. }) if source.is_already_exists() => {
            match Organisation::open_recovery_file(path) {
                Ok(found) if found.recipient().to_string() == org.recipient().to_string() => {
                    DataDir::write(path, text.as_bytes())
                }
                _ => Err(recovery_exists(data, path)),
            }
        }
        other => other,
    }
}

fn recovery_exists(data: &DataDir, path: &Path) -> Error {
    exists(data, &format!("was not made: {} is there already", path.display()))
}

fn exists(data: &DataDir, problem: &str) -> Error {
    Error::DataExists { path: data.path().to_owned(), problem: problem.to_owned() }
}

impl fmt::Display for InitView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Made server {} in {}.", self.server_id, self.data.display())?;
        writeln!(f, "  listens on  {}", self.listen)?;
        writeln!(f, "  addresses   {}", self.urls.join(" "))?;
        writeln!(f, "  store       {}", self.store.display())?;
        writeln!(f, "  authority   SHA-256 {}\n", self.authority)?;
        write!(f, "{}", self.administrator)?;
        writeln!(f, "\nThe organisation's recovery file: {}", self.recovery_file.display())?;
        writeln!(
            f,
            "Move it off this machine now, and keep it where a fire here does not reach it. With it and the"
        )?;
        writeln!(
            f,
            "object store everything can be rebuilt; whoever has it can read every managed vault.\n"
        )?;
        writeln!(f, "Next:")?;
        writeln!(f, "  holdfast-server serve --data {}", self.data.display())?;
        writeln!(f, "  holdfast-server user add NAME --data {}", self.data.display())?;
        writeln!(f, "  holdfast-server token create --user NAME --data {}", self.data.display())
    }
}
