//! The engine of the agent: walks and reads folders, sends what is new, and brings it back.
//!
//! It sees the server only through [`remote::Remote`]; it knows nothing of HTTP, packs on disk or databases.
//! Files and hashing run on plain threads with bounded channels.

pub mod backup;
pub mod browse;
pub mod cat;
mod content;
pub mod diff;
pub mod error;
pub mod find;
mod frame_cache;
pub mod frames;
mod gate;
pub mod kind;
pub mod progress;
pub mod reader;
pub mod remote;
pub mod restore;
mod runs;
pub mod top;
pub mod verify;

pub use error::EngineError;
pub use gate::Gate;
