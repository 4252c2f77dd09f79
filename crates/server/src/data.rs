//! The data folder: what lies where in it, and the lock that keeps other processes out.
//! It knows names and modes, not what the files mean.

use crate::{Error, Result};
use model::Code;
use platform::{Lock, durable, permissions};
use std::path::{Path, PathBuf};

/// A step that makes a server in a data folder.
#[derive(Debug)]
pub struct Begun {
    had_folder: bool,
    had_lock: bool,
    /// What was there of a server.
    found: Vec<PathBuf>,
    /// The folder's lock.
    pub lock: Lock,
}

/// What SQLite puts behind a database's name, the database itself among them.
pub const DATABASE_SUFFIXES: [&str; 4] = ["", "-wal", "-shm", "-journal"];
/// Mode of folders that nobody else may look into.
const FOLDER_MODE: u32 = 0o700;
/// Mode of files that nobody else may read.
pub const FILE_MODE: u32 = 0o600;

/// `path` with `suffix` behind its name.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// A data folder, by its absolute path.
#[derive(Debug, Clone)]
pub struct DataDir(PathBuf);

impl DataDir {
    /// The folder at `path`, which need not exist.
    pub fn new(path: &Path) -> Result<Self> {
        std::path::absolute(path).map(Self).map_err(|error| file_error(path, &error, "resolve path"))
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("server.db")
    }

    /// The database with all that SQLite puts beside it.
    pub fn database_files(&self) -> [PathBuf; 4] {
        DATABASE_SUFFIXES.map(|suffix| with_suffix(&self.database(), suffix))
    }

    /// Held by the process that works on the folder.
    pub fn lock_file(&self) -> PathBuf {
        self.0.join("lock")
    }

    /// Where the running server takes commands.
    pub fn socket(&self) -> PathBuf {
        self.0.join("control.sock")
    }

    /// The organisation's private key.
    pub fn org_key(&self) -> PathBuf {
        self.0.join("org-key")
    }

    /// The certificates.
    pub fn tls(&self) -> PathBuf {
        self.0.join("tls")
    }

    /// Certificate and key of the authority.
    pub fn authority(&self) -> PathBuf {
        self.tls().join("authority.pem")
    }

    /// Where the object store lies unless it was put elsewhere.
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// Where the recovery file is written unless it was put elsewhere.
    pub fn recovery_file(&self) -> PathBuf {
        self.0.join("organisation-recovery.txt")
    }

    /// True when a database is there.
    pub fn has_database(&self) -> Result<bool> {
        let path = self.database();
        path.try_exists().map_err(|error| file_error(&path, &error, "stat file"))
    }

    /// Makes the folder when it is missing. One that is there keeps its mode.
    pub fn create(&self) -> Result<()> {
        durable::create_dir_all(&self.0, FOLDER_MODE)
            .map(drop)
            .map_err(|source| Error::File { path: self.0.clone(), source })
    }

    /// Closes a folder that was there to others. Where this is refused, its mode stays: `check` tells of it until
    /// the owner changes it.
    pub fn close_to_others(&self) {
        let closed = platform::Dir::open_root(&self.0).and_then(|folder| {
            platform::Node::Dir(&folder).set_mode(FOLDER_MODE).and_then(|()| folder.sync())
        });
        if let Err(error) = closed {
            tracing::warn!(%error, "the data folder keeps its mode, and others may look into it");
        }
    }

    /// Makes the folder when it is missing and takes its lock, for a step that takes away what it has made when it
    /// fails.
    pub fn begin(&self) -> Result<Begun> {
        let had_folder = self.0.exists();
        let had_lock = self.lock_file().exists();
        self.create()?;
        let lock = self.lock()?;
        // Under the lock, so that all that comes later is our own.
        let found = self.makes().filter(|path| path.exists());
        Ok(Begun { had_folder, had_lock, found: found.collect(), lock })
    }

    /// What a step makes of a server and can take away again.
    fn makes(&self) -> impl Iterator<Item = PathBuf> {
        [self.org_key(), self.tls()].into_iter().chain(self.database_files())
    }

    /// Takes away what was made since `begun`: never the store, nor what was found. What cannot be removed does no
    /// harm, since the next try takes it over.
    pub fn give_up(&self, begun: Begun) {
        let Begun { had_folder, had_lock, found, lock } = begun;
        // What lies beside a database that was found is not ours to take away.
        let had_database = found.contains(&self.database());
        let is_kept =
            |path: &PathBuf| found.contains(path) || had_database && self.database_files().contains(path);
        for path in self.makes().filter(|path| !is_kept(path)) {
            let _ = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        }
        // A server that somebody else has made just before keeps its lock.
        if !had_lock && !self.database().exists() {
            let _ = std::fs::remove_file(self.lock_file());
        }
        if !had_folder {
            let _ = std::fs::remove_dir(&self.0);
        }
        drop(lock);
    }

    /// Takes the lock without waiting. Root is refused on the folder of somebody else: the files that it made there
    /// would keep the server out of its own folder.
    pub fn lock(&self) -> Result<Lock> {
        self.check_owner()?;
        let path = self.lock_file();
        Lock::try_exclusive(&path).map_err(|error| match error {
            platform::Error::Locked { holder, .. } => Error::DataLocked { path: self.0.clone(), holder },
            error if error.is_not_found() => Error::DataMissing { path: self.0.clone() },
            source => Error::File { path, source },
        })
    }

    fn check_owner(&self) -> Result<()> {
        let Ok(owner) = permissions::owner(&self.0) else { return Ok(()) };
        if owner == 0 || platform::process::effective_uid() != Ok(0) {
            return Ok(());
        }
        let detail = format!("the data folder belongs to user {owner}; run this as that user");
        Err(Error::refused(Code::LocalDenied, detail))
    }

    /// Reads a small text file of the folder; `None` when it is not there.
    pub fn read(path: &Path) -> Result<Option<zeroize::Zeroizing<String>>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(zeroize::Zeroizing::new(text))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error(path, &error, "read file")),
        }
    }

    /// Writes a private file durably, in place of what is there.
    pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
        durable::write_file(path, bytes, FILE_MODE)
            .map_err(|source| Error::File { path: path.to_owned(), source })
    }

    /// Writes a private file durably; one that is there stays and is an error.
    pub fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
        durable::write_new_file(path, bytes, FILE_MODE)
            .map_err(|source| Error::File { path: path.to_owned(), source })
    }
}

/// Removes a file; that it was not there is no error.
pub fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(file_error(path, &error, "remove file"))
        }
        _ => Ok(()),
    }
}

/// Certificate and key of the authority, as they lie in the data folder.
pub fn authority_file(data: &DataDir) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let path = data.authority();
    let bytes = std::fs::read(&path).map_err(|error| file_error(&path, &error, "read file"))?;
    Ok(zeroize::Zeroizing::new(bytes))
}

/// The error of a file operation of the standard library. Errors that it made up itself carry no number.
pub fn file_error(path: &Path, error: &std::io::Error, op: &'static str) -> Error {
    const EIO: i32 = 5;
    let source = platform::Error::Os { op, errno: error.raw_os_error().unwrap_or(EIO) };
    Error::File { path: path.to_owned(), source }
}
