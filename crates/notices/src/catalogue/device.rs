//! What is wrong on the device itself.

use crate::{Action, Category, Clearing, Icon, Kind, Parameter, Role};

notices! {
    /// The backup ended because of something that Holdfast has no better name for.
    INTERNAL_ERROR = {
        code: "internal_error",
        seed: Some(17),
        status: "Error",
        sub_status: "Internal Error",
        category: Category::High,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Amber,
        clears: Clearing::BackupMade,
        next: "Holdfast tries again by itself, and waits longer each time. The log says what happened, with the number of \
               the incident.",
        action: "If it comes again, give that number and the lines of the log around it to the administrator.",
    };

    /// There is nothing to back up: no folder is named, all are left out by rules, or none of them is there.
    NO_FOLDERS = {
        code: "no_folders",
        seed: Some(22),
        status: "No Folders to backup",
        sub_status: "Please add folders for backup",
        category: Category::High,
        offers: &[Action::AddFolders, Action::Details],
        icon: Icon::Amber,
        clears: Clearing::FoldersFound,
        next: "No backup is made, and what was backed up before stays. Holdfast looks again when the next one is due.",
        action: "Add folders, or connect the disk that they are on. If you may not add any, ask the administrator.",
    };

    /// A folder that the set names is not where it should be.
    FOLDER_MISCONFIGURED = {
        code: "folder_misconfigured",
        status: "Misconfigured folder",
        sub_status: "<Folder> was not found.",
        parameters: &[Parameter { name: "folder", placeholder: "Folder", kind: Kind::Text }],
        category: Category::High,
        offers: &[Action::Details, Action::AddFolders],
        icon: Icon::Amber,
        role: Role::Overlay,
        clears: Clearing::FoldersFound,
        next: "Backups go on with the other folders. What was last backed up of this one is kept.",
        action: "Connect its disk, correct its path, or take it out of the set.",
    };

    /// The operating system does not let Holdfast read some of what it should back up.
    PERMISSION_NEEDED = {
        code: "permission_needed",
        status: "Permission needed",
        sub_status: "Holdfast is not allowed to read <N> files or folders. Click details for more info",
        parameters: &[Parameter { name: "denied", placeholder: "N", kind: Kind::Count }],
        category: Category::High,
        icon: Icon::Amber,
        role: Role::Overlay,
        clears: Clearing::PermissionGiven,
        next: "Backups go on without them, and each one tries them again. Where there is an earlier version, it is \
               kept.",
        action: "Give Holdfast the right to read them in the settings of the system, or ask the administrator.",
    };

    /// The program that makes the backups does not run on this device.
    AGENT_NOT_RUNNING = {
        code: "agent_not_running",
        status: "Agent not running",
        sub_status: "No backup will be made until the Holdfast agent runs again.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::AgentRuns,
        next: "Nothing happens until it runs. Then it makes up for the backups that became due.",
        action: "Start the service of Holdfast, or restart the device. If that does not help, tell the administrator.",
    };
}
