//! The walk on a thread of its own, a little ahead of the scan that compares what it finds: asking the kernel for
//! attributes takes about as long as comparing them.

use super::{Found, Place, Walk};
use crate::EngineError;
use crossbeam_channel::{Receiver, Sender, bounded};
use platform::Dir;
use std::sync::Arc;
use std::thread::Scope;

/// What is handed over at once at most.
const FOUND_MAX: usize = 256;
/// Folders that it keeps open at most, and how much may wait: both are bounded by the open files of a process.
const DIRS_MAX: usize = 8;
const WAITING_MAX: usize = 4;

/// What a walk finds, in its order.
pub(in crate::backup) struct Ahead {
    handed: Receiver<Handed>,
    found: std::vec::IntoIter<Found>,
    is_over: bool,
}

/// The end is told: a walk that broke off must not look like a tree that ends there.
enum Handed {
    Found(Vec<Found>),
    End,
}

impl Ahead {
    /// Starts `walk` on a thread of `scope`. The thread ends with the walk or when this is dropped.
    pub(in crate::backup) fn start<'scope, 'env: 'scope>(
        scope: &'scope Scope<'scope, 'env>,
        walk: Walk<'scope>,
    ) -> Self {
        let (hand, handed) = bounded(WAITING_MAX);
        let walk = walk.with_scouts(scope);
        // Who does not take any more has seen an error, and tells it.
        scope.spawn(move || drop(run(walk, &hand)));
        Self { handed, found: Vec::new().into_iter(), is_over: false }
    }

    /// The next thing on the way; `None` at the end.
    pub(in crate::backup) fn next(&mut self) -> Result<Option<Found>, EngineError> {
        loop {
            if let Some(found) = self.found.next() {
                return Ok(Some(found));
            }
            if self.is_over {
                return Ok(None);
            }
            match self.handed.recv() {
                Ok(Handed::Found(found)) => self.found = found.into_iter(),
                Ok(Handed::End) => self.is_over = true,
                Err(_) => return Err(EngineError::Defect("the walk broke off")),
            }
        }
    }
}

fn run(mut walk: Walk<'_>, hand: &Sender<Handed>) -> Result<(), crossbeam_channel::SendError<Handed>> {
    let mut found = Vec::with_capacity(FOUND_MAX);
    let mut dirs = 0;
    let mut last: *const Dir = std::ptr::null();
    while let Some(next) = walk.next() {
        let dir = match &next {
            Found::Entry(Place { dir, .. })
            | Found::File { dir, .. }
            | Found::MountHidden(Place { dir, .. })
            | Found::Parent { place: Place { dir, .. }, .. } => Some(Arc::as_ptr(dir)),
            _ => None,
        };
        if let Some(dir) = dir.filter(|dir| *dir != last) {
            last = dir;
            dirs += 1;
        }
        found.push(next);
        if found.len() == FOUND_MAX || dirs == DIRS_MAX {
            hand.send(Handed::Found(std::mem::replace(&mut found, Vec::with_capacity(FOUND_MAX))))?;
            (dirs, last) = (0, std::ptr::null());
        }
    }
    hand.send(Handed::Found(found))?;
    hand.send(Handed::End)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backup::rules::Rules;

    #[test]
    fn a_walk_that_breaks_off_is_no_end() {
        let (hand, handed) = bounded(1);
        let mut ahead = Ahead { handed, found: Vec::new().into_iter(), is_over: false };
        hand.send(Handed::Found(vec![Found::RootEmpty { path: b"/x".to_vec() }])).unwrap();
        assert!(ahead.next().unwrap().is_some());
        drop(hand);
        assert!(ahead.next().is_err());
    }

    #[test]
    fn all_is_handed_over_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..40 {
            for sub in ["", "a/deep/er", "left out", "z"] {
                let sub = folder.path().join(format!("{number:02}")).join(sub);
                std::fs::create_dir_all(&sub).unwrap();
                (0..20).for_each(|file| std::fs::write(sub.join(format!("{file:02}")), b"").unwrap());
            }
        }
        // More names than are looked at in one go, with a folder behind them.
        let large = folder.path().join("large");
        std::fs::create_dir_all(large.join("zz")).unwrap();
        (0..1_100).for_each(|file| std::fs::write(large.join(format!("{file:04}")), b"").unwrap());
        std::fs::write(large.join("zz/last"), b"").unwrap();
        let rules = Rules::new(&["left out/".to_owned()], true, &[]).unwrap();
        let walk = || Walk::new(vec![folder.path().as_os_str().as_encoded_bytes().to_vec()], &rules, false);
        let path = |found: &Found| match found {
            Found::Entry(place) => Some(place.path.clone()),
            _ => None,
        };
        let mut alone = walk();
        let wanted: Vec<_> = std::iter::from_fn(|| alone.next()).filter_map(|found| path(&found)).collect();
        assert_eq!(wanted.len(), 1 + 40 * (1 + 20 + 3 + 20 + 1 + 20) + 1 + 1_100 + 2);
        std::thread::scope(|scope| {
            let mut ahead = Ahead::start(scope, walk());
            let mut handed = Vec::new();
            while let Some(found) = ahead.next().unwrap() {
                handed.extend(path(&found));
            }
            assert_eq!(handed, wanted);
        });
    }
}
