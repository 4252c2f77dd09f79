//! Filling in the placeholders of a notice.

use crate::template::{Piece, forms, pieces};
use crate::{Kind, Notice, Platform, Value, Values};
use model::{Day, Moment, Timestamp};
use std::fmt::Write;

/// For whom a text is rendered.
#[derive(Clone, Copy)]
pub struct Reader<'r> {
    /// The platform of the device that the notice is about.
    pub platform: Platform,
    /// What a point in time is called where and when it is read.
    pub moment: &'r dyn Fn(Timestamp) -> Moment,
}

/// The complete texts of a notice. Names in them are as they are: who shows them on a terminal or a page must escape
/// them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The headline.
    pub status: String,
    /// What the headline leaves open, or [`crate::NONE`].
    pub sub_status: String,
}

/// Values that do not fit the notice.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// A parameter has no value.
    #[error("the notice {code} needs a value for {name}")]
    Missing {
        /// The notice.
        code: &'static str,
        /// The parameter.
        name: &'static str,
    },
    /// A value belongs to no parameter.
    #[error("the notice {code} has no parameter {name}")]
    Surplus {
        /// The notice.
        code: &'static str,
        /// The name of the value.
        name: String,
    },
    /// A value is of another kind than its parameter.
    #[error("the notice {code} takes {expected:?} for {name}, not {found:?}")]
    WrongKind {
        /// The notice.
        code: &'static str,
        /// The parameter.
        name: &'static str,
        /// What the parameter takes.
        expected: Kind,
        /// What it was given.
        found: Kind,
    },
    /// A placeholder of the text is bound to no parameter: a defect of the catalogue, which its tests look for.
    #[error("the notice {code} has no parameter for <{placeholder}>")]
    Unbound {
        /// The notice.
        code: &'static str,
        /// The placeholder.
        placeholder: &'static str,
    },
}

impl Notice {
    /// Its texts with these values, for this reader. Each parameter must have a value, and each value a parameter.
    pub fn render(&self, values: &Values, reader: Reader<'_>) -> Result<Rendered, RenderError> {
        self.check(values)?;
        let fill = |text| self.fill(text, values, reader);
        Ok(Rendered { status: fill(self.status)?, sub_status: fill(self.sub_status_on(reader.platform))? })
    }

    fn check(&self, values: &Values) -> Result<(), RenderError> {
        let code = self.code;
        for parameter in self.parameters {
            let name = parameter.name;
            let value = values.get(name).ok_or(RenderError::Missing { code, name })?;
            let (expected, found) = (parameter.kind, value.kind());
            if expected != found {
                return Err(RenderError::WrongKind { code, name, expected, found });
            }
        }
        let is_known = |name: &str| self.parameters.iter().any(|parameter| parameter.name == name);
        match values.keys().find(|name| !is_known(name)) {
            Some(name) => Err(RenderError::Surplus { code, name: name.to_string() }),
            None => Ok(()),
        }
    }

    /// One pass: what a value holds is never read as a placeholder.
    fn fill(&self, text: &'static str, values: &Values, reader: Reader<'_>) -> Result<String, RenderError> {
        // The first form says "today"; what another day is called follows from the value.
        let form = forms(text).next().unwrap_or(text);
        let mut filled = String::with_capacity(form.len());
        for piece in pieces(form) {
            match piece {
                Piece::Words(words) => filled.push_str(words),
                Piece::Placeholder(placeholder) => {
                    let parameter =
                        self.parameters.iter().find(|parameter| parameter.placeholder == placeholder);
                    let value = parameter.and_then(|parameter| values.get(parameter.name));
                    let value = value.ok_or(RenderError::Unbound { code: self.code, placeholder })?;
                    append(&mut filled, value, placeholder, reader);
                }
            }
        }
        Ok(filled)
    }
}

fn append(filled: &mut String, value: &Value, placeholder: &str, reader: Reader<'_>) {
    // Writing to a string never fails.
    let _ = match value {
        Value::Text(text) => write!(filled, "{text}"),
        Value::TimeOfDay(time) => return append_time(filled, (reader.moment)(*time), placeholder),
        Value::Days(number) => write!(filled, "{number}"),
        Value::Count(number) => write!(filled, "{number}"),
        Value::Percent(number) => write!(filled, "{number}"),
    };
}

/// A time of day, with its day when that is not today. The words before it may have said "today at" already.
fn append_time(filled: &mut String, moment: Moment, placeholder: &str) {
    const TODAY: &str = "today at ";
    let said = filled.strip_suffix(TODAY).map(str::len);
    if let Some(length) = said {
        filled.truncate(length);
    }
    let _ = match moment.day {
        Day::Today if said.is_some() => write!(filled, "{TODAY}"),
        Day::Today => Ok(()),
        Day::Yesterday => write!(filled, "yesterday at "),
        Day::Tomorrow => write!(filled, "tomorrow at "),
        Day::Date(date) if said.is_some() => write!(filled, "on {date} at "),
        Day::Date(date) => write!(filled, "{date} at "),
    };
    let form = if placeholder.ends_with("AM/PM") { "%I:%M %p" } else { "%H:%M" };
    let _ = write!(filled, "{}", moment.time.strftime(form));
}

#[cfg(test)]
mod tests;
