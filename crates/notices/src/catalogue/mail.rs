//! What was wrong with mail of Outlook: the lines below a backup's headline, one for each message store or folder.

use crate::{Category, Clearing, Icon, Kind, Parameter, Role};

const STORE: Parameter = Parameter { name: "store", placeholder: "StoreName", kind: Kind::Text };
const FOLDER: Parameter = Parameter { name: "folder", placeholder: "FolderName", kind: Kind::Text };

notices! {
    /// Single messages or attachments could not be read. All other mail is in the backup.
    MAIL_ITEM_ERRORS = {
        code: "mail_item_errors",
        seed: Some(26),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup.",
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries them again.",
        action: "Open one that is listed in Outlook. If Outlook cannot show it either, it is damaged.",
    };

    /// A message store could be found, but not used, and is not in this backup.
    MAIL_STORE_SKIPPED = {
        code: "mail_store_skipped",
        seed: Some(27),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup. <StoreName> skipped.",
        parameters: &[STORE],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries it again. An earlier version, if there is one, is kept.",
        action: "Close programs that use the store, and see whether Outlook opens it.",
    };

    /// A folder of a message store could not be read. The rest of the store is in the backup.
    MAIL_FOLDER_SKIPPED = {
        code: "mail_folder_skipped",
        seed: Some(28),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup. <FolderName> from <StoreName> skipped.",
        parameters: &[FOLDER, STORE],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries the folder again.",
        action: "See whether Outlook opens the folder. If not, repair the store with Outlook's own tool.",
    };

    /// A message store is protected with a password, and its messages were not read.
    MAIL_STORE_NOT_OPENED = {
        code: "mail_store_not_opened",
        seed: Some(29),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup. Could not open message store <StoreName>.",
        parameters: &[STORE],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries it again.",
        action: "Take the password off in Outlook, or ask the administrator whether such stores should be read.",
    };

    /// A message store that Outlook names is not at its place.
    MAIL_STORE_MISSING = {
        code: "mail_store_missing",
        seed: Some(30),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup. PST file could not be located for <StoreName>.",
        parameters: &[STORE],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup looks for it again. An earlier version, if there is one, is kept.",
        action: "Connect the disk or share that it lies on, or remove the store from Outlook if it is gone for good.",
    };

    /// The inner structure of a message store is damaged, so its messages cannot be read.
    MAIL_STORE_CORRUPT = {
        code: "mail_store_corrupt",
        seed: Some(31),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup. <StoreName> is corrupt.",
        parameters: &[STORE],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries it again. An earlier version, if there is one, is kept.",
        action: "Repair the store with Outlook's own tool, or restore it from an earlier backup.",
    };

    /// The operating system does not let Holdfast read a message store.
    MAIL_STORE_NOT_ACCESSIBLE = {
        code: "mail_store_not_accessible",
        seed: Some(32),
        status: "Backup Complete",
        sub_status: "Errors observed during Outlook Backup. <StoreName> is not accessible.",
        parameters: &[STORE],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries it again. An earlier version, if there is one, is kept.",
        action: "Give Holdfast the right to read the file, or ask the administrator.",
    };

    /// Memory, open files or disk space on this device did not suffice to read the mail.
    MAIL_RESOURCES_INSUFFICIENT = {
        code: "mail_resources_insufficient",
        seed: Some(33),
        status: "Backup Complete",
        sub_status: "Outlook backup failed due to insufficient system resources.",
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Detail,
        clears: Clearing::MailRead,
        next: "The next backup tries it again.",
        action: "Free some disk space and close programs that need much memory.",
    };
}
