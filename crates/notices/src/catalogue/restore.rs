//! The steps of a restore, and how it ended.

use crate::{Action, Category, Clearing, Icon, Kind, Parameter};

notices! {
    /// The restore is over, and some files could not be brought back.
    RESTORE_COMPLETED_FILES_MISSED = {
        code: "restore_completed_files_missed",
        seed: Some(23),
        status: "Restore Completed",
        sub_status: "Some files missed. Click details for more info",
        category: Category::Informative,
        offers: &[Action::Details, Action::Restore],
        icon: Icon::Info,
        clears: Clearing::LaterWork,
        next: "Nothing more is done for this restore.",
        action: "Look at the list of files and their reasons, then restore those again to another folder or from \
                 another snapshot.",
    };

    /// A restore was asked for and has not begun: another one runs, or the server cannot be reached.
    RESTORE_QUEUED = {
        code: "restore_queued",
        status: "Restore Queued",
        sub_status: "Requested today at <HH:MM>",
        parameters: &[Parameter { name: "requested", placeholder: "HH:MM", kind: Kind::TimeOfDay }],
        category: Category::Informative,
        icon: Icon::Info,
        clears: Clearing::RestoreMovesOn,
        next: "It begins by itself as soon as it can.",
        action: "Nothing has to be done, or cancel it.",
    };

    /// Files are being brought back.
    RESTORE_IN_PROGRESS = {
        code: "restore_in_progress",
        status: "Restore in progress",
        sub_status: "Started today at <HH:MM>",
        parameters: &[Parameter { name: "started", placeholder: "HH:MM", kind: Kind::TimeOfDay }],
        category: Category::Informative,
        icon: Icon::InProgress,
        clears: Clearing::RestoreMovesOn,
        next: "Each file appears under its name when it is whole. If this device stops meanwhile, the restore can go \
               on where it was.",
        action: "Nothing has to be done, or cancel it.",
    };

    /// The restore ended early because of an error. What was brought back until then stays.
    RESTORE_FAILED = {
        code: "restore_failed",
        status: "Restore Failed",
        sub_status: "The restore ended early. Click details for more info",
        category: Category::High,
        offers: &[Action::Details, Action::Restore],
        icon: Icon::Amber,
        clears: Clearing::LaterWork,
        next: "Nothing more is done until the restore is asked for again. It then goes on where it was.",
        action: "Look at the reason, such as a full disk, mend it, and start the same restore again.",
    };

    /// The user or the administrator stopped the restore. What was brought back until then stays.
    RESTORE_CANCELED = {
        code: "restore_canceled",
        status: "Restore Canceled",
        category: Category::Informative,
        offers: &[Action::Details, Action::Restore],
        icon: Icon::Info,
        clears: Clearing::LaterWork,
        next: "Nothing more is done until the restore is asked for again. It then goes on where it was.",
        action: "Start the same restore again if you need the rest.",
    };

    /// Everything that was asked for has been brought back.
    RESTORE_COMPLETED = {
        code: "restore_completed",
        status: "Restore Completed",
        category: Category::Informative,
        icon: Icon::Success,
        clears: Clearing::LaterWork,
        next: "Nothing more is done for this restore.",
        action: "Nothing has to be done.",
    };
}
