//! What the administrator decides about a device: whether it may back up, and how much.

use crate::{Action, Category, Clearing, Icon, Kind, Parameter, Role};

const USED: Parameter = Parameter { name: "used", placeholder: "P", kind: Kind::Percent };

notices! {
    /// The administrator has removed this device from the server, or another device has taken its place.
    DEVICE_DEACTIVATED = {
        code: "device_deactivated",
        seed: Some(1),
        status: "Authentication Error",
        sub_status: "Admin has deactivated the device. Please contact your IT administrator.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::DeviceAccepted,
        next: "Backups and restores stop. Settings, keys and the list of what was backed up stay on this device, and \
               Holdfast asks the server every half hour or sooner whether the device is taken back.",
        action: "Ask the administrator to take the device back, or for a token to activate it anew.",
    };

    /// The administrator has switched off the user's account or this device.
    ACCOUNT_DISABLED = {
        code: "account_disabled",
        seed: Some(2),
        status: "Authentication Error",
        sub_status: "Admin has disabled the account. Please contact your IT administrator.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::DeviceAccepted,
        next: "Backups and restores stop. What is stored stays, and Holdfast goes on by itself when the server \
               accepts the device again.",
        action: "Ask the administrator why, and to switch it on again.",
    };

    /// As much is stored for the user as the administrator allows.
    QUOTA_REACHED = {
        code: "quota_reached",
        seed: Some(20),
        status: "Insufficient Storage",
        sub_status: "User quota limit reached. Please contact your IT administrator.",
        category: Category::Critical,
        icon: Icon::Amber,
        clears: Clearing::QuotaFree,
        next: "No new backup is accepted. Earlier ones can still be restored, and Holdfast tries again when the next \
               backup is due.",
        action: "Take large folders that need no backup out of the set, or ask the administrator for a larger quota.",
    };

    /// This machine has become a device of the user, and has no backup yet.
    ACTIVATED = {
        code: "activated",
        seed: Some(21),
        status: "Holdfast Activated Successfully",
        sub_status: "Waiting for server to initiate backup.",
        category: Category::Warning,
        offers: &[Action::Details, Action::AddFolders],
        icon: Icon::Success,
        clears: Clearing::LeaseGranted,
        next: "The first backup begins when the server lets it. Should something be in the way, the status says \
               what.",
        action: "Nothing has to be done.",
    };

    /// Nearly all of the user's quota is used.
    QUOTA_95_PERCENT = {
        code: "quota_95_percent",
        status: "Storage almost full",
        sub_status: "<P> % of the user quota is used. Please contact your IT administrator.",
        parameters: &[USED],
        category: Category::High,
        icon: Icon::Amber,
        role: Role::Overlay,
        clears: Clearing::UseBelowMark,
        next: "Backups go on until the quota is used up.",
        action: "Take large folders that need no backup out of the set, or ask the administrator for a larger quota \
                 now.",
    };

    /// Most of the user's quota is used.
    QUOTA_80_PERCENT = {
        code: "quota_80_percent",
        status: "Storage running low",
        sub_status: "<P> % of the user quota is used.",
        parameters: &[USED],
        category: Category::Warning,
        icon: Icon::Info,
        role: Role::Overlay,
        clears: Clearing::UseBelowMark,
        next: "Backups go on. Holdfast tells again at 95 %.",
        action: "See whether the set holds large folders that need no backup.",
    };
}
