//! Paths of the routes: patterns for the server's router, functions for the agent's requests.

use crate::vaults::Holder;
use model::{LeaseId, OrderId, PackId, SnapshotId, VaultId};

macro_rules! routes {
    ($($(#[$doc:meta])* $constant:ident, $function:ident($($argument:ident: $type:ty),*) = $pattern:literal;)*) => {
        $(
            $(#[$doc])*
            pub const $constant: &str = $pattern;

            $(#[$doc])*
            pub fn $function($($argument: $type),*) -> String {
                format!($pattern)
            }
        )*

        /// Every pattern by the name of its constant.
        pub const ALL: &[(&str, &str)] = &[$((stringify!($constant), $pattern),)*];
    };
}

routes! {
    /// Is the server there.
    HEALTH, health() = "/v1/health";
    /// A token becomes a device.
    ACTIVATE, activate() = "/v1/activate";
    /// The end of the calling device.
    DEACTIVATE, deactivate() = "/v1/device/deactivate";
    /// Where the calling device stands, and what is wanted of it.
    DEVICE_STATE, device_state() = "/v1/device/state";
    /// The same whenever it changes, in one answer without an end.
    CHANNEL, channel() = "/v1/device/channel";
    /// What holds for the calling device.
    DEVICE_POLICY, device_policy() = "/v1/device/policy";
    /// What became of an order.
    ORDER, order(order: OrderId) = "/v1/device/orders/{order}";
    /// What happened on the calling device.
    EVENTS, events() = "/v1/device/events";
    /// What the calling device's user has and may have.
    QUOTA, quota() = "/v1/device/quota";
    /// New vaults.
    VAULTS, vaults() = "/v1/vaults";
    /// One vault.
    VAULT, vault(vault: VaultId) = "/v1/vaults/{vault}";
    /// One wrapped key.
    KEY, key(vault: VaultId, holder: Holder) = "/v1/vaults/{vault}/keys/{holder}";
    /// The log.
    INDEX, index(vault: VaultId) = "/v1/vaults/{vault}/index";
    /// What is damaged.
    DAMAGE, damage(vault: VaultId) = "/v1/vaults/{vault}/damage";
    /// New leases.
    LEASES, leases(vault: VaultId) = "/v1/vaults/{vault}/leases";
    /// One lease.
    LEASE, lease(vault: VaultId, lease: LeaseId) = "/v1/vaults/{vault}/leases/{lease}";
    /// Addresses of chunks.
    LOOKUP, lookup(vault: VaultId, lease: LeaseId) = "/v1/vaults/{vault}/leases/{lease}/lookup";
    /// A sample of frames under a lease.
    LEASE_FRAMES, lease_frames(vault: VaultId, lease: LeaseId) = "/v1/vaults/{vault}/leases/{lease}/frames";
    /// One pack.
    PACK, pack(vault: VaultId, lease: LeaseId, pack: PackId) = "/v1/vaults/{vault}/leases/{lease}/packs/{pack}";
    /// One commit.
    COMMIT, commit(vault: VaultId, lease: LeaseId, snapshot: SnapshotId)
        = "/v1/vaults/{vault}/leases/{lease}/snapshots/{snapshot}";
    /// The vault's snapshots.
    SNAPSHOTS, snapshots(vault: VaultId) = "/v1/vaults/{vault}/snapshots";
    /// One snapshot.
    SNAPSHOT, snapshot(vault: VaultId, snapshot: SnapshotId) = "/v1/vaults/{vault}/snapshots/{snapshot}";
    /// Labels of all snapshots.
    LABELS, labels(vault: VaultId) = "/v1/vaults/{vault}/labels";
    /// Labels of one snapshot.
    SNAPSHOT_LABELS, snapshot_labels(vault: VaultId, snapshot: SnapshotId)
        = "/v1/vaults/{vault}/snapshots/{snapshot}/labels";
    /// Frames of a snapshot.
    SNAPSHOT_FRAMES, snapshot_frames(vault: VaultId, snapshot: SnapshotId)
        = "/v1/vaults/{vault}/snapshots/{snapshot}/frames";
    /// Ids of the chunks in frames of a snapshot.
    SNAPSHOT_IDS, snapshot_ids(vault: VaultId, snapshot: SnapshotId)
        = "/v1/vaults/{vault}/snapshots/{snapshot}/ids";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fill_their_patterns() {
        let vault = VaultId::from_bytes([1; 16]);
        let lease = LeaseId::from_bytes([2; 16]);
        let pack = PackId::from_bytes([3; 16]);
        assert_eq!(health(), HEALTH);
        let filled = PACK
            .replace("{vault}", &vault.to_string())
            .replace("{lease}", &lease.to_string())
            .replace("{pack}", &pack.to_string());
        assert_eq!(super::pack(vault, lease, pack), filled);
        assert_eq!(key(vault, Holder::Org), format!("/v1/vaults/{vault}/keys/org"));
    }
}
