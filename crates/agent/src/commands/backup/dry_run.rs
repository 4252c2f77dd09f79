//! `holdfast backup --dry-run`: what a first run of the set would bring.

use crate::commands::{Context, Outcome, show_findings};
use crate::json::{Event, JsonFinding, JsonPath};
use crate::progress::{self, Words};
use crate::sets::{Choice, Wish, choose};
use crate::state::State;
use crate::state::settings::Settings;
use crate::{AgentError, rules, text};
use engine::backup::{Preview, RootPreview, preview};
use model::Clock;
use serde::Serialize;
use std::io::{self, Write};
use std::time::Instant;

const WORDS: Words = Words { preparing: "Looking", working: "Looking", finishing: "Looking" };

/// The fields of the event that ends it.
#[derive(Debug, Serialize)]
struct Fields<'a> {
    set: &'a str,
    files: u64,
    entries: u64,
    bytes: u64,
    findings: u64,
    roots: Vec<Root>,
    seconds: f64,
}

#[derive(Debug, Serialize)]
struct Root {
    #[serde(flatten)]
    path: JsonPath,
    files: u64,
    entries: u64,
    bytes: u64,
}

/// The settings stay as they are, and so does everything else.
pub(super) fn run(state: &State, wish: &Wish, context: &Context) -> Result<Outcome, AgentError> {
    let began = Instant::now();
    let mut settings = Settings::read(state)?;
    let choice = choose(&mut settings, wish, |path| path.symlink_metadata().map(drop))?;
    let scope = rules::scope(&choice.set, state.root());
    let found = progress::watch(&context.output, &context.interrupts, WORDS, |progress| {
        preview(&scope, &Clock::system(), progress)
    })?;
    for finding in &found.findings {
        context.output.event(&Event { event: "finding", fields: JsonFinding::new(finding) })?;
    }
    let sum = |of: fn(&RootPreview) -> u64| found.roots.iter().map(of).sum();
    let root = |root: &RootPreview| Root {
        path: JsonPath::new(&root.path),
        files: root.files,
        entries: root.entries,
        bytes: root.bytes,
    };
    let fields = Fields {
        set: &choice.name,
        files: sum(|root| root.files),
        entries: sum(|root| root.entries),
        bytes: sum(|root| root.bytes),
        findings: found.finding_count,
        roots: found.roots.iter().map(root).collect(),
        seconds: began.elapsed().as_secs_f64(),
    };
    let words = (fields.files, fields.bytes);
    context.output.print(&Event { event: "preview", fields }, |out| write(out, &found, &choice, words))?;
    Ok(Outcome::with(found.finding_count))
}

fn write(
    out: &mut dyn Write,
    found: &Preview,
    choice: &Choice,
    (files, bytes): (u64, u64),
) -> io::Result<()> {
    let (name, files, bytes) = (&choice.name, text::counted(files, "file"), text::size(bytes));
    writeln!(out, "A first run of set '{name}' would bring {files}, {bytes}, before compression:")?;
    for root in &found.roots {
        let (files, bytes) = (text::counted(root.files, "file"), text::size(root.bytes));
        writeln!(out, "  {bytes:>10}  {files:>16}  {}", text::escaped(&root.path))?;
    }
    if found.finding_count > 0 {
        writeln!(out, "{}, which a run would have, too:", text::counted(found.finding_count, "finding"))?;
        let all = "holdfast backup --dry-run --json";
        show_findings::write(out, &found.findings, found.finding_count, all)?;
    }
    Ok(())
}
