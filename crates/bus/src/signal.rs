//! What somebody on the bus says to all.

use crate::Error;
use zbus::zvariant::DynamicDeserialize;

/// The interface of the bus itself.
const BUS: &str = "org.freedesktop.DBus";

/// A signal as it came.
#[derive(Debug, Clone)]
pub struct Signal(zbus::Message);

impl Signal {
    /// From a message; none from one that is no signal, or by which the bus says what our own connection is called.
    pub(crate) fn of(message: &zbus::Message) -> Option<Self> {
        let signal = Self(message.clone());
        let is_ours = ["NameAcquired", "NameLost"].iter().any(|member| signal.is(BUS, member));
        (message.message_type() == zbus::message::Type::Signal && !is_ours).then_some(signal)
    }

    /// The connection that sent it, in its name that no other ever has on this bus.
    pub fn sender(&self) -> String {
        self.0.header().sender().map(ToString::to_string).unwrap_or_default()
    }

    /// The object that it is about.
    pub fn path(&self) -> String {
        self.0.header().path().map(ToString::to_string).unwrap_or_default()
    }

    /// Whether it is this member of this interface.
    pub fn is(&self, interface: &str, member: &str) -> bool {
        let header = self.0.header();
        header.interface().is_some_and(|own| own == interface)
            && header.member().is_some_and(|own| own == member)
    }

    /// Its arguments.
    pub fn arguments<T>(&self) -> Result<T, Error>
    where
        T: for<'m> DynamicDeserialize<'m>,
    {
        Ok(self.0.body().deserialize()?)
    }

    /// The service that came or went, and its new owner if it has one: for a signal by which the bus itself says so.
    pub fn owner_changed(&self) -> Option<(String, Option<String>)> {
        if !self.is(BUS, "NameOwnerChanged") || self.sender() != BUS {
            return None;
        }
        let (name, _, new): (String, String, String) = self.arguments().ok()?;
        Some((name, Some(new).filter(|new| !new.is_empty())))
    }
}
