//! A path that the user names becomes a root of a set: absolute, and without symbolic links, since the files are what
//! is meant, and a restore never writes through a link.

use crate::AgentError;
use std::io;
use std::path::{Component, Path, PathBuf};

/// A root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Root {
    /// Its path.
    pub(crate) path: PathBuf,
    /// A symbolic link leads from the path that was named to this one.
    pub(crate) through_link: bool,
}

/// The root that `path` names. Of one that does not exist, that cannot be looked at or that is a symbolic link to nowhere
/// the folders above it are resolved as far as they are there: it may be that of a set whose folder is gone, which the
/// run reports.
pub(crate) fn resolve(path: &Path) -> Result<Root, AgentError> {
    let absolute = std::path::absolute(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidInput => AgentError::Usage("the path is empty".into()),
        _ => AgentError::local(path, error),
    })?;
    let missing = || AgentError::PathMissing { path: path.to_owned() };
    let real = absolute.ancestors().find_map(|above| {
        let rest = absolute.strip_prefix(above).ok()?;
        Some((above.canonicalize().ok()?, rest))
    });
    let (above, rest) = real.ok_or_else(missing)?;
    // What `..` leads back from is not there.
    if rest.components().any(|part| part == Component::ParentDir) {
        return Err(missing());
    }
    let real = if rest.as_os_str().is_empty() { above } else { above.join(rest) };
    // `..` and doubled slashes are no links.
    let through_link = absolute.components().ne(real.components())
        && !absolute.components().any(|part| part == Component::ParentDir);
    Ok(Root { path: real, through_link })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_what_they_name() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir(base.join("real")).unwrap();
        std::os::unix::fs::symlink("real", base.join("link")).unwrap();
        let root = |path: PathBuf| {
            let root = resolve(&path).unwrap();
            (root.path, root.through_link)
        };
        assert_eq!(root(base.join("real")), (base.join("real"), false));
        assert_eq!(root(base.join("real/")), (base.join("real"), false));
        assert_eq!(root(base.join("link")), (base.join("real"), true));
        assert_eq!(root(base.join("real/../real")), (base.join("real"), false));
        assert_eq!(root(base.join("gone")), (base.join("gone"), false));
        assert_eq!(root(PathBuf::from("/")), (PathBuf::from("/"), false));
        assert!(resolve(Path::new("")).is_err());
        // A link to nowhere is meant itself, and so is what is gone.
        std::os::unix::fs::symlink("/not/there", base.join("dangling")).unwrap();
        assert_eq!(root(base.join("real/../dangling")), (base.join("dangling"), false));
        assert_eq!(root(base.join("link/../gone/deep")), (base.join("gone/deep"), false));
        assert_eq!(root(base.join("link/gone")), (base.join("real/gone"), true));
        let error = resolve(&base.join("gone/../real")).unwrap_err();
        assert_eq!(error.code(), model::Code::PathMissing);
    }
}
