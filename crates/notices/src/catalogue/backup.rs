//! The steps of a backup, and how it ended.

use crate::{Action, Category, Clearing, Icon, Kind, Parameter, PauseSpan, Platform, Variant};

/// A click is no place to ask for how long: the shortest span.
const PAUSE: Action = Action::Pause(PauseSpan::Hour);

notices! {
    /// The administrator stopped a backup of this device while it ran.
    BACKUP_CANCELED_BY_ADMINISTRATOR = {
        code: "backup_canceled_by_administrator",
        seed: Some(3),
        status: "Backup Canceled",
        sub_status: "Canceled by the administrator.",
        category: Category::Warning,
        icon: Icon::Info,
        clears: Clearing::BackupBegins,
        next: "Holdfast begins no backup before the next one is due. What was sent is not sent again.",
        action: "Ask the administrator for the reason before you start a backup yourself.",
    };

    /// The user stopped a backup while it ran.
    BACKUP_CANCELED_BY_USER = {
        code: "backup_canceled_by_user",
        seed: Some(4),
        status: "Backup Canceled",
        category: Category::Informative,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Info,
        clears: Clearing::BackupBegins,
        next: "The next backup begins when it is due. What was sent is not sent again.",
        action: "Start a backup yourself if you do not want to wait for it.",
    };

    /// The server has accepted a backup in which files are missing: they could not be read, were locked by another
    /// program, or have a name or path that the system cannot open.
    BACKUP_COMPLETE_FILES_MISSED = {
        code: "backup_complete_files_missed",
        seed: Some(5),
        status: "Backup Complete",
        sub_status: "Some files missed. Click details for more info",
        category: Category::Warning,
        icon: Icon::Info,
        clears: Clearing::NothingMissed,
        next: "The next backup tries these files again. Where an earlier backup had one, its last good version is \
               kept.",
        action: "Look at the list of files and their reasons, with holdfast findings, and see to those that you need: \
                 close the program that uses one, or give the right to read it.",
    };

    /// The server has checked and accepted a backup of everything that the set names.
    BACKUP_COMPLETE = {
        code: "backup_complete",
        seed: Some(6),
        status: "Backup Complete",
        category: Category::Informative,
        icon: Icon::Success,
        clears: Clearing::BackupBegins,
        next: "The next backup begins when it is due.",
        action: "Nothing has to be done.",
    };

    /// The server has accepted a backup in which mail of Outlook is missing, wholly or in part.
    BACKUP_COMPLETE_MAIL_ERRORS = {
        code: "backup_complete_mail_errors",
        seed: Some(7),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup.",
        category: Category::Warning,
        icon: Icon::Info,
        clears: Clearing::MailRead,
        next: "The next backup reads the mail again. Other files are not affected.",
        action: "The lines below name each message store and what was wrong with it.",
    };

    /// Files are compared with the last backup, and what is new is sent to the server.
    BACKUP_IN_PROGRESS = {
        code: "backup_in_progress",
        seed: Some(8),
        status: "Backup in progress",
        sub_status: "Started today at <timestamp>",
        parameters: &[Parameter { name: "started", placeholder: "timestamp", kind: Kind::TimeOfDay }],
        category: Category::Informative,
        offers: &[Action::Details, PAUSE, Action::Cancel],
        icon: Icon::InProgress,
        clears: Clearing::BackupMovesOn,
        next: "When all is sent, the server checks it. If this device sleeps or stops meanwhile, the backup goes on \
               from what has arrived.",
        action: "Nothing has to be done. You may go on working, and pause or cancel it if the administrator allows \
                 that.",
    };

    /// The operating system could not hold the files still for the backup, so nothing was backed up.
    BACKUP_INCOMPLETE_SNAPSHOT_ERROR = {
        code: "backup_incomplete_snapshot_error",
        seed: Some(9),
        status: "Backup incomplete",
        sub_status: "Backup interrupted due to error in Windows VSS service. Holdfast will retry after some time.",
        variants: &[Variant {
            platforms: &[Platform::Linux, Platform::Macos],
            sub_status: "Backup interrupted due to error in snapshot. Holdfast will retry after some time.",
        }],
        category: Category::Warning,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Amber,
        clears: Clearing::BackupMade,
        next: "Holdfast tries again by itself, and waits longer each time.",
        action: "See that the disk has free space. If it still fails after several tries, tell the administrator.",
    };

    /// Everything is sent, and the server checks that the backup is whole.
    BACKUP_FINISHING = {
        code: "backup_finishing",
        seed: Some(18),
        status: "Finishing Backup",
        category: Category::Informative,
        icon: Icon::InProgress,
        clears: Clearing::BackupMovesOn,
        next: "The backup counts as soon as the server has accepted it.",
        action: "Nothing has to be done.",
    };

    /// A backup begins: the agent fetches what it needs from the server, and looks for what has changed.
    BACKUP_INITIALIZING = {
        code: "backup_initializing",
        seed: Some(19),
        status: "Initializing backup",
        sub_status: "Started today at <HH:MM AM/PM>",
        parameters: &[Parameter { name: "started", placeholder: "HH:MM AM/PM", kind: Kind::TimeOfDay }],
        category: Category::Informative,
        offers: &[Action::Details, PAUSE, Action::Cancel],
        icon: Icon::InProgress,
        clears: Clearing::BackupMovesOn,
        next: "Sending begins with the first file that is new or has changed.",
        action: "Nothing has to be done.",
    };

    /// A scheduled backup that was interrupted is about to go on, and waits for its turn at the server.
    BACKUP_RESUMING = {
        code: "backup_resuming",
        seed: Some(25),
        status: "Resuming Backup",
        sub_status: "Waiting for server to initiate backup.",
        category: Category::Warning,
        offers: &[Action::Details, PAUSE, Action::Cancel],
        icon: Icon::InProgress,
        clears: Clearing::BackupMovesOn,
        next: "The backup goes on from what has arrived. If its turn does not come within two minutes, the status \
               says why.",
        action: "Nothing has to be done.",
    };
}
