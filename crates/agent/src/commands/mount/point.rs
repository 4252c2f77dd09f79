//! Whether a folder can be mounted on.

use super::NAME;
use crate::AgentError;
use platform::{Dir, FileSystemKind, MountTable, Stat, errno};
use std::path::{Path, PathBuf};

/// The folder, absolute and without symbolic links, with its attributes.
pub(super) fn check(folder: &Path) -> Result<(PathBuf, Stat), AgentError> {
    let unfit = |reason| AgentError::MountPoint { path: folder.to_owned(), reason };
    let failed = |error: platform::Error| match error.errno() {
        Some(errno::ECONNABORTED | errno::ENOTCONN) => AgentError::MountStale { path: folder.to_owned() },
        Some(errno::ENOTDIR) => unfit("it is no folder"),
        _ => AgentError::local(folder, error),
    };
    let dir = Dir::open_root(folder).map_err(failed)?;
    let owner = dir.stat_self().map_err(failed)?;
    let point = folder.canonicalize().map_err(|error| AgentError::local(folder, error))?;
    let mounts = MountTable::read().unwrap_or_default();
    let present = mounts.at(platform::path::bytes(&point));
    if present.is_some_and(|mount| mount.kind == FileSystemKind::Fuse && mount.source == NAME.as_bytes()) {
        return Err(unfit("snapshots are mounted there already"));
    }
    if !dir.names().map_err(failed)?.is_empty() {
        return Err(unfit("it is not empty"));
    }
    Ok((point, owner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Code;

    #[test]
    fn only_an_empty_folder_is_fit() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        let code = |path: &Path| check(path).map_err(|error| error.code());
        std::fs::create_dir(base.join("empty")).unwrap();
        std::os::unix::fs::symlink("empty", base.join("link")).unwrap();
        assert_eq!(code(&base.join("link")).unwrap().0, base.join("empty"));
        assert_eq!(code(&base), Err(Code::MountPointUnfit));
        std::fs::write(base.join("empty/file"), b"x").unwrap();
        assert_eq!(code(&base.join("empty")), Err(Code::MountPointUnfit));
        assert_eq!(code(&base.join("empty/file")), Err(Code::MountPointUnfit));
        assert_eq!(code(&base.join("none")), Err(Code::PathMissing));
    }
}
