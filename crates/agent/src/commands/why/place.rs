//! The path that is asked about: where it lies, without symbolic links above it, and what stands there.

use crate::{AgentError, roots};
use platform::{Dir, Stat};
use std::path::{Path, PathBuf};

/// The path as an entry of a snapshot has it: the folders above it are resolved, and a symbolic link is meant itself.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, AgentError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent(), absolute.file_name()) {
        (Some(folder), Some(name)) => Ok(roots::resolve(folder)?.path.join(name)),
        // The root, and what ends in `..`.
        _ => Ok(roots::resolve(path)?.path),
    }
}

/// What stands there; `None` when nothing does or it cannot be looked at.
pub(super) fn look(path: &Path) -> Option<Stat> {
    if path == Path::new("/") {
        return Dir::open_root(path).and_then(|dir| dir.stat_self()).ok();
    }
    Dir::open_parent_of(path).and_then(|(dir, name)| dir.stat(&name)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_resolved_and_the_last_name_is_meant_itself() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("real")).unwrap();
        std::os::unix::fs::symlink("real", base.join("link")).unwrap();
        std::os::unix::fs::symlink("nowhere", base.join("real/dangling")).unwrap();
        let found = |path: &str| resolve(&base.join(path)).unwrap();
        assert_eq!(found("link"), base.join("link"));
        assert_eq!(found("link/"), base.join("link"));
        assert_eq!(found("link/dangling"), base.join("real/dangling"));
        assert_eq!(found("link/gone/deep"), base.join("real/gone/deep"));
        assert_eq!(found("real/.."), base);
        assert_eq!(resolve(Path::new("/")).unwrap(), Path::new("/"));
        assert!(resolve(Path::new("")).is_err());
        assert!(look(&base.join("real/dangling")).is_some() && look(&base.join("gone")).is_none());
        assert!(look(Path::new("/")).is_some());
    }
}
