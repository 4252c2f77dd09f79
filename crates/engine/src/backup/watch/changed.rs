//! What changed since a snapshot, by folders.

use super::super::base::BaseHeader;
use format::path;
use model::SnapshotId;
use std::collections::{BTreeSet, HashMap};

/// With more findings in the base than so many everything is walked: they may not be all that there are.
const FINDINGS_MAX: usize = 10_000;
/// The same of the bytes of their paths.
const FINDING_BYTES_MAX: usize = 8 << 20;

/// Folders of a set in which something happened since a snapshot, or of which that is not known.
#[derive(Debug, Clone)]
pub struct Changed {
    /// What stands there is the state from which the changes count.
    since: SnapshotId,
    /// Folders in which something happened.
    folders: BTreeSet<Vec<u8>>,
    /// Folders that are to be walked with all that lies below them.
    trees: BTreeSet<Vec<u8>>,
    /// The roots that are watched, with the numbers of file system and inode of what stood there.
    roots: HashMap<Vec<u8>, (u64, u64)>,
}

impl Changed {
    pub(super) const fn new(
        since: SnapshotId,
        folders: BTreeSet<Vec<u8>>,
        trees: BTreeSet<Vec<u8>>,
        roots: HashMap<Vec<u8>, (u64, u64)>,
    ) -> Self {
        Self { since, folders, trees, roots }
    }

    /// What a run on this base is to walk: what changed since, and where the base has findings, since what was missed is
    /// to be looked at again. None when everything is to be walked.
    pub(in crate::backup) fn for_base(&self, base: &BaseHeader) -> Option<Self> {
        let paths = || base.findings.iter().map(|finding| &finding.path[..]);
        let are_all =
            base.findings.len() < FINDINGS_MAX && paths().map(<[u8]>::len).sum::<usize>() < FINDING_BYTES_MAX;
        if !base.complete || base.snapshot != self.since || !are_all {
            return None;
        }
        let mut changed = self.clone();
        for path in paths() {
            changed.trees.insert(path.to_vec());
            changed.folders.extend(path::parent(path).map(<[u8]>::to_vec));
        }
        Some(changed)
    }

    /// Whether what stands at this root is what was watched there.
    pub(in crate::backup) fn is_of(&self, root: &[u8], dev: u64, ino: u64) -> bool {
        self.roots.get(root) == Some(&(dev, ino))
    }

    /// Whether nothing happened in this folder, which lies in a root [that is the same](Self::is_of), and nothing below
    /// it.
    pub(in crate::backup) fn spares(&self, folder: &[u8]) -> bool {
        let mut above = Some(folder);
        while let Some(at) = above {
            if self.trees.contains(at) {
                return false;
            }
            above = path::parent(at);
        }
        let below = path::join(folder, b"");
        let has = |paths: &BTreeSet<Vec<u8>>| {
            paths.contains(folder)
                || paths.range(below.clone()..).next().is_some_and(|path| path.starts_with(&below))
        };
        !has(&self.folders) && !has(&self.trees)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::held::HeldClasses;
    use super::*;
    use model::{DeviceId, Finding, FindingReason, SetId, Timestamp, VaultId};

    #[test]
    fn a_folder_is_spared_when_nothing_happened_there_nor_below_nor_around_it() {
        let paths = |paths: &[&str]| paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let roots = HashMap::from([(b"/r".to_vec(), (1, 2))]);
        let since = SnapshotId::from_bytes([1; 16]);
        let changed = Changed::new(since, paths(&["/r/a/b", "/r/e!f"]), paths(&["/r/new"]), roots);
        for (folder, spared) in [
            ("/", false),
            ("/r", false),
            ("/r/a", false),
            ("/r/a/b", false),
            ("/r/a/b/c", true),
            ("/r/a/bc", true),
            ("/r/a/a", true),
            ("/r/e", true),
            ("/r/e!f", false),
            ("/r/new", false),
            ("/r/new/x/y", false),
            ("/r/newer", true),
        ] {
            assert_eq!(changed.spares(folder.as_bytes()), spared, "{folder}");
        }
        assert!(changed.is_of(b"/r", 1, 2) && !changed.is_of(b"/r", 1, 3) && !changed.is_of(b"/q", 1, 2));
    }

    #[test]
    fn what_the_base_missed_is_looked_at_and_another_base_is_walked_as_a_whole() {
        let since = SnapshotId::from_bytes([1; 16]);
        let changed = Changed::new(since, BTreeSet::new(), BTreeSet::new(), HashMap::new());
        let missed = |path: &str| Finding {
            path: path.as_bytes().to_vec(),
            reason: FindingReason::Denied,
            errno: 13,
            first_seen: Timestamp::from_micros(1),
            kept_previous: false,
        };
        let base = BaseHeader {
            vault: VaultId::from_bytes([2; 16]),
            device: DeviceId::from_bytes([3; 16]),
            set: SetId::from_bytes([4; 16]),
            snapshot: since,
            complete: true,
            findings: vec![missed("/r/x/missed")],
            roots: Vec::new(),
            held: HeldClasses::default(),
        };
        let run = changed.for_base(&base).unwrap();
        for (folder, spared) in [
            ("/r", false),
            ("/r/x", false),
            ("/r/x/missed", false),
            ("/r/x/missed/y", false),
            ("/r/x/other", true),
        ] {
            assert_eq!(run.spares(folder.as_bytes()), spared, "{folder}");
        }
        assert!(changed.spares(b"/r/x"), "another run is not told of it");
        let other = SnapshotId::from_bytes([9; 16]);
        assert!(changed.for_base(&BaseHeader { snapshot: other, ..base.clone() }).is_none());
        assert!(changed.for_base(&BaseHeader { complete: false, ..base.clone() }).is_none());
        let many = (0..FINDINGS_MAX).map(|number| missed(&format!("/r/{number}"))).collect();
        assert!(changed.for_base(&BaseHeader { findings: many, ..base }).is_none());
    }

    #[test]
    fn everything_below_the_root_of_all_counts() {
        let since = SnapshotId::from_bytes([1; 16]);
        let all = BTreeSet::from([b"/".to_vec()]);
        let changed = Changed::new(since, BTreeSet::new(), all, HashMap::new());
        assert!(!changed.spares(b"/") && !changed.spares(b"/a/b"));
        let deep = BTreeSet::from([b"/a/b".to_vec()]);
        let changed = Changed::new(since, deep, BTreeSet::new(), HashMap::new());
        assert!(!changed.spares(b"/") && changed.spares(b"/b"));
    }
}
