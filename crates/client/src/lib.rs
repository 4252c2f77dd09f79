//! The agent's side of the protocol (`docs/protocol.md`): one connection to the server, and the engine's remote on it.
//! All calls block; the runtime is inside. It knows nothing of files, states and people: words for errors are codes.

mod calls;
mod channel;
mod connection;
mod counter;
mod failure;
mod request;
mod retry;
mod traffic;
mod transfer;
mod trust;
mod vault;

pub use calls::VaultCreation;
pub use connection::{Connection, Options, Timeouts};
pub use counter::CounterStore;
pub use engine::remote::RemoteError;
pub use retry::{RetryPolicy, Sleep};
pub use traffic::Traffic;
pub use trust::Trust;
pub use vault::RemoteVault;
