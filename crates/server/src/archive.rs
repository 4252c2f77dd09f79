//! The file of `backup`: a tar of the server's own state, sealed with age for the organisation, so that the `age` and
//! `tar` programs can open it with the recovery file. It knows the names in it, not what they mean.

use crate::data::file_error;
use crate::{Error, Result};
use format::wrap::{Identity, Recipient};
use model::Code;
use platform::permissions;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

/// What is in the tar, in this order: the manifest first, so that a reader knows what follows.
const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "server.db";
const ORG_KEY: &str = "org-key";
const AUTHORITY: &str = "tls/authority.pem";
/// Layout of the tar.
const VERSION: u32 = 1;
/// The most that a small file in the tar has.
const SMALL_MAX: u64 = 1 << 20;
const BUFFER: usize = 1 << 20;
/// First line of every age file, without its version ([C2SP age](https://c2sp.org/age)).
const AGE_INTRO: &[u8] = b"age-encryption.org/";

/// What the archive says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Layout of the tar.
    pub layout: u32,
    /// The server's version that wrote it.
    pub version: String,
    /// The server.
    pub server_id: model::ServerId,
    /// When it was written.
    pub created: model::Timestamp,
}

impl Manifest {
    /// The manifest of an archive that is written now.
    pub fn new(server_id: model::ServerId, created: model::Timestamp) -> Self {
        Self { layout: VERSION, version: env!("CARGO_PKG_VERSION").to_owned(), server_id, created }
    }
}

/// What goes into an archive.
pub struct Content<'a> {
    /// The manifest.
    pub manifest: &'a Manifest,
    /// A closed copy of the database.
    pub database: &'a Path,
    /// The organisation's private key.
    pub org_key: &'a [u8],
    /// Certificate and key of the authority.
    pub authority: &'a [u8],
}

/// What came out of an archive; the database lies in the file that was named.
pub struct Opened {
    /// The manifest.
    pub manifest: Manifest,
    /// Certificate and key of the authority.
    pub authority: zeroize::Zeroizing<Vec<u8>>,
}

/// The archive takes the place of what has its name, so that may only be an earlier one: a device such as
/// `/dev/stdout`, a link, or any other file would be lost.
fn check_target(path: &Path) -> Result<()> {
    let refused = |what: &str| {
        let detail = format!("{} is {what}, and a backup would take its place", path.display());
        Err(Error::refused(Code::Usage, detail))
    };
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => refused("no regular file"),
        Ok(found) if found.len() > 0 && !begins_as_age(path)? => refused("no earlier backup"),
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(file_error(path, &error, "stat file")),
    }
}

fn begins_as_age(path: &Path) -> Result<bool> {
    let mut begin = Vec::new();
    File::open(path)
        .and_then(|file| file.take(AGE_INTRO.len() as u64).read_to_end(&mut begin))
        .map_err(|error| file_error(path, &error, "read file"))?;
    Ok(begin == AGE_INTRO)
}

/// Writes an archive to `path`, durably, in place of what is there. Gives its size in bytes.
pub fn write(path: &Path, recipient: &Recipient, content: &Content<'_>) -> Result<u64> {
    check_target(path)?;
    let failed = |source| Error::File { path: path.to_owned(), source };
    let (folder, name) = platform::Dir::open_parent_of(path).map_err(failed)?;
    // A new name: what else lies in the folder is not ours to write over.
    let (temporary, file) = folder.create_temp(platform::durable::TEMP_PREFIX).map_err(failed)?;
    let written = write_to(file, recipient, content)
        .map_err(|error| file_error(path, &error, "write file"))
        .and_then(|size| folder.rename_over(&temporary, &name).map_err(failed).map(|()| size));
    match written {
        Ok(size) => folder.sync().map_err(failed).map(|()| size),
        Err(error) => {
            // The first error is the one to report.
            let _ = folder.remove_file(&temporary);
            Err(error)
        }
    }
}

/// The file has the mode of [`crate::data::FILE_MODE`] from its beginning.
fn write_to(file: File, recipient: &Recipient, content: &Content<'_>) -> std::io::Result<u64> {
    let sealed = recipient.wrap_writer(BufWriter::with_capacity(BUFFER, file))?;
    let mut tar = tar::Builder::new(sealed);
    let manifest = serde_json::to_vec_pretty(content.manifest).map_err(std::io::Error::other)?;
    let time = u64::try_from(content.manifest.created.as_secs()).unwrap_or(0);
    add(&mut tar, MANIFEST, manifest.len() as u64, time, manifest.as_slice())?;
    add(&mut tar, ORG_KEY, content.org_key.len() as u64, time, content.org_key)?;
    add(&mut tar, AUTHORITY, content.authority.len() as u64, time, content.authority)?;
    let database = File::open(content.database)?;
    add(&mut tar, DATABASE, database.metadata()?.len(), time, BufReader::with_capacity(BUFFER, database))?;
    let file = tar.into_inner()?.finish()?.into_inner().map_err(std::io::IntoInnerError::into_error)?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

fn add(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    size: u64,
    time: u64,
    from: impl Read,
) -> std::io::Result<()> {
    let mut header = tar::Header::new_ustar();
    header.set_mode(crate::data::FILE_MODE);
    header.set_size(size);
    header.set_mtime(time);
    header.set_entry_type(tar::EntryType::Regular);
    tar.append_data(&mut header, name, from)
}

/// Reads the archive at `path`; puts the database into the new file `database`. Nothing else is written, whatever
/// names the archive may hold.
pub fn read(path: &Path, identity: &Identity, database: &Path) -> Result<Opened> {
    let file = File::open(path).map_err(|error| file_error(path, &error, "open file"))?;
    let opened =
        identity.unwrap_reader(BufReader::with_capacity(BUFFER, file)).map_err(|error| match error {
            format::Error::WrongIdentity => {
                let problem = "the recovery file does not open this backup";
                Error::RecoveryWrong { path: path.to_owned(), problem }
            }
            _ => damaged(path, "it is no backup of a server"),
        })?;
    let mut tar = tar::Archive::new(opened);
    let broken = |_| damaged(path, "it is damaged or not whole");
    let (mut manifest, mut authority, mut has_database) = (None::<Manifest>, None, false);
    for entry in tar.entries().map_err(broken)? {
        let mut entry = entry.map_err(broken)?;
        let name = entry.path_bytes().into_owned();
        match name.as_slice() {
            name if name == MANIFEST.as_bytes() => {
                let bytes = small(&mut entry).map_err(broken)?;
                let found: Manifest = serde_json::from_slice(&bytes)
                    .map_err(|_| damaged(path, "its manifest cannot be read"))?;
                if found.layout > VERSION {
                    return Err(format::Error::TooNew { what: "the backup" }.into());
                }
                manifest = Some(found);
            }
            name if name == AUTHORITY.as_bytes() => authority = Some(small(&mut entry).map_err(broken)?),
            name if name == DATABASE.as_bytes() => {
                let write = |error: std::io::Error| file_error(database, &error, "write file");
                let mut out = permissions::create_new_file(database, crate::data::FILE_MODE)
                    .map_err(|source| Error::File { path: database.to_owned(), source })?;
                copy(&mut entry, &mut out, path, database)?;
                out.sync_all().map_err(write)?;
                has_database = true;
            }
            _ => {}
        }
    }
    match (manifest, authority) {
        (Some(manifest), Some(authority)) if has_database => Ok(Opened { manifest, authority }),
        _ => Err(damaged(path, "it is not whole")),
    }
}

fn small(entry: &mut impl Read) -> std::io::Result<zeroize::Zeroizing<Vec<u8>>> {
    let mut bytes = zeroize::Zeroizing::new(Vec::new());
    entry.take(SMALL_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reading and writing fail for different reasons, and at different files.
fn copy(from: &mut impl Read, to: &mut File, source: &Path, target: &Path) -> Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = from.read(&mut buffer).map_err(|_| damaged(source, "it is damaged or not whole"))?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..count]).map_err(|error| file_error(target, &error, "write file"))?;
    }
}

fn damaged(path: &Path, problem: &'static str) -> Error {
    Error::BackupDamaged { path: path.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ServerId, Timestamp};

    #[test]
    fn an_archive_opens_with_its_key_and_only_whole() {
        let dir = tempfile::tempdir().unwrap();
        let identity = Identity::generate();
        let (database, file) = (dir.path().join("db"), dir.path().join("backup"));
        std::fs::write(&database, vec![7; 3 << 20]).unwrap();
        let manifest = Manifest::new(ServerId::random(), Timestamp::from_secs(1_800_000_000));
        let content =
            Content { manifest: &manifest, database: &database, org_key: b"org", authority: b"authority" };
        let size = write(&file, &identity.recipient(), &content).unwrap();
        assert_eq!(std::fs::metadata(&file).unwrap().len(), size);
        let out = dir.path().join("out");
        let opened = read(&file, &identity, &out).unwrap();
        assert_eq!(opened.manifest, manifest);
        assert_eq!(*opened.authority, b"authority");
        assert_eq!(std::fs::read(&out).unwrap(), vec![7; 3 << 20]);

        let code = |identity: &Identity, bytes: &[u8]| {
            let (cut, out) = (dir.path().join("cut"), dir.path().join("out2"));
            std::fs::write(&cut, bytes).unwrap();
            let result = read(&cut, identity, &out);
            let _ = std::fs::remove_file(out);
            result.err().map(|error| error.code())
        };
        let whole = std::fs::read(&file).unwrap();
        assert_eq!(code(&identity, &whole), None);
        assert_eq!(code(&Identity::generate(), &whole), Some(Code::RecoveryWrong));
        assert_eq!(code(&identity, &whole[..whole.len() / 2]), Some(Code::DatabaseDamaged));
        assert_eq!(code(&identity, b"nonsense"), Some(Code::DatabaseDamaged));
    }

    #[test]
    fn what_lies_beside_the_archive_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (database, file) = (dir.path().join("db"), dir.path().join("backup"));
        std::fs::write(&database, "database").unwrap();
        let (own, target) = (dir.path().join("backup.tmp"), dir.path().join("target"));
        std::fs::write(&target, "the user's").unwrap();
        std::os::unix::fs::symlink(&target, &own).unwrap();
        let manifest = Manifest::new(ServerId::random(), Timestamp::from_secs(0));
        let content = Content { manifest: &manifest, database: &database, org_key: b"", authority: b"" };
        write(&file, &Identity::generate().recipient(), &content).unwrap();
        assert_eq!(std::fs::read(&own).unwrap(), b"the user's");
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o7777, crate::data::FILE_MODE);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 4);
    }

    #[test]
    fn only_an_earlier_archive_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (database, target) = (dir.path().join("db"), dir.path().join("target"));
        std::fs::write(&database, "database").unwrap();
        std::fs::write(&target, "kept").unwrap();
        let (link, folder, socket) =
            (dir.path().join("link"), dir.path().join("folder"), dir.path().join("socket"));
        std::os::unix::fs::symlink(&target, &link).unwrap();
        std::fs::create_dir(&folder).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let manifest = Manifest::new(ServerId::random(), Timestamp::from_secs(0));
        let content = Content { manifest: &manifest, database: &database, org_key: b"", authority: b"" };
        let recipient = Identity::generate().recipient();
        for path in [&link, &folder, &socket, &target] {
            let before = std::fs::symlink_metadata(path).unwrap().file_type();
            assert_eq!(
                write(path, &recipient, &content).unwrap_err().code(),
                Code::Usage,
                "{}",
                path.display()
            );
            assert_eq!(std::fs::symlink_metadata(path).unwrap().file_type(), before);
        }
        assert_eq!(std::fs::read(&target).unwrap(), b"kept");
        // An empty one is what mktemp makes.
        std::fs::write(&target, "").unwrap();
        for _ in 0..2 {
            write(&target, &recipient, &content).unwrap();
            assert!(std::fs::read(&target).unwrap().starts_with(AGE_INTRO));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 5);
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("backup");
        std::fs::write(&file, AGE_INTRO).unwrap();
        let manifest = Manifest::new(ServerId::random(), Timestamp::from_secs(0));
        let missing = dir.path().join("missing");
        let content = Content { manifest: &manifest, database: &missing, org_key: b"", authority: b"" };
        assert!(write(&file, &Identity::generate().recipient(), &content).is_err());
        assert_eq!(std::fs::read(&file).unwrap(), AGE_INTRO);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
