//! The model: the whole history, and for each notice a search in it for why it would hold.

use crate::events::Named;
use model::{SnapshotId, Timestamp};
use status::{Canceler, Event as E};
use std::collections::BTreeSet;

/// All that was accepted.
pub(crate) struct Model(Vec<(E, Timestamp)>);

/// A history from its beginning on.
#[derive(Clone, Copy)]
pub(crate) struct History<'h>(&'h [(E, Timestamp)]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Idle,
    Asked,
    Begun,
    Sending,
    Sent,
}

impl Model {
    pub(crate) fn new(now: Timestamp) -> Self {
        Self(vec![(E::Activated, now)])
    }

    pub(crate) fn add(&mut self, event: E, now: Timestamp) {
        self.0.push((event, now));
    }

    pub(crate) fn history(&self) -> History<'_> {
        History(&self.0)
    }
}

impl<'h> History<'h> {
    /// The history before its event number `at`.
    fn until(self, at: usize) -> Self {
        Self(&self.0[..at])
    }

    fn at(self) -> At {
        let turning = self.0.iter().rev().find_map(|(event, _)| match event {
            E::RunAsked { .. } => Some(At::Asked),
            E::LeaseGranted | E::BegunAnew => Some(At::Begun),
            E::UploadBegan => Some(At::Sending),
            E::AllUploaded => Some(At::Sent),
            event if ends(event) => Some(At::Idle),
            _ => None,
        });
        turning.unwrap_or(At::Idle)
    }

    /// The last event for which one of both is so: whether it was the first.
    fn last(self, on: impl Fn(&E) -> bool, off: impl Fn(&E) -> bool) -> bool {
        self.0.iter().rev().find_map(|(event, _)| match (on(event), off(event)) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        }) == Some(true)
    }

    fn is_paused(self) -> bool {
        self.last(|e| matches!(e, E::Paused { .. }), |e| matches!(e, E::PauseEnded))
    }

    fn is_blackout(self) -> bool {
        self.last(|e| matches!(e, E::BlackoutBegan { .. }), |e| matches!(e, E::BlackoutEnded) || starts(e))
    }

    fn network(self) -> Option<&'h str> {
        self.0.iter().rev().find_map(|(event, _)| match event {
            E::NetworkBlocked { network } => Some(Some(network.as_str())),
            E::NetworkAllowed => Some(None),
            event if starts(event) => Some(None),
            _ => None,
        })?
    }

    fn is_low(self) -> bool {
        self.last(|e| matches!(e, E::BatteryLow { .. }), |e| matches!(e, E::PowerSuffices) || starts(e))
    }

    fn is_held(self) -> bool {
        self.is_paused() || self.is_blackout() || self.network().is_some() || self.is_low()
    }

    /// Whether the run that was asked for last is of another set than the scheduled one.
    fn is_beside(self) -> bool {
        self.last(|e| matches!(e, E::RunAsked { beside: true, .. }), |e| matches!(e, E::RunAsked { .. }))
    }

    fn is_unfinished(self) -> bool {
        // Canceled in any step, also before the server let it begin.
        let closing = |e: &E| matches!(e, E::Committed { .. } | E::Canceled { .. });
        let last = self.0.iter().rposition(|(e, _)| matches!(e, E::LeaseGranted) || closing(e));
        let Some(last) = last else { return false };
        let then = self.until(last);
        // What another set's run closes is its own beginning alone.
        !closing(&self.0[last].0) || (then.is_beside() && then.was_unfinished_when_asked())
    }

    /// The restores that wait, the first first, and the one that runs.
    fn restores(self) -> (Vec<u64>, Option<u64>) {
        let (mut waiting, mut running) = (Vec::new(), None);
        for (event, _) in self.0 {
            match event {
                E::RestoreAsked { id } => waiting.push(*id),
                E::RestoreBegan { id } => {
                    waiting.retain(|other| other != id);
                    running = Some(*id);
                }
                E::RestoreEnded { .. } | E::RestoreFailed { .. } => running = None,
                E::RestoreCanceled { id } => {
                    waiting.retain(|other| other != id);
                    running = running.filter(|other| other != id);
                }
                event if starts(event) => waiting.splice(0..0, running.take()).for_each(drop),
                _ => {}
            }
        }
        (waiting, running)
    }

    pub(crate) fn last_snapshot(self) -> Option<SnapshotId> {
        self.0.iter().enumerate().rev().find_map(|(at, (event, _))| match event {
            E::Committed { snapshot, .. } if !self.until(at).is_beside() => Some(*snapshot),
            _ => None,
        })
    }

    pub(crate) fn has_commit(self) -> bool {
        self.0.iter().any(|(event, _)| matches!(event, E::Committed { .. }))
    }

    /// Whether this can happen now.
    pub(crate) fn can(self, event: &E) -> bool {
        let at = self.at();
        let (idle, running) = (at == At::Idle, at != At::Idle);
        let begun = running && at != At::Asked;
        let (waiting, restoring) = self.restores();
        match event {
            E::Activated | E::Started => idle,
            E::HeldBack => idle && self.is_held(),
            E::RunAsked { .. } => idle && !self.is_held(),
            E::LeaseGranted => at == At::Asked,
            E::UploadBegan => at == At::Begun,
            E::UploadAccepted => at == At::Sending,
            E::AllUploaded => at == At::Begun || at == At::Sending,
            E::BegunAnew | E::NewNetwork { .. } => begun,
            E::Committed { .. } => at == At::Sent,
            E::Canceled { .. } | E::Cut | E::NoFolders => running && at != At::Sent,
            E::SnapshotFailed { .. } | E::LowBandwidth => begun && at != At::Sent,
            E::Failed { .. } | E::Busy { .. } | E::StorageFull | E::QuotaRefused => running,
            E::Paused { .. } => at != At::Sent,
            E::PauseEnded => self.is_paused(),
            E::BlackoutEnded => self.is_blackout(),
            E::NetworkAllowed => self.network().is_some(),
            E::PowerSuffices => self.is_low(),
            E::RestoreAsked { id } => !waiting.contains(id) && restoring != Some(*id),
            E::RestoreBegan { id } => waiting.contains(id) && restoring.is_none(),
            E::RestoreEnded { id, .. } | E::RestoreFailed { id, .. } => restoring == Some(*id),
            E::RestoreCanceled { id } => waiting.contains(id) || restoring == Some(*id),
            E::StartedAfterRestart
            | E::StartedAfterCrash { .. }
            | E::Stopped
            | E::FoundNoAgent
            | E::BandwidthSufficient
            | E::QuotaRaised
            | E::QuotaUsed { .. }
            | E::Unreachable { .. }
            | E::Accepted
            | E::DeviceRemoved { .. }
            | E::Disabled { .. }
            | E::TooOld
            | E::CertificateRefused { .. }
            | E::BlackoutBegan { .. }
            | E::NetworkBlocked { .. }
            | E::BatteryLow { .. }
            | E::FoldersFound { .. }
            | E::DaysCounted { .. } => true,
        }
    }

    /// All notices that hold.
    pub(crate) fn holding(self) -> BTreeSet<Named> {
        let mut holding: BTreeSet<Named> = BTreeSet::new();
        let mut add = |code: &str, holds: bool| {
            if holds {
                holding.insert(Named::plain(code));
            }
        };
        let committed = |e: &E| matches!(e, E::Committed { .. });
        let granted = |e: &E| matches!(e, E::LeaseGranted);
        let clean = |e: &E| matches!(e, E::Committed { missed: 0, .. });
        let unclean = |e: &E| matches!(e, E::Committed { missed: 1.., .. });
        let canceled = |e: &E| matches!(e, E::Canceled { .. });
        let by = |canceler| move |e: &E| matches!(e, E::Canceled { by, .. } if *by == canceler);

        add("activated", self.last(|e| matches!(e, E::Activated), granted));
        add("agent_not_running", self.last(|e| matches!(e, E::FoundNoAgent), starts));
        add("backup_complete", self.last(clean, |e| granted(e) || canceled(e)));
        add("backup_complete_files_missed", self.last(unclean, clean));
        let over = |e: &E| granted(e) || canceled(e);
        add("backup_canceled_by_user", self.last(by(Canceler::User), over));
        add("backup_canceled_by_administrator", self.last(by(Canceler::Administrator), over));
        let incident = |e: &E| matches!(e, E::Failed { .. } | E::StartedAfterCrash { .. });
        add("internal_error", self.last(incident, committed));
        let snapshot = |e: &E| matches!(e, E::SnapshotFailed { .. });
        add("backup_incomplete_snapshot_error", self.last(snapshot, committed));
        let fast = |e: &E| committed(e) || matches!(e, E::BandwidthSufficient);
        add("backup_interrupted_low_bandwidth", self.last(|e| matches!(e, E::LowBandwidth), fast));
        add("backup_interrupted_server_busy", self.last(|e| matches!(e, E::Busy { .. }), granted));
        let space = |e: &E| committed(e) || matches!(e, E::UploadAccepted);
        add("server_storage_full", self.last(|e| matches!(e, E::StorageFull), space));
        let quota = |e: &E| committed(e) || matches!(e, E::QuotaRaised);
        add("quota_reached", self.last(|e| matches!(e, E::QuotaRefused), quota));

        // The server's word on the device: its last one counts.
        let taken = |e: &E| matches!(e, E::LeaseGranted | E::Accepted | E::QuotaRefused);
        let removed = |e: &E| matches!(e, E::DeviceRemoved { .. });
        let disabled = |e: &E| matches!(e, E::Disabled { .. });
        let old = |e: &E| matches!(e, E::TooOld);
        add("device_deactivated", self.last(removed, |e| taken(e) || disabled(e) || old(e)));
        add("account_disabled", self.last(disabled, |e| taken(e) || removed(e) || old(e)));
        add("agent_too_old", self.last(old, |e| taken(e) || removed(e) || disabled(e)));
        let refusing = |e: &E| removed(e) || disabled(e) || old(e);
        let no_room = |e: &E| matches!(e, E::Busy { .. } | E::StorageFull);
        let trusted = |e: &E| taken(e) || refusing(e) || no_room(e);
        let distrust = |e: &E| matches!(e, E::CertificateRefused { .. });
        add("server_certificate_untrusted", self.last(distrust, trusted));

        let answered = |e: &E| trusted(e) || distrust(e) || space(e);
        let (mut lost, mut interrupted) = (false, false);
        for (at, (event, _)) in self.0.iter().enumerate() {
            if answered(event) {
                (lost, interrupted) = (false, false);
            }
            if matches!(event, E::Unreachable { .. }) {
                let then = self.until(at).at();
                match then {
                    At::Idle | At::Asked => lost |= !interrupted,
                    _ => (lost, interrupted) = (false, true),
                }
            }
        }
        add("server_connection_lost", lost);
        add("backup_interrupted_server_unreachable", interrupted);

        let found = |e: &E| committed(e) || matches!(e, E::FoldersFound { .. });
        add("no_folders", self.last(|e| matches!(e, E::NoFolders), found));
        let denied = |e: &E| matches!(e, E::Committed { denied: 1.., .. });
        add("permission_needed", self.last(denied, committed));

        let used = self.0.iter().rev().find_map(|(event, _)| match event {
            E::QuotaUsed { percent } => Some(*percent),
            _ => None,
        });
        add("quota_80_percent", used.is_some_and(|used| (80..95).contains(&used)));
        add("quota_95_percent", used.is_some_and(|used| used >= 95));
        add("device_not_backed_up", self.is_counted_late());

        let (waiting, restoring) = self.restores();
        add("restore_queued", !waiting.is_empty());
        add("restore_in_progress", restoring.is_some());
        let restored = self.0.iter().rev().find_map(|(event, _)| match event {
            E::RestoreEnded { missed: 0, .. } => Some("restore_completed"),
            E::RestoreEnded { .. } => Some("restore_completed_files_missed"),
            E::RestoreFailed { .. } => Some("restore_failed"),
            E::RestoreCanceled { .. } => Some("restore_canceled"),
            E::RestoreBegan { .. } | E::Committed { .. } => Some(""),
            _ => None,
        });
        for code in
            ["restore_completed", "restore_completed_files_missed", "restore_failed", "restore_canceled"]
        {
            add(code, restored == Some(code));
        }

        // What holds the device back, and where its run is.
        let (at, held) = (self.at(), self.is_held());
        let back =
            self.last(|e| matches!(e, E::HeldBack), |e| matches!(e, E::RunAsked { beside: false, .. }));
        let wants = match at {
            At::Idle => back || self.is_unfinished(),
            At::Sent => false,
            _ => true,
        };
        add("backup_paused", self.is_paused());
        add("backup_paused_blackout", self.is_blackout() && wants);
        add("backup_paused_battery", self.is_low() && wants);
        add("backup_initializing", at == At::Begun && !held);
        add("backup_in_progress", at == At::Sending && !held);
        add("backup_finishing", at == At::Sent);
        let network = self.network().filter(|_| wants).map(str::to_owned);
        let in_the_way = [
            "agent_not_running",
            "agent_too_old",
            "device_deactivated",
            "account_disabled",
            "server_certificate_untrusted",
            "quota_reached",
            "server_storage_full",
            "no_folders",
            "internal_error",
            "backup_interrupted_server_unreachable",
            "server_connection_lost",
            "backup_interrupted_server_busy",
            "backup_interrupted_low_bandwidth",
            "backup_incomplete_snapshot_error",
        ];
        let free = in_the_way.iter().all(|code| !holding.contains(&Named::plain(code)));
        let resumes = match at {
            At::Idle => self.is_unfinished() && free,
            At::Asked => self.was_unfinished_when_asked(),
            _ => false,
        };
        if resumes && !held {
            holding.insert(Named::plain("backup_resuming"));
        }
        holding.extend(network.map(|name| Named::with("backup_interrupted_network_disabled", &name)));
        holding.extend(self.missing().iter().map(|name| Named::with("folder_misconfigured", name)));
        holding
    }

    fn was_unfinished_when_asked(self) -> bool {
        let asked = self.0.iter().rposition(|(event, _)| matches!(event, E::RunAsked { .. }));
        asked.is_some_and(|at| self.until(at).is_unfinished())
    }

    /// The folders that were missing when they were last looked at.
    fn missing(self) -> Vec<String> {
        let looked = self.0.iter().rev().find_map(|(event, _)| match event {
            E::Committed { missing_folders, .. } | E::FoldersFound { missing_folders } => {
                Some(missing_folders.clone())
            }
            E::NoFolders => Some(Vec::new()),
            _ => None,
        });
        looked.unwrap_or_default()
    }

    /// Whether the last count, if no backup came after it, found too many days.
    fn is_counted_late(self) -> bool {
        let mut reference = self.0[0].1;
        let mut late = false;
        let mut any = false;
        for (at, (event, time)) in self.0.iter().enumerate() {
            match event {
                E::Activated if !any => reference = *time,
                E::Committed { .. } if !self.until(at).is_beside() => {
                    (reference, late, any) = (*time, false, true);
                }
                E::DaysCounted { limit } => {
                    late = time.since(reference).as_secs() / 86_400 >= u64::from(*limit);
                }
                _ => {}
            }
        }
        late
    }
}

fn starts(event: &E) -> bool {
    matches!(event, E::Started | E::StartedAfterRestart | E::StartedAfterCrash { .. })
}

/// Whether no run is under way after it.
fn ends(event: &E) -> bool {
    starts(event)
        || matches!(
            event,
            E::Stopped
                | E::FoundNoAgent
                | E::Committed { .. }
                | E::Canceled { .. }
                | E::Cut
                | E::SnapshotFailed { .. }
                | E::LowBandwidth
                | E::Failed { .. }
                | E::Busy { .. }
                | E::StorageFull
                | E::QuotaRefused
                | E::Unreachable { .. }
                | E::DeviceRemoved { .. }
                | E::Disabled { .. }
                | E::TooOld
                | E::CertificateRefused { .. }
                | E::NoFolders
        )
}
