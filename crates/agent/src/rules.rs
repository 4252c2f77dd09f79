//! The default exclusions: what programs make anew by themselves, and what the user has thrown away.

use crate::state::settings::BackupSet;

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
];

/// The rules in force for a set: the default ones first, so that its own may take some back.
pub(crate) fn in_force(set: &BackupSet) -> Vec<String> {
    let default = DEFAULT.iter().filter(|_| set.default_exclusions).map(|(rule, _)| (*rule).to_owned());
    default.chain(set.exclude.iter().cloned()).collect()
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
        set.default_exclusions = false;
        assert_eq!(in_force(&set), ["!.cache/keep/"]);
    }
}
