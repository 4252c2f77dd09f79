//! What a run would do with one path, and why: a walk that goes there alone, by the run's own code.

use super::findings::is_missing;
use super::rules::Rules;
use super::walk::{By, Found, Walk, normalised};
use crate::EngineError;
use format::path;
use model::FindingReason;
use platform::FileSystemKind;
use std::path::PathBuf;

/// What a set takes in: the part of a [`super::BackupRequest`] that decides it.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Its folders and files.
    pub paths: Vec<PathBuf>,
    /// Rules of exclusion; later ones win.
    pub exclusions: Vec<String>,
    /// Leave out folders that hold a CACHEDIR.TAG.
    pub exclude_caches: bool,
    /// Stay on the file systems of the paths.
    pub one_file_system: bool,
    /// Folders of our own that are never backed up.
    pub own_folders: Vec<PathBuf>,
}

/// What becomes of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fate {
    /// The innermost root that it belongs to; `None` when it belongs to none.
    pub root: Option<Vec<u8>>,
    /// Roots that lie below it.
    pub roots_below: Vec<Vec<u8>>,
    /// What the walk does with it.
    pub verdict: Verdict,
}

/// What the walk does with a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It belongs to no root.
    Outside,
    /// It is taken.
    Taken,
    /// The folder itself is taken, and what it holds is not.
    Emptied(Cause),
    /// It is left out here, at the path itself or at a folder above it.
    LeftOut {
        /// Where.
        at: Vec<u8>,
        /// By what.
        cause: Cause,
    },
    /// The walk cannot go on here.
    Unreadable {
        /// Where.
        at: Vec<u8>,
        /// What the system said.
        error: platform::Error,
    },
    /// The walk comes to where it would be, and it is not there.
    Gone,
}

/// What leaves a path out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The rule with this place in [`Scope::exclusions`].
    Rule(usize),
    /// It is the agent's own state.
    OwnState,
    /// A folder above it is tagged as a cache.
    Cache,
    /// A folder above it is an object store of a server.
    ObjectStore,
    /// It lies on another file system, and the set stays on that of its root.
    OneFileSystem,
    /// It lies on a file system of a kind that is never walked.
    FileSystem(FileSystemKind),
}

/// Goes to `path`, absolute and plain, as a run with this scope would.
pub fn fate(scope: &Scope, path: &[u8]) -> Result<Fate, EngineError> {
    let rules = Rules::new(&scope.exclusions, scope.exclude_caches, &scope.own_folders)?;
    let (around, others): (Vec<_>, Vec<_>) =
        normalised(&scope.paths)?.into_iter().partition(|root| path::is_within(path, root));
    let roots_below: Vec<_> = others.into_iter().filter(|root| path::is_within(root, path)).collect();
    // They are sorted, so the innermost comes last.
    let Some(root) = around.last().cloned() else {
        return Ok(Fate { root: None, roots_below, verdict: Verdict::Outside });
    };
    let mut walk = Walk::new(around, &rules, scope.one_file_system).toward(path);
    let mut verdict = Verdict::Gone;
    // What comes later comes nearer: an inner root is walked whatever became of it in an outer one.
    while let Some(found) = walk.next() {
        if let Some(left_out) = walk.take_left_out() {
            verdict = left_out_verdict(left_out.path, left_out.by, path);
        }
        take(found, path, &mut verdict);
    }
    if let Some(left_out) = walk.take_left_out() {
        verdict = left_out_verdict(left_out.path, left_out.by, path);
    }
    Ok(Fate { root: Some(root), roots_below, verdict })
}

fn left_out_verdict(at: Vec<u8>, by: By, wanted: &[u8]) -> Verdict {
    let cause = match by {
        By::Rule(place) => Cause::Rule(place),
        By::OwnState => Cause::OwnState,
        By::Cache => Cause::Cache,
        By::Store => Cause::ObjectStore,
        By::OneFileSystem => Cause::OneFileSystem,
        By::FileSystem(kind) => Cause::FileSystem(kind),
    };
    if by.keeps_folder() && at == wanted { Verdict::Emptied(cause) } else { Verdict::LeftOut { at, cause } }
}

fn take(found: Found, wanted: &[u8], verdict: &mut Verdict) {
    match found {
        // What it is emptied by is known before its entry.
        Found::Entry(place) | Found::MountHidden(place)
            if place.path == wanted && !matches!(verdict, Verdict::Emptied(_)) =>
        {
            *verdict = Verdict::Taken;
        }
        Found::RootGone { path, error } if is_missing(&error) => {
            drop(path);
            *verdict = Verdict::Gone;
        }
        Found::RootGone { path, error }
        | Found::Unreadable { path, error }
        | Found::Unlisted { path, error } => *verdict = Verdict::Unreadable { at: path, error },
        Found::RootRefused { path, reason: FindingReason::PseudoFileSystem } => {
            *verdict = Verdict::LeftOut { at: path, cause: Cause::FileSystem(FileSystemKind::Pseudo) };
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    fn scope(paths: &[&Path], rules: &[&str]) -> Scope {
        Scope {
            paths: paths.iter().map(|path| (*path).to_owned()).collect(),
            exclusions: rules.iter().map(|rule| (*rule).to_owned()).collect(),
            exclude_caches: true,
            one_file_system: false,
            own_folders: Vec::new(),
        }
    }

    fn tree(files: &[&str]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for file in files {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, b"x").unwrap();
        }
        (folder, root)
    }

    fn verdict(scope: &Scope, path: &Path) -> Verdict {
        fate(scope, path.as_os_str().as_bytes()).unwrap().verdict
    }

    fn left_out(at: &Path, cause: Cause) -> Verdict {
        Verdict::LeftOut { at: at.as_os_str().as_bytes().to_vec(), cause }
    }

    #[test]
    fn the_rule_that_leaves_a_path_out_is_named_where_it_does() {
        let (_folder, root) = tree(&["a/keep", "a/b/x.tmp", "a/b/y", "build/z"]);
        let scope = scope(&[&root], &["/none/", "*.tmp", "build/"]);
        assert_eq!(verdict(&scope, &root), Verdict::Taken);
        assert_eq!(verdict(&scope, &root.join("a/b/y")), Verdict::Taken);
        assert_eq!(verdict(&scope, &root.join("a/b/none")), Verdict::Gone);
        assert_eq!(verdict(&scope, &root.join("a/none/deep")), Verdict::Gone);
        let file = root.join("a/b/x.tmp");
        assert_eq!(verdict(&scope, &file), left_out(&file, Cause::Rule(1)));
        assert_eq!(verdict(&scope, &root.join("build/z")), left_out(&root.join("build"), Cause::Rule(2)));
        assert_eq!(verdict(&scope, Path::new("/elsewhere")), Verdict::Outside);
    }

    #[test]
    fn a_root_inside_what_is_left_out_is_taken() {
        let (_folder, root) = tree(&["out/in/file", "out/in/no.tmp", "out/other"]);
        let inner = root.join("out/in");
        let scope = scope(&[&root, &inner], &["out/", "*.tmp"]);
        assert_eq!(verdict(&scope, &inner.join("file")), Verdict::Taken);
        assert_eq!(verdict(&scope, &inner), Verdict::Taken);
        assert_eq!(verdict(&scope, &root.join("out/other")), left_out(&root.join("out"), Cause::Rule(0)));
        let no = inner.join("no.tmp");
        assert_eq!(verdict(&scope, &no), left_out(&no, Cause::Rule(1)));
        let above = fate(&scope, root.join("out").as_os_str().as_bytes()).unwrap();
        assert_eq!(above.roots_below, [inner.as_os_str().as_bytes()]);
        assert_eq!(above.root.as_deref(), Some(root.as_os_str().as_bytes()));
    }

    #[test]
    fn caches_stores_and_own_state_are_told() {
        let (_folder, root) = tree(&["cache/big", "store/pack", "state/key"]);
        fs::write(root.join("cache/CACHEDIR.TAG"), "Signature: 8a477f597d28d172789f06886806bc55").unwrap();
        fs::write(root.join("store/HOLDFAST-STORE"), "Holdfast object store\n").unwrap();
        let mut scope = scope(&[&root], &[]);
        scope.own_folders = vec![root.join("state")];
        assert_eq!(verdict(&scope, &root.join("cache/big")), left_out(&root.join("cache"), Cause::Cache));
        assert_eq!(verdict(&scope, &root.join("cache/CACHEDIR.TAG")), Verdict::Taken);
        assert_eq!(verdict(&scope, &root.join("cache")), Verdict::Emptied(Cause::Cache));
        assert_eq!(
            verdict(&scope, &root.join("store/pack")),
            left_out(&root.join("store"), Cause::ObjectStore)
        );
        let state = root.join("state");
        assert_eq!(verdict(&scope, &state.join("key")), left_out(&state, Cause::OwnState));
        // A folder of the set that is a cache is backed up.
        scope.paths = vec![root.join("cache")];
        assert_eq!(verdict(&scope, &root.join("cache/big")), Verdict::Taken);
    }

    #[test]
    fn the_systems_own_views_are_never_walked() {
        let scope = scope(&[Path::new("/proc")], &[]);
        let pseudo = Cause::FileSystem(FileSystemKind::Pseudo);
        assert_eq!(verdict(&scope, Path::new("/proc/self")), left_out(Path::new("/proc"), pseudo));
    }
}
