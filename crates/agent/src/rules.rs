//! The default exclusions: what programs make anew by themselves, and what the user has thrown away. Among the former are
//! file systems that programs mount and take away: each that is gone would be a finding.

use crate::state::settings::BackupSet;
use engine::backup::why::Scope;
use std::path::Path;

/// Rules in the syntax of gitignore, anchored at `/`, each with what it leaves out.
pub(crate) const DEFAULT: &[(&str, &str)] = &[
    (".cache/", "caches of programs"),
    ("**/.var/app/*/cache/", "caches of Flatpak programs"),
    ("**/.config/*/Cache/", "caches of browsers and of programs built on one"),
    ("**/.config/*/Code Cache/", "the same"),
    ("**/.config/*/GPUCache/", "the same"),
    (".thumbnails/", "small pictures of files"),
    ("**/.local/share/Trash/", "the trash"),
    (".Trash-[0-9]*/", "the trash of other disks"),
    ("lost+found/", "what a repair of the file system found"),
    ("/run/*", "what programs keep until the next start"),
    ("!/run/media/", "but not disks that a desktop mounts"),
    ("/snap/", "programs of snapd, as it mounts them"),
    ("/var/lib/docker/overlay2/*/merged/", "file systems of containers, as they are mounted"),
    ("**/containers/storage/overlay/*/merged/", "the same"),
];

/// The rules in force for a set: the default ones first, so that its own may take some back.
pub(crate) fn in_force(set: &BackupSet) -> Vec<String> {
    let default = DEFAULT.iter().filter(|_| set.default_exclusions).map(|(rule, _)| (*rule).to_owned());
    default.chain(set.exclude.iter().cloned()).collect()
}

/// What a set takes in, for the agent whose state lies at `state`.
pub(crate) fn scope(set: &BackupSet, state: &Path) -> Scope {
    Scope {
        paths: set.paths(),
        exclusions: in_force(set),
        exclude_caches: set.default_exclusions,
        one_file_system: set.one_file_system,
        own_folders: vec![state.to_owned()],
    }
}

/// What the default rule at this place of [`in_force`] leaves out, in words; `None` for a rule of the set's own.
pub(crate) fn default_at(set: &BackupSet, place: usize) -> Option<&'static str> {
    DEFAULT.get(place).filter(|_| set.default_exclusions).map(|(_, what)| *what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_own_rules_come_last() {
        let mut set = BackupSet {
            paths: Vec::new(),
            exclude: vec!["!.cache/keep/".into()],
            default_exclusions: true,
            one_file_system: false,
        };
        let rules = in_force(&set);
        assert_eq!((rules.len(), rules.last().unwrap().as_str()), (DEFAULT.len() + 1, "!.cache/keep/"));
        assert!(default_at(&set, 0).is_some() && default_at(&set, DEFAULT.len()).is_none());
        set.default_exclusions = false;
        assert_eq!(in_force(&set), ["!.cache/keep/"]);
        assert!(default_at(&set, 0).is_none());
    }
}
