//! Texts as people read them, and values that do not fit.

use super::*;
use crate::catalogue::{self, *};
use crate::{NONE, Parameter};

const TIME: Timestamp = Timestamp::from_secs(1_795_874_700);

fn reader(platform: Platform, moment: &dyn Fn(Timestamp) -> Moment) -> Reader<'_> {
    Reader { platform, moment }
}

/// A day, and five past two in the afternoon, whatever the point in time is.
fn said(day: Day) -> impl Fn(Timestamp) -> Moment {
    move |time| {
        assert_eq!(time, TIME);
        Moment { day, time: TIME.to_jiff().strftime("%H:%M").to_string().parse().unwrap() }
    }
}

fn sub_status(notice: &Notice, values: &Values, day: Day) -> String {
    notice.render(values, reader(Platform::Windows, &said(day))).unwrap().sub_status
}

fn values<const N: usize>(values: [(&'static str, Value); N]) -> Values {
    values.into_iter().map(|(name, value)| (name.into(), value)).collect()
}

#[test]
fn texts_without_placeholders_are_as_they_are() {
    let rendered = BACKUP_COMPLETE.render(&Values::new(), reader(Platform::Linux, &said(Day::Today)));
    let expected = Rendered { status: "Backup Complete".into(), sub_status: NONE.into() };
    assert_eq!(rendered, Ok(expected));
}

#[test]
fn values_take_the_place_of_placeholders() {
    let days = values([("days", Value::Days(9))]);
    let text = sub_status(&DEVICE_NOT_BACKED_UP, &days, Day::Today);
    assert_eq!(text, "Your device has not backed up for 9 days.");
    let used = values([("used", Value::Percent(83))]);
    assert_eq!(sub_status(&QUOTA_80_PERCENT, &used, Day::Today), "83 % of the user quota is used.");
    // What a name holds is a name, whatever it looks like.
    let names =
        values([("folder", Value::Text("<StoreName>".into())), ("store", Value::Text("a / <b>".into()))]);
    assert_eq!(
        sub_status(&MAIL_FOLDER_SKIPPED, &names, Day::Today),
        "Errors observed during Outlook Backup. <StoreName> from a / <b> skipped."
    );
}

#[test]
fn times_say_their_day() {
    let time = |name| values([(name, Value::TimeOfDay(TIME))]);
    let date = Day::Date(TIME.to_jiff().strftime("%F").to_string().parse().unwrap());
    let cases: [(&Notice, &'static str, [&str; 4]); 4] = [
        (
            &BACKUP_PAUSED,
            "paused",
            [
                "Paused today at 14:05",
                "Paused yesterday at 14:05",
                "Paused tomorrow at 14:05",
                "Paused on D at 14:05",
            ],
        ),
        (
            &BACKUP_IN_PROGRESS,
            "started",
            [
                "Started today at 14:05",
                "Started yesterday at 14:05",
                "Started tomorrow at 14:05",
                "Started on D at 14:05",
            ],
        ),
        (
            &BACKUP_INITIALIZING,
            "started",
            [
                "Started today at 02:05 PM",
                "Started yesterday at 02:05 PM",
                "Started tomorrow at 02:05 PM",
                "Started on D at 02:05 PM",
            ],
        ),
        (
            &BACKUP_PAUSED_BLACKOUT,
            "until",
            [
                "Blackout window until 14:05",
                "Blackout window until yesterday at 14:05",
                "Blackout window until tomorrow at 14:05",
                "Blackout window until D at 14:05",
            ],
        ),
    ];
    for (notice, name, expected) in cases {
        let days = [Day::Today, Day::Yesterday, Day::Tomorrow, date];
        assert_eq!(
            days.map(|day| sub_status(notice, &time(name), day)),
            expected.map(|text| text.replace('D', "2026-11-28"))
        );
    }
}

#[test]
fn platforms_have_their_own_words() {
    let on = |platform| {
        let rendered =
            BACKUP_INCOMPLETE_SNAPSHOT_ERROR.render(&Values::new(), reader(platform, &said(Day::Today)));
        rendered.unwrap().sub_status
    };
    let windows = on(Platform::Windows);
    assert_eq!(windows, BACKUP_INCOMPLETE_SNAPSHOT_ERROR.sub_status);
    for other in [Platform::Linux, Platform::Macos] {
        assert_eq!(on(other), windows.replace("Windows VSS service", "snapshot"));
    }
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let render = |notice: &Notice, values| notice.render(&values, reader(Platform::Linux, &said(Day::Today)));
    let code = "device_not_backed_up";
    assert_eq!(
        render(&DEVICE_NOT_BACKED_UP, Values::new()),
        Err(RenderError::Missing { code, name: "days" })
    );
    assert_eq!(
        render(&DEVICE_NOT_BACKED_UP, values([("days", Value::Count(9))])),
        Err(RenderError::WrongKind { code, name: "days", expected: Kind::Days, found: Kind::Count })
    );
    let more = values([("days", Value::Days(9)), ("network", Value::Text("home".into()))]);
    assert_eq!(
        render(&DEVICE_NOT_BACKED_UP, more),
        Err(RenderError::Surplus { code, name: "network".into() })
    );
    let unbound = Notice { code: "unbound", status: "<X>", ..Notice::BLANK };
    assert_eq!(
        render(&unbound, Values::new()),
        Err(RenderError::Unbound { code: "unbound", placeholder: "X" })
    );
}

/// A value that fits a parameter of this kind.
fn any(kind: Kind) -> Value {
    match kind {
        Kind::Text => Value::Text("name".into()),
        Kind::TimeOfDay => Value::TimeOfDay(TIME),
        Kind::Days => Value::Days(2),
        Kind::Count => Value::Count(2),
        Kind::Percent => Value::Percent(2),
    }
}

#[test]
fn every_notice_can_be_told_on_every_platform() {
    for notice in catalogue::all() {
        let fitting = |Parameter { name, kind, .. }: &Parameter| ((*name).into(), any(*kind));
        let values: Values = notice.parameters.iter().map(fitting).collect();
        for platform in [Platform::Windows, Platform::Macos, Platform::Linux] {
            let rendered = notice.render(&values, reader(platform, &said(Day::Yesterday))).unwrap();
            for text in [rendered.status, rendered.sub_status] {
                assert!(!text.contains(['<', '>', '/']), "{}: {text}", notice.code);
            }
        }
    }
}
