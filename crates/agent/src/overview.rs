//! A page for a browser that says how the backup of this device stands. It is made anew each time, from the status alone.

use crate::commands::status::without_agent;
use crate::service::ask_status;
use crate::state::State;
use crate::state::settings::Settings;
use crate::{AgentError, text};
use notices::NONE;
use platform::durable;
use status::{Shown, Status};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

const FILE_MODE: u32 = 0o600;

/// Opens pages and folders with what the user has chosen for them.
const OPENER: &str = "xdg-open";

/// A page that was made.
pub(crate) struct Page {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// It was opened.
    pub(crate) is_opened: bool,
}

/// Makes the page, and opens it where there is something to open it with. `about` is the code of the notice that it was
/// asked for.
pub(crate) fn open(state: &State, about: Option<&str>) -> Result<Page, AgentError> {
    let path = write(state, about)?;
    let Some(opener) = opener() else { return Ok(Page { path, is_opened: false }) };
    let mut command = Command::new(&opener);
    command.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let ended = command.status().map_err(|error| AgentError::local(&opener, error))?;
    Ok(Page { path, is_opened: ended.success() })
}

/// Makes the page, and says where.
fn write(state: &State, about: Option<&str>) -> Result<PathBuf, AgentError> {
    let mut now = None;
    let keep = |status: &Status| {
        now = Some(status.clone());
        Ok(())
    };
    if !ask_status(state, false, keep)? {
        now = Some(without_agent(state)?);
    }
    let folders = Settings::read(state)?.sets.into_values().flat_map(|set| set.paths());
    let folders: Vec<String> =
        folders.map(|path| text::escaped(platform::path::bytes(path.as_os_str()))).collect();
    let page = now.map(|status| page(&status, &folders, about)).unwrap_or_default();
    let folder = state.cache_folder();
    let path = folder.join("overview.html");
    durable::create_dir_all(&folder, 0o700).map_err(|error| AgentError::state(&folder, error))?;
    durable::write_file(&path, page.as_bytes(), FILE_MODE)
        .map_err(|error| AgentError::state(&path, error))?;
    Ok(path)
}

/// What opens a page here, if anything does.
pub(crate) fn opener() -> Option<PathBuf> {
    program(OPENER)
}

/// A program of this name on the path.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

fn page(status: &Status, folders: &[String], about: Option<&str>) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Holdfast</title><style>body{font:16px/1.5 sans-serif;\
         max-width:45em;margin:2em auto;padding:0 1em}h1{margin-bottom:0}dt{font-weight:bold}.about{outline:2px solid \
         #f5a30b;padding:.5em}</style>\n",
    );
    // A string takes every write.
    let _ = body(&mut page, status, folders, about);
    page
}

fn body(page: &mut String, status: &Status, folders: &[String], about: Option<&str>) -> std::fmt::Result {
    for (heading, rows) in [
        ("h1", status.line.as_slice()),
        ("h3", &status.details),
        ("h2", &status.overlays),
        ("h2", &status.others),
    ] {
        for shown in rows {
            notice(page, heading, shown, about)?;
        }
    }
    writeln!(page, "<dl>")?;
    let mut row = |name: &str, value: &str| writeln!(page, "<dt>{name}<dd>{}", html(value));
    if let Some(backup) = &status.last_backup {
        row("Last backup", &text::time(backup.time))?;
        if backup.missed > 0 {
            row("Files missed by it", &format!("{}; see holdfast findings", text::count(backup.missed)))?;
        }
    }
    if let Some(pause) = &status.pause {
        row("Paused until", &text::time(pause.until))?;
    }
    if let Some(time) = status.next_attempt {
        row("Next backup", &text::time(time))?;
    }
    for folder in folders {
        row("Folder", folder)?;
    }
    writeln!(page, "</dl>")
}

fn notice(page: &mut String, heading: &str, shown: &Shown, about: Option<&str>) -> std::fmt::Result {
    let class = if about == Some(&shown.code[..]) { " class=about" } else { "" };
    writeln!(page, "<section{class}><{heading}>{}</{heading}>", html(&shown.status))?;
    if shown.sub_status != NONE {
        writeln!(page, "<p>{}</p>", html(&shown.sub_status))?;
    }
    writeln!(page, "<p>{} {}</p>", html(&shown.next), html(&shown.action))?;
    for (name, value) in &shown.details {
        writeln!(page, "<p>{}: {}</p>", html(name), html(value))?;
    }
    writeln!(page, "<p>since {}</p></section>", html(&text::time(shown.since)))
}

/// A text as HTML shows it, whatever it holds.
fn html(text: &str) -> String {
    let plain = text::escaped(text.as_bytes());
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use model::Timestamp;
    use model::schedule::Schedule;
    use notices::Platform;
    use status::{Event, Reader, State as Machine};

    #[test]
    fn names_are_shown_and_never_obeyed() {
        let now = Timestamp::from_secs(1_795_000_000);
        let mut machine = Machine::new(now);
        let missing_folders = vec!["/a<script>&".to_owned()];
        machine.apply(&Event::FoldersFound { missing_folders }, now).unwrap();
        let (zone, schedule) = (TimeZone::UTC, Schedule::default());
        let reader = Reader { now, zone: &zone, platform: Platform::Linux, schedule: &schedule };
        let page = page(&machine.status(reader), &["/b<i>".to_owned()], Some("folder_misconfigured"));
        assert!(page.contains("/a&lt;script&gt;&amp; was not found."), "{page}");
        assert!(page.contains("/b&lt;i&gt;") && page.contains("Holdfast Activated Successfully"), "{page}");
        assert!(page.matches("class=about").count() == 1 && !page.contains("<script>"), "{page}");
    }
}
