//! A notice that holds on this device, as the desktop is told of it.

use model::Timestamp;
use notices::{Notice, Reader, RenderError, Rendered, Values};

/// A notice with its values, and the episode that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The row of the catalogue.
    pub notice: &'static Notice,
    /// The values of its parameters.
    pub values: Values,
    /// Tells this episode from earlier and later ones of any notice. A number is never used for another episode.
    pub episode: u64,
    /// When the episode began.
    pub since: Timestamp,
}

impl Held {
    /// Its texts for this reader.
    pub fn render(&self, reader: Reader<'_>) -> Result<Rendered, RenderError> {
        self.notice.render(&self.values, reader)
    }
}
