//! The words of a pop-up and of the tray, made from the catalogue's for where they are shown.

use crate::Held;
use jiff::tz::TimeZone;
use model::text::escaped;
use model::{Moment, Timestamp};
use notices::{NONE, Platform, Reader, Rendered};

/// A notice in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Words {
    /// The headline.
    pub(crate) status: String,
    /// What the headline leaves open, if anything.
    pub(crate) sub_status: Option<String>,
}

impl Words {
    /// As it is said now in this zone. Names in it may hold anything: what would be no letters is shown as `\xNN`.
    pub(crate) fn of(held: &Held, now: Timestamp, zone: &TimeZone) -> Self {
        let moment = |time| Moment::of(time, now, zone);
        // Desktops of this kind are those of Linux and its kin.
        let reader = Reader { platform: Platform::Linux, moment: &moment };
        let Rendered { status, sub_status } = held.render(reader).unwrap_or_else(|error| {
            // Half a notice is better than none.
            tracing::error!(%error, "a notice cannot be put into words");
            Rendered { status: held.notice.status.to_owned(), sub_status: NONE.to_owned() }
        });
        let plain = |text: String| escaped(text.as_bytes());
        Self { status: plain(status), sub_status: Some(sub_status).filter(|text| text != NONE).map(plain) }
    }

    /// Both in one line.
    pub(crate) fn line(&self) -> String {
        match &self.sub_status {
            Some(sub_status) => format!("{}: {sub_status}", self.status),
            None => self.status.clone(),
        }
    }
}

/// A text where `<`, `>` and `&` would be markup.
pub(crate) fn without_markup(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// A text where an underscore would mark the letter to press.
pub(crate) fn without_access_keys(text: &str) -> String {
    text.replace('_', "__")
}

#[cfg(test)]
mod tests {
    use super::*;
    use notices::{Value, catalogue};

    fn words(code: &str, value: Option<(&'static str, Value)>) -> Words {
        let values = value.map(|(name, value)| (name.into(), value)).into_iter().collect();
        let notice = catalogue::find(code).unwrap();
        let now: Timestamp = "2026-11-28T14:30:00Z".parse().unwrap();
        let held = Held { notice, values, episode: 1, since: now };
        Words::of(&held, now, &TimeZone::fixed(jiff::tz::offset(1)))
    }

    #[test]
    fn texts_are_those_of_the_catalogue_at_this_place() {
        let paused = Value::TimeOfDay("2026-11-28T14:05:00Z".parse().unwrap());
        let words_of_pause = words("backup_paused", Some(("paused", paused)));
        assert_eq!(words_of_pause.line(), "Backup Paused: Paused today at 15:05");
        assert_eq!(words("backup_finishing", None).line(), "Finishing Backup");
        // A snapshot error says what this system has, not what another one has.
        assert!(!words("backup_incomplete_snapshot_error", None).line().contains("VSS"));
        // A value that is missing does not hide that something is wrong.
        assert_eq!(words("device_not_backed_up", None).line(), "Device not backed up");
    }

    #[test]
    fn names_are_shown_and_never_obeyed() {
        let name = "<b>A&B</b>\u{202e}\n_x";
        let words = words("backup_interrupted_network_disabled", Some(("network", Value::Text(name.into()))));
        let text = words.sub_status.unwrap();
        assert!(text.starts_with("Backup disabled on <b>A&B</b>\\xe2\\x80\\xae\\x0a_x."), "{text}");
        let escaped = without_markup(&text);
        assert!(escaped.contains("&lt;b&gt;A&amp;B&lt;/b&gt;"), "{escaped}");
        assert_eq!(without_access_keys("a_b__c"), "a__b____c");
    }
}
