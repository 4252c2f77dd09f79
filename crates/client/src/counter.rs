//! Where the number lives by which the server tells a device from a copy of it.

use engine::remote::RemoteError;

/// The stored clone counter. The agent keeps it in its identity.
pub trait CounterStore: Send + Sync {
    /// The number as it was last saved; `None` before the first.
    fn load(&self) -> Result<Option<u64>, RemoteError>;

    /// Saves the number. Durable when it returns: a number that is lost looks like a copy.
    fn save(&self, counter: u64) -> Result<(), RemoteError>;
}
