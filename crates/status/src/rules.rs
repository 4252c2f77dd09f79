//! The table: what follows from each event.

use crate::Kind as K;
use crate::Step::{Finishing, Idle, InProgress, Initializing, Waiting};
use crate::rule::{Need, When};
use crate::{Effect, End, Rule, Source, Step};
use notices::Clearing as C;
use notices::catalogue::*;

const ANY: &[Step] = &Step::ALL;
/// A run was asked for and has not ended.
const RUNNING: &[Step] = &[Waiting, Initializing, InProgress, Finishing];
/// The server let it begin.
const BEGUN: &[Step] = &[Initializing, InProgress, Finishing];
/// It can be held back and stopped.
const STOPPABLE: &[Step] = &[Waiting, Initializing, InProgress];

const fn rule(event: K, steps: &'static [Step]) -> Rule {
    Rule { event, steps, needs: None, to: None, ends: None, heals: &[], effects: &[] }
}

const fn clear(clearing: C) -> Effect {
    Effect::clear(clearing)
}

const fn raise(notice: &'static notices::Notice) -> Effect {
    Effect::raise(notice, &[])
}

/// Every rule. For each event and each step at most one.
pub static RULES: &[Rule] = &[
    // The agent.
    Rule { effects: &[raise(&ACTIVATED)], ..rule(K::Activated, &[Idle]) },
    Rule { effects: &[clear(C::AgentRuns)], ..rule(K::Started, &[Idle]) },
    Rule {
        to: Some(Idle),
        ends: Some(End::Cut),
        effects: &[clear(C::AgentRuns)],
        ..rule(K::StartedAfterRestart, ANY)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::Failed),
        effects: &[clear(C::AgentRuns), raise(&INTERNAL_ERROR)],
        ..rule(K::StartedAfterCrash, ANY)
    },
    Rule { to: Some(Idle), ends: Some(End::Cut), ..rule(K::Stopped, ANY) },
    Rule {
        to: Some(Idle),
        ends: Some(End::Cut),
        effects: &[raise(&AGENT_NOT_RUNNING)],
        ..rule(K::FoundNoAgent, ANY)
    },
    // A run, step by step.
    Rule { needs: Some(Need::SomethingHolds), ..rule(K::HeldBack, &[Idle]) },
    Rule { needs: Some(Need::NothingHolds), to: Some(Waiting), ..rule(K::RunAsked, &[Idle]) },
    Rule {
        to: Some(Initializing),
        effects: &[
            clear(C::LeaseGranted),
            clear(C::BackupBegins),
            clear(C::DeviceAccepted),
            clear(C::CertificateTrusted),
            clear(C::ServerAnswers),
        ],
        ..rule(K::LeaseGranted, &[Waiting])
    },
    Rule { to: Some(InProgress), ..rule(K::UploadBegan, &[Initializing]) },
    Rule {
        effects: &[clear(C::ServerHasSpace), clear(C::ServerAnswers)],
        ..rule(K::UploadAccepted, &[InProgress])
    },
    Rule { to: Some(Finishing), ..rule(K::AllUploaded, &[Initializing, InProgress]) },
    Rule { to: Some(Initializing), ..rule(K::BegunAnew, BEGUN) },
    Rule {
        to: Some(Idle),
        ends: Some(End::Committed),
        effects: &[
            clear(C::BackupMade),
            clear(C::BackupRecent).when(When::OfSchedule),
            clear(C::LaterWork),
            clear(C::QuotaFree),
            clear(C::ServerHasSpace),
            clear(C::ServerAnswers),
            clear(C::BandwidthSufficient),
            clear(C::PermissionGiven),
            clear(C::FoldersFound),
            clear(C::NothingMissed).when(When::NothingMissed),
            raise(&BACKUP_COMPLETE).when(When::NothingMissed),
            raise(&BACKUP_COMPLETE_FILES_MISSED).when(When::Missed),
            Effect::raise(&PERMISSION_NEEDED, &[("denied", Source::Denied)]).when(When::Denied),
            Effect::raise(&FOLDER_MISCONFIGURED, &[("folder", Source::EachMissingFolder)]),
        ],
        ..rule(K::Committed, &[Finishing])
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::Canceled),
        // What came before is over, whoever stopped that.
        effects: &[
            clear(C::BackupBegins),
            raise(&BACKUP_CANCELED_BY_USER).when(When::ByUser),
            raise(&BACKUP_CANCELED_BY_ADMINISTRATOR).when(When::ByAdministrator),
        ],
        ..rule(K::Canceled, STOPPABLE)
    },
    Rule { to: Some(Idle), ends: Some(End::Cut), ..rule(K::Cut, STOPPABLE) },
    // What ends it.
    Rule {
        to: Some(Idle),
        ends: Some(End::SnapshotFailed),
        effects: &[raise(&BACKUP_INCOMPLETE_SNAPSHOT_ERROR)],
        ..rule(K::SnapshotFailed, &[Initializing, InProgress])
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::Slow),
        effects: &[raise(&BACKUP_INTERRUPTED_LOW_BANDWIDTH)],
        ..rule(K::LowBandwidth, &[Initializing, InProgress])
    },
    Rule { effects: &[clear(C::BandwidthSufficient)], ..rule(K::BandwidthSufficient, ANY) },
    Rule {
        to: Some(Idle),
        ends: Some(End::Failed),
        effects: &[raise(&INTERNAL_ERROR)],
        ..rule(K::Failed, RUNNING)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::Busy),
        effects: &[
            clear(C::CertificateTrusted),
            clear(C::ServerAnswers),
            raise(&BACKUP_INTERRUPTED_SERVER_BUSY),
        ],
        ..rule(K::Busy, RUNNING)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::StorageFull),
        effects: &[clear(C::CertificateTrusted), clear(C::ServerAnswers), raise(&SERVER_STORAGE_FULL)],
        ..rule(K::StorageFull, RUNNING)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::QuotaUsedUp),
        effects: &[
            clear(C::DeviceAccepted),
            clear(C::CertificateTrusted),
            clear(C::ServerAnswers),
            raise(&QUOTA_REACHED),
        ],
        ..rule(K::QuotaRefused, RUNNING)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::NoFolders),
        effects: &[clear(C::FoldersFound), raise(&NO_FOLDERS)],
        ..rule(K::NoFolders, STOPPABLE)
    },
    // The server.
    Rule {
        to: Some(Idle),
        ends: Some(End::Unreachable),
        effects: &[raise(&SERVER_CONNECTION_LOST).when(When::NotInterrupted)],
        ..rule(K::Unreachable, &[Idle, Waiting])
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::Unreachable),
        effects: &[clear(C::ServerAnswers), raise(&BACKUP_INTERRUPTED_SERVER_UNREACHABLE)],
        ..rule(K::Unreachable, BEGUN)
    },
    Rule {
        heals: &[End::Unreachable, End::Untrusted, End::TurnedAway],
        effects: &[clear(C::DeviceAccepted), clear(C::CertificateTrusted), clear(C::ServerAnswers)],
        ..rule(K::Accepted, ANY)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::TurnedAway),
        effects: &[
            clear(C::DeviceAccepted),
            clear(C::CertificateTrusted),
            clear(C::ServerAnswers),
            raise(&DEVICE_DEACTIVATED),
        ],
        ..rule(K::DeviceRemoved, ANY)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::TurnedAway),
        effects: &[
            clear(C::DeviceAccepted),
            clear(C::CertificateTrusted),
            clear(C::ServerAnswers),
            raise(&ACCOUNT_DISABLED),
        ],
        ..rule(K::Disabled, ANY)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::TurnedAway),
        effects: &[
            clear(C::DeviceAccepted),
            clear(C::CertificateTrusted),
            clear(C::ServerAnswers),
            raise(&AGENT_TOO_OLD),
        ],
        ..rule(K::TooOld, ANY)
    },
    Rule {
        to: Some(Idle),
        ends: Some(End::Untrusted),
        // Something answers, if not the server: what is wrong is its certificate, not the line.
        effects: &[clear(C::ServerAnswers), raise(&SERVER_CERTIFICATE_UNTRUSTED)],
        ..rule(K::CertificateRefused, ANY)
    },
    Rule {
        effects: &[
            clear(C::UseBelowMark),
            Effect::raise(&QUOTA_80_PERCENT, &[("used", Source::Used)]).when(When::MuchUsed),
            Effect::raise(&QUOTA_95_PERCENT, &[("used", Source::Used)]).when(When::NearlyAllUsed),
        ],
        ..rule(K::QuotaUsed, ANY)
    },
    Rule { heals: &[End::QuotaUsedUp], effects: &[clear(C::QuotaFree)], ..rule(K::QuotaRaised, ANY) },
    // What holds backups back. Nothing holds a run back that only waits to be accepted: to pause it is refused, and
    // what nobody can refuse waits for its end.
    Rule { ..rule(K::Paused, &[Idle, Waiting, Initializing, InProgress]) },
    Rule { needs: Some(Need::Paused), ..rule(K::PauseEnded, ANY) },
    Rule { ..rule(K::BlackoutBegan, ANY) },
    Rule { needs: Some(Need::Blackout), ..rule(K::BlackoutEnded, ANY) },
    Rule { ..rule(K::NetworkBlocked, ANY) },
    Rule { needs: Some(Need::NetworkBlocked), ..rule(K::NetworkAllowed, ANY) },
    Rule { ..rule(K::BatteryLow, ANY) },
    Rule { needs: Some(Need::BatteryLow), ..rule(K::PowerSuffices, ANY) },
    Rule {
        effects: &[Effect::raise(&BACKUP_STARTED_ON_NETWORK, &[("network", Source::Network)])],
        ..rule(K::NewNetwork, BEGUN)
    },
    // The device.
    Rule {
        heals: &[End::NoFolders],
        effects: &[
            clear(C::FoldersFound),
            Effect::raise(&FOLDER_MISCONFIGURED, &[("folder", Source::EachMissingFolder)]),
        ],
        ..rule(K::FoldersFound, ANY)
    },
    Rule {
        effects: &[
            clear(C::BackupRecent),
            Effect::raise(&DEVICE_NOT_BACKED_UP, &[("days", Source::Days)]).when(When::DaysReached),
        ],
        ..rule(K::DaysCounted, ANY)
    },
    // Restores, which no step of a backup keeps from anything.
    Rule { needs: Some(Need::NewRestore), ..rule(K::RestoreAsked, ANY) },
    Rule { needs: Some(Need::RestoreNext), effects: &[clear(C::LaterWork)], ..rule(K::RestoreBegan, ANY) },
    Rule {
        needs: Some(Need::RestoreRuns),
        effects: &[
            clear(C::LaterWork),
            raise(&RESTORE_COMPLETED).when(When::NothingMissed),
            raise(&RESTORE_COMPLETED_FILES_MISSED).when(When::Missed),
        ],
        ..rule(K::RestoreEnded, ANY)
    },
    Rule {
        needs: Some(Need::RestoreRuns),
        effects: &[clear(C::LaterWork), raise(&RESTORE_FAILED)],
        ..rule(K::RestoreFailed, ANY)
    },
    Rule {
        needs: Some(Need::RestoreKnown),
        effects: &[clear(C::LaterWork), raise(&RESTORE_CANCELED)],
        ..rule(K::RestoreCanceled, ANY)
    },
];

impl Rule {
    /// The rule for this event in this step.
    pub fn find(event: K, step: Step) -> Option<&'static Self> {
        RULES.iter().find(|rule| rule.event == event && rule.steps.contains(&step))
    }
}
