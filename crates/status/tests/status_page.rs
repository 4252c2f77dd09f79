//! `docs/status.md` is made from the tables: this test compares both, and writes the page anew when `UPDATE_DOCS=1` is
//! set.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail by panicking")]

use notices::Notice;
use status::{Does, Effect, End, Holds, Kind, Need, RULES, Rule, STANDING, Step, When};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

const HEAD: &str = "# The status of a device

What `holdfast status` says follows from what happened, by the two tables below. They are the program: the agent feeds
events to `crates/status`, which looks up what each one changes. This page is made from them: after a change there,
`UPDATE_DOCS=1 cargo test -p status` writes it anew. What each notice means stands in [notices.md](notices.md).

Of the notices that hold, the status line shows the first in the order of that page. The others are not lost: they show
when those before them end. `device_not_backed_up` and the like stand beside the line, so that they never hide a reason.

A notice that is cleared and raised by the same event goes on as the same episode. One with another name in its text,
such as that of another folder, is another episode. Each beginning, change and end of an episode has a number, one more
than the one before, by which the desktop and the server's log of events take it in once.

The state is written down after each event. Whatever ends the agent, the next one reads it and goes on from there.
";

const STEPS: &str = "
## The steps of a run

An event that stands at no arrow out of a step, and not in the table for it, cannot happen there: it is refused with
the reason, and changes nothing. So a backup that is finishing can be neither paused nor canceled, and nothing is
complete that the server has not accepted.

```mermaid
stateDiagram-v2
    [*] --> idle
";

const EVENTS: &str = "```

## Events

Where no step is named, the event can happen in each.

| event | what happened | in the steps | only if | leads to | clears | raises |
|---|---|---|---|---|---|---|
";

const ENDS: &str = "
## How a run's end counts

What the end of a run means for the next one; the waits stand in `crates/model/src/schedule/due.rs`. Some events make
one that ended early due again at once, since what was in its way is gone.

| end | by | the next one | due at once after |
|---|---|---|---|
";

const STANDING_HEAD: &str = "
## Notices that hold as long as something is so

| notice | as long as |
|---|---|
";

/// How an event stands in the diagram and the table.
fn name(kind: Kind) -> String {
    kind.as_str()
}

fn diagram(page: &mut String) {
    let mut lines: Vec<(Step, Step, Vec<String>)> = Vec::new();
    for Rule { event, steps, to, .. } in RULES {
        for step in *steps {
            let Some(to) = *to else { continue };
            if to == *step {
                continue;
            }
            match lines.iter_mut().find(|(from, into, _)| (*from, *into) == (*step, to)) {
                Some((_, _, names)) => names.push(name(*event)),
                None => lines.push((*step, to, vec![name(*event)])),
            }
        }
    }
    for (from, to, names) in lines {
        let _ = writeln!(page, "    {} --> {}: {}", from.as_str(), to.as_str(), names.join(", "));
    }
}

fn steps(steps: &[Step]) -> String {
    if steps == Step::ALL {
        return String::new();
    }
    steps.iter().map(|step| step.as_str()).collect::<Vec<_>>().join(", ")
}

const fn needs(need: Option<Need>) -> &'static str {
    match need {
        None => "",
        Some(Need::NothingHolds) => "no pause, blackout, blocked network or low battery",
        Some(Need::SomethingHolds) => "a pause, blackout, blocked network or low battery",
        Some(Need::Paused) => "paused",
        Some(Need::Blackout) => "in a blackout",
        Some(Need::NetworkBlocked) => "on a blocked network",
        Some(Need::BatteryLow) => "on a low battery",
        Some(Need::NewRestore) => "no restore has this number",
        Some(Need::RestoreNext) => "this restore waits, and no other runs",
        Some(Need::RestoreRuns) => "this restore runs",
        Some(Need::RestoreKnown) => "this restore waits or runs",
    }
}

const fn condition(when: When) -> &'static str {
    match when {
        When::Always => "",
        When::OfSchedule => " if the run is of the scheduled set",
        When::Missed => " if files were missed",
        When::NothingMissed => " if none was missed",
        When::Denied => " if the system did not let the agent read some",
        When::DaysReached => " if the limit is reached",
        When::MuchUsed => " from 80 to 94 in a hundred",
        When::NearlyAllUsed => " from 95 in a hundred on",
        When::ByUser => " if the user did it",
        When::ByAdministrator => " if the administrator did it",
        When::NotInterrupted => " unless `backup_interrupted_server_unreachable` holds",
    }
}

/// What of this the effects do, as words.
fn effects(effects: &[Effect], raised: bool) -> String {
    let mut words = Vec::new();
    for Effect { when, does } in effects {
        match does {
            Does::Raise(notice, _) if raised => words.push(format!("`{}`{}", notice.code, condition(*when))),
            Does::Clear(clearing) if !raised => {
                // What is cleared is named, not the reason: those that this page's reader sees.
                let codes =
                    RULES.iter().flat_map(|rule| rule.effects).filter_map(|effect| match effect.does {
                        Does::Raise(notice, _) if notice.clears == *clearing => Some(notice),
                        _ => None,
                    });
                let codes: BTreeSet<&str> = codes.map(|Notice { code, .. }| *code).collect();
                words.extend(codes.iter().map(|code| format!("`{code}`{}", condition(*when))));
            }
            _ => {}
        }
    }
    words.join(", ")
}

fn holds(holds: Holds) -> String {
    match holds {
        Holds::InStep(step) if step.can_be_held() => {
            format!("the run is in the step {} and nothing holds it back", step.as_str())
        }
        Holds::InStep(step) => format!("the run is in the step {}", step.as_str()),
        Holds::Resuming => {
            "a run that was cut short waits for the server, or for its next try with nothing in its \
                            way and nothing holding it back"
                .into()
        }
        Holds::Paused => "the user has paused backup".into(),
        Holds::Blackout => "it is a blackout window, and a backup is due, cut short or under way".into(),
        Holds::NetworkBlocked => {
            "the way to the server leads over a blocked network, and a backup is due, cut short or under way"
                .into()
        }
        Holds::BatteryLow => {
            "the device runs on a low battery, and a backup is due, cut short or under way".into()
        }
        Holds::RestoreWaits => "a restore waits".into(),
        Holds::RestoreRuns => "a restore runs".into(),
    }
}

const fn next_run(end: End) -> &'static str {
    match end {
        End::Committed | End::Canceled => "after the interval",
        End::Cut => "at once",
        End::Busy => "when the server said",
        End::TurnedAway => "after half an hour",
        End::Untrusted | End::QuotaUsedUp | End::NoFolders => "after the interval",
        End::Unreachable | End::Slow | End::StorageFull | End::SnapshotFailed | End::Failed => {
            "after 10, 30, 60 minutes, then after the interval"
        }
    }
}

fn ends(page: &mut String) {
    let mut seen = Vec::new();
    for rule in RULES {
        let Some(end) = rule.ends else { continue };
        if seen.contains(&end) {
            continue;
        }
        seen.push(end);
        let of = |fits: &dyn Fn(&Rule) -> bool| {
            let mut names: Vec<_> = RULES
                .iter()
                .filter(|rule| fits(rule))
                .map(|rule| format!("`{}`", name(rule.event)))
                .collect();
            names.dedup();
            names.join(", ")
        };
        let by = of(&|rule| rule.ends == Some(end));
        let heals = of(&|rule| rule.heals.contains(&end));
        let text = serde_json::to_value(end).unwrap();
        let _ = writeln!(page, "| {} | {by} | {} | {heals} |", text.as_str().unwrap(), next_run(end));
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned() + STEPS;
    diagram(&mut page);
    page.push_str(EVENTS);
    for rule in RULES {
        let (kind, leads) = (rule.event, rule.to.map_or("", |step| step.as_str()));
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {leads} | {} | {} |",
            name(kind),
            kind.meaning(),
            steps(rule.steps),
            needs(rule.needs),
            effects(rule.effects, false),
            effects(rule.effects, true)
        );
    }
    page.push_str(STANDING_HEAD);
    for row in STANDING {
        let _ = writeln!(page, "| `{}` | {} |", row.notice.code, holds(row.holds));
    }
    page.push_str(ENDS);
    ends(&mut page);
    page
}

#[test]
fn the_page_of_the_status_is_the_tables() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/status.md");
    let page = page();
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/status.md is out of date: UPDATE_DOCS=1 cargo test -p status");
}
