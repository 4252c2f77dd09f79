//! When and on which networks backups are made, and how long ago the last one was.

use crate::{Action, Category, Clearing, Icon, Kind, Parameter, Role};

notices! {
    /// The device is on a network on which the user or the administrator allows no backup.
    BACKUP_INTERRUPTED_NETWORK_DISABLED = {
        code: "backup_interrupted_network_disabled",
        seed: Some(10),
        status: "Backup Interrupted",
        sub_status: "Backup disabled on <Network Name>. Holdfast will retry after some time.",
        parameters: &[Parameter { name: "network", placeholder: "Network Name", kind: Kind::Text }],
        category: Category::High,
        icon: Icon::Info,
        clears: Clearing::NetworkAllowed,
        next: "Holdfast goes on by itself when the device is on another network. Restores work here too.",
        action: "Use another network, or allow backup on this one if the administrator lets you.",
    };

    /// The user paused backup.
    BACKUP_PAUSED = {
        code: "backup_paused",
        seed: Some(14),
        status: "Backup Paused",
        sub_status: "Paused today at <HH:MM> / Paused yesterday at <HH:MM>",
        parameters: &[Parameter { name: "paused", placeholder: "HH:MM", kind: Kind::TimeOfDay }],
        category: Category::Informative,
        offers: &[Action::Details, Action::Resume],
        icon: Icon::Paused,
        clears: Clearing::PauseEnds,
        next: "Nothing is read or sent until the pause ends, also after a restart of the device. Then Holdfast goes on \
               from what has arrived.",
        action: "Wait for its end, or resume backup yourself.",
    };

    /// No backup of this device was accepted for as many days as the policy allows at most.
    DEVICE_NOT_BACKED_UP = {
        code: "device_not_backed_up",
        seed: Some(16),
        status: "Device not backed up",
        sub_status: "Your device has not backed up for <X> days.",
        parameters: &[Parameter { name: "days", placeholder: "X", kind: Kind::Days }],
        category: Category::High,
        offers: &[Action::Details, Action::BackUpNow],
        icon: Icon::Amber,
        role: Role::Overlay,
        clears: Clearing::BackupRecent,
        next: "Holdfast keeps trying; the status beside this notice says what is in the way.",
        action: "Connect the device to a network that reaches the server, and start a backup.",
    };

    /// In this window of time the administrator wants no backups.
    BACKUP_PAUSED_BLACKOUT = {
        code: "backup_paused_blackout",
        status: "Backup Paused",
        sub_status: "Blackout window until <HH:MM>",
        parameters: &[Parameter { name: "until", placeholder: "HH:MM", kind: Kind::TimeOfDay }],
        category: Category::Informative,
        icon: Icon::Paused,
        clears: Clearing::PauseEnds,
        next: "Backup goes on by itself at the end of the window. Restores work meanwhile.",
        action: "Nothing has to be done.",
    };

    /// The device runs on battery, and the battery is nearly empty.
    BACKUP_PAUSED_BATTERY = {
        code: "backup_paused_battery",
        status: "Backup Paused",
        sub_status: "On battery, and below <P> %. Holdfast waits for power.",
        parameters: &[Parameter { name: "limit", placeholder: "P", kind: Kind::Percent }],
        category: Category::Informative,
        icon: Icon::Paused,
        clears: Clearing::PowerSuffices,
        next: "Backup goes on by itself when the device is plugged in or the battery is charged. Restores work meanwhile.",
        action: "Plug the device in.",
    };

    /// A backup has begun on a network on which you may not want one.
    BACKUP_STARTED_ON_NETWORK = {
        code: "backup_started_on_network",
        status: "Backup started",
        sub_status: "Backup started on network <Name>. Click here to disable backup on this network.",
        parameters: &[Parameter { name: "network", placeholder: "Name", kind: Kind::Text }],
        category: Category::Informative,
        offers: &[Action::DisableOnNetwork, Action::Details],
        icon: Icon::Info,
        role: Role::Event,
        clears: Clearing::AtOnce,
        next: "The backup goes on, now and whenever the device is on this network.",
        action: "If this network is slow or costs money, choose that no backup is made on it.",
    };
}
