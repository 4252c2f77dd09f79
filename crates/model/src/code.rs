//! Every stable error code, with its HTTP status, its exit status and its advice. `docs/errors.md` lists them.

use std::fmt;

/// Exit statuses of both programs.
pub mod exit {
    /// All was done.
    pub const COMPLETE: u8 = 0;
    /// A fault in Holdfast itself.
    pub const INTERNAL: u8 = 1;
    /// The command line is wrong.
    pub const USAGE: u8 = 2;
    /// Done, with findings.
    pub const FINDINGS: u8 = 3;
    /// This machine or this data folder is not set up for the command.
    pub const SETUP: u8 = 4;
    /// The server refused.
    pub const REFUSED: u8 = 5;
    /// The server could not be reached or trusted.
    pub const CONNECTION: u8 = 6;
    /// Stored data is damaged or missing.
    pub const DAMAGED: u8 = 7;
    /// A local disk or permission is in the way.
    pub const LOCAL: u8 = 8;
    /// Something named on the command line does not exist.
    pub const NOT_FOUND: u8 = 9;
    /// Busy now; the same command may work later.
    pub const BUSY: u8 = 10;
    /// What the command would write exists already.
    pub const EXISTS: u8 = 11;
    /// Stopped by a signal.
    pub const INTERRUPTED: u8 = 130;
}

macro_rules! codes {
    ($(#[doc = $doc:literal] $variant:ident = $text:literal, $http:literal, $exit:ident, $advice:literal;)*) => {
        /// A stable error code: the `code` of problem documents and of `--json` errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $doc] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The stable text.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The HTTP status that carries this code; 0 for codes that never cross the network.
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$variant => $http,)* }
            }

            /// The exit status of a command that ends with this code.
            pub const fn exit_status(self) -> u8 {
                match self { $(Self::$variant => exit::$exit,)* }
            }

            /// What happened, one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc.trim_ascii(),)* }
            }

            /// What the reader can do next, one sentence.
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }
    };
}

codes! {
    /// A defect of ours.
    Internal = "internal", 500, INTERNAL, "Please report this with the lines of the log around it.";
    /// Wrong command line.
    Usage = "usage", 0, USAGE, "See --help.";
    /// A signal ended the command.
    Interrupted = "interrupted", 0, INTERRUPTED, "Run the command again; what was sent is not sent twice.";

    /// Malformed request.
    RequestInvalid = "request_invalid", 400, REFUSED, "Agent and server may not fit together; upgrade the older one.";
    /// A field or body above its limit.
    RequestTooLarge = "request_too_large", 413, REFUSED, "Split the request; docs/protocol.md has the limits.";
    /// The request took longer than the server waits.
    RequestTimeout = "request_timeout", 408, CONNECTION, "Try again; check the connection if it repeats.";
    /// Too many requests.
    RateLimited = "rate_limited", 429, BUSY, "Wait as long as Retry-After says.";
    /// The agent's protocol is too old.
    ProtocolTooOld = "protocol_too_old", 426, REFUSED, "Upgrade the agent on this machine.";
    /// The agent's protocol is newer than the server's.
    ProtocolTooNew = "protocol_too_new", 400, REFUSED, "Upgrade the server.";
    /// No such route or object.
    NotFound = "not_found", 404, NOT_FOUND, "Check the address or the id.";

    /// No or wrong credentials.
    DeviceUnknown = "device_unknown", 401, REFUSED, "Make this machine a device again: holdfast deactivate, then holdfast activate with a new token.";
    /// The device was deactivated.
    DeviceDeactivated = "device_deactivated", 403, REFUSED, "Ask the administrator for a new token; then holdfast deactivate, and holdfast activate with it.";
    /// The device's user is disabled.
    AccountDisabled = "account_disabled", 403, REFUSED, "Ask the administrator to enable the account; what is backed up stays.";
    /// The device is disabled.
    DeviceDisabled = "device_disabled", 403, REFUSED, "Ask the administrator to enable the device; what is backed up stays.";
    /// The device was deleted, or its user was.
    DeviceDeleted = "device_deleted", 403, REFUSED, "Ask the administrator: for seven days it can be brought back as it was.";
    /// Another machine goes on as this device.
    DeviceReplaced = "device_replaced", 403, REFUSED, "Ask the administrator for a new token; then holdfast deactivate, and holdfast activate with it.";
    /// Another machine uses a copy of this device's state.
    DeviceCloned = "device_cloned", 403, REFUSED, "Activate this machine as a new device: holdfast deactivate, then holdfast activate with a new token.";
    /// The token's text cannot be read.
    TokenMalformed = "token_malformed", 400, USAGE, "Copy the whole token, starting with hf1-.";
    /// The token is not known to this server.
    TokenUnknown = "token_unknown", 403, REFUSED, "Ask the administrator for a new token.";
    /// The token is too old.
    TokenExpired = "token_expired", 403, REFUSED, "Ask the administrator for a new token.";
    /// The token served another device already.
    TokenUsed = "token_used", 403, REFUSED, "Each token activates one device; ask the administrator for another.";

    /// The vault does not exist or belongs to someone else.
    VaultUnknown = "vault_unknown", 404, NOT_FOUND, "If its user was deleted, make this machine a device again: holdfast deactivate, then holdfast activate with a new token.";
    /// The vault exists already.
    VaultExists = "vault_exists", 409, EXISTS, "The agent fetches the vault that is there.";
    /// The vault has no key for this device.
    KeyMissing = "key_missing", 409, SETUP, "Give the recovery file: holdfast activate --recovery-file FILE.";
    /// The snapshot does not exist or belongs to someone else.
    SnapshotUnknown = "snapshot_unknown", 404, NOT_FOUND, "List what exists: holdfast snapshots.";
    /// A snapshot with this id and another content exists.
    SnapshotConflict = "snapshot_conflict", 409, REFUSED, "Run the backup again.";
    /// The snapshot record breaks the format.
    SnapshotInvalid = "snapshot_invalid", 422, REFUSED, "Run the backup again; report it if it repeats.";
    /// The snapshot refers to what is not there, or may not be referred to.
    RangesMissing = "ranges_missing", 409, REFUSED, "The agent sends what is missing and tries once more.";
    /// The labels of the snapshot were changed meanwhile.
    LabelsChanged = "labels_changed", 409, REFUSED, "The agent reads them anew and tries again; so can you.";
    /// The pack breaks the format or does not match its hashes.
    PackInvalid = "pack_invalid", 422, REFUSED, "Run the backup again; check the memory and network of this machine if it repeats.";
    /// Another pack with this id exists.
    PackConflict = "pack_conflict", 409, REFUSED, "Run the backup again.";
    /// The lease does not exist or is another device's.
    LeaseUnknown = "lease_unknown", 409, REFUSED, "The agent asks for a new lease.";
    /// The lease passed its deadline.
    LeaseExpired = "lease_expired", 409, REFUSED, "The agent asks for a new lease.";
    /// A newer run of the same set took over.
    LeaseSuperseded = "lease_superseded", 409, REFUSED, "Another run of this set started later; let it finish.";
    /// The server has as many running backups as it allows, and others come first.
    ServerBusy = "server_busy", 503, BUSY, "Run the command again after the time that the server gave.";
    /// The user has as much backed up as the quota allows.
    QuotaReached = "quota_reached", 403, REFUSED, "Remove folders from the backup, or ask the administrator for a greater quota; restores go on.";
    /// The server's store has no space left for uploads.
    StorageFull = "storage_full", 507, BUSY, "The administrator must add space or delete snapshots.";
    /// The server cannot use its own disk.
    StoreUnusable = "store_unusable", 503, BUSY, "The administrator finds the cause with holdfast-server check.";
    /// The index moved on so far that the agent must fetch it anew.
    IndexGap = "index_gap", 409, REFUSED, "The agent fetches the index anew.";

    /// No connection.
    ServerUnreachable = "server_unreachable", 0, CONNECTION, "Check the network and the server's address, then run the command again.";
    /// The certificate is not trusted.
    CertificateUntrusted = "certificate_untrusted", 0, CONNECTION, "Ask the administrator whether the server's certificate authority changed.";
    /// The certificate's time is over or has not come.
    CertificateExpired = "certificate_expired", 0, CONNECTION, "Check this machine's clock; the administrator can renew the certificate by restarting the server.";
    /// The server's answer makes no sense.
    ResponseInvalid = "response_invalid", 0, CONNECTION, "Something between agent and server may change the answers (a proxy or a log-in page).";

    /// This machine is not activated.
    NotActivated = "not_activated", 0, SETUP, "Activate it: holdfast activate TOKEN.";
    /// This machine is activated already.
    AlreadyActivated = "already_activated", 0, EXISTS, "Run holdfast deactivate first, then holdfast activate again.";
    /// The agent's identity is damaged.
    IdentityDamaged = "identity_damaged", 0, SETUP, "Activate again with a new token; with a private vault keep the recovery file at hand.";
    /// The agent's settings cannot be read.
    SettingsInvalid = "settings_invalid", 0, SETUP, "Correct the file at the place that is named, or delete it and name the folders again.";
    /// The state folder cannot be read or written.
    StateDenied = "state_denied", 0, LOCAL, "Give this user access to the state folder, or choose another with HOLDFAST_STATE.";
    /// Another holdfast process works on this state.
    StateLocked = "state_locked", 0, BUSY, "Wait until the other run ends.";
    /// The agent's service does not run on this device.
    AgentNotRunning = "agent_not_running", 0, SETUP, "Start it: systemctl --user start holdfast, or holdfast agent run.";
    /// The agent's service does not answer.
    AgentSilent = "agent_silent", 0, BUSY, "Run the command again; if that does not help, restart the service.";
    /// No backup is running.
    NothingRuns = "nothing_runs", 0, NOT_FOUND, "See what the agent does: holdfast status.";
    /// A backup is running already.
    BackupRuns = "backup_runs", 0, BUSY, "Wait for its end, or stop it: holdfast cancel.";
    /// The backup waits for the server to accept it, and cannot be stopped any more.
    BackupFinishing = "backup_finishing", 0, BUSY, "Wait for its end, which is near: holdfast status --watch.";
    /// Backup is paused.
    BackupPaused = "backup_paused", 0, BUSY, "End the pause first: holdfast resume.";
    /// Backup is not paused.
    NotPaused = "not_paused", 0, NOT_FOUND, "See what the agent does: holdfast status.";
    /// The policy does not let the user of a device do that.
    PolicyForbids = "policy_forbids", 0, REFUSED, "Ask the administrator, who sets the policy of this device.";
    /// The administrator wants no backups at this time.
    Blackout = "blackout", 0, BUSY, "Wait for the end of the window, which holdfast status tells.";
    /// No backup is allowed on this network.
    NetworkBlocked = "network_blocked", 0, BUSY, "Use another network, or allow backup on this one.";
    /// The network is not known.
    NetworkUnknown = "network_unknown", 0, NOT_FOUND, "See which are: holdfast networks list.";
    /// The administrator's policy does not allow it to users.
    NotAllowed = "not_allowed", 0, REFUSED, "Ask the administrator to allow it.";
    /// The battery is too empty for a backup.
    BatteryLow = "battery_low", 0, BUSY, "Plug the device in.";
    /// The local disk is full.
    DiskFull = "disk_full", 0, LOCAL, "Free some space on this disk and run the command again.";
    /// A local file or folder cannot be read or written.
    LocalDenied = "local_denied", 0, LOCAL, "Check owner and mode of the path.";
    /// Another local input or output error.
    LocalFailed = "local_failed", 0, LOCAL, "Check the disk and the path.";
    /// A path that was named does not exist.
    PathMissing = "path_missing", 0, NOT_FOUND, "Check the spelling of the path.";
    /// The backup set is not known.
    SetUnknown = "set_unknown", 0, NOT_FOUND, "Name the folders once: holdfast backup PATH --set NAME.";
    /// No folders to back up.
    SetEmpty = "set_empty", 0, SETUP, "Name at least one folder: holdfast backup PATH.";
    /// The restore target holds names that restore would overwrite.
    TargetExists = "target_exists", 0, EXISTS, "Choose an empty folder, or a rule with --conflict.";
    /// The target lacks space.
    TargetFull = "target_full", 0, LOCAL, "Free some space or choose another target.";
    /// Two names differ only in case on a target that ignores case.
    TargetCaseClash = "target_case_clash", 0, LOCAL, "Choose a target folder that tells upper from lower case.";
    /// Folders of programs cannot be mounted here.
    MountUnavailable = "mount_unavailable", 0, SETUP, "Load the kernel's part (modprobe fuse), let this user open /dev/fuse, and install the package fuse3.";
    /// The folder cannot be mounted on.
    MountPointUnfit = "mount_point_unfit", 0, LOCAL, "Choose an empty folder of your own that nothing is mounted on.";
    /// A mount whose program has ended is left over there.
    MountStale = "mount_stale", 0, LOCAL, "Take it away: fusermount3 -u DIR, or as root umount DIR; then run the command again.";
    /// The system refused to mount.
    MountRefused = "mount_refused", 0, LOCAL, "Choose a folder that this user may write to, and see whether /etc/fuse.conf or a container forbids it.";
    /// Stored data is damaged.
    DataDamaged = "data_damaged", 500, DAMAGED, "Restore from another snapshot; the administrator learns what else is damaged from holdfast-server verify --read-data.";
    /// Stored data was written by a newer version.
    FormatTooNew = "format_too_new", 0, SETUP, "Upgrade Holdfast on this machine.";
    /// The recovery file does not fit.
    RecoveryWrong = "recovery_wrong", 0, SETUP, "Use the recovery file that was written for this vault or organisation.";

    /// The data folder is not initialised.
    DataMissing = "data_missing", 0, SETUP, "Create it: holdfast-server init --data DIR.";
    /// The data folder is initialised already.
    DataExists = "data_exists", 0, EXISTS, "Use another folder, or start the server that is there.";
    /// Another process uses the data folder and does not answer.
    DataLocked = "data_locked", 0, BUSY, "Stop the other holdfast-server, or wait until it has started.";
    /// The database is damaged.
    DatabaseDamaged = "database_damaged", 0, DAMAGED, "Restore a file of holdfast-server backup, or rebuild it with holdfast-server recover.";
    /// The database was written by a newer server.
    DatabaseNewer = "database_newer", 0, SETUP, "Use the server version that wrote it, or a newer one.";
    /// The object store is missing or another one.
    StoreMissing = "store_missing", 0, SETUP, "Mount the disk that holds the store, then start again.";
    /// Database and object store tell different stories.
    StoreDisagrees = "store_disagrees", 409, DAMAGED, "The administrator learns what is missing from holdfast-server check, and brings it back or gives it up with snapshot delete ID.";
    /// The name is taken.
    NameTaken = "name_taken", 409, EXISTS, "Choose another name.";
    /// The name is not allowed.
    NameInvalid = "name_invalid", 400, USAGE, "Use 1 to 64 letters, digits, dots, dashes, underscores or @.";
    /// No such user.
    UserUnknown = "user_unknown", 404, NOT_FOUND, "Add the user: holdfast-server user add NAME.";
    /// No such group.
    GroupUnknown = "group_unknown", 404, NOT_FOUND, "Add the group: holdfast-server group add NAME.";
    /// A policy cannot have this field or value.
    PolicyInvalid = "policy_invalid", 422, USAGE, "Look the field up in docs/policy.md, and what it may be.";
    /// No or wrong administrator's token.
    AdminUnknown = "admin_unknown", 401, REFUSED, "Make a token: holdfast-server admin token create; it goes into the header authorization.";
    /// The user or device is in a state in which that is not possible.
    StateConflict = "state_conflict", 409, REFUSED, "See where it stands: holdfast-server device list, or user list; what is deleted is brought back with undelete.";
    /// The address to listen on cannot be used.
    ListenFailed = "listen_failed", 0, LOCAL, "Choose another address with --listen, or stop the program that uses it.";
}

impl Code {
    /// The code with this text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }

    /// True when one stored thing cannot be read, now or later, and others may well be: it is damaged, lost or deleted.
    pub const fn is_data_lost(self) -> bool {
        matches!(self, Self::DataDamaged | Self::StoreDisagrees | Self::SnapshotUnknown | Self::NotFound)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_code_is_unique_and_comes_back_from_its_text() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
            assert!(code.advice().ends_with('.') && code.meaning().ends_with('.'), "{code}");
            assert_eq!(code.meaning(), code.meaning().trim(), "{code}");
        }
    }
}
