//! Why the bus gave no answer.

use std::io;

/// Why the bus gave no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no bus, or the connection to it has ended and the next one does not stand yet.
    #[error("there is no message bus")]
    NoBus,
    /// Nobody on the bus has this name, and nobody can be started for it.
    #[error("no service is on the message bus under this name")]
    NoService,
    /// The other side refused, answered nothing that can be understood, or did not answer in time.
    #[error("the message bus: {0}")]
    Failed(zbus::Error),
}

impl From<zbus::Error> for Error {
    fn from(error: zbus::Error) -> Self {
        let name = match &error {
            zbus::Error::MethodError(name, ..) => name.as_str(),
            zbus::Error::InputOutput(error) if error.kind() != io::ErrorKind::TimedOut => return Self::NoBus,
            _ => "",
        };
        match name {
            "org.freedesktop.DBus.Error.ServiceUnknown" | "org.freedesktop.DBus.Error.NameHasNoOwner" => {
                Self::NoService
            }
            // A service is known that cannot be started, as a daemon of a desktop without a display.
            name if name.starts_with("org.freedesktop.DBus.Error.Spawn.") => Self::NoService,
            _ => Self::Failed(error),
        }
    }
}
