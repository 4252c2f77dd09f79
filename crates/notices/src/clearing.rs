//! What ends a notice.

use serde::Serialize;

/// What must happen for a notice to hold no longer. As long as it has not happened, meeting the same trouble again
/// belongs to the same episode, which the desktop tells of once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Clearing {
    /// It is over when it was told.
    AtOnce,
    /// The agent runs again.
    AgentRuns,
    /// The server takes requests of this device again.
    DeviceAccepted,
    /// The server's certificate is trusted.
    CertificateTrusted,
    /// The server answers.
    ServerAnswers,
    /// The server lets a backup of this device begin.
    LeaseGranted,
    /// The server takes uploads again.
    ServerHasSpace,
    /// The quota is raised or less of it is used, or a backup is accepted.
    QuotaFree,
    /// Use of the quota is below the notice's mark.
    UseBelowMark,
    /// The way to the server leads over a network on which backup is allowed.
    NetworkAllowed,
    /// The battery is charged enough, or the device is plugged in.
    PowerSuffices,
    /// What is sent arrives fast enough.
    BandwidthSufficient,
    /// The pause ends, by itself or by the user.
    PauseEnds,
    /// The set has folders, and they are there.
    FoldersFound,
    /// All that was denied can be read, or is no longer in the set.
    PermissionGiven,
    /// The next backup begins.
    BackupBegins,
    /// The backup takes its next step, or ends.
    BackupMovesOn,
    /// A backup is accepted by the server, with or without missed files.
    BackupMade,
    /// The last accepted backup is younger than the policy's limit.
    BackupRecent,
    /// A backup misses no file.
    NothingMissed,
    /// A backup reads all mail without this error.
    MailRead,
    /// The restore takes its next step, or ends.
    RestoreMovesOn,
    /// The next restore begins, or a backup is accepted.
    LaterWork,
}
