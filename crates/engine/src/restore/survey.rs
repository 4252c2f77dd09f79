//! The pass over all entries that only looks: what a restore would do, how much it would write, and what stands
//! against it. Dry runs show it, and every restore begins with it.

use super::decide::{Rules, Verdict};
use super::links::Key;
use super::place::Place;
use super::source::{Item, Source};
use super::start::Start;
use super::tree::Tree;
use super::{Action, Conflict, Planned, RestorePlan, RestoreRequest, probe};
use crate::EngineError;
use crate::progress::{Phase, Progress, add};
use crate::reader::SnapshotReader;
use crate::runs::data_bytes;
use format::entry::{Entry, EntryKind, flags};
use format::path;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// A survey that is under way.
struct Survey<'s, 'k> {
    start: &'s Start,
    request: &'s RestoreRequest,
    progress: &'s Progress,
    sink: Option<&'s mut (dyn FnMut(&Planned) + 'k)>,
    plan: RestorePlan,
    tree: Tree<'s>,
    /// Files with several names of which one was met.
    linked: HashSet<Key>,
    /// With several parts in one folder, the names that earlier ones take there.
    taken: HashSet<Vec<u8>>,
    clash: Option<PathBuf>,
}

/// Goes through the entries. A clash of names is told as it is found, whether or not the target minds.
pub(super) fn look(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    start: &Start,
    progress: &Progress,
    sink: Option<&mut dyn FnMut(&Planned)>,
) -> Result<(RestorePlan, Option<PathBuf>), EngineError> {
    progress.enter(Phase::Preparing);
    let mut survey = Survey {
        start,
        request,
        progress,
        sink,
        plan: RestorePlan::default(),
        tree: Tree::new(Rules::of(request), None, start.look()),
        linked: HashSet::new(),
        taken: HashSet::new(),
        clash: None,
    };
    for selection in &start.selections {
        let missed: HashSet<&[u8]> =
            reader.missed(&selection.path).map(|finding| &finding.path[..]).collect();
        survey.plan.missed += missed.len() as u64;
        // Looking opens no folder again, so nothing can fail here.
        let _ = survey.tree.begin(&selection.base);
        for entry in selection.way.iter().filter(|entry| entry.path != selection.base) {
            survey.folder(entry, true);
        }
        for item in Source::new(reader, &selection.path, None) {
            progress.go_on()?;
            let item = item?;
            if let Item::Entry(picked) = &item
                && picked.entry.has(flags::UNREAD)
                && !missed.contains(&picked.entry.path[..])
            {
                survey.plan.missed += 1;
            }
            match item {
                Item::Gap(path) => survey.plan.unreadable_lists.push(path),
                Item::Entry(picked) if picked.entry.kind == EntryKind::Dir => {
                    let is_base = picked.entry.path == selection.base;
                    if !is_base {
                        survey.folder(&picked.entry, false);
                    }
                }
                Item::Entry(picked) => survey.leaf(&picked.entry),
            }
        }
    }
    progress.total_known();
    let mut plan = survey.plan;
    if !start.is_in_place {
        let free = start.nearest()?.free_space();
        let local = |source| EngineError::Local { path: start.to.clone(), source };
        plan.available_bytes = Some(free.map_err(local)?.available_bytes);
    }
    Ok((plan, survey.clash))
}

/// As [`look`], for a dry run.
pub(super) fn survey(
    reader: &SnapshotReader<'_>,
    request: &RestoreRequest,
    start: &Start,
    progress: &Progress,
    sink: &mut dyn FnMut(&Planned),
) -> Result<RestorePlan, EngineError> {
    let (mut plan, clash) = look(reader, request, start, progress, Some(sink))?;
    let ignores_case = start.existing().is_some() && probe::seems_to_ignore_case(&start.to) == Some(true);
    plan.case_clash = clash.filter(|_| ignores_case);
    Ok(plan)
}

impl Survey<'_, '_> {
    fn folder(&mut self, entry: &Entry, is_way: bool) {
        if self.tree.is_blocked(&entry.path) {
            self.plan.skipped += 1;
            return;
        }
        // The name is looked at in the folder above, before this one is entered.
        if self.tree.reach(&entry.path).is_err() {
            return self.block();
        }
        let place = Arc::clone(self.tree.place());
        self.look_for_clash(&place, entry);
        let is_twice = !is_way && self.is_twice(entry);
        let Ok(entered) = self.tree.enter(entry, is_way) else { return self.block() };
        let action = match entered.action {
            Action::Create if is_twice => Action::Enter,
            action => action,
        };
        self.note(entry, &place, action, is_twice);
    }

    fn leaf(&mut self, entry: &Entry) {
        if entry.kind == EntryKind::File {
            add(&self.progress.total_files, 1);
            add(&self.progress.total_bytes, data_bytes(entry));
        }
        if self.tree.is_blocked(&entry.path) || entry.has(flags::UNREAD) {
            self.plan.skipped += 1;
            return;
        }
        let Ok((verdict, _)) = self.tree.leaf(entry) else { return self.block() };
        let place = Arc::clone(self.tree.place());
        let is_twice = self.is_twice(entry);
        let action = match verdict {
            Verdict::Create if is_twice => match self.request.conflict {
                Conflict::Refuse => Action::Refuse,
                Conflict::KeepBoth => Action::KeepBoth,
                Conflict::Replace => Action::Replace,
                Conflict::ReplaceIfNewer | Conflict::Skip => Action::Skip,
            },
            Verdict::Create => Action::Create,
            Verdict::Enter => Action::Enter,
            Verdict::Unchanged(_) => Action::Unchanged,
            Verdict::Replace => Action::Replace,
            Verdict::KeepBoth(..) => Action::KeepBoth,
            Verdict::Skip => Action::Skip,
            Verdict::Refuse => Action::Refuse,
            Verdict::Blocked(_) => Action::Blocked,
        };
        if action != Action::Unchanged {
            self.look_for_clash(&place, entry);
        }
        self.note(entry, &place, action, is_twice);
    }

    /// Something is in the way of the present name.
    fn block(&mut self) {
        self.plan.skipped += 1;
        self.plan.blocked += 1;
    }

    /// Remembers the first name that differs from another one in its folder only in case.
    fn look_for_clash(&mut self, place: &Place, entry: &Entry) {
        let name = path::name(&entry.path);
        if self.tree.differs_only_in_case(name) && self.clash.is_none() {
            self.clash = Some(place.path(&self.start.to, name));
        }
    }

    /// Whether an earlier one of several parts that share a folder takes this name in it.
    fn is_twice(&mut self, entry: &Entry) -> bool {
        let is_shared = self.start.selections.len() > 1 && self.start.shares_base() && self.tree.is_at_base();
        is_shared && !self.taken.insert(path::name(&entry.path).to_vec())
    }

    fn note(&mut self, entry: &Entry, place: &Place, action: Action, is_twice: bool) {
        let to = || place.path(&self.start.to, path::name(&entry.path));
        let writes = matches!(action, Action::Create | Action::Replace | Action::KeepBoth);
        let is_file = entry.kind == EntryKind::File;
        let is_further = writes && Key::of(entry).is_some_and(|key| !self.linked.insert(key));
        let bytes = if writes && is_file && !is_further { data_bytes(entry) } else { 0 };
        let plan = &mut self.plan;
        plan.files += u64::from(writes && is_file);
        plan.bytes += bytes;
        plan.entries += u64::from(writes);
        plan.kept_both += u64::from(action == Action::KeepBoth);
        plan.unchanged += u64::from(action == Action::Unchanged);
        plan.skipped += u64::from(matches!(action, Action::Skip | Action::Blocked));
        plan.blocked += u64::from(action == Action::Blocked);
        let is_conflict = action == Action::Refuse
            || (self.request.conflict == Conflict::Refuse && (action == Action::Blocked || is_twice));
        if is_conflict {
            plan.conflicts += 1;
            plan.first_conflict.get_or_insert_with(to);
        }
        if let Some(sink) = &mut self.sink {
            sink(&Planned { path: entry.path.clone(), to: to(), action, bytes });
        }
    }
}
