//! What is wrong between agent and server, or at the server.

use crate::{Action, Category, Clearing, Icon};

notices! {
    /// For a while, what was sent arrived too slowly to go on.
    BACKUP_INTERRUPTED_LOW_BANDWIDTH = {
        code: "backup_interrupted_low_bandwidth",
        seed: Some(11),
        status: "Backup Interrupted",
        sub_status: "Low network bandwidth detected. Holdfast will retry after some time.",
        category: Category::Warning,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Info,
        clears: Clearing::BandwidthSufficient,
        next: "Holdfast tries again by itself, and goes on from what has arrived.",
        action: "Stop other large transfers, or use a faster network. If it keeps happening, tell the administrator.",
    };

    /// The server has as many backups under way as it takes at once, or cannot use its storage just now.
    BACKUP_INTERRUPTED_SERVER_BUSY = {
        code: "backup_interrupted_server_busy",
        seed: Some(12),
        status: "Backup interrupted",
        sub_status: "Server Busy. Please retry after sometime",
        category: Category::Warning,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Info,
        clears: Clearing::LeaseGranted,
        next: "Holdfast comes back by itself at the time that the server named, and goes on from what has arrived.",
        action: "Nothing has to be done. If it lasts for a day, tell the administrator.",
    };

    /// The connection to the server broke during a backup.
    BACKUP_INTERRUPTED_SERVER_UNREACHABLE = {
        code: "backup_interrupted_server_unreachable",
        seed: Some(13),
        status: "Backup interrupted",
        sub_status: "Server not reachable. Please retry after sometime",
        category: Category::Warning,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Info,
        clears: Clearing::ServerAnswers,
        next: "Holdfast looks for the server every few minutes, and goes on from what has arrived as soon as it answers.",
        action: "Check this device's network. If other devices reach the server and this one does not for a long \
                 time, tell the administrator.",
    };

    /// The server shows a certificate that this device has no reason to trust. Nothing is sent, since it could be
    /// another server.
    SERVER_CERTIFICATE_UNTRUSTED = {
        code: "server_certificate_untrusted",
        seed: Some(15),
        status: "Configuration Error",
        sub_status: "Server Security certificate is not trusted by OS. Please contact your IT administrator.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::CertificateTrusted,
        next: "Holdfast looks at the certificate again every few minutes, and goes on when it can trust it.",
        action: "Check this device's clock, and whether the network wants you to log in first. Otherwise ask the \
                 administrator whether the certificate was changed.",
    };

    /// No backup is under way, and the server cannot be reached, as is usual for a device away from its network.
    SERVER_CONNECTION_LOST = {
        code: "server_connection_lost",
        seed: Some(24),
        status: "Unable to Connect",
        sub_status: "The backup will resume once the connection to the server is restored",
        category: Category::Informative,
        icon: Icon::Info,
        clears: Clearing::ServerAnswers,
        next: "Holdfast looks for the server every few minutes. When it answers, a backup that became due is made up for, \
               and waiting restores begin.",
        action: "Nothing has to be done until the device should be online.",
    };

    /// The disk of the server has no room for more backups.
    SERVER_STORAGE_FULL = {
        code: "server_storage_full",
        status: "Insufficient Storage",
        sub_status: "Server storage is full. Please contact your IT administrator.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::ServerHasSpace,
        next: "No new backup is accepted from any device. Earlier ones can still be restored, and Holdfast tries \
               again by itself.",
        action: "Tell the administrator, who can add space or delete old snapshots. It is not about your quota.",
    };

    /// The server is so much newer than the agent on this device that they no longer understand each other.
    AGENT_TOO_OLD = {
        code: "agent_too_old",
        status: "Upgrade needed",
        sub_status: "This version of Holdfast is too old for the server. Please contact your IT administrator.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::DeviceAccepted,
        next: "Backups and restores wait until the agent is upgraded. Nothing that is stored is lost.",
        action: "Upgrade Holdfast on this device, or ask the administrator to do it.",
    };
}
